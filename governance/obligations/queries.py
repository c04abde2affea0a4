"""What releases and deletions ask: which customers (or persons) have a duty pending, which data is held."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from governance.obligations.machine import PENDING, State
from governance.obligations.models import Change, LegalHold, Obligation


@dataclass(frozen=True, slots=True)
class Pending:
    """A duty that stands: for a whole customer, or for one person (`subject` in `space`)."""

    ref: str
    customer: str
    trigger: str
    state: str
    triggered_on: datetime
    due_on: datetime
    clause_ref: str
    space: str
    subject: str
    covers_source: bool
    covers_derived: bool
    covers_training_copies: bool
    covers_models: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Data that must stay, of a customer or of one person."""

    ref: str
    customer: str
    ground: str
    space: str
    subject: str


def open_for(customers: Iterable[str], *, at: datetime, as_known_at: datetime | None = None) -> list[Pending]:
    """Return the duties of these customers (references) that are proposed or open at `at`, as known at `as_known_at`.

    A duty stands from its trigger until it is closed, whenever it was recorded; a dismissed one never stood.
    """
    duties = _known(customers, as_known_at).filter(triggered_on__lte=at)
    last = _last_changes(duties, as_known_at)
    return [_pending(duty, change.after) for duty in duties if (change := last.get(duty.pk)) and _stands(change, at)]


def next_trigger(customers: Iterable[str], *, after: datetime, as_known_at: datetime | None = None) -> datetime | None:
    """Return the first known instant after `after` at which another duty of these customers begins to stand."""
    duties = _known(customers, as_known_at).filter(triggered_on__gt=after).order_by("triggered_on")
    last = _last_changes(duties, as_known_at)
    return next((duty.triggered_on for duty in duties if duty.pk in last and last[duty.pk].after in PENDING), None)


def holds(customers: Iterable[str], *, at: datetime, as_known_at: datetime | None = None) -> list[Held]:
    """Return the legal holds in force at `at` on the data of these customers."""
    rows = LegalHold.objects.filter(customer__ref__in=list(customers), valid_from__lte=at)
    lifted = Q(lifted_on=None) | Q(lifted_on__gt=at)
    if as_known_at is not None:
        rows = rows.filter(recorded_at__lte=as_known_at)
        lifted |= Q(lifted_at__gt=as_known_at)
    rows = rows.filter(lifted).select_related("customer", "subject_space").order_by("ref")
    return [
        Held(
            ref=r.ref,
            customer=r.customer.ref,
            ground=r.ground,
            space=r.subject_space.ref if r.subject_space else "",
            subject=r.subject,
        )
        for r in rows
    ]


def _known(customers: Iterable[str], as_known_at: datetime | None) -> QuerySet[Obligation]:
    rows = Obligation.objects.filter(customer__ref__in=list(customers)).select_related("customer", "subject_space")
    return (rows if as_known_at is None else rows.filter(recorded_at__lte=as_known_at)).order_by("ref")


def _last_changes(duties: Iterable[Obligation], as_known_at: datetime | None) -> dict[int, Change]:
    changes = Change.objects.filter(obligation__in=[duty.pk for duty in duties])
    if as_known_at is not None:
        changes = changes.filter(recorded_at__lte=as_known_at)
    return {change.obligation_id: change for change in changes.order_by("id")}


def _stands(change: Change, at: datetime) -> bool:
    closed_later = change.after == State.CLOSED and change.recorded_at > at
    return change.after in PENDING or closed_later


def _pending(duty: Obligation, state: str) -> Pending:
    return Pending(
        ref=duty.ref,
        customer=duty.customer.ref,
        trigger=duty.trigger,
        state=state,
        triggered_on=duty.triggered_on,
        due_on=duty.due_on,
        clause_ref=duty.clause_ref,
        space=duty.subject_space.ref if duty.subject_space else "",
        subject=duty.subject,
        covers_source=duty.covers_source,
        covers_derived=duty.covers_derived,
        covers_training_copies=duty.covers_training_copies,
        covers_models=duty.covers_models,
    )
