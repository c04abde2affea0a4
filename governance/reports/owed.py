"""Which duties to delete a change of contracts would open, and which deadlines it would move: from the deletion terms that count."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.contracts import queries
from governance.obligations import terms
from governance.obligations.machine import PENDING
from governance.obligations.models import Obligation
from governance.obligations.terms import Deadline
from governance.policy import values
from governance.reports.changes import Change, Families, ends_for

CUSTOMERS_AT_MOST = 200
OPENS, STRICTER, LOOSER, CHANGED = "opens", "stricter", "looser", "changed"


@dataclass(frozen=True, slots=True)
class Term:
    """What a customer's contracts say about one trigger: within how many days, what, by which clause (empty: none says)."""

    days: int
    covers: tuple[str, ...]
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty that would open `on` a date (`due_on`), or a term that would change: `pending` names duties that it would concern now."""

    kind: str
    customer: str
    trigger: str
    before: Term | None
    after: Term | None
    on: datetime | None = None
    due_on: datetime | None = None
    pending: tuple[str, ...] = ()


def of(change: Change, *, at: datetime, known: datetime) -> tuple[Owed, ...]:
    """Return what customers of the change would be owed otherwise than now, duties that open first."""
    found = [
        each for customer in change.customers[:CUSTOMERS_AT_MOST] for each in _of_customer(change, customer, at, known)
    ]
    order = (OPENS, STRICTER, CHANGED, LOOSER)
    return tuple(sorted(found, key=lambda each: (order.index(each.kind), each.customer, each.trigger)))


def _of_customer(change: Change, customer: str, at: datetime, known: datetime) -> Iterator[Owed]:
    before = queries.families_of([customer], as_known_at=known)
    after = change.families_after(before)
    if after == before:
        return
    yield from _opened(change, customer, before, after)
    for trigger in Obligation.Trigger.values:
        earlier, later = _term(before, trigger, at), _term(after, trigger, at)
        if (earlier, later) != (None, None) and _said(earlier) != _said(later):
            waiting = _pending(customer, trigger, later) if later else ()
            yield Owed(_direction(earlier, later), customer, trigger, earlier, later, pending=waiting)


def _opened(change: Change, customer: str, before: Families, after: Families) -> Iterator[Owed]:
    ends = {family.ref: ends_for(family, customer) for family in before}
    for family in after:
        end, trigger = ends_for(family, customer), Obligation.Trigger.CONTRACT_END
        if family.ref not in change.families or end is None or end == ends[family.ref]:
            continue
        if not Obligation.objects.filter(customer__ref=customer, trigger=trigger, triggered_on=end).exists():
            term = _term(after, trigger, end)
            due = end + timedelta(days=term.days) if term else end
            yield Owed(OPENS, customer, trigger, None, term, on=end, due_on=due)


def _term(families: tuple[values.Family, ...], trigger: str, at: datetime) -> Term | None:
    found: Deadline | None = terms.deadline(terms.among(families, trigger, on=at), on=at)
    if found is None:
        return None
    covers = tuple(word for word in ("source", "derived", "training_copies", "models") if found.covers[word])
    return Term((found.due_on - at).days, covers, found.clause_ref)


def _said(term: Term | None) -> tuple[int, tuple[str, ...]] | None:
    return (term.days, term.covers) if term else None


def _direction(before: Term | None, after: Term | None) -> str:
    """Where no term says when, everything is due at once (`obligations.duties`): a first term gives time."""
    whole = ("source", "derived", "training_copies", "models")
    old, new = before or Term(0, whole), after or Term(0, whole)
    sooner, later = new.days < old.days, new.days > old.days
    more, less = set(new.covers) > set(old.covers), set(new.covers) < set(old.covers)
    if (sooner or more) and not (later or less):
        return STRICTER
    return LOOSER if (later or less) and not (sooner or more) else CHANGED


def _pending(customer: str, trigger: str, term: Term) -> tuple[str, ...]:
    """Duties that stand and would be due earlier by the new term. Their rows keep the date with which they were proposed."""
    rows = Obligation.objects.filter(customer__ref=customer, trigger=trigger, state__in=PENDING).order_by("ref")
    return tuple(row.ref for row in rows if row.triggered_on + timedelta(days=term.days) < row.due_on)
