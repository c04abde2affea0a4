"""The laws of SEMANTICS §6, each a property of this name, held against engine and reference; worlds made by hand stand in `test_pinned.py`.

`usable` cells are those that are in the plan and not blank: a column that holds nothing of somebody hides nothing.
"""

import json
import os
import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent import vocabulary
from governance.policy import canonical, clauses, engine, granting, outlook, remedies, steps
from governance.policy.answers import Treatment
from governance.policy.clauses import requirement
from governance.policy.values import (
    AppliedList,
    Basis,
    Built,
    Clause,
    ConsentView,
    Coverage,
    Customer,
    Document,
    Facts,
    Family,
    InPlace,
    Known,
    Mode,
    Need,
    OptIn,
    Origin,
    Path,
    Prevails,
    Question,
    Version,
)
from governance.policy.world import read as read_world
from tests.policy import reference, strategies
from tests.policy.answering import BOTH, Answerer, by_engine, released
from tests.policy.reference import Result
from tests.policy.worlds import LONG_AGO, NOW, D, clause

# `make prove` looks at thousands of worlds for each law; POLICY_EXAMPLES sets any other number.
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "prove"
EXAMPLES = int(os.environ.get("POLICY_EXAMPLES", "0")) or (5_000 if LONG else 40)
pytestmark = [pytest.mark.prove] if LONG else []
laws = settings(max_examples=EXAMPLES)
both = pytest.mark.parametrize("answer", BOTH, ids=["engine", "reference"])
numbers = st.integers(min_value=0, max_value=2**62)
facts, questions, data_questions = strategies.facts(), strategies.questions(), strategies.data_questions()


def usable(result: Result) -> set[tuple[str, str]]:
    """Cells of customers in the plan that are not blank."""
    return {key for key, (kind, _) in result.cells.items() if kind != "blank"}


def documents_of(world: Facts) -> list[Document]:
    return [d for family in world.families for d in family.documents]


def with_documents(world: Facts, change: Callable[[Document], Document]) -> Facts:
    """The world with every document changed."""
    return replace(
        world, families=tuple(replace(f, documents=tuple(change(d) for d in f.documents)) for f in world.families)
    )


def with_clauses(world: Facts, change: Callable[[Clause], Clause | None]) -> Facts:
    """The world with every clause changed or taken out."""
    return with_documents(
        world, lambda d: replace(d, clauses=tuple(c for each in d.clauses if (c := change(each)) is not None))
    )


def one_document(world: Facts, number: int, change: Callable[[Document], Document]) -> Facts:
    """The world with one of its documents changed."""
    chosen = random.Random(number).choice(documents_of(world)).ref
    return with_documents(world, lambda d: change(d) if d.ref == chosen else d)


def sources_of(world: Facts, question: Question, customer: str) -> set[str]:
    """Every category of a customer that reaches the dataset in whatever way, directly or indirectly, at whatever column asked for."""
    places = set()
    for origin in world.origins:
        whose = next(d for d in world.declarations if d.ref == origin.declaration)
        here = origin.column in (*question.columns, "", "*") or origin.path is Path.PRESENCE
        if here and customer in set(whose.customers) - set(origin.without):
            columns = [origin.source_column]
            if origin.source_column == "*":
                columns = [c for s in world.schemas if s.dataset == origin.dataset for c in s.columns]
            places |= {(origin.dataset, column) for column in columns}
    return {row.category for row in world.categories if (row.dataset, row.column) in places}


@both
@laws
@given(data_questions, facts)
def test_refusal_trumps_every_grant(answer: Answerer, question: Question, world: Facts) -> None:
    """No released cell has a source that a prohibition touches; ended contracts included. Nothing is lifted or scoped here."""
    plain = with_clauses(
        with_documents(world, lambda d: replace(d, prevails=(), repeals=())), lambda c: replace(c, products=())
    )
    plain = replace(
        plain, safeguards=tuple(s for s in plain.safeguards if s.safeguard not in ("anonymised", "synthetic"))
    )
    result = answer(question, plain)
    for customer, column in released(result):
        one = replace(question, columns=(column,), required=())
        for family in plain.families:
            if not any(row.customer == customer and row.valid_from <= NOW for row in family.coverage):
                continue
            for each in family.documents:
                started = each.activated and each.signed_on and each.recorded_at <= NOW and each.effective_at <= NOW
                for said in (c for c in each.clauses if started and c.kind == "Prohibition" and c.body.startswith("{")):
                    assert not _bans(json.loads(said.body), one, _content_of(plain, one, customer))


