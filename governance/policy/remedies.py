"""The least that would change a refusal (SEMANTICS §5, *Remedies*). Pure.

Candidates come from the refusing reasons; every set that is shown has been applied to a copy and decided again, and none of its
parts alone would do. The search is bounded: it asks for at most `BUDGET` decisions, fewer where many customers make each dear.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from consent import vocabulary
from governance.policy import canonical, clauses, decisions, exposure, outlook, reasons, standing, steps, world
from governance.policy.answers import Reason, Remedy, Step, Treatment
from governance.policy.clauses import Grant, TrainingPosition
from governance.policy.decisions import Outcome
from governance.policy.exposure import Cell
from governance.policy.memory import Memory
from governance.policy.people import SAID
from governance.policy.rules import Evaluate
from governance.policy.standing import Law
from governance.policy.steps import step
from governance.policy.values import Document, Facts, Mode, Question
from governance.policy.world import Place, World

MOST_STEPS = 3
ABOUT_SYSTEMS = "system.operations"
BUDGET = 120
DEAR = 8_000  # (customer, column) pairs decided in all
SHOWN_PER_TARGET = 3
BRANCHES = 5
MOST_TARGETS = 60
GRANTABLE = frozenset(
    {
        "contract-silent", "prohibited-by-contract", "action-not-granted", "not-granted", "opt-in-inactive", "customer-only",
        "recipient-not-covered", "region-unknown", "presence-not-granted", "no-contract", "contract-ended",
    }
)  # fmt: skip
OF_THE_QUESTION = frozenset({"unknown-dataset", "unknown-provenance", "undeclared-source", "not-separable"})
CONSEQUENCES = frozenset({"all-blank", "required-column", "nobody-left", "unmapped-tenant"})


@dataclass(frozen=True, slots=True)
class Target:
    """What a remedy is for: a customer's cells in these columns, its rows (no columns), or the question (no customer)."""

    customer: str
    columns: tuple[str, ...]


@dataclass
class Search:
    """One search for remedies: what was asked, and how many decisions may still be made."""

    question: Question
    facts: Facts
    base: Outcome
    left: int
    evaluate: Evaluate = decisions.evaluate
    memory: Memory | None = None
    seen: dict[frozenset[Step], Outcome | None] = field(default_factory=dict)
    _cells: dict[str, dict[tuple[str, str], Cell]] = field(default_factory=dict)
    _laws: dict[str, tuple[Law, ...]] = field(default_factory=dict)

    @cached_property
    def laid_out(self) -> World:
        """The facts as they are, for finding candidates."""
        return world.read(self.question, self.facts)

    def cells(self, customer: str) -> dict[tuple[str, str], Cell]:
        """The cells that are asked for of a customer."""
        if customer not in self._cells:
            # survives: cells of others cost time and nobody looks at them
            self._cells[customer] = exposure.cells(self.laid_out, {customer})
        return self._cells[customer]

    def laws(self, customer: str) -> tuple[Law, ...]:
        """What contracts say about a customer in D."""
        if customer not in self._laws:
            among = {
                customer
            } & self.laid_out.present_set  # survives: laws of others cost time and nobody looks at them
            # survives: the same
            self._laws[customer] = standing.laws(self.laid_out, among).get(customer, ())
        return self._laws[customer]

    @cached_property
    def places(self) -> dict[str, Place]:
        """Source columns by the name that reasons give them."""
        origins = self.laid_out.facts.origins
        return {" ".join(place): place for origin in origins for place in self.laid_out.places_of(origin) or ()}

    def after(self, taken: Iterable[Step]) -> Outcome | None:
        """Decide again after some steps; None when nothing would be asked any more, or the budget is spent."""
        key = frozenset(taken)
        if key not in self.seen:
            if self.left <= 0:
                return None
            self.left -= 1
            self.seen[key] = self._decide(sorted(key))
        return self.seen[key]

    def _decide(self, taken: Iterable[Step]) -> Outcome | None:
        question, facts = self.question, self.facts
        for each in taken:
            question, facts = steps.apply(each, question, facts)
        if not question.columns and question.action not in vocabulary.MODEL_ACTIONS:
            return None
        if self.memory is None:  # survives: with a memory the same is found, sooner
            return self.evaluate(question, facts.normal())
        # survives: the same
        return self.evaluate(question, canonical.in_order_after(facts, self.facts), memory=self.memory)


