"""The verbs on obligations: propose, confirm, dismiss, close, reopen. Each step is a change row and a ledger entry, together.

The ledger names the obligation and the customer, never the person whose erasure it is.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from consent.models import IdentifierSpace
from governance.access.actors import Actor
from governance.obligations import terms
from governance.obligations.machine import STEPS, State
from governance.obligations.models import Change, Obligation
from governance.parties.models import Customer
from lineage import errors
from lineage.journal import entries

DECIDERS = ("lawyer", "approver", "privacy_officer", "administrator")


class WrongState(errors.Conflict):
    code = "wrong-state"


@dataclass(frozen=True, slots=True)
class Person:
    """One person whose data must go: a reference (keyed hash) in an identifier space."""

    space: IdentifierSpace
    subject: str


@dataclass(frozen=True, slots=True)
class Covers:
    """What must go."""

    source: bool = True
    derived: bool = True
    training_copies: bool = True
    models: bool = True

    def fields(self) -> dict[str, bool]:
        """The columns of an obligation."""
        return {f"covers_{name}": getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when, which clause says so (empty: none does), and what it covers."""

    due_on: datetime
    clause_ref: str = ""
    method: str = ""
    covers: Covers = field(default_factory=Covers)


def propose(
    customer: Customer,
    *,
    trigger: str,
    on: datetime,
    person: Person | None = None,
    deadline: Deadline | None = None,
    reason: str = "",
    by: Actor,
) -> Obligation:
    """Propose that data must go because of what happened `on`. The same trigger proposed twice is one obligation.

    Without `deadline` the strictest deletion term that counts at `on` gives it; where no term says when, it is due at once.
    Only the system and the roles that decide may propose.
    """
    by.must(DECIDERS)
    if trigger not in Obligation.Trigger.values:
        raise errors.Unprocessable("no trigger of that name", code="unknown-trigger", where="trigger")
    subject = person.subject if person else ""
    with transaction.atomic():
        _one_at_a_time(customer)
        known = Obligation.objects.filter(customer=customer, trigger=trigger, triggered_on=on, subject=subject).first()
        if known:
            return known
        found = deadline or _deadline(customer, trigger, on)
        duty = Obligation.objects.create(
            customer=customer,
            trigger=trigger,
            triggered_on=on,
            due_on=max(found.due_on, on),
            clause_ref=found.clause_ref,
            method=found.method,
            subject=subject,
            subject_space=person.space if person else None,
            proposed_by=by.ref,
            reason=reason,
            **found.covers.fields(),
        )
        Change.objects.create(obligation=duty, after=State.PROPOSED, reason=reason, by=by.ref)
        entries.record("obligation-proposed", _payload(duty, "", reason), by=by.ref, about=_about(duty))
    return duty


def confirm(ref: str, *, reason: str = "", by: Actor) -> Obligation:
    """Confirm as a named person that the data must go; from now on it is worked off."""
    _must_decide(by)
    return _move(ref, State.OPEN, reason, by, only_from=State.PROPOSED, confirmed_by=by.ref, confirmed_at=Now())


def dismiss(ref: str, *, reason: str, by: Actor) -> Obligation:
    """Say as a named person why the data need not go."""
    _must_decide(by)
    if not reason.strip():
        raise errors.Unprocessable("say why the data need not go", where="reason")
    return _move(ref, State.DISMISSED, reason, by)


def close(ref: str, *, reason: str = "", by: Actor) -> Obligation:
    """Close an obligation of which every item is accounted for; the caller (`deletions`) has checked that."""
    return _move(ref, State.CLOSED, reason, by)


def reopen(ref: str, *, reason: str, by: Actor) -> Obligation:
    """Open a closed obligation again: data came back, or lineage that arrived late names more."""
    return _move(ref, State.OPEN, reason, by, only_from=State.CLOSED)


def find(ref: str) -> Obligation:
    """Return an obligation by reference; raises `NotFound`."""
    duty = Obligation.objects.select_related("customer", "subject_space").filter(ref=ref).first()
    if duty is None:
        raise errors.NotFound("no obligation of that reference")
    return duty


def _move(ref: str, to: State, reason: str, by: Actor, *, only_from: State | None = None, **filled: Any) -> Obligation:
    with transaction.atomic():
        duty = Obligation.objects.select_for_update(of=("self",)).filter(ref=ref).first()
        if duty is None:
            raise errors.NotFound("no obligation of that reference")
        before = State(duty.state)
        if to not in STEPS[before] or (only_from and before is not only_from):
            raise WrongState(f"this obligation is {before}; it cannot become {to}", where="state")
        duty.state = to
        for name, value in filled.items():
            setattr(duty, name, value)
        duty.save(update_fields=["state", *filled])
        duty.refresh_from_db()
        Change.objects.create(obligation=duty, before=before, after=to, reason=reason, by=by.ref)
        entries.record(f"obligation-{to}", _payload(duty, before, reason), by=by.ref, about=_about(duty))
    return duty


def _deadline(customer: Customer, trigger: str, on: datetime) -> Deadline:
    term = terms.strictest(customer.ref, trigger, on=on)
    if term is None:
        return Deadline(due_on=on)
    return Deadline(due_on=term.due_on, clause_ref=term.clause_ref, method=term.method, covers=Covers(**term.covers))


def _one_at_a_time(customer: Customer) -> None:
    """Of two who propose the same at once, the second waits for the first and finds what it proposed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"obligations of {customer.ref}"])


def _must_decide(by: Actor) -> None:
    if not by.is_person:
        raise errors.Forbidden(
            "this takes a named person, not a key", code="person-needed", remedy="log in as a person"
        )
    by.must(DECIDERS)


def _payload(duty: Obligation, before: str, reason: str) -> dict[str, Any]:
    return {
        "obligation": duty.ref,
        "customer": duty.customer.ref,
        "trigger": duty.trigger,
        "of_one_person": bool(duty.subject),
        "before": str(before),
        "after": str(duty.state),
        "triggered_on": duty.triggered_on.isoformat(),
        "due_on": duty.due_on.isoformat(),
        "clause": duty.clause_ref,
        "covers": [
            name for name in ("source", "derived", "training_copies", "models") if getattr(duty, f"covers_{name}")
        ],
        "reason": reason,
    }


def _about(duty: Obligation) -> list[str]:
    return [duty.ref, duty.customer.ref]
