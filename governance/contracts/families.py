"""Contract families: who signs with whom, whose data it covers, and its end."""

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from governance.access import actors
from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.contracts import documents, may, readings, renewals, terminations
from governance.contracts.models import ContractFamily, DocumentEnd, FamilyCustomer
from governance.contracts.states import State
from governance.parties import customers, epoch, periods
from governance.parties.models import Customer, Party
from governance.parties.organisations import named
from lineage import errors
from lineage.journal import entries


@transaction.atomic
def create(title: str, *, vendor: Party, counterparty: Party, by: Actor, ref: str = "") -> ContractFamily:
    """Open a family between one of our entities and another party. `ref` keeps a reference that it bears elsewhere."""
    may.draft(by)
    if vendor.kind != Party.Kind.VENDOR:
        raise errors.Unprocessable(
            "the vendor side must be one of our own entities", code="not-a-vendor", where="vendor"
        )
    if vendor == counterparty:
        raise errors.Unprocessable("a contract needs two different parties", code="one-party", where="counterparty")
    family = ContractFamily.objects.create(
        title=named(title, "title"),
        vendor=vendor,
        counterparty=counterparty,
        created_by=by.ref,
        **({"ref": ref} if ref else {}),
    )
    entries.record(
        "contract-opened",
        {"family": family.ref, "vendor": vendor.ref, "counterparty": counterparty.ref},
        by=by.ref,
        about=[family.ref, vendor.ref, counterparty.ref],
    )
    return family


@transaction.atomic
def cover(
    family: ContractFamily, customer: Customer, *, valid_from: datetime, valid_to: datetime | None = None, by: Actor
) -> FamilyCustomer:
    """Let the family's documents speak for a customer's data for a period; raises `Conflict` for an overlap."""
    may.draft(by)
    periods.checked(valid_from, valid_to)
    try:
        with transaction.atomic():
            row = FamilyCustomer.objects.create(
                family=family, customer=customer, valid_from=valid_from, recorded_by=by.ref, **periods.known(valid_to)
            )
    except IntegrityError as error:
        raise errors.Conflict(
            "the contract covers this customer already in that period", code="period-overlap", where="valid_from"
        ) from error
    epoch.bump()
    entries.record(
        "customer-covered",
        {
            "family": family.ref,
            "customer": customer.ref,
            "valid_from": valid_from.isoformat(),
            "valid_to": valid_to.isoformat() if valid_to else None,
        },
        by=by.ref,
        about=[family.ref, customer.ref],
    )
    return row


@transaction.atomic
def uncover(coverage: FamilyCustomer, *, at: datetime, by: Actor) -> FamilyCustomer:
    """From `at` on the family no longer speaks for the customer."""
    may.draft(by)
    row = periods.close(coverage, at=at)
    epoch.bump()
    entries.record(
        "customer-uncovered",
        {"family": row.family.ref, "customer": row.customer.ref, "at": at.isoformat()},
        by=by.ref,
        about=[row.family.ref, row.customer.ref],
    )
    return row


@transaction.atomic
def end(
    family: ContractFamily,
    *,
    ends_at: datetime,
    reason: str,
    by: Actor,
    ground: str = DocumentEnd.Ground.NOTICE,
    noticed_on: date | None = None,
) -> list[DocumentEnd]:
    """Terminate every activated document of the family that has no earlier end: the contract ends. `terminations` says when it may."""
    may.draft(by)
    rows = family.documents.filter(state=State.ACTIVATED).exclude(ends__ends_at__lte=ends_at)
    running = [row for row in readings.known(rows) if not renewals.expired(readings.of(row).head, ends_at)]
    if not running:
        raise errors.Conflict(
            "the contract has no document that still runs then", code="nothing-to-end", where="ends_at"
        )
    said: dict[str, Any] = {"ends_at": ends_at, "reason": reason, "ground": ground, "noticed_on": noticed_on}
    ends = [terminations.terminate(document, by=by, **said) for document in running]
    entries.record(
        "contract-ended",
        {
            "family": family.ref,
            "ends_at": ends_at.isoformat(),
            "reason": reason,
            "customers": documents.covered(family),
        },
        by=by.ref,
        about=[family.ref, *documents.covered(family)],
    )
    return ends


def visible_to(who: Actor | User | ServiceKey) -> QuerySet[ContractFamily]:
    """Return the families that this caller may see: those whose customers they all see. One hidden customer hides the contract."""
    actor = who if isinstance(who, Actor) else actors.of(who)
    if actor.every_customer:
        return ContractFamily.objects.all()
    covered = FamilyCustomer.objects.filter(family=OuterRef("pk"))
    return ContractFamily.objects.filter(
        Exists(covered), ~Exists(covered.exclude(customer__in=customers.visible_to(actor)))
    )


def get(ref: str, *, by: Actor | User | ServiceKey) -> ContractFamily:
    """Return a visible family; raises `NotFound`."""
    family = visible_to(by).filter(ref=ref).select_related("vendor", "counterparty").first()
    if family is None:
        raise errors.NotFound("no such contract, or none that you may see", where="contract")
    return family
