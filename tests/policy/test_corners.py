"""Branches that random worlds may or may not take, each taken here on purpose: what is measured as covered does not hang on luck."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from consent import vocabulary
from governance.policy import (
    alike,
    answers,
    canonical,
    clauses,
    engine,
    granting,
    outlook,
    questions,
    rules,
    safeguards,
    steps,
)
from governance.policy.answers import ColumnPlan, Duty, Treatment
from governance.policy.clauses import BadClause
from governance.policy.values import Bounds as B
from governance.policy.values import (
    ColumnCategory,
    Completeness,
    Declaration,
    Document,
    Facts,
    Gap,
    InPlace,
    Known,
    Mode,
    Obligation,
    Origin,
    OwnKeys,
    Path,
    PlannedSource,
    Prevails,
    Question,
)
from tests.policy.answering import BOTH, Answerer
from tests.policy.worlds import NOW, NS, D, S, ask, clause, document, family, grant, world

both = pytest.mark.parametrize("answer", BOTH, ids=["engine", "reference"])
GRANT = {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}


@pytest.mark.parametrize(
    ("kind", "body", "where"),
    [
        ("Grant", [], "body"),
        ("Grant", {**GRANT, "offer": 5}, "offer"),
        ("Grant", {**GRANT, "until": 20270101}, "until"),
        ("Grant", {**GRANT, "safeguards": [7]}, "safeguards"),
        ("Grant", {**GRANT, "safeguards": [{"kind": "deidentified", "quasi_identifiers": ["age"]}]}, "safeguards/quasi_identifiers"),
        ("Undertaking", {"duty": "notify-before"}, "days"),
        ("Undertaking", {"duty": "other"}, "words"),
        ("DeletionTerm", {"trigger": "contract-end", "deadline_days": 30, "scope": ["moon"]}, "scope"),
    ],
)  # fmt: skip
def test_a_bad_body_says_where(kind: str, body: Any, where: str) -> None:
    with pytest.raises(BadClause) as caught:
        clauses.parse(kind, body)
    assert caught.value.where == where


def test_an_end_may_be_a_moment_with_its_offset() -> None:
    found = clauses.parse("Grant", {**GRANT, "until": "2027-01-01T02:00:00+02:00"})
    assert (
        isinstance(found, clauses.Grant)
        and found.until is not None
        and found.until.isoformat() == "2027-01-01T00:00:00+00:00"
    )


@pytest.mark.parametrize("field", ["at", "as_known_at"])
def test_a_moment_without_offset_is_no_question(field: str) -> None:
    with pytest.raises(questions.BadQuestion, match="offset"):
        engine.check(replace(ask(), **{field: NOW.replace(tzinfo=None)}), world())


@both
def test_sources_are_named_in_preflight_alone(answer: Answerer) -> None:
    planned = replace(ask(), sources=(PlannedSource(NS, S),))
    facts = world([family("a", document("d", grant()))])
    assert answer(replace(planned, mode=Mode.PREFLIGHT), facts).verdict == "permit"
    with pytest.raises(Exception, match=r"preflight|sources"):
        answer(planned, facts)


@both
def test_a_cell_of_personal_categories_alone_is_not_categorised(answer: Answerer) -> None:
    """A schema that names no column says nothing: what is declared on D itself does not say what the source holds."""
    facts = world([family("a", document("d", grant()))], columns={"text": ("user.contact",)})
    assert ("uncategorised-column", "a", "text") in answer(ask(), facts).codes
    star = replace(
        facts,
        origins=(Origin("text", "src", NS, S, "*"),),
        schemas=(),
        categories=(ColumnCategory(NS, D, "text", "user.contact"),),
    )
    assert ("uncategorised-column", "a", "text") in answer(ask(), star).codes


@both
def test_a_key_that_stands_on_both_axes_is_no_category_once_it_is_off_the_personal_one(answer: Answerer) -> None:
    """Such a key should not be; where it is, its column is refused with a name, given back or not."""
    own = OwnKeys(contract=("badge",), personal=("badge",))
    anonymised = InPlace("run-1", "anonymised", Known.DECLARED)
    facts = world(
        [family("a", document("d", grant()))], columns={"text": ("badge",)}, own_keys=own, safeguards=(anonymised,)
    )
    for question in (ask(), ask(action="return", recipient="pty-a")):
        found = answer(question, facts)
        assert (found.verdict, ("uncategorised-column", "a", "text") in found.codes) == ("deny", True)


def present(*documents: Document, holds: str = "customer.usage") -> Facts:
    """A customer whose rows in D are chosen by a column of its source, which holds usage data."""
    facts = world([family("a", *documents)], columns={"text": ("customer.content",)})
    status = Origin("", "src", NS, S, "status", Path.PRESENCE)
    return replace(
        facts,
        origins=(*facts.origins, status),
        categories=(*facts.categories, ColumnCategory(NS, S, "status", holds)),
    )


@both
@pytest.mark.parametrize(
    ("actions", "categories", "refused"),
    [
        (["train"], ["customer.usage"], True),
        (["train.align"], ["customer"], True),
        (["train"], ["customer.input"], False),
        (["review"], ["customer.usage"], False),
    ],
)
def test_a_term_nobody_encoded_refuses_the_presence_that_it_touches(
    answer: Answerer, actions: list[str], categories: list[str], refused: bool
) -> None:
    term = clause("t", "UnencodedTerm", actions=actions, categories=categories)
    found = answer(ask(), present(document("d", grant()), document("e", term)))
    assert (("unencoded-term", "a", "") in found.codes) is refused
    assert (found.verdict == "deny") is refused


@both
def test_a_grant_of_a_document_that_does_not_prevail_lets_nobody_be_present_where_training_is_prohibited(
    answer: Answerer,
) -> None:
    prohibited = document("d", clause("p", "TrainingPosition", position="prohibited"))
    beside = answer(ask(), present(prohibited, document("f", grant())))
    assert {("presence-not-granted", "a", ""), ("prohibited-by-contract", "a", "text")} <= beside.codes
    over = document("f", grant(), prevails=(Prevails("d", ("train",), ("customer",)),))
    assert answer(ask(), present(prohibited, over)).verdict == "permit"


@both
def test_a_column_of_the_vendors_own_data_alone_is_none_of_those_who_cannot_be_told_apart(answer: Answerer) -> None:
    facts = world([family(u, document(f"d-{u}", grant(f"g-{u}"))) for u in "ab"], keyed=False)
    facts = replace(
        facts,
        declarations=(*facts.declarations, Declaration("own", NS, "own.notes", no_customer_data=True)),
        origins=(*facts.origins, Origin("note", "own", NS, "own.notes", "note")),
        categories=(*facts.categories, ColumnCategory(NS, "own.notes", "note", "system.operations")),
    )
    found = answer(ask("text", "note"), facts)
    assert found.verdict == "permit"
    assert {key: kind for key, (kind, _) in found.cells.items()} == {
        ("a", "text"): "keep", ("b", "text"): "keep", ("a", "note"): "none", ("b", "note"): "none",
    }  # fmt: skip


@both
def test_a_model_is_not_passed_on_over_a_gap_and_is_over_a_deletion_that_leaves_models(answer: Answerer) -> None:
    node = replace(ask(action="serve", purpose="", recipient="pty-x"), columns=())
    facts = world([family("a", document("d", clause("own", "ModelOwnership", owner="vendor")))])
    assert answer(node, replace(facts, gaps=(Gap("a source", "a"),))).verdict == "deny"
    assert answer(node, replace(facts, gaps=(Gap("a source", "b"),))).verdict == "permit"
    spared = Obligation("obl", "a", "open", NOW, covers_models=False)
    assert answer(node, replace(facts, obligations=(spared,))).verdict == "permit"


def test_too_many_choices_are_settled_one_after_the_other() -> None:
    kinds = ("pseudonymised", "aggregated", "dp")
    keys = tuple(key for key in vocabulary.CONTRACT if key != "customer")
    terms = [grant(f"g-{key}-{kind}", key, safeguards=[kind]) for key in keys for kind in kinds]
    facts = world([family("a", document("d", *terms))], columns={"text": keys})
    assert len(kinds) ** len(keys) > granting.MOST_CHOICES
    plan = engine.decide(ask(), facts, with_remedies=False).plan
    assert plan is not None and [d.safeguard for d in plan.classes[0].columns[0].duties] == ["aggregated"]


def test_less_is_allowed_where_a_column_goes_blank_or_a_duty_comes() -> None:
    keep, blank = ColumnPlan("x", Treatment.KEEP), ColumnPlan("x", Treatment.BLANK)
    apply = ColumnPlan("x", Treatment.APPLY, (Duty("dp"),))
    assert outlook._is_less(keep, blank) and outlook._is_less(apply, blank) and outlook._is_less(keep, apply)
    assert not outlook._is_less(apply, keep) and not outlook._is_less(blank, blank)


def test_a_column_that_goes_blank_within_the_day_ends_what_holds() -> None:
    soon = NOW + timedelta(hours=6)
    ban = document("e", clause("b", "Prohibition", actions=["train"], categories=["customer.usage"]), effective_at=soon)
    facts = world(
        [family("a", document("d", grant()), ban)], columns={"text": ("customer.content",), "use": ("customer.usage",)}
    )
    assert engine.decide(ask("text", "use"), facts).holds_until == soon


def test_an_answer_stands_until_a_moment_of_its_facts_comes_or_comes_into_sight() -> None:
    def until(**changes: Any) -> Any:
        return engine.stands_until(ask(), world([family("a", document("d", grant(), **changes))]))

    ahead = NOW + outlook.LOOK_AHEAD
    assert until() is None
    assert until(terminated_at=NOW) is None
    assert until(terminated_at=NOW + timedelta(hours=6)) == NOW + timedelta(hours=6)
    assert until(terminated_at=ahead) == ahead  # in sight from now on
    assert until(terminated_at=ahead + timedelta(hours=1)) == NOW + timedelta(hours=1)
    assert until(terminated_at=ahead + timedelta(days=9), effective_at=NOW + timedelta(hours=2)) == NOW + timedelta(
        hours=2
    )


def test_what_was_not_changed_is_in_order_and_the_same() -> None:
    before = world([family("a", document("d", grant()))]).normal()
    assert canonical.in_order_after(before, before) is before


def test_a_row_that_stands_there_already_is_not_put_in_once_more() -> None:
    before = world([family("a", document("d", grant()))], parties=("pty-a", "pty-x")).normal()
    same = tuple(replace(each) for each in before.families)
    assert same[0] is not before.families[0]
    again = replace(before, families=(*before.families, *same), parties=(*before.parties, "pty-b", "pty-a"))
    assert canonical.in_order_after(again, before) == replace(before, parties=("pty-a", "pty-b", "pty-x"))


def test_a_value_that_cannot_be_read_says_where() -> None:
    with pytest.raises(canonical.Unreadable, match="namespace"):
        canonical.from_json(Question, {"namespace": 5})


def test_bounds_that_are_no_numbers_meet_nothing() -> None:
    assert not safeguards.within(B(epsilon="lots"), B(epsilon="1"))
    assert safeguards.within(B(epsilon="0.5"), B(epsilon="1"))


def test_one_duty_implies_another_of_its_kind_standard_and_strength() -> None:
    strong = Duty("deidentified", "hipaa", bounds=B(k=20), quasi_identifiers=("age",))
    for weaker in (Duty("deidentified"), Duty("pseudonymised"), Duty("deidentified", "hipaa", bounds=B(k=5))):
        assert safeguards.implies(strong, weaker)
    for other in (Duty("dp"), Duty("deidentified", "ccpa"), Duty("deidentified", bounds=B(k=30)), Duty("deidentified", bounds=B(k=5), quasi_identifiers=("city",))):  # fmt: skip
        assert not safeguards.implies(strong, other)


def test_versions_of_the_rules_say_whether_this_code_runs_them() -> None:
    assert rules.newest().version == rules.running("2").version
    for version, why in (("1", "no longer runs"), ("0", "does not know")):
        with pytest.raises(rules.NotRun, match=why):
            rules.running(version)
    with pytest.raises(rules.NotRun):
        rules.VERSIONS["1"].outcome(ask(), world())
    facts = world([family("a", document("d", grant()))]).normal()
    assert rules.newest().outcome(ask(), facts).verdict == "permit"


def test_a_plan_has_a_digest_and_an_own_key_no_words() -> None:
    plan = engine.decide(ask(), world([family("a", document("d", grant()))])).plan
    assert isinstance(plan, answers.Plan) and len(plan.digest()) == 64
    assert vocabulary.title("badge.number") == "badge.number" and vocabulary.title("train") == "train a model"


@pytest.mark.parametrize(
    ("body", "offer"),
    [
        ('{"offer" : "off"}', "off"),
        ('{"offer": 5}', ""),
        ('{"a": "offer"}', ""),
        ("{offer", ""),
        ('{"offer":"off","x":1}', "off"),
    ],
)
def test_an_offer_is_found_however_a_body_is_written(body: str, offer: str) -> None:
    assert alike.without_offer(body)[1] == offer


def test_steps_for_a_source_a_category_and_a_rebuild_are_found_and_do_what_they_say() -> None:
    facts = world([family("a", document("d", grant()))])
    dark = replace(facts, dataset=replace(facts.dataset, undeclared=("raw docs",), completeness=Completeness.UNKNOWN))
    assert [s.kind for r in engine.decide(ask(), dark).remedies for s in r.steps] == ["declare-source"]
    two = replace(dark.dataset, undeclared=("raw docs", "raw more"))
    assert [len(r.steps) for r in engine.decide(ask(), replace(dark, dataset=two)).remedies] == [2]
    blurred = world([family("a", document("d", grant())), family("b", document("e"))], keyed=False)
    blurred = replace(blurred, dataset=replace(blurred.dataset, ancestors=("raw tickets",)))
    assert ("rebuild", "raw tickets") in {
        (s.kind, s.target) for r in engine.decide(ask(), blurred).remedies for s in r.steps
    }
    bare = world([family("a", document("d", grant()))], columns={"text": ()})
    assert "declare-category" in {s.kind for r in engine.decide(ask(), bare).remedies for s in r.steps}
    unknown = replace(bare, origins=(Origin("text", "src", NS, S, "*"),), schemas=())
    assert "declare-category" not in {s.kind for r in engine.decide(ask(), unknown).remedies for s in r.steps}


def test_a_required_column_that_is_blank_may_be_dropped_unless_it_is_the_only_one() -> None:
    facts = world(
        [family("a", document("d", grant("g", "customer.content")))],
        columns={"text": ("customer.content",), "use": ("customer.usage",)},
    )
    question = ask("text", "use", required=("use",))
    outcome = engine.decide(question, facts)
    drop = next(r for r in outcome.remedies if [s.kind for s in r.steps] == ["drop-column"])
    assert (outcome.verdict, drop.steps[0].target, drop.customers_gained) == ("deny", "use", 1)
    asked, _ = steps.apply(drop.steps[0], question, facts)
    assert (asked.columns, asked.required) == (("text",), ())
    alone = engine.decide(ask("use", required=("use",)), facts).remedies
    assert {s.kind for r in alone for s in r.steps} == {"add-clause"}


def test_where_there_is_no_contract_a_new_one_is_proposed() -> None:
    facts = world([family("a", document("d", grant()))], customers=("a", "new"))
    found = engine.decide(ask(), facts)
    assert "new" not in {u for members in found.members.values() for u in members}
    remedy = next(r for r in found.remedies if (r.customer, r.columns) == ("new", ()))
    assert [(s.kind, s.target) for s in remedy.steps] == [("add-clause", steps.PROPOSED)]
    asked, changed = steps.apply(remedy.steps[0], ask(), facts)
    assert {u for members in engine.decide(asked, changed).members.values() for u in members} == {"a", "new"}


def test_under_strict_what_is_missing_is_put_in_place_or_agreed_away() -> None:
    needs = {"safeguards": [{"kind": "deidentified", "k": 20, "known": "measured"}]}
    facts: Facts = world([family("a", document("d", grant("g", "customer", **needs)))])
    found = engine.decide(ask(mode=Mode.STRICT), facts).remedies
    assert {s.kind for r in found for s in r.steps} == {"apply-safeguard", "add-clause"}
