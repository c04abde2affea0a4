"""What is judged of customers in one situation, told by slots instead of references. Pure.

Profiles of whom the same is judged share an outcome, however many slots they have: what counts are the slots that are mentioned.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pyroaring import BitMap

from governance.policy import alike, judging
from governance.policy.alike import Naming, Terms
from governance.policy.answers import Reason
from governance.policy.clauses import RetentionLimit, Undertaking
from governance.policy.compiled.exposures import Part
from governance.policy.judging import Judged
from governance.policy.standing import Law, Live
from governance.policy.values import Family

_NO_FAMILY = Family("", ())


@dataclass(frozen=True, eq=False)
class Outcome:
    """`judged`: as things are, and if the build leaves rows out; `standing`: clauses that travel with a permission.

    `slots` are the references in both, as numbers.
    """

    number: int
    part: Part
    judged: tuple[Judged, Judged]
    standing: tuple[Live, ...]
    slots: Terms

    def of(self, naming: Naming, *, rows_change: bool) -> Judged:
        """Return what is judged of a customer."""
        laws = (Law(_NO_FAMILY, tuple(map(naming.live, self.standing)), True),)
        return judging.carried(self.judged[rows_change], naming, laws)

    def of_somebody(self, customer: str, *, rows_change: bool) -> Judged:
        """The same of somebody made up, whose references are the slots."""
        return self.of(Naming(self.slots, replace(self.slots, customer=customer)), rows_change=rows_change)


@dataclass(frozen=True, slots=True)
class Picks:
    """Which of a profile's references an outcome's slots are, by number."""

    clauses: tuple[int, ...]
    offers: tuple[int, ...]
    bases: tuple[int, ...]
    duties: tuple[int, ...]

    def of(self, terms: Terms) -> Terms:
        """Return terms with these references alone."""
        return Terms(
            terms.customer,
            (),
            tuple([terms.clauses[n] for n in self.clauses]),
            tuple([terms.offers[n] for n in self.offers]),
            tuple([terms.bases[n] for n in self.bases]),
            tuple([terms.duties[n] for n in self.duties]),
        )


def abstract(terms: Terms, judged: tuple[Judged, Judged], part: Part) -> tuple[Picks, Outcome]:
    """Tell what was judged of a customer with these terms by slots; the outcome has no number yet."""
    passed_on = [live for law in judged[0].laws for live in law.live if _is_passed_on(live)]
    picks = _picks(terms, judged, passed_on)
    mentioned = picks.of(terms)
    slots = _slots(len(picks.clauses), len(picks.offers), len(picks.bases), len(picks.duties))
    naming = Naming(mentioned, slots)
    told = (judging.carried(judged[0], naming, ()), judging.carried(judged[1], naming, ()))
    return picks, Outcome(-1, replace(part, customers=BitMap()), told, tuple(map(naming.live, passed_on)), slots)


def content(outcome: Outcome) -> tuple[Any, ...]:
    """Return what an outcome says, hashable, whatever the order of its reasons."""
    return (outcome.part.number, *map(_judged, outcome.judged), frozenset(map(_said_by, outcome.standing)))


def naming(outcome: Outcome, picks: Picks, terms: Terms) -> Naming:
    """Return how an outcome's slots are named for a customer with these terms."""
    return Naming(outcome.slots, picks.of(terms))


def _picks(terms: Terms, judged: Iterable[Judged], passed_on: Iterable[Live]) -> Picks:
    said = [reason for each in judged for reason in _reasons(each)]
    pairs = {(r.document, r.clause) for r in said} | {(live.document.ref, live.clause.ref) for live in passed_on}
    about = {(r.code, r.about) for r in said}

    def slots_of(code: str, refs: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(n for n, ref in enumerate(refs) if (code, ref) in about)

    return Picks(
        tuple(n for n, pair in enumerate(terms.clauses) if pair in pairs),
        slots_of(alike.OFFER, terms.offers),
        slots_of(alike.BASIS, terms.bases),
        slots_of(alike.DUTY, terms.duties),
    )


def _reasons(judged: Judged) -> Iterator[Reason]:
    yield from (*judged.out, *judged.reasons, *(reason for cell in judged.cells.values() for reason in cell.reasons))


@lru_cache(maxsize=1024)
def _slots(clauses: int, offers: int, bases: int, duties: int) -> Terms:
    def numbers(count: int) -> tuple[str, ...]:
        return tuple(f"#{number}" for number in range(count))

    pairs = tuple((ref, ref) for ref in numbers(clauses))
    return Terms("", (), pairs, numbers(offers), numbers(bases), numbers(duties))


def _is_passed_on(live: Live) -> bool:
    """What a plan takes from contracts beside the answers for cells."""
    return isinstance(live.term, Undertaking | RetentionLimit)


def _said_by(live: Live) -> tuple[Any, ...]:
    clause = live.clause
    scopes = (clause.products, clause.environments, clause.regions)
    return (live.document.ref, clause.ref, clause.kind, clause.body, scopes)


def _judged(judged: Judged) -> tuple[Any, ...]:
    cells = tuple(
        (column, each.treatment, frozenset(each.reasons), each.duties, each.keep_for_days)
        for column, each in sorted(judged.cells.items())
    )
    needs = frozenset((each.space, each.controller, each.need) for each in judged.needs)
    beside = (judged.lists, judged.erased, judged.granted, needs)
    return frozenset(judged.out), cells, beside, frozenset(judged.reasons)
