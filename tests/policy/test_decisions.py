"""What refuses a question as a whole, which reasons speak, who is left out when nothing is released; questions that mean nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from governance.policy import decisions, engine, questions, rules
from governance.policy.answers import LeftOut, Reason, Verdict
from governance.policy.values import (
    Basis,
    Bounds,
    Built,
    ColumnCategory,
    Completeness,
    Declaration,
    Facts,
    Identity,
    InPlace,
    Known,
    Mode,
    Model,
    Origin,
    OwnKeys,
    PlannedSource,
    Question,
    ServedTo,
)
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, D, S, ask, clause, document, family, grant, world

NAME = f"{NS} {D}"
BAN = clause("ban", "Prohibition", actions=["train"])
OWNED = clause("own", "ModelOwnership", owner="vendor")
GRANTED = family("a", document("d", grant()))


def model(**more: Any) -> Question:
    return replace(ask(action="serve", purpose="", recipient="pty-x"), **{"columns": (), **more})


# questions


COLUMNS, PARTY, MODEL = "name columns one by one", "this recipient is not registered", "this model is not registered"


@pytest.mark.parametrize(
    ("question", "where", "code", "detail", "remedy"),
    [
        (ask(at=NOW.replace(tzinfo=None)), "at", "bad-question", "a time needs its offset", ""),
        (ask(as_known_at=NOW.replace(tzinfo=None)), "as_known_at", "bad-question", "a time needs its offset", ""),
        (ask(sources=(PlannedSource(NS, S),)), "sources", "bad-question", "what it will be made from is said in preflight alone", ""),
        (ask(action="nosuch"), "action", "unknown-action", "there is no action 'nosuch'", ""),
        (ask(purpose="nosuch"), "purpose", "unknown-purpose", "there is no purpose 'nosuch'", ""),
        (ask(purpose=""), "purpose", "unknown-purpose", "there is no purpose ''", ""),
        (replace(ask(), columns=()), "columns", "no-columns", "name the columns that are asked for", ""),
        (ask("text", "*"), "columns", "bad-question", COLUMNS, ""),
        (ask("text", ""), "columns", "bad-question", COLUMNS, ""),
        (ask("text", required=("use",)), "required", "bad-question", "'use' is required but not asked for", ""),
        (ask(action="disclose"), "recipient", "no-recipient", "disclose needs a recipient", ""),
        (model(recipient=None), "recipient", "no-recipient", "serve needs a recipient", ""),
        (ask(recipient="pty-nobody"), "recipient", "unknown-recipient", PARTY, "register the party"),
        (ask(model="nosuch"), "model", "unknown-model", MODEL, "register the model"),
        (model(purpose=PURPOSE), "purpose", "bad-question", "serve has no purpose", ""),
        (model(columns=("text",)), "columns", "bad-question", "serve has no columns", ""),
        (model(required=("text",)), "columns", "bad-question", "serve has no columns", ""),
    ],
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused_with_its_place(
    question: Question, where: str, code: str, detail: str, remedy: str
) -> None:
    with pytest.raises(questions.BadQuestion) as caught:
        engine.decide(question, world([GRANTED]))
    found = caught.value
    assert (found.where, found.code, found.detail, found.remedy) == (where, code, detail, remedy)


def test_only_in_preflight_sources_are_named() -> None:
    planned = ask(sources=(PlannedSource(NS, S),), mode=Mode.PREFLIGHT)
    assert engine.check(planned, world([GRANTED])) == planned


@pytest.mark.parametrize(
    ("version", "why"), [("1", "this code no longer runs them"), ("0", "this code does not know them")]
)
def test_rules_that_this_code_does_not_run_are_refused_with_what_to_do(version: str, why: str) -> None:
    with pytest.raises(rules.NotRun) as caught:
        engine.decide(ask(), world([GRANTED]), by_rules=version)
    found = caught.value
    assert (found.detail, found.where) == (f"rules {version}: {why}", "rules")
    assert found.remedy == "it runs 2: use one of these, or the release of that time"


def test_rules_of_old_do_not_decide() -> None:
    with pytest.raises(rules.NotRun) as caught:
        rules.VERSIONS["1"].outcome(ask(), world([GRANTED]))
    assert (caught.value.detail, caught.value.where) == ("rules 1: this code no longer runs them", "rules")


def test_a_question_has_one_form() -> None:
    facts = world([GRANTED], own_keys=OwnKeys(purposes=("vendor.search",)), models=(Model("m"),), columns={"text": ("customer.content",), "use": ("customer.usage",)})  # fmt: skip
    asked = ask(
        "use",
        "text",
        "use",
        required=("use", "text", "text"),
        purpose="vendor.search",
        recipient="pty-vendor",
        model="m",
    )
    assert engine.check(asked, facts) == replace(asked, columns=("text", "use"), required=("text", "use"))


# the question as a whole


def dark(**more: Any) -> Facts:
    facts = world([GRANTED])
    return replace(facts, dataset=replace(facts.dataset, **more))


UNKNOWN = Reason("unknown-provenance", about=NAME)


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        (dark(known=False), (Reason("unknown-dataset", about=NAME),)),
        (dark(name="other"), (Reason("unknown-dataset", about=NAME),)),
        (dark(namespace="other"), (Reason("unknown-dataset", about=NAME),)),
        (dark(completeness=Completeness.UNKNOWN), (UNKNOWN,)),
        (dark(completeness=Completeness.PARTIAL), ()),
        (dark(undeclared=("x b", "x a")), (Reason("undeclared-source", about="x a"), Reason("undeclared-source", about="x b"), UNKNOWN)),
        (replace(dark(), origins=()), (UNKNOWN,)),
        (replace(dark(), origins=(Origin("other", "src", NS, S, "x"),)), (UNKNOWN,)),
        (replace(dark(), origins=(Origin("*", "src", NS, S, "text"),)), ()),
        (replace(dark(), declarations=()), (Reason("undeclared-source", about="src"), UNKNOWN)),
    ],
)  # fmt: skip
def test_what_is_not_known_refuses_the_question_as_a_whole(facts: Facts, reasons: tuple[Reason, ...]) -> None:
    assert decisions.provenance_gaps(ask(), facts) == reasons
    found = engine.decide(ask(), facts, with_remedies=False)
    assert (found.verdict is Verdict.DENY) is bool(reasons)
    if reasons:
        assert (found.reasons, found.plan, found.left_out, found.members) == (reasons, None, (), {})


def test_a_source_counts_from_when_its_declaration_was_known() -> None:
    facts = world([GRANTED])
    for at, gaps in ((NOW, 0), (NOW + timedelta(seconds=1), 2)):
        late = replace(facts, declarations=(replace(facts.declarations[0], recorded_at=at),))
        assert len(decisions.provenance_gaps(ask(), late)) == gaps


def test_a_model_of_which_nobody_knows_the_provenance_is_not_passed_on() -> None:
    assert decisions.provenance_gaps(model(), replace(dark(), origins=())) == (UNKNOWN,)
    assert decisions.provenance_gaps(model(), replace(dark(), origins=(Origin("", "src", NS, S, "*"),))) == ()


# rows of nobody


@pytest.mark.parametrize(("rows", "count"), [(None, 0), (7, 7), (0, -1)])
def test_rows_that_nobody_counted_are_taken_for_some(rows: int | None, count: int) -> None:
    facts = world([GRANTED])
    facts = replace(facts, declarations=(replace(facts.declarations[0], unmapped_rows=rows),))
    found = engine.decide(ask(), facts, with_remedies=False)
    assert [r.count for r in found.reasons if r.code == "unmapped-tenant"] == ([] if count < 0 else [count])
    assert (found.verdict is Verdict.PERMIT) is (count < 0)
    built = replace(facts, built=Built("0" * 64))  # our builder has left them out
    assert engine.decide(ask(), built, with_remedies=False).verdict is Verdict.PERMIT
    alone = replace(facts, declarations=(replace(facts.declarations[0], tenant_space=""),), identities=(Identity("t", "tenant", "x", "src"),))  # fmt: skip
    assert not any(r.code == "unmapped-tenant" for r in engine.decide(ask(), alone, with_remedies=False).reasons)


def mixed(*families: Any, keyed: bool, unmapped: int = 0, more_keyed: bool = True) -> Facts:
    """Two sources of everybody, in two spaces, of which one or the other has its key in D."""
    facts = world(families, keyed=keyed)
    first = replace(facts.declarations[0], unmapped_rows=unmapped)
    second = Declaration("more", NS, "more", first.customers, tenant_space="erp", unmapped_rows=0)
    keys = (Identity("erp", "tenant", "erp"),) if more_keyed else ()
    return replace(facts, declarations=(first, second), origins=(*facts.origins, Origin("", "more", NS, "more", "k")), identities=(*facts.identities, *keys), schemas=facts.schemas)  # fmt: skip


@pytest.mark.parametrize(
    ("keyed", "more_keyed", "unmapped", "missing"),
    [
        (True, True, 3, []),
        (False, True, 3, ["src"]),
        (True, False, 3, ["more"]),
        (False, False, 3, ["more", "src"]),
        (False, False, 0, []),
    ],
)
def test_rows_of_nobody_that_cannot_be_left_out_refuse_the_release(
    keyed: bool, more_keyed: bool, unmapped: int, missing: list[str]
) -> None:
    found = decisions.evaluate(ask(), mixed(GRANTED, keyed=keyed, unmapped=unmapped, more_keyed=more_keyed).normal())
    assert [r.about for r in found.reasons if r.code == "not-separable" and not r.customer] == missing
    assert (found.plan is None) is bool(missing or not found.members)


def test_somebody_who_must_go_and_cannot_be_told_apart_refuses_the_release() -> None:
    banned = family("b", document("e", clause("r", "PartyRestriction", parties=["pty-vendor"]), grant()))
    for keyed, missing in ((True, []), (False, ["src"])):
        facts = world([GRANTED, banned], keyed=keyed)
        found = decisions.evaluate(ask(), facts.normal())
        assert [r.about for r in found.reasons if r.code == "not-separable" and not r.customer] == missing
        left = (LeftOut(("b",), ("party-restriction",)),) if keyed else (LeftOut(("a", "b"), ("party-restriction",)),)
        assert found.left_out == left
    alone = decisions.evaluate(ask(), world([banned], keyed=False).normal())  # there is nobody to be told apart from
    assert not any(r.code == "not-separable" for r in alone.reasons)


# reasons and who is left out


def test_what_permits_is_said_of_what_is_released_alone() -> None:
    facts = world(
        [family("a", document("d", grant())), family("b", document("e", grant("h", "customer.content"), clause("r", "PartyRestriction", parties=["pty-vendor"])))],
    )  # fmt: skip
    found = decisions.evaluate(ask(), facts.normal())
    assert {(r.code, r.customer) for r in found.reasons} == {("granted-by", "a"), ("party-restriction", "b")}
    refused = decisions.evaluate(ask(mode=Mode.STRICT), facts.normal())
    assert {(r.code, r.customer) for r in refused.reasons} == {("party-restriction", "b")}
    assert refused.left_out == (LeftOut(("b",), ("party-restriction",)), LeftOut(("a",), ()))
    assert (refused.plan, refused.members) == (None, {})


def test_a_basis_is_named_for_those_who_stay_and_for_the_vendors_own_data_where_anybody_does() -> None:
    personal = {"text": ("customer.content", "user.contact")}
    out = clause("r", "PartyRestriction", parties=["pty-vendor"])
    bases = tuple(Basis(f"bas-{u}", u, "user", "train", PURPOSE, "contract", LONG_AGO) for u in ("", "a", "b"))
    for documents, named in (((grant("g"),), {"", "a"}), ((grant("g"), out), set())):
        facts = world(
            [family("a", document("d", *documents)), family("b", document("e", grant("h"), out))],
            columns=personal,
            bases=bases,
        )
        own = Declaration(
            "own", NS, "own.mail", no_customer_data=True, controller="pty-vendor", controller_is_vendor=True
        )
        facts = replace(
            facts,
            declarations=(*facts.declarations, own),
            origins=(*facts.origins, Origin("text", "own", NS, "own.mail", "mail")),
            categories=(*facts.categories, ColumnCategory(NS, "own.mail", "mail", "user.contact")),
        )
        found = decisions.evaluate(ask(), facts.normal())
        assert {r.customer for r in found.reasons if r.code == "basis"} == named
        assert {r.about for r in found.reasons if r.code == "basis"} == {f"bas-{u}" for u in named}


@pytest.mark.parametrize(
    ("placed", "rests"),
    [
        ((), False),
        ((InPlace("r", "aggregated", Known.DECLARED),), True),
        ((InPlace("r", "dp", Known.DECLARED),), False),
        ((InPlace("r", "deidentified", Known.MEASURED, bounds=Bounds(k=5)),), True),
        ((InPlace("r", "deidentified", Known.MEASURED),), False),
        ((InPlace("r", "dp", Known.DECLARED), InPlace("r", "aggregated", Known.DECLARED)), True),
    ],
)
def test_what_was_measured_over_all_rows_rests_on_them(placed: tuple[InPlace, ...], rests: bool) -> None:
    assert decisions.rests_on_rows(replace(world(), safeguards=placed)) is rests


def test_where_nobody_is_left_it_says_so() -> None:
    found = decisions.evaluate(ask(), world([family("a", document("d", BAN, grant()))]).normal())
    assert Reason("nobody-left") in found.reasons and found.left_out == (LeftOut(("a",), ("all-blank", "prohibition")),)


def test_data_of_nobody_need_no_contract() -> None:
    nobody = decisions.evaluate(ask(), world(customers=()).normal())
    assert (nobody.verdict, nobody.reasons, nobody.left_out, nobody.members) == (
        Verdict.PERMIT,
        (),
        (),
        {"class-1": ()},
    )


def test_who_is_attested_absent_is_named_in_every_answer() -> None:
    facts = world([GRANTED, family("b", document("e", BAN))])
    facts = replace(facts, origins=tuple(replace(o, without=("b",)) for o in facts.origins))
    found = decisions.evaluate(ask(), facts.normal())
    assert (found.verdict, Reason("absence", "b", about="src") in found.reasons) == (Verdict.PERMIT, True)
    passed = replace(facts, families=(family("a", document("d", OWNED)), facts.families[1]))
    found = decisions.evaluate(model(), passed.normal())
    assert (found.verdict, found.reasons, found.left_out) == (
        Verdict.PERMIT,
        (Reason("absence", "b", about="src"),),
        (),
    )


def test_a_model_that_is_not_passed_on_leaves_out_everybody_by_all_that_refuses() -> None:
    facts = world([family("a", document("d", OWNED)), family("b", document("e"))])
    found = decisions.evaluate(model(), facts.normal())
    assert found.left_out == (LeftOut(("a", "b"), ("model-ownership",)),)
    assert (found.verdict, found.plan, found.reasons) == (Verdict.DENY, None, (Reason("model-ownership", "b"),))


# the whole decision


def test_a_decision_carries_what_it_was_made_from_and_how_well_it_is_known() -> None:
    facts = dark(completeness=Completeness.PARTIAL, reasons=("not-finished",))
    found = engine.decide(ask(), facts)
    assert (found.completeness, found.completeness_reasons) == (Completeness.PARTIAL, ("not-finished",))
    assert (found.facts_digest, found.rules_version) == (facts.normal().digest(), "2")
    assert (found.verdict, found.remedies, found.holds_until) == (Verdict.PERMIT, (), None)
    denied = engine.decide(ask(), world([family("a", document("d"))]))
    assert (
        denied.remedies and not engine.decide(ask(), world([family("a", document("d"))]), with_remedies=False).remedies
    )


def test_consents_are_needed_for_the_customers_and_people_in_question() -> None:
    facts = world(
        [GRANTED, family("b", document("e", grant("h")))], columns={"text": ("customer.content", "user.contact.email")}
    )
    facts = replace(facts, declarations=(replace(facts.declarations[0], subject_space="people", controller="ctl"),))
    assert [(n.customer, n.space, n.controller, n.need) for n in engine.consents_needed(ask(), facts)] == [
        ("a", "people", "ctl", "consent"),
        ("b", "people", "ctl", "consent"),
    ]
    assert engine.consents_needed(ask(), replace(facts, dataset=replace(facts.dataset, known=False))) == ()
    back = ask(action="return", recipient="pty-a")  # its own rows go back to a without a question
    assert [n.customer for n in engine.consents_needed(back, facts)] == ["b"]
    with pytest.raises(questions.BadQuestion):
        engine.consents_needed(ask(action="nosuch"), facts)


def test_whom_a_model_serves_matters_from_then_on() -> None:
    serves = ServedTo("pty-z", NOW, NOW + timedelta(hours=1))
    ban = document("d", grant(), clause("r", "PartyRestriction", parties=["pty-z"]))
    facts = world([family("a", ban)], models=(Model("m", (serves,)), Model("n")), parties=("pty-z",))
    for hours, served in ((-1, False), (0, True), (1, False)):
        asked = ask(model="m", at=NOW + timedelta(hours=hours), as_known_at=NOW + timedelta(hours=2))
        assert (engine.decide(asked, facts, with_remedies=False).verdict is Verdict.DENY) is served
        assert engine.decide(replace(asked, model="n"), facts, with_remedies=False).verdict is Verdict.PERMIT
    assert engine.decide(ask(at=LONG_AGO, as_known_at=NOW), facts, with_remedies=False).verdict is Verdict.PERMIT