def find(
    question: Question,
    facts: Facts,
    outcome: Outcome,
    evaluate: Evaluate = decisions.evaluate,
    *,
    memory: Memory | None = None,
) -> tuple[Remedy, ...]:
    """Return remedies for what a decision refuses, ordered by what they gain; none when nothing is refused.

    `memory`: with which the facts (in normal order) were decided; without one each copy is decided from scratch: the same, slowly.
    """
    customers = len({reason.customer for reason in outcome.reasons})
    budget = min(BUDGET, DEAR // max(1, customers * max(1, len(question.columns))))
    search = Search(question, facts, outcome, budget, evaluate, memory)
    wanted = targets(question, outcome)
    few = len(wanted) <= MOST_TARGETS  # what has been decided already may clear others, but looking costs time, too
    found = [remedy for target in wanted if few or search.left > 0 for remedy in _for(search, target)]
    return tuple(sorted(set(found), key=_order))


def _order(remedy: Remedy) -> tuple[object, ...]:
    gain = (-remedy.customers_gained, -(remedy.rows_gained or 0), -remedy.cells_gained)
    return (*gain, len(remedy.steps), remedy.customer, remedy.columns, remedy.steps)


def targets(question: Question, outcome: Outcome) -> tuple[Target, ...]:
    """Return what is refused: the question, each customer that is left out for a reason of its own, and cells, those with the same
    reasons together."""
    if any(_is_of_question(reason) for reason in outcome.reasons):
        return (Target("", ()),)
    if question.action in vocabulary.MODEL_ACTIONS:
        return tuple(Target(customer, ()) for row in outcome.left_out for customer in row.customers)
    by_cell: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    for reason in outcome.reasons:
        if reason.column and reason.column in question.columns and _speaks_against(question, reason):
            by_cell[reason.customer, reason.column].add((reason.code, reason.document, reason.clause))
    alike: dict[tuple[str, frozenset[tuple[str, ...]]], list[str]] = defaultdict(list)
    for (customer, column), why in by_cell.items():
        alike[customer, frozenset(why)].append(column)
    cells = [Target(customer, tuple(sorted(columns))) for (customer, _), columns in alike.items()]
    rows = [Target(customer, ()) for row in outcome.left_out if row.codes for customer in row.customers]
    return tuple(sorted({*rows, *cells}, key=lambda target: (target.customer, target.columns)))


def _is_of_question(reason: Reason) -> bool:
    """Say whether a reason refuses the whole release: nobody else's remedy helps before that one does."""
    return reason.code in OF_THE_QUESTION and not reason.customer and not reason.column


def _speaks_against(question: Question, reason: Reason) -> bool:
    """Duties speak against a cell only where everything must be in place already."""
    if reason.code in CONSEQUENCES or not reasons.refuses(reason.code):
        return False
    return reason.code not in reasons.DUTIES or question.mode is Mode.STRICT


def _for(search: Search, target: Target) -> Iterator[Remedy]:
    cleared: list[frozenset[Step]] = []
    rounds: list[frozenset[Step]] = [frozenset()]
    for _ in range(MOST_STEPS):
        grown: set[frozenset[Step]] = set()
        for taken in rounds:
            outcome = search.base if not taken else search.after(taken)
            # survives: what goes into another round was decided
            for each in _candidates(search, target, taken, outcome) if outcome else ():
                grown.add(taken | {each})
        rounds = []
        for chosen in sorted(grown, key=sorted):
            if any(known <= chosen for known in cleared):  # survives: in a later round all sets are larger
                continue
            after = search.after(chosen)
            if after is not None and is_cleared(search.question, target, after):
                cleared.append(chosen)
            elif after is not None:
                rounds.append(chosen)
        if len(cleared) >= SHOWN_PER_TARGET:
            break
    minimal = [chosen for chosen in cleared if _is_least(search, target, chosen)]
    yield from (_remedy(search, target, chosen) for chosen in minimal[:SHOWN_PER_TARGET])


def _is_least(search: Search, target: Target, chosen: frozenset[Step]) -> bool:
    """No part of the set would do, and we could afford to make sure."""
    for size in range(1, len(chosen)):
        for part in combinations(sorted(chosen), size):
            after = search.after(part)
            if after is None or is_cleared(search.question, target, after):
                return False
    return True


def is_cleared(question: Question, target: Target, outcome: Outcome) -> bool:
    """Say whether an outcome no longer refuses the target."""
    if not target.customer and not target.columns:
        return not any(_is_of_question(reason) for reason in outcome.reasons)
    if question.action in vocabulary.MODEL_ACTIONS:
        return not any(
            reason.customer == target.customer and reasons.refuses(reason.code) for reason in outcome.reasons
        )
    if not target.columns:
        return any(target.customer in members for members in outcome.members.values())
    return not _against(question, target, outcome)


def _against(question: Question, target: Target, outcome: Outcome) -> list[Reason]:
    """The reasons that stand against a target now, for its rows those of its columns included."""
    whose = (target.customer, "")
    return [
        reason
        for reason in outcome.reasons
        if reason.customer in whose
        and (not target.columns or reason.column in target.columns)
        and _speaks_against(question, reason)
    ]


def _candidates(search: Search, target: Target, taken: frozenset[Step], outcome: Outcome) -> list[Step]:
    """What could be done next about the reasons that still stand, the plainest first."""
    found: list[Step] = []
    if not target.customer and not target.columns:
        sources = [step("declare-source", root) for root in search.facts.dataset.undeclared]
        keys = _keys(search.laid_out, "tenant") if search.laid_out.present else ()
        return [each for each in (*sources, *keys) if each not in taken][:BRANCHES]
    for reason in _against(search.question, target, outcome):
        found += [each for each in _about(search, target, reason) if each not in taken and each not in found]
    if not target.columns:
        found += [step("drop-column", c, target.customer) for c in _droppable(search, target, outcome)]
    return list(dict.fromkeys(found))[: BRANCHES * 2]


def _droppable(search: Search, target: Target, outcome: Outcome) -> list[str]:
    """Columns whose absence may bring the rows in: required ones that are blank, or those that people are asked about."""
    codes = {r.code: r for r in outcome.reasons if r.customer == target.customer}
    required = [r.column for r in outcome.reasons if r.code == "required-column" and r.customer == target.customer]
    if required:
        return sorted(required)
    return list(search.question.columns) if SAID & set(codes) and len(search.question.columns) > 1 else []


def _about(search: Search, target: Target, reason: Reason) -> Iterator[Step]:
    """Steps that may clear one reason."""
    code, u = reason.code, target.customer
    if code == "opt-in-inactive":
        yield step("activate-opt-in", reason.about, u)
    if code in ("prohibition", "prohibited-by-contract", "party-restriction", "model-ownership") and reason.clause:
        yield step("repeal-clause", reason.clause, u, {"document": reason.document})
    if code in ("unencoded-term", "unreadable-fact") and reason.clause:
        yield step("encode-term", reason.clause, u, {"document": reason.document})
    if code in GRANTABLE or code in reasons.DUTIES:
        yield from grants(search, target)
    if code == "uncategorised-column":
        yield from _categories(search, u, reason)
    if code == "not-separable":
        yield from _keys(search.laid_out, "person" if reason.about.startswith("person") else "tenant")
    if code in SAID:
        yield step("collect-consent", reason.about, u, {"people": reason.count})
    if code in ("prohibition", "not-separable", "no-basis") and reason.column:
        yield step("apply-safeguard", reason.column, u, {"kind": "anonymised"})
    if code in reasons.DUTIES and reason.column:
        yield from _duties(search, reason)


def grants(search: Search, target: Target) -> Iterator[Step]:
    """A grant for all that the target needs, in each family that runs, or in a new one; prevailing where training is prohibited."""
    question = search.question
    columns = target.columns or question.columns
    keys = {
        key
        for c in columns
        if (cell := search.cells(target.customer).get((target.customer, c)))
        for key in cell.categories
    }
    categories = sorted(key for key in keys if vocabulary.is_contract(key, search.laid_out.own)) or ["customer"]
    grant = {"actions": [question.action], "categories": categories, "purposes": [question.purpose]}
    grant |= {"recipients": [question.recipient]} if question.recipient else {}
    families = search.laws(target.customer)
    running = [law for law in families if law.runs] or list(families)
    for law in running:
        over = sorted({d.ref for d in law.family.documents if _prohibits_training(d)})
        yield step("add-clause", law.family.ref, target.customer, {"grant": grant, "prevails_over": over})
    if not families:
        yield step("add-clause", steps.PROPOSED, target.customer, {"grant": grant, "prevails_over": []})


def _prohibits_training(document: Document) -> bool:
    terms = (clauses.read(clause.kind, clause.body) for clause in document.clauses)
    return any(isinstance(term, TrainingPosition) and term.position == "prohibited" for term in terms)


def _categories(search: Search, customer: str, reason: Reason) -> Iterator[Step]:
    """The column would do as one of the categories that the customer grants; one of the vendor's own data if it is about systems."""
    if (place := search.places.get(reason.about)) is None:
        return
    granted = {key for law in search.laws(customer) for _, terms in law.of(Grant) for key in terms.categories}
    granted = granted if reason.customer else {ABOUT_SYSTEMS}
    for key in sorted(granted)[:2]:
        yield step(
            "declare-category",
            reason.about,
            customer,
            # survives: a place has three parts
            dict(zip(("namespace", "dataset", "column"), place, strict=True)) | {"category": key},
        )


def _keys(laid_out: World, kind: str) -> Iterator[Step]:
    """The key column of a space, or of a source that has no space; else the ancestor in which rows can be told apart."""
    lacking = laid_out.person_columns if kind == "person" else laid_out.tenant_columns
    without = [d for d in laid_out.bringing if not lacking(d)]
    spaces = {d.tenant_space if kind == "tenant" else d.subject_space for d in without}
    yield from (step("declare-key", space, "", {"kind": kind}) for space in sorted(spaces - {""}))
    if kind == "tenant":
        alone = [d.ref for d in without if not d.tenant_space]
        yield from (step("declare-key", ref, "", {"kind": kind, "declaration": ref}) for ref in alone)
        yield from (step("rebuild", ancestor) for ancestor in laid_out.facts.dataset.ancestors[:2])


def _duties(search: Search, reason: Reason) -> Iterator[Step]:
    """Under `strict` what is missing must be in place already: each duty of the cell."""
    # survives: with a memory the same is found, sooner
    outcome = search.evaluate(_plainly(search.question), search.facts, memory=search.memory)
    plan = outlook.treatments(outcome).get((reason.customer, reason.column))
    for duty in plan.duties if plan else ():
        bounds = {
            name: value for name in ("k", "n", "c", "epsilon") if (value := getattr(duty.bounds, name)) is not None
        }
        detail = {"kind": duty.safeguard, "known": str(duty.known), "standard": duty.standard, **bounds}
        yield step(
            "apply-safeguard",
            reason.column,
            reason.customer,
            detail | {"quasi_identifiers": list(duty.quasi_identifiers)},
        )


def _plainly(question: Question) -> Question:
    return Question(**{name: getattr(question, name) for name in Question.__dataclass_fields__} | {"mode": Mode.PLAN})


def _remedy(search: Search, target: Target, chosen: frozenset[Step]) -> Remedy:
    after = search.after(chosen)
    # survives: what is shown was decided
    gained = _gain(search.base, after) if after else (set[str](), 0)
    rows = [c.rows for c in search.facts.customers if c.ref in gained[0]]
    counted = None if any(row is None for row in rows) or len(rows) < len(gained[0]) else sum(row or 0 for row in rows)
    blocking = {
        reason.code
        for reason in (after.reasons if after else ())  # survives: the same
        if target.columns
        and reason.customer == target.customer
        and not reason.column
        and _speaks_against(
            search.question, reason
        )  # survives: it asks the question about duties, which are of columns
        if not _is_in(after, target.customer)
    }
    return Remedy(
        target.customer,
        target.columns,
        tuple(sorted(chosen)),
        len(gained[0]),
        gained[1],
        counted,
        tuple(sorted(blocking)),
    )


def _is_in(outcome: Outcome | None, customer: str) -> bool:
    return outcome is not None and any(customer in members for members in outcome.members.values())


def _gain(before: Outcome, after: Outcome) -> tuple[set[str], int]:
    """Customers and released cells that come in."""
    old, new = ({u for row in o.members.values() for u in row} for o in (before, after))
    released = [
        {key for key, column in outlook.treatments(o).items() if column.treatment in (Treatment.KEEP, Treatment.APPLY)}
        for o in (before, after)
    ]
    return new - old, len(released[1] - released[0])