def _content_of(world: Facts, question: Question, customer: str) -> set[str]:
    """Categories that reach the asked column, by named origins where there are some, and those by which the customer is present."""
    covered = any(o.column in question.columns for o in world.origins)
    kept = [
        o
        for o in world.origins
        if o.path is Path.PRESENCE
        or o.source_column == "*"
        or o.column in question.columns
        or (o.column == "*" and not covered)
    ]
    return sources_of(replace(world, origins=tuple(replace(o, column="") for o in kept)), question, customer)


def _bans(body: dict[str, Any], question: Question, categories: set[str]) -> bool:
    purposes = body.get("purposes") or [question.purpose]
    return (
        any(vocabulary.touches(key, question.action) for key in body.get("actions", []))
        and any(vocabulary.touches(key, question.purpose) for key in purposes)
        and any(vocabulary.touches(key, category) for key in body.get("categories", []) for category in categories)
    )


@both
@laws
@given(data_questions, facts)
def test_nothing_said_means_refuse(answer: Answerer, question: Question, world: Facts) -> None:
    silent = with_clauses(world, lambda c: None if c.kind == "Grant" else c)
    if question.action != "return":
        assert not {customer for customer, _ in released(answer(question, silent))} - {""}


@both
@laws
@given(data_questions, facts, numbers)
def test_an_unreadable_fact_never_adds_a_cell(answer: Answerer, question: Question, world: Facts, number: int) -> None:
    before = released(answer(question, world))
    dice = random.Random(number)
    chosen = dice.choice([c.ref for d in documents_of(world) for c in d.clauses])
    garbled = with_clauses(world, lambda c: replace(c, body="{", kind=c.kind) if c.ref == chosen else c)
    strange = with_clauses(world, lambda c: replace(c, kind="Nosuch") if c.ref == chosen and c.kind != "Grant" else c)
    grounds = replace(world, bases=tuple(replace(b, ground="?") for b in world.bases))
    unheard = replace(world, consents=tuple(v for v in world.consents if dice.random() < 0.5))
    categories = replace(
        world, categories=tuple(replace(c, category="no.such") if dice.random() < 0.2 else c for c in world.categories)
    )
    for worse in (garbled, strange, grounds, unheard, categories):
        assert released(answer(question, worse)) <= before


