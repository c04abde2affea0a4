"""The decision on one screen: gaps of the question, everybody judged, rows and columns parted, the plan (SEMANTICS §5). Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from consent import vocabulary
from governance.policy import judging, passing, planning, standing, tallies, world
from governance.policy.answers import Counts, LeftOut, Plan, Reason, Treatment, Verdict
from governance.policy.judging import Group, Judged
from governance.policy.memory import Memory
from governance.policy.values import Completeness, Declaration, Facts, Mode, Question
from governance.policy.world import NOBODY, World

_IN_ORDER = attrgetter(*Reason.__dataclass_fields__)  # as reasons compare themselves, without asking Python each time


@dataclass(frozen=True)
class Outcome:
    """A decision before remedies and look-ahead."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    plan: Plan | None = None
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    counts: Counts = field(default_factory=Counts)


def evaluate(question: Question, facts: Facts, *, one_by_one: bool = False, memory: Memory | None = None) -> Outcome:
    """Decide a checked question. Default refuse; a refusal trumps every permission; what is unknown refuses with a name.

    `one_by_one` judges every customer on its own: the same answer, slowly, for holding the quick way against. `memory`: of
    facts that these are a copy of, or will be copied from.
    """
    if gaps := provenance_gaps(question, facts):
        return Outcome(Verdict.DENY, gaps)
    laid_out = world.read(question, facts)
    if question.action in vocabulary.MODEL_ACTIONS:
        return _pass_on(laid_out, one_by_one)  # survives: one by one the same is answered, slowly
    # survives: the same
    return settle(laid_out, lambda each: judging.everybody(each, one_by_one=one_by_one, memory=memory))


def settle(laid_out: World, everybody: Callable[[World], Sequence[Judged]]) -> Outcome:
    """Part those whom `everybody` judged (the vendor's own data first), and answer: once more where the build changes rows that count."""
    judged = _judge(laid_out, everybody(laid_out))
    if (judged.filtered or planning.changes_rows(judged.staying)) and rests_on_rows(laid_out.facts):
        judged = _judge(laid_out, everybody(replace(laid_out, rows_change=True)))
    return _answer(laid_out, judged)


def rests_on_rows(facts: Facts) -> bool:
    """Say whether something in place was measured over all rows, so that leaving some out matters."""
    return any(found.bounds.k is not None or found.safeguard == "aggregated" for found in facts.safeguards)


@dataclass(frozen=True)
class Judgement:
    """Everybody judged and parted: who stays, who goes. `filtered`: rows are left out by tenant."""

    staying: tuple[Group, ...]
    left_out: tuple[LeftOut, ...]
    reasons: tuple[Reason, ...]
    counts: Counts
    filtered: bool


def _judge(laid_out: World, everybody: Sequence[Judged]) -> Judgement:
    own, *customers = everybody
    groups = judging.groups(laid_out, customers)
    strangers = unmapped(laid_out)
    inseparable = _inseparable(laid_out, groups, strangers)
    sorted_out = planning.sort(laid_out, groups)
    staying = sorted_out.staying if not inseparable else ()
    if not customers and not strangers:
        nobodys = Group((), own.cells, own.lists, own.erased)
        staying = () if judging.emptied(laid_out, nobodys.cells) else (nobodys,)
    reasons = [
        *strangers,
        *inseparable,
        *sorted_out.reasons,
        *(reason for group in groups for member in group.members for reason in _reasons(member)),
        *_reasons(own),
        *(Reason("absence", customer, about=declaration) for customer, declaration in laid_out.absent),
    ]
    counts = tallies.count(laid_out, customers)
    return Judgement(staying, sorted_out.left_out, tuple(reasons), counts, bool(sorted_out.left_out or strangers))


def _answer(laid_out: World, judged: Judgement) -> Outcome:
    if not judged.staying:
        return _deny(laid_out, judged, [Reason("nobody-left")])
    plan, members = planning.plan(laid_out, judged.staying, filtered=judged.filtered)
    plain = not judged.filtered and all(_is_plain(group) for group in judged.staying)
    if laid_out.question.mode is Mode.STRICT and not plain:
        return _deny(laid_out, judged, [])
    verdict = Verdict.PERMIT if plain else Verdict.PERMIT_WITH_PLAN
    reasons = _ordered(_speaking(judged.reasons, judged.staying))
    return Outcome(verdict, reasons, plan, members, judged.left_out, judged.counts)


def _deny(laid_out: World, judged: Judgement, more: Iterable[Reason]) -> Outcome:
    reasons = _ordered([*_speaking(judged.reasons, ()), *more])
    return Outcome(Verdict.DENY, reasons, left_out=_all_out(laid_out, judged.left_out), counts=judged.counts)


