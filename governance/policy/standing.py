"""Which clauses count for a customer at an instant (SEMANTICS §3): documents fold into the law of each family. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

from governance.policy import clauses, periods
from governance.policy.clauses import Grant, OptInOffer, Term, reading
from governance.policy.values import Clause, Coverage, Declaration, Document, Family
from governance.policy.world import World


@dataclass(frozen=True, slots=True)
class Live:
    """A clause that counts, with the document that says it. `term` None: it cannot be read."""

    document: Document
    clause: Clause
    term: Term | None


@dataclass(frozen=True, slots=True)
class Law:
    """What one family says about one customer. `runs`: a document counts and the customer is covered now."""

    family: Family
    live: tuple[Live, ...]
    runs: bool

    def of[T: Term](self, kind: type[T]) -> Iterator[tuple[Live, T]]:
        """Yield the clauses of a kind that can be read."""
        for live in self.live:
            if isinstance(live.term, kind):
                yield live, live.term


def laws(world: World, customers: Collection[str] | None = None) -> dict[str, tuple[Law, ...]]:
    """Return what all families say about each customer in D; `customers`: only of these."""
    wanted = world.present if customers is None else customers
    among = frozenset(wanted)
    found: dict[str, list[Law]] = defaultdict(list)
    for family in world.facts.families:
        # survives: whom the family does not cover it says nothing of; to look only takes time
        if covered := {row.customer for row in family.coverage} & among:
            started = [d for d in family.documents if has_started(world, d)]
            for customer in sorted(covered):
                if law := _law(world, family, started, customer):
                    found[customer].append(law)
    return {customer: tuple(found.get(customer, ())) for customer in wanted}


def _law(world: World, family: Family, started: list[Document], customer: str) -> Law | None:
    rows = [row for row in family.coverage if row.customer == customer and _covers_by_now(world, row)]
    if not rows or not started:
        return None
    covered = any(periods.holds(row, world.question.at) for row in rows)
    repealed = _repealed(world, started)
    found = (
        Live(document, clause, clauses.read(clause.kind, clause.body, world.own))
        for document in started
        for clause in document.clauses
        if (document.ref, clause.ref) not in repealed
    )
    live = tuple(each for each in found if _outlives(each) or (covered and not has_ended(world, each.document)))
    return Law(family, live, covered and any(not has_ended(world, d) for d in started))


def _covers_by_now(world: World, row: Coverage) -> bool:
    return row.valid_from <= world.question.at and periods.known(row.recorded_at, world.question.as_known_at)


def has_started(world: World, document: Document) -> bool:
    """Signed and activated as known then, and effective at the instant: it counts unless it has ended."""
    question = world.question
    if not document.activated or document.signed_on is None or document.recorded_at > question.as_known_at:
        return False
    signed = datetime.combine(document.signed_on, time.min, tzinfo=UTC)
    return signed <= question.as_known_at and document.effective_at <= question.at


def has_ended(world: World, document: Document) -> bool:
    """Expired (where nothing renews it) or terminated."""
    at = world.question.at
    expired = document.renewal == "none" and periods.over(document.expires_at, at)
    return expired or periods.over(document.terminated_at, at)


def _permits(clause: Clause) -> bool:
    """Grants, and the offers that they hang on, fall with their document."""
    return clause.kind in ("Grant", "OptInOffer")


def _outlives(live: Live) -> bool:
    """Everything else outlives its document, and so does what cannot be read: nobody knows what it says."""
    return live.term is None or not _permits(live.clause)


def _repealed(world: World, started: list[Document]) -> frozenset[tuple[str, str]]:
    """(document, clause): a standard form that is accepted anew says again what was repealed of its earlier acceptance.

    A repealed grant never returns; a repeal of anything else lasts while the repealing document counts.

    An offer that grants hang on is judged like a grant: else ending a document could permit something.
    """
    return frozenset(
        (document.ref, clause.ref)
        for repealing in started
        for document in started
        for clause in document.clauses
        if document.ref != repealing.ref and clause.ref in repealing.repeals
        if _permits(clause) or (not has_ended(world, repealing) and is_earlier(document, repealing))
    )


def is_earlier(document: Document, repealing: Document) -> bool:
    """Only earlier documents can be repealed; a grant's repeal is taken at its word in any order, since it adds nothing."""
    return (
        document.signed_on is not None and repealing.signed_on is not None and document.signed_on <= repealing.signed_on
    )


def prevails(world: World, document: Document, over: Document, categories: Iterable[str]) -> bool:
    """Say whether a document states that it prevails over another for the question's action and every one of the categories."""
    said = [p for p in document.prevails if p.over == over.ref and reading.covers_one(p.actions, world.question.action)]
    return all(any(reading.covers_one(p.categories, category) for p in said) for category in categories)


def within_scope(clause: Clause, declarations: Iterable[Declaration]) -> bool:
    """Say whether all of the data are known to lie inside a clause's scope: what a grant needs."""
    return all(
        not wanted or has in wanted for declaration in declarations for wanted, has in _scope(clause, declaration)
    )


def may_concern(clause: Clause, declarations: Iterable[Declaration]) -> bool:
    """Say whether some of the data are not known to lie outside a clause's scope: enough for what refuses."""
    return any(
        all(not wanted or not has or has in wanted for wanted, has in _scope(clause, declaration))
        for declaration in declarations
    )


def _scope(clause: Clause, declaration: Declaration) -> tuple[tuple[tuple[str, ...], str], ...]:
    return (
        (clause.products, declaration.product),
        (clause.environments, declaration.environment),
        (clause.regions, declaration.region),
    )


__all__ = [
    "Grant",
    "Law",
    "Live",
    "OptInOffer",
    "has_ended",
    "has_started",
    "laws",
    "may_concern",
    "prevails",
    "within_scope",
]
