"""A contract that ended, or a person who withdrew, proposes that data goes; a named person decides (SEMANTICS §8)."""

import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from consent.models import ConsentEvent, IdentifierSpace, Registration
from governance.access.actors import SYSTEM
from governance.building.models import Build
from governance.contracts import queries as contracts
from governance.contracts.models import ContractFamily, Document, FamilyCustomer
from governance.contracts.states import State
from governance.obligations import duties
from governance.obligations.models import Obligation
from governance.parties.models import Customer
from governance.reactions import alerts
from governance.reactions.models import Alert
from lineage.journal import clock, entries
from lineage.journal.models import Entry

CONTRACT_END = Obligation.Trigger.CONTRACT_END


def document_terminated(entry: Entry) -> None:
    """One document ended; when it was the last that ran, the contract has. A form's end is that of every acceptance."""
    said = _payload(entry)
    accepting = ContractFamily.objects.filter(documents__form__ref=said["document"], documents__state=State.ACTIVATED)
    refs = [said["family"]] if said["family"] else sorted(set(accepting.values_list("ref", flat=True)))
    for customer in Customer.objects.filter(coverage__family__ref__in=refs).distinct().order_by("ref"):
        ends = _ends(customer)
        for ref in refs:
            if ref in ends:
                _propose(customer, family=ref, on=ends[ref], entry=entry)


def customer_uncovered(entry: Entry) -> None:
    """The family speaks for a customer no longer."""
    said = _payload(entry)
    for customer in _customers([said["customer"]]):
        on = _ends(customer).get(str(said["family"]), datetime.fromisoformat(said["at"]))
        _propose(customer, family=said["family"], on=on, entry=entry)


def consent_recorded(entry: Entry) -> None:
    """A withdrawal opens that person's obligation in what was built with their data; the permits stay (§7)."""
    said = _payload(entry)
    if said["state"] != ConsentEvent.State.WITHDRAWN:
        return
    event = ConsentEvent.objects.select_related("space").get(ref=said["event"])
    theirs = Registration.objects.filter(space=event.space, subject=event.subject).values("customer_ref")
    for customer in Customer.objects.filter(ref__in=theirs).order_by("ref"):
        if not _built_with(event.space):
            continue
        duty = duties.propose(
            customer,
            trigger=Obligation.Trigger.WITHDRAWAL,
            on=event.at,
            person=duties.Person(space=event.space, subject=event.subject),
            reason="a person withdrew consent",
            by=SYSTEM,
        )
        _tell(duty, "a person withdrew consent: decide what goes of what was built before", entry)


def _built_with(space: IdentifierSpace) -> bool:
    """Whether any rows were built under an allow-list of this space, released or not: a failed build left nothing."""
    made = Build.objects.exclude(state__in=[Build.State.FAILED, Build.State.RUNNING])
    return made.filter(allow_lists__contains=[{"space": space.ref}]).exists()


def due(*, at: datetime) -> None:
    """Contracts that ended by their own date, which no event reports: propose once each."""
    expired = Q(expires_on__lte=at.date()) | Q(corrections__expires_on__lte=at.date())
    by_form = Q(form__expires_on__lte=at.date()) | Q(form__corrections__expires_on__lte=at.date())
    run_out = Document.objects.filter(expired | by_form, family=OuterRef("family"), state=State.ACTIVATED)
    over = FamilyCustomer.objects.filter(Exists(run_out) | Q(valid_to__lte=at))
    for customer in Customer.objects.filter(pk__in=over.values("customer")).order_by("ref"):
        for family, end in sorted(_ends(customer).items()):
            known = Obligation.objects.filter(customer=customer, trigger=CONTRACT_END, triggered_on=end)
            if end <= at and not known.exists():
                with transaction.atomic():
                    _propose(customer, family=family, on=end, entry=_told_of(family))


def _ends(customer: Customer) -> dict[str, datetime]:
    return contracts.ends(customer.ref, as_known_at=clock.now())


def _customers(refs: list[str]) -> QuerySet[Customer]:
    return Customer.objects.filter(ref__in=refs).order_by("ref")


def _propose(customer: Customer, *, family: str, on: datetime, entry: Entry) -> None:
    duty = duties.propose(customer, trigger=CONTRACT_END, on=on, reason=f"the contract {family} ends", by=SYSTEM)
    text = f"the contract with {customer.name} ends on {on:%Y-%m-%d}: confirm the deletion due by {duty.due_on:%Y-%m-%d}, or say why not"
    _tell(duty, text, entry)


def _tell(duty: Obligation, text: str, entry: Entry) -> None:
    alerts.raise_once(Alert.Kind.PROPOSED, text, key=duty.ref, entry=entry, about=[duty.ref, duty.customer.ref])


def _told_of(family: str) -> Entry:
    """The last entry about a contract: it is what its end follows from."""
    return Entry.objects.filter(about__contains=[family]).order_by("-id")[0]


def _payload(entry: Entry) -> dict[str, Any]:
    """What the entry says; one that was erased before it was worked through stops the reading, as nobody can tell what it asked for."""
    body = entries.payload(entry)
    if body is None:
        raise LookupError(f"the payload of {entry.ref} was erased before it was worked through")
    return dict(json.loads(body))
