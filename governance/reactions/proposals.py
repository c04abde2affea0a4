"""A contract that ended, or a person who withdrew, proposes that data goes; a named person decides (SEMANTICS §8)."""

import json
from datetime import UTC, datetime, time
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from consent.models import ConsentEvent, IdentifierSpace, Registration
from governance.access.actors import SYSTEM
from governance.building.models import Build
from governance.contracts.models import ContractFamily, Document
from governance.contracts.states import State
from governance.obligations import duties
from governance.obligations.models import Obligation
from governance.parties.models import Customer
from governance.reactions import alerts
from governance.reactions.models import Alert
from lineage.journal import entries
from lineage.journal.models import Entry

CONTRACT_END = Obligation.Trigger.CONTRACT_END


def contract_ended(entry: Entry) -> None:
    """The whole family was ended: one proposal per covered customer."""
    said = _payload(entry)
    _propose(
        said.get("customers", []), on=_instant(said["ends_at"]), why=f"the contract {said['family']} ends", entry=entry
    )


def document_terminated(entry: Entry) -> None:
    """One document ended; when it was the last that ran, the contract has."""
    document = Document.objects.select_related("family").get(ref=_payload(entry)["document"])
    if document.family is not None and (end := ended_at(document.family)) is not None:
        _propose_for(document.family, on=end, entry=entry)


def customer_uncovered(entry: Entry) -> None:
    """The family speaks for a customer no longer."""
    said = _payload(entry)
    _propose(
        [said["customer"]],
        on=_instant(said["at"]),
        why=f"the contract {said['family']} no longer covers it",
        entry=entry,
    )


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
    activated = Document.objects.filter(family=OuterRef("pk"), state=State.ACTIVATED)
    for family in ContractFamily.objects.filter(Exists(activated)):
        end = ended_at(family)
        if end is None or end > at:
            continue
        known = Obligation.objects.filter(customer__coverage__family=family, trigger=CONTRACT_END, triggered_on=end)
        if not known.exists():
            with transaction.atomic():
                _propose_for(family, on=end, entry=_activation(family))


def ended_at(family: ContractFamily) -> datetime | None:
    """The instant from which none of the family's activated documents runs; None while one has no known end."""
    ends = [_end(document) for document in family.documents.filter(state=State.ACTIVATED).prefetch_related("ends")]
    known = [end for end in ends if end is not None]
    return max(known) if ends and len(known) == len(ends) else None


def _end(document: Document) -> datetime | None:
    found = [each.ends_at for each in document.ends.all()]
    if document.expires_on and document.renewal == Document.Renewal.NONE:
        found.append(datetime.combine(document.expires_on, time(), UTC))
    return min(found, default=None)


def _propose_for(family: ContractFamily, *, on: datetime, entry: Entry) -> None:
    covered = family.coverage.filter(valid_from__lt=on).values_list("customer__ref", flat=True)
    _propose(sorted(set(covered)), on=on, why=f"the contract {family.ref} ends", entry=entry)


def _propose(customers: list[str], *, on: datetime, why: str, entry: Entry) -> None:
    for customer in Customer.objects.filter(ref__in=customers).order_by("ref"):
        duty = duties.propose(customer, trigger=CONTRACT_END, on=on, reason=why, by=SYSTEM)
        _tell(
            duty, f"{why} on {on:%Y-%m-%d}: confirm the deletion due by {duty.due_on:%Y-%m-%d}, or say why not", entry
        )


def _tell(duty: Obligation, text: str, entry: Entry) -> None:
    alerts.raise_once(Alert.Kind.PROPOSED, text, key=duty.ref, entry=entry, about=[duty.ref, duty.customer.ref])


def _activation(family: ContractFamily) -> Entry:
    return Entry.objects.filter(kind="document-activated", about__contains=[family.ref]).order_by("-id")[0]


def _payload(entry: Entry) -> dict[str, Any]:
    """What the entry says; one that was erased before it was worked through stops the reading, as nobody can tell what it asked for."""
    body = entries.payload(entry)
    if body is None:
        raise LookupError(f"the payload of {entry.ref} was erased before it was worked through")
    return dict(json.loads(body))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
