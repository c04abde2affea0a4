"""What opt-in offers are worth: whose rows and columns an offer opens once it is taken up, and which discount is paid for it."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from governance.policy import answers, clauses, values
from governance.policy.clauses import Grant, OptInOffer
from governance.releases import comparing, decisions
from governance.reports.changes import Change
from governance.reports.counts import Counts

OFFERS_AT_MOST = 10

type Put = tuple[values.Question, values.Facts]


@dataclass(frozen=True, slots=True)
class Use:
    """A question in which an offer opens something: columns of the customer, and its rows where they are counted."""

    dataset: str
    action: str
    purpose: str
    columns: tuple[str, ...]
    rows: int | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What one offer is worth of one customer, now and as things would be. `taken_up`: the discount is paid already."""

    offer: str
    clause: str
    discount: str
    customer: str
    taken_up: bool
    before: tuple[Use, ...] = ()
    after: tuple[Use, ...] = ()


@dataclass
class _Found:
    taken_up: bool
    before: list[Use] = field(default_factory=list)
    after: list[Use] = field(default_factory=list)


def of(change: Change, seen: Iterable[Put], counts: Counts) -> tuple[Worth, ...]:
    """Return the offers of the contracts concerned that become worth something, or worth something else; the most rows first."""
    if change.opt_in is not None:
        return ()  # what it is worth is what flips
    found: dict[tuple[str, str], _Found] = {}
    said: dict[str, tuple[str, str]] = {}
    for question, facts in seen:
        changed = change.facts_after(facts, question)
        for offer, number, discount in _offers(change, changed):
            said[offer] = (number, discount)
            customers = _made_to(change, changed, offer)
            for name, each in (("before", facts), ("after", changed)):
                for customer, use in _opens(question, each, offer, customers, counts):
                    mine = found.setdefault((offer, customer), _Found(_is_taken_up(facts, offer, customer, question)))
                    getattr(mine, name).append(use)
    rows = [
        Worth(offer, *said[offer], customer, each.taken_up, tuple(each.before), tuple(each.after))
        for (offer, customer), each in found.items()
        if each.before != each.after
    ]
    return tuple(sorted(rows, key=lambda each: (-_rows(each.after), each.offer, each.customer)))


def _offers(change: Change, facts: values.Facts) -> Iterator[tuple[str, str, str]]:
    """Offers on which a grant hangs, in the contracts that the change touches."""
    read = [
        (clause, clauses.read(clause.kind, clause.body))
        for family in facts.families
        if family.ref in change.families
        for document in family.documents
        for clause in document.clauses
    ]
    hung = {term.offer for _, term in read if isinstance(term, Grant) and term.offer}
    offers = {clause.ref: (clause.number, term.discount) for clause, term in read if isinstance(term, OptInOffer)}
    for ref in sorted(hung & offers.keys())[:OFFERS_AT_MOST]:
        yield ref, *offers[ref]


def _made_to(change: Change, facts: values.Facts, offer: str) -> list[str]:
    families = [
        family
        for family in facts.families
        if family.ref in change.families
        and any(clause.ref == offer for document in family.documents for clause in document.clauses)
    ]
    return sorted({each.customer for family in families for each in family.coverage})


def _is_taken_up(facts: values.Facts, offer: str, customer: str, question: values.Question) -> bool:
    return any(
        (each.offer, each.customer) == (offer, customer)
        and each.valid_from <= question.at
        and (each.valid_to is None or question.at < each.valid_to)
        for each in facts.opt_ins
    )


def _opens(
    question: values.Question, facts: values.Facts, offer: str, customers: Collection[str], counts: Counts
) -> Iterator[tuple[str, Use]]:
    """Decide with nobody's opt-in and with everybody's, and yield what lies between."""
    if not any(clause.ref == offer for f in facts.families for d in f.documents for clause in d.clauses):
        return
    others = tuple(each for each in facts.opt_ins if each.offer != offer or each.customer not in customers)
    taken = tuple(values.OptIn(offer=offer, customer=each, valid_from=question.at) for each in customers)
    without = _decide(question, replace(facts, opt_ins=others))
    with_it = _decide(question, replace(facts, opt_ins=(*others, *taken)))
    rows, _ = counts.of(question, facts)
    for moved in comparing.compare(without, with_it).gained:
        if moved.customer in customers:
            uses = Use(question.dataset, question.action, question.purpose, moved.columns, rows.get(moved.customer))
            yield moved.customer, uses


def _decide(question: values.Question, facts: values.Facts) -> answers.Decision:
    return decisions.decide(question, facts)


def _rows(uses: Iterable[Use]) -> int:
    return sum(each.rows or 0 for each in uses)