def _is_plain(group: Group) -> bool:
    kinds = {cell.treatment for cell in group.cells.values()}
    return not group.lists and not group.erased and kinds <= {Treatment.KEEP, Treatment.NONE}


def _reasons(member: Judged) -> list[Reason]:
    return [*member.out, *member.reasons, *(reason for cell in member.cells.values() for reason in cell.reasons)]


def _speaking(reasons: Iterable[Reason], staying: tuple[Group, ...]) -> list[Reason]:
    """Grants and bases explain only what is released; what speaks against something is always said."""
    released = {
        (member.customer, column)
        for group in staying
        for member in group.members
        for column, cell in group.cells.items()
        if cell.treatment in (Treatment.KEEP, Treatment.APPLY)
    }
    customers = {customer for customer, _ in released} | ({NOBODY} if staying else set())
    return [
        reason
        for reason in reasons
        if reason.code not in ("granted-by", "basis")
        or (reason.code == "granted-by" and (reason.customer, reason.column) in released)
        or (reason.code == "basis" and reason.customer in customers)
    ]


def _ordered(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(set(reasons), key=_IN_ORDER))  # survives: reasons compare themselves in this order, too


def _all_out(laid_out: World, left_out: tuple[LeftOut, ...]) -> tuple[LeftOut, ...]:
    """Nothing is released: those who were left out for a reason of their own, and the others with them."""
    named = {customer for row in left_out for customer in row.customers}
    rest = tuple(u for u in laid_out.present if u not in named)
    return (*left_out, *([LeftOut(rest, ())] if rest else []))


def provenance_gaps(question: Question, facts: Facts) -> tuple[Reason, ...]:
    """Return the gaps of the whole question: a dataset nobody knows, or data of which nobody knows where they come from."""
    dataset = facts.dataset
    name = f"{question.namespace} {question.dataset}"
    if not dataset.known or (dataset.namespace, dataset.name) != (question.namespace, question.dataset):
        return (Reason("unknown-dataset", about=name),)
    undeclared = [Reason("undeclared-source", about=root) for root in dataset.undeclared]
    known = {
        row.ref for row in facts.declarations if row.recorded_at is None or row.recorded_at <= question.as_known_at
    }
    undeclared += [
        Reason("undeclared-source", about=o.declaration) for o in facts.origins if o.declaration not in known
    ]
    covered = {origin.column for origin in facts.origins}
    dark = [c for c in question.columns if c not in covered and "*" not in covered] or (not covered and [""])
    if undeclared or dark or dataset.completeness is Completeness.UNKNOWN:
        return _ordered([Reason("unknown-provenance", about=name), *undeclared])
    return ()


def unmapped(laid_out: World) -> tuple[Reason, ...]:
    """Name the declarations that bring rows of nobody known. What nobody counted is taken for some; our builder leaves them out."""
    if laid_out.facts.built is not None:
        return ()
    refs = sorted({origin.declaration for origin in laid_out.facts.origins})
    declarations = [laid_out.declarations[ref] for ref in refs]
    return tuple(
        Reason("unmapped-tenant", about=d.ref, count=d.unmapped_rows or 0)
        for d in declarations
        if d.tenant_space and d.unmapped_rows != 0
    )


def _inseparable(laid_out: World, groups: tuple[Group, ...], strangers: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Where keys are missing, somebody who must be left out and cannot be refuses the release."""
    unkeyed: tuple[Declaration, ...] = judging.unkeyed(laid_out)
    refused = any(len(group.members) > 1 and any(member.out for member in group.members) for group in groups)
    alone = [laid_out.declarations[reason.about] for reason in strangers]
    missing = {d.ref for d in alone if not laid_out.tenant_columns(d)} | (
        {d.ref for d in unkeyed} if refused or strangers else set()
    )
    return tuple(Reason("not-separable", about=ref) for ref in sorted(missing))


def _pass_on(laid_out: World, one_by_one: bool) -> Outcome:
    reasons = passing.refusals(laid_out, one_by_one=one_by_one)  # survives: one by one the same is answered, slowly
    verdict = Verdict.DENY if reasons else Verdict.PERMIT
    absent = [Reason("absence", customer, about=declaration) for customer, declaration in laid_out.absent]
    codes = tuple(sorted({reason.code for reason in reasons}))
    out = (LeftOut(laid_out.present, codes),) if reasons and laid_out.present else ()
    plan = None if reasons else planning.passed_on(laid_out, standing.laws(laid_out))
    return Outcome(verdict, _ordered([*reasons, *absent]), plan, left_out=out)