@both
@laws
@given(questions, facts, numbers)
def test_order_and_repetition_of_facts_do_not_matter(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    shuffled = _shuffled(world, random.Random(number))
    assert answer(question, shuffled) == answer(question, world)
    if answer is by_engine:
        assert engine.decide(question, shuffled).to_bytes() == engine.decide(question, world).to_bytes()


def _shuffled(world: Facts, dice: random.Random) -> Facts:
    """Every list of facts in another order and with repetitions, families and documents from inside, too."""

    def again(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        found = [*rows, *dice.sample(rows, min(len(rows), 1))]
        dice.shuffle(found)
        return tuple(found)

    inner = with_documents(world, lambda d: replace(d, clauses=again(d.clauses), prevails=again(d.prevails)))
    inner = replace(
        inner,
        families=tuple(replace(f, documents=again(f.documents), coverage=again(f.coverage)) for f in inner.families),
    )
    lists = {f.name: getattr(inner, f.name) for f in fields(inner) if isinstance(getattr(inner, f.name), tuple)}
    return replace(inner, **{name: again(rows) for name, rows in lists.items()})


@both
@laws
@given(data_questions, facts)
def test_asking_more_broadly_never_permits_more(answer: Answerer, question: Question, world: Facts) -> None:
    """Coarser actions and purposes, more columns at once, and a recipient that is left unnamed."""
    before = released(answer(question, world))
    for key in vocabulary.ancestors(question.action):
        for purpose in vocabulary.ancestors(question.purpose):
            assert released(answer(replace(question, action=key, purpose=purpose), world)) <= before
    if question.action not in vocabulary.ACTIONS_WITH_RECIPIENT | {"return"}:
        unnamed = released(answer(replace(question, recipient=None), world))
        for vendor in world.vendor_parties:
            assert unnamed <= released(answer(replace(question, recipient=vendor), world))


@both
@laws
@given(data_questions, facts, numbers)
def test_adding_a_prohibition_never_adds_a_cell(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    dice = strategies.Dice(number)
    body = {
        "actions": dice.some(strategies.ACTIONS, 1, 2),
        "categories": dice.some((*strategies.CONTRACT, *strategies.PERSONAL), 1, 2),
    }
    more = one_document(world, number, lambda d: replace(d, clauses=(*d.clauses, clause("ban", "Prohibition", **body))))
    assert released(answer(question, more)) <= released(answer(question, world))


@both
@laws
@given(data_questions, facts, numbers)
def test_adding_a_requirement_never_lowers_the_number_of_duties_nor_turns_apply_into_keep(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    """Where the same rows are built: a requirement may make another grant the better one, and with it fewer rows be left out."""
    dice = strategies.Dice(number)
    grants = [c.ref for d in documents_of(world) for c in d.clauses if c.kind == "Grant" and c.body.startswith("{")]
    if not grants:
        return
    chosen, extra = dice.one(*grants), dice.one(*strategies.SAFEGUARDS)
    before, after = (
        answer(question, world),
        answer(question, with_clauses(world, lambda c: _requiring(c, chosen, extra))),
    )
    if before.changes and not after.changes:
        return
    for key in released(before) & released(after):
        (kind, duties), (later, more) = before.cells[key], after.cells[key]
        assert len(more) >= len(duties)
        assert not (kind == "apply" and later == "keep")


def _requiring(each: Clause, chosen: str, extra: dict[str, Any]) -> Clause:
    if each.ref != chosen or each.kind != "Grant":
        return each
    body = json.loads(each.body)
    return replace(each, body=canonical.text(body | {"safeguards": [*body.get("safeguards", []), extra]}))


@both
@laws
@given(data_questions, facts, numbers)
def test_ending_a_document_never_adds_a_cell(answer: Answerer, question: Question, world: Facts, number: int) -> None:
    ended = one_document(world, number, lambda d: replace(d, terminated_at=NOW))
    assert released(answer(question, ended)) <= released(answer(question, world))


@laws
@given(questions, facts)
def test_permit_expiry_is_never_late(question: Question, world: Facts) -> None:
    """The engine's instant is held against the reference, asked at every moment of the facts and at every second hour."""
    decision = engine.decide(question, world, with_remedies=False)
    now = reference.decide(question, world)
    last = decision.holds_until or NOW + outlook.LOOK_AHEAD + timedelta(microseconds=1)
    moments = {NOW + timedelta(hours=hours) for hours in range(1, 25, 2)} | {
        strategies.SOON,
        strategies.SOON - timedelta(microseconds=1),
    }
    for moment in sorted(m for m in moments if m < last):
        assert not _allows_less(now, reference.decide(replace(question, at=moment, as_known_at=moment), world)), moment


def _allows_less(now: Result, later: Result) -> bool:
    if now.verdict == "deny":
        return False
    if later.verdict == "deny" or released(now) - released(later):
        return True
    return any(
        now.cells[key][0] == "keep" and later.cells[key][0] == "apply" for key in released(now) & released(later)
    ) or bool(later.lists - now.lists)


@both
@laws
@given(data_questions, facts, numbers)
def test_a_refusing_consent_event_never_adds_a_row(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    """One more person of a customer refuses, withdraws or objects (what events amount to: `test_consent_laws.py`): lists let fewer pass."""
    dice = strategies.Dice(number)
    if not world.consents:
        return
    chosen, said = dice.one(*world.consents), dice.one("refused", "withdrawn", "objected")
    more = tuple(_with_one_more(view, chosen, said) for view in world.consents)
    before, after = answer(question, world), answer(question, replace(world, consents=more))
    assert released(after) <= released(before) and after.members <= before.members
    assert {row for row in before.lists if row[0] in after.members} <= after.lists
    assert after.people[0] <= before.people[0]


def _with_one_more(view: ConsentView, chosen: ConsentView, said: str) -> ConsentView:
    """The list is the space's: it changes for everybody; the numbers are the customer's own."""
    if (view.space, view.controller, view.need) != (chosen.space, chosen.controller, chosen.need):
        return view
    count = max(view.count - 1, 0) if view.kind == "only" else view.count + 1
    mine = {said: getattr(view, said) + 1, "allowed": view.allowed - 1} if view == chosen and view.allowed else {}
    return replace(view, count=count, digest=f"{view.digest}'", **mine)


@both
@laws
@given(data_questions, facts, numbers)
def test_one_more_attested_safeguard_never_adds_a_refusal(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    found = replace(strategies.in_place(strategies.Dice(number)), known=Known.DECLARED)
    before, after = answer(question, world), answer(question, replace(world, safeguards=(*world.safeguards, found)))
    assert released(before) <= released(after)
    assert {"deny": 0, "permit_with_plan": 1, "permit": 2}[before.verdict] <= {
        "deny": 0,
        "permit_with_plan": 1,
        "permit": 2,
    }[after.verdict]


@both
@laws
@given(questions, facts, numbers)
def test_an_unrelated_customer_changes_nothing(answer: Answerer, question: Question, world: Facts, number: int) -> None:
    dice = strategies.Dice(number)
    theirs = Family("other", (Coverage("c", LONG_AGO),), (strategies.document(dice, "other", 0),))
    more = replace(
        world,
        customers=(*world.customers, Customer("c", "pty-c")),
        families=(*world.families, theirs),
        opt_ins=(*world.opt_ins, OptIn("off", "c", LONG_AGO)),
        bases=(*world.bases, Basis("bas-c", "c", "user", "train", "functional", "consent", LONG_AGO)),
        consents=(*world.consents, strategies.view(dice, "c", "ctl", Need.CONSENT)),
    )
    assert answer(question, more) == answer(question, world)


@both
@laws
@given(questions, facts, numbers)
def test_documents_effective_after_t_do_not_matter_at_t(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    dice = strategies.Dice(number)
    to_come = replace(
        strategies.document(dice, "f0", 7), effective_at=NOW + timedelta(seconds=1), repeals=("f0-d0-c0",)
    )
    first, *others = world.families
    more = replace(world, families=(replace(first, documents=(*first.documents, to_come)), *others))
    assert answer(question, more) == answer(question, world)


@both
@laws
@given(data_questions, facts, numbers)
def test_one_more_reported_source_never_adds_a_cell(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    """From a declaration whose customers are present in that column already; the column has column lineage."""
    dice = strategies.Dice(number)
    named = [o for o in world.origins if o.column in strategies.COLUMNS and o.path is Path.CONTENT and not o.without]
    if not named:
        return
    beside = dice.one(*named)
    column = dice.one("*", "new", *strategies.SOURCES[beside.dataset])
    more = replace(beside, source_column=column, path=dice.one(*Path), masked=dice.chance(0.5))
    assert usable(answer(question, replace(world, origins=(*world.origins, more)))) <= usable(answer(question, world))


@both
@laws
@given(data_questions, facts, numbers)
def test_coarser_lineage_is_never_more_permissive(
    answer: Answerer, question: Question, world: Facts, number: int
) -> None:
    """One origin loses its column; the source's schema, where it is known, knew that column."""
    dice = strategies.Dice(number)
    chosen = dice.one(*world.origins)
    schema = {s.dataset: s.columns for s in world.schemas}.get(chosen.dataset, (chosen.source_column,))
    if chosen.source_column != "*" and chosen.source_column not in schema:
        return
    coarser = tuple(replace(o, source_column="*") if o == chosen else o for o in world.origins)
    assert usable(answer(question, replace(world, origins=coarser))) <= usable(answer(question, world))


@both
@laws
@given(data_questions, facts)
def test_a_scoped_grant_never_reaches_outside_its_scope(answer: Answerer, question: Question, world: Facts) -> None:
    scoped = with_clauses(world, lambda c: replace(c, products=("desk",)) if c.kind == "Grant" else c)
    products = {d.ref: d.product for d in world.declarations}
    for customer, column in released(answer(question, scoped)):
        if customer and not (question.action == "return" and question.recipient == f"pty-{customer}"):
            for origin in _reaching(scoped, column, customer):
                assert products[origin.declaration] == "desk"


def _reaching(world: Facts, column: str, customer: str) -> list[Origin]:
    named = [o for o in world.origins if o.column == column] or [o for o in world.origins if o.column == "*"]
    whose = {d.ref: d.customers for d in world.declarations}
    return [
        o
        for o in named
        if (o.path is Path.CONTENT or o.source_column == "*") and customer in set(whose[o.declaration]) - set(o.without)
    ]


@both
@laws
@given(data_questions, facts)
def test_prevailing_counts_only_where_a_document_states_it(answer: Answerer, question: Question, world: Facts) -> None:
    """Statements about other actions, other categories or other documents are no statements."""
    nothing = answer(question, with_documents(world, lambda d: replace(d, prevails=())))
    elsewhere = (
        (("serve",), ("customer", "user")),
        (("train", "improve", "review", "disclose", "return"), ("customer.equipment",)),
    )
    for actions, categories in elsewhere:
        others = with_documents(
            world,
            lambda d, a=actions, c=categories: replace(d, prevails=tuple(Prevails(p.over, a, c) for p in d.prevails)),  # type: ignore[misc]
        )
        assert answer(question, others) == nothing
    assert released(nothing) <= released(answer(question, world))


@both
@laws
@given(data_questions, facts)
def test_absence_without_attestation_changes_nothing(answer: Answerer, question: Question, world: Facts) -> None:
    """Only what lineage carries as attested (`without`) takes a customer out: claims of pipelines, and absences of strangers, do not."""
    claims = tuple(InPlace("run-1", name, Known.CLAIMED) for name in ("anonymised", "synthetic"))
    strangers = tuple(replace(o, without=(*o.without, "nobody-here")) for o in world.origins)
    attested = answer(question, world)
    assert answer(question, replace(world, origins=strangers)) == attested
    assert (
        answer(question, replace(world, safeguards=claims)).members
        == answer(question, replace(world, safeguards=())).members
    )


@both
@laws
@given(questions, facts)
def test_strict_permits_exactly_a_plain_permit(answer: Answerer, question: Question, world: Facts) -> None:
    relaxed, strict = (answer(replace(question, mode=mode), world) for mode in (Mode.PLAN, Mode.STRICT))
    assert (strict.verdict == "permit") == (relaxed.verdict == "permit")
    assert strict.verdict in ("permit", "deny")


@settings(max_examples=max(EXAMPLES // 2, 20))
@given(questions, facts)
def test_every_remedy_applied_clears_its_cell(question: Question, world: Facts) -> None:
    """The engine proposes, the reference judges the copy; no step of a remedy could be spared."""
    decision = engine.decide(question, world)
    for remedy in decision.remedies:
        asked, changed = question, world.normal()
        for step in remedy.steps:
            asked, changed = steps.apply(step, asked, changed)
        assert _is_cleared(question, remedy.customer, remedy.columns, reference.decide(asked, changed))
        assert len(remedy.steps) <= remedies.MOST_STEPS
        assert len(set(remedy.steps)) == len(remedy.steps)


def _is_cleared(question: Question, customer: str, columns: tuple[str, ...], result: Result) -> bool:
    if not customer and not columns:
        return not {code for code, u, c in result.codes if not u and not c} & remedies.OF_THE_QUESTION
    if question.action in vocabulary.MODEL_ACTIONS:
        return not any(u == customer for _, u, _ in result.codes)
    if not columns:
        return customer in result.members
    soft = {"all-blank", "required-column", "nobody-left", "unmapped-tenant"} | (
        {"safeguard-missing", "k-too-low"} if question.mode is Mode.PLAN else set()
    )
    return not any(u in (customer, "") and c in columns and code not in soft for code, u, c in result.codes)


@both
@laws
@given(data_questions, facts)
def test_each_class_of_a_plan_is_permitted_on_its_own(answer: Answerer, question: Question, world: Facts) -> None:
    decision = engine.decide(question, world, with_remedies=False)
    for members in decision.members.values():
        others = tuple(u for u in strategies.CUSTOMERS if u not in members)
        alone = replace(world, origins=tuple(replace(o, without=tuple({*o.without, *others})) for o in world.origins))
        alone = replace(alone, declarations=tuple(replace(d, unmapped_rows=0) for d in alone.declarations))
        result = answer(question, alone)
        assert result.verdict != "deny"
        planned = {key for key in released(by_engine(question, world)) if key[0] in (members or ("",))}
        assert planned <= released(result)


@both
@laws
@given(data_questions, facts)
def test_the_built_release_is_permitted_as_it_is(answer: Answerer, question: Question, world: Facts) -> None:
    """The planned version, as pure values: whom and what the plan leaves out is absent, duties are in place, lists applied."""
    decision = engine.decide(question, world, with_remedies=False)
    if decision.plan is None:
        return
    kept = {c.column for each in decision.plan.classes for c in each.columns if c.treatment is not Treatment.BLANK}
    if not kept or _unmeasurable(world, decision.plan):
        return
    built = _built(question, world, decision.members, decision.plan)
    asked = replace(
        question,
        columns=tuple(sorted(kept)),
        required=tuple(c for c in question.required if c in kept),
        mode=Mode.STRICT,
    )
    assert answer(asked, built).verdict == "permit"


def _unmeasurable(world: Facts, plan: Any) -> bool:
    """Say whether a duty asks for k on free text, which nobody can measure: such a plan is never built to the end."""
    kinds = {c.name: c.kind for c in world.dataset.columns}
    return any(
        d.bounds.k and kinds[c.column] != "value" for each in plan.classes for c in each.columns for d in c.duties
    )


def _built(question: Question, world: Facts, members: dict[str, tuple[str, ...]], plan: Any) -> Facts:
    treated = {(u, c.column): c for each in plan.classes for u in members[each.ref] or ("",) for c in each.columns}
    inside = {u for u, _ in treated}
    names = [c.name for c in world.dataset.columns]
    found = []
    for each in [*plan.classes]:
        for column in each.columns:
            for duty in column.duties:
                quasi = tuple({*names, *duty.quasi_identifiers, *plan.quasi_identifiers})
                found.append(
                    InPlace("built", duty.safeguard, duty.known, (column.column,), duty.standard, duty.bounds, quasi)
                )
    kept = _still_met(question, world, rows_change=plan.changes_rows)
    origins = []
    for name in question.columns:
        for origin in [o for o in world.origins if o.column == name] or [o for o in world.origins if o.column == "*"]:
            blank = {
                u
                for u in strategies.CUSTOMERS
                if (u, name) in treated and treated[u, name].treatment is Treatment.BLANK
            }
            gone = {*origin.without, *blank, *(set(strategies.CUSTOMERS) - inside)}
            origins.append(replace(origin, column=name, without=tuple(gone)))
    gone = tuple(set(strategies.CUSTOMERS) - inside)
    origins += [
        replace(o, column="", without=(*o.without, *gone))
        for o in world.origins
        if o.path is Path.PRESENCE or o.source_column == "*"
    ]
    lists = [AppliedList(row.space, row.controller, row.need, NOW) for each in plan.classes for row in each.people]
    erased = [AppliedList(row.space, "", Need.NOTHING, NOW) for each in plan.classes for row in each.erased]
    before = world.built.lists if world.built else ()
    return replace(
        world,
        dataset=replace(world.dataset, versions=(Version(D, "built", LONG_AGO),)),
        origins=tuple(origins),
        safeguards=(*found, *kept),
        identities=(),
        built=Built(plan.digest(), (*lists, *before), (*erased, *(world.built.erased if world.built else ()))),
    )


def _still_met(question: Question, world: Facts, *, rows_change: bool) -> list[InPlace]:
    """What grants require and every version has, column by column, and what takes columns off the personal axis: the build keeps it."""
    laid_out = read_world(question, world, rows_change=rows_change)
    bodies = [c for d in documents_of(world) for c in d.clauses if c.kind == "Grant"]
    terms = [term for c in bodies if isinstance(term := clauses.read(c.kind, c.body), clauses.Grant)]
    duties = {duty for term in terms for duty in term.safeguards}
    quasi = (*strategies.COLUMNS, *laid_out.quasi_identifiers)
    found = [
        InPlace("built", d.safeguard, d.known, (column,), d.standard, d.bounds, (*quasi, *d.quasi_identifiers))
        for column in strategies.COLUMNS
        for d in sorted(duties, key=requirement.sort_key)
        if granting.is_met(laid_out, d, column, masked=False)
    ]
    off = [column for column in strategies.COLUMNS if laid_out.off_personal_axis(column)]
    return [*found, *(InPlace("built", "synthetic", Known.DECLARED, (column,)) for column in off)]


@laws
@given(questions, facts)
def test_replay_is_byte_identical(question: Question, world: Facts) -> None:
    decision = engine.decide(question, world)
    stored = world.normal().to_bytes()
    again = engine.decide(
        canonical.from_json(Question, canonical.to_json(question)), Facts.from_json(json.loads(stored))
    )
    assert again.to_bytes() == decision.to_bytes()
    assert decision.facts_digest == world.normal().digest()
    assert type(decision).from_json(json.loads(decision.to_bytes())) == decision
