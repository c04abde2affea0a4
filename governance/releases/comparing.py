"""What one answer allows that another does not: customers, columns, duties, time. For impact pages, corrections and new rules. No database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from governance.policy import answers
from governance.policy.answers import Reason, Treatment, Verdict

ALLOWED = frozenset({Treatment.KEEP, Treatment.APPLY})
ROW = ""  # stands for the rows as a whole where a column is expected

type Classes = dict[str, answers.TreatmentClass]


class Kind(StrEnum):
    """Which way an answer moved."""

    OPENS = "opens"  # refused before
    CLOSES = "closes"  # refused now
    GROWS = "grows"
    SHRINKS = "shrinks"
    SHIFTS = "shifts"  # more of one thing, less of another
    SAME = "same"  # the same is allowed, for whatever reasons


@dataclass(frozen=True, slots=True)
class Moved:
    """What a customer (empty: the vendor itself) gains or loses. `whole`: it was, or will be, left out altogether."""

    customer: str
    columns: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Burden:
    """Something that must be done, or respected, before a column (or the rows) of a customer may be used."""

    customer: str
    column: str
    what: str


@dataclass(frozen=True, slots=True)
class Difference:
    """How an answer differs from an earlier one; `days` are those that copies may be kept (None: no limit)."""

    before: str
    after: str
    gained: tuple[Moved, ...] = ()
    lost: tuple[Moved, ...] = ()
    burdens_added: tuple[Burden, ...] = ()
    burdens_lifted: tuple[Burden, ...] = ()
    days_before: int | None = None
    days_after: int | None = None
    reasons_added: tuple[Reason, ...] = ()
    reasons_gone: tuple[Reason, ...] = ()

    @property
    def kind(self) -> Kind:
        """Say which way it moved."""
        if (self.before == Verdict.DENY) != (self.after == Verdict.DENY):
            return Kind.OPENS if self.before == Verdict.DENY else Kind.CLOSES
        more = bool(self.gained or self.burdens_lifted or self._plainer(self.before, self.after)) or self._longer()
        less = bool(self.lost or self.burdens_added or self._plainer(self.after, self.before)) or self._shorter()
        return {(True, False): Kind.GROWS, (False, True): Kind.SHRINKS, (True, True): Kind.SHIFTS}.get(
            (more, less), Kind.SAME
        )

    @staticmethod
    def _plainer(first: str, then: str) -> bool:
        return first == Verdict.PERMIT_WITH_PLAN and then == Verdict.PERMIT

    def _longer(self) -> bool:
        return self.days_before is not None and (self.days_after is None or self.days_after > self.days_before)

    def _shorter(self) -> bool:
        return self.days_after is not None and (self.days_before is None or self.days_after < self.days_before)


def compare(before: answers.Decision, after: answers.Decision) -> Difference:
    """Return how `after` differs from `before`."""
    earlier, later = by_customer(before), by_customer(after)
    burdens = set(_burdens(earlier)), set(_burdens(later))
    kept = _allowed(earlier), _allowed(later)
    both = {customer: kept[0][customer] & kept[1][customer] for customer in kept[0].keys() & kept[1].keys()}
    reasons = set(before.reasons), set(after.reasons)
    return Difference(
        before=str(before.verdict),
        after=str(after.verdict),
        gained=_moved(kept[1], kept[0]),
        lost=_moved(kept[0], kept[1]),
        burdens_added=_on(both, burdens[1] - burdens[0]),
        burdens_lifted=_on(both, burdens[0] - burdens[1]),
        days_before=before.plan.keep_for_days if before.plan else None,
        days_after=after.plan.keep_for_days if after.plan else None,
        reasons_added=tuple(sorted(reasons[1] - reasons[0])),
        reasons_gone=tuple(sorted(reasons[0] - reasons[1])),
    )


def by_customer(answer: answers.Decision) -> Classes:
    """Return the treatment class of every customer that is included; the vendor's own data under the empty name."""
    classes = {each.ref: each for each in (answer.plan.classes if answer.plan else ())}
    found = {customer: classes[ref] for ref, members in answer.members.items() for customer in members}
    nobodys = [each for each in classes.values() if not answer.members.get(each.ref)]
    return found | ({"": nobodys[0]} if nobodys else {})


def _allowed(classes: Classes) -> dict[str, frozenset[str]]:
    return {
        customer: frozenset(column.column for column in each.columns if column.treatment in ALLOWED)
        for customer, each in classes.items()
    }


def _moved(has: Mapping[str, frozenset[str]], had: Mapping[str, frozenset[str]]) -> tuple[Moved, ...]:
    """What is in `has` and not in `had`; a customer whose columns are all new to it was left out before."""
    found = []
    for customer, columns in sorted(has.items()):
        new = columns - had.get(customer, frozenset())
        if new or (customer not in had):
            found.append(Moved(customer, tuple(sorted(new)), whole=customer not in had))
    return tuple(found)


def _burdens(classes: Classes) -> Iterator[Burden]:
    for customer, each in classes.items():
        for column in each.columns:
            yield from (Burden(customer, column.column, duty_words(duty)) for duty in column.duties)
        yield from (Burden(customer, ROW, f"people's lists ({one.need})") for one in each.people)
        yield from (Burden(customer, ROW, "people whose data must go left out") for _ in each.erased)


def _on(both: Mapping[str, frozenset[str]], found: Iterable[Burden]) -> tuple[Burden, ...]:
    """Burdens of what is allowed before and after: those of what comes or goes are no news of their own."""
    kept = [each for each in found if each.customer in both and (each.column in both[each.customer] or not each.column)]
    return tuple(sorted(kept, key=lambda each: (each.customer, each.column, each.what)))


def duty_words(duty: answers.Duty) -> str:
    """Return a duty in words: the safeguard, its bounds, its standard, how it must be known."""
    given = {"k": duty.bounds.k, "people": duty.bounds.n, "customers": duty.bounds.c, "epsilon": duty.bounds.epsilon}
    bounds = [f"{name} {value}" for name, value in given.items() if value is not None]
    standard = [duty.standard] if duty.standard else []
    return ", ".join([duty.safeguard, *bounds, *standard, str(duty.known)])
