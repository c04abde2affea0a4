"""Opt-ins: a customer takes up an offer, and gives it up again."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.contracts import families, may, readings
from governance.contracts.models import Clause, FamilyCustomer, OptIn
from governance.contracts.states import State
from governance.parties import customers, epoch, periods
from governance.parties.models import Customer
from lineage import errors
from lineage.journal import entries


@transaction.atomic
def activate(
    offer: Clause,
    customer: Customer,
    *,
    valid_from: datetime,
    evidence: str,
    by: Actor,
    valid_to: datetime | None = None,
    ref: str = "",
) -> OptIn:
    """Record that the customer took up the offer for a period, with how it said so; raises `Conflict` for an overlap.

    `ref` keeps a reference that the opt-in bears elsewhere.
    """
    may.draft(by)
    periods.checked(valid_from, valid_to)
    check_offer(offer, customer)
    _check_evidence(evidence)
    try:
        with transaction.atomic():
            row = OptIn.objects.create(
                offer=offer,
                customer=customer,
                valid_from=valid_from,
                evidence=evidence.strip(),
                recorded_by=by.ref,
                **periods.known(valid_to),
                **({"ref": ref} if ref else {}),
            )
    except IntegrityError as error:
        raise errors.Conflict(
            "the customer took up this offer already in that period", code="period-overlap", where="valid_from"
        ) from error
    row.refresh_from_db()
    _record(
        "opt-in-activated",
        row,
        by=by,
        valid_from=valid_from.isoformat(),
        valid_to=valid_to.isoformat() if valid_to else None,
    )
    return row


@transaction.atomic
def end(opt_in: OptIn, *, at: datetime, by: Actor) -> OptIn:
    """The customer gave it up: from `at` on no grant hangs on it any more."""
    may.draft(by)
    row = periods.close(opt_in, at=at)
    _record("opt-in-ended", row, by=by, at=at.isoformat())
    return row


def visible_to(who: Actor | User | ServiceKey) -> QuerySet[OptIn]:
    """Opt-ins of customers and contracts that the caller may see."""
    return OptIn.objects.filter(customer__in=customers.visible_to(who))


def get(ref: str, *, by: Actor | User | ServiceKey) -> OptIn:
    """Return a visible opt-in; raises `NotFound`."""
    found = visible_to(by).filter(ref=ref).select_related("customer", "offer").first()
    if found is None:
        raise errors.NotFound("no such opt-in, or none that you may see", where="opt_in")
    return found


def offers_visible_to(who: Actor | User | ServiceKey) -> QuerySet[Clause]:
    """Offers of activated documents that the caller may see."""
    found = readings.of_kind(Clause.Kind.OPT_IN_OFFER).filter(document__state=State.ACTIVATED)
    return found.filter(document__family__in=families.visible_to(who)) | found.filter(document__family=None)


def check_offer(offer: Clause, customer: Customer) -> None:
    """Raise `Unprocessable` unless the clause reads as an offer that counts and is made to the customer."""
    said = readings.of(offer.document).clause(offer.ref)
    if said is None or said.kind != Clause.Kind.OPT_IN_OFFER or offer.document.state != State.ACTIVATED:
        raise errors.Unprocessable(
            "an opt-in takes up an opt-in offer of an activated document", code="not-an-offer", where="offer"
        )
    if not FamilyCustomer.objects.filter(made_to(offer), customer=customer).exists():
        raise errors.Unprocessable("the offer is not made to this customer", code="offer-of-another", where="customer")


def made_to(offer: Clause) -> Q:
    """Return which coverage an offer is made to: its own contract's, or of those that accepted its form."""
    if offer.document.family_id is not None:
        return Q(family=offer.document.family_id)
    return Q(family__documents__form=offer.document_id, family__documents__state=State.ACTIVATED)


def _check_evidence(evidence: str) -> None:
    if not evidence.strip() or len(evidence) > 500 or "\0" in evidence:
        raise errors.Unprocessable(
            "say how the customer opted in, in 1 to 500 characters", code="evidence-needed", where="evidence"
        )


def _record(kind: str, row: OptIn, *, by: Actor, **more: object) -> None:
    epoch.bump()
    payload = {"opt_in": row.ref, "offer": row.offer.ref, "customer": row.customer.ref, **more}
    entries.record(kind, payload, by=by.ref, about=[row.customer.ref, row.offer.document.ref, row.ref])
