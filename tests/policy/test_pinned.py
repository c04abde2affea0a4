"""Worlds made by hand, one for each sentence of SEMANTICS that a random world may miss; engine and reference must both see it so."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from governance.policy import engine
from governance.policy.values import (
    AppliedList,
    Basis,
    Built,
    Column,
    ColumnCategory,
    ConsentView,
    Declaration,
    Facts,
    Identity,
    InPlace,
    KeyColumn,
    Known,
    Membership,
    Model,
    Need,
    Obligation,
    OptIn,
    Origin,
    OwnerRelease,
    Path,
    Prevails,
    ServedTo,
    Version,
)
from governance.policy.values import Bounds as B
from tests.policy.answering import BOTH, MALFORMED, Answerer, released
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, D, S, ask, clause, document, family, grant, world

both = pytest.mark.parametrize("answer", BOTH, ids=["engine", "reference"])
YESTERDAY, TOMORROW = NOW - timedelta(days=1), NOW + timedelta(days=1)


def codes(answer: Answerer, question: Any, facts: Facts) -> set[str]:
    return {code for code, _, _ in answer(question, facts).codes}


def view(customer: str = "a", need: Need = Need.CONSENT, **more: Any) -> ConsentView:
    kind = "except" if need in (Need.NO_OBJECTION, Need.NOTHING) else "only"
    return ConsentView(**{"customer": customer, "space": "people", "controller": "ctl", "need": need, "kind": kind, "count": 5, "digest": "d", "position": 1, "registered": 8, "allowed": 5, **more})  # fmt: skip


def with_people(facts: Facts, *, keyed: bool = True) -> Facts:
    """The source has a subject column, and D, if `keyed`, too."""
    about = replace(facts.declarations[0], subject_column="person", subject_space="people", controller="ctl")
    more = (Identity("person", "person", "people"),) if keyed else ()
    return replace(facts, declarations=(about,), identities=(*facts.identities, *more))


# --- contracts


@both
def test_refusal_trumps_every_grant_after_the_contract_ended(answer: Answerer) -> None:
    ended = document(
        "old", clause("ban", "Prohibition", actions=["train"], categories=["customer.content"]), terminated_at=YESTERDAY
    )
    facts = world(
        [family("a", ended, document("new", grant()), ref="f1"), family("a", document("other", grant("g2")), ref="f2")]
    )
    assert not released(answer(ask(), facts))
    assert "prohibition" in codes(answer, ask(), facts)


@both
def test_a_repealed_grant_never_returns_but_a_repealed_ban_does(answer: Answerer) -> None:
    def told(repealed: str, end: Any) -> Facts:
        first = document(
            "d1", grant("g1"), clause("ban", "Prohibition", actions=["train"], categories=["customer.usage"])
        )
        return world([family("a", first, document("d2", grant("g2", "customer.usage"), repeals=(repealed,), terminated_at=end), document("d3"))], columns={"text": ("customer.content",), "use": ("customer.usage",)})  # fmt: skip

    assert ("a", "text") not in released(answer(ask("text"), told("g1", None)))
    assert ("a", "text") not in released(answer(ask("text"), told("g1", YESTERDAY)))
    assert ("a", "use") in released(answer(ask("use"), told("ban", None)))
    assert ("a", "use") not in released(answer(ask("use"), told("ban", YESTERDAY)))


@both
def test_a_repealed_offer_does_not_return_when_the_repealing_document_ends(answer: Answerer) -> None:
    first = document("d1", clause("off", "OptInOffer", discount="8 %"), grant("g", "customer", offer="off"))
    facts = world(
        [family("a", first, document("d2", repeals=("off",), terminated_at=YESTERDAY))],
        opt_ins=(OptIn("off", "a", LONG_AGO),),
    )
    assert not released(answer(ask(), facts))


@both
def test_prohibited_is_lifted_only_by_the_same_or_a_prevailing_document(answer: Answerer) -> None:
    position = clause("pos", "TrainingPosition", position="prohibited")
    carve = world([family("a", document("d1", position, grant()))])
    beside = world([family("a", document("d1", position), document("d2", grant()))])
    above = world(
        [
            family(
                "a",
                document("d1", position),
                document("d2", grant(), prevails=(Prevails("d1", ("train",), ("customer",)),)),
            )
        ]
    )
    assert released(answer(ask(), carve)) and released(answer(ask(), above))
    assert codes(answer, ask(), beside) >= {"prohibited-by-contract"}


@both
def test_a_ban_yields_only_for_every_category_it_touches(answer: Answerer) -> None:
    ban = document("d1", clause("ban", "Prohibition", actions=["train"]))
    columns = {"text": ("customer.content", "system.operations")}

    def told(*categories: str) -> Facts:
        return world(
            [family("a", ban, document("d2", grant(), prevails=(Prevails("d1", ("train",), categories),)))],
            columns=columns,
        )

    assert not released(answer(ask(), told("customer")))
    assert released(answer(ask(), told("customer", "system")))


@both
def test_two_documents_that_conflict_without_precedence_refuse(answer: Answerer) -> None:
    facts = world(
        [
            family(
                "a",
                document("d1", grant()),
                document("d2", clause("ban", "Prohibition", actions=["train"], categories=["customer.content"])),
            )
        ]
    )
    assert answer(ask(), facts).verdict == "deny"


@both
def test_a_grant_must_cover_every_category_of_the_column(answer: Answerer) -> None:
    facts = world(
        [family("a", document("d", grant("g", "customer.content")))],
        columns={"text": ("customer.content", "customer.usage")},
    )
    assert codes(answer, ask(), facts) >= {"not-granted"}


@both
def test_a_family_that_is_silent_neither_helps_nor_hurts(answer: Answerer) -> None:
    facts = world([family("a", document("d1", grant()), ref="f1"), family("a", document("d2"), ref="f2")])
    assert answer(ask(), facts).verdict == "permit"


@both
@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"offer": "off"}, "opt-in-inactive"),
        ({"customer_only": True}, "customer-only"),
        ({"recipients": ["pty-x"]}, "recipient-not-covered"),
        ({"regions": ["eu"]}, "region-unknown"),
        ({"until": "2026-10-31"}, "not-granted"),
    ],
)
def test_a_condition_that_does_not_hold_has_its_own_name(
    answer: Answerer, condition: dict[str, Any], code: str
) -> None:
    facts = world(
        [family("a", document("d", clause("off", "OptInOffer", discount="8 %"), grant("g", "customer", **condition)))]
    )
    expected = "action-not-granted" if "until" in condition else code
    assert expected in codes(answer, ask(), facts)


@both
def test_conditions_that_hold_permit(answer: Answerer) -> None:
    said = grant(
        "g", "customer", offer="off", regions=["eu"], recipients=["pty-x"], until="2026-11-02", customer_only=True
    )
    facts = world(
        [family("a", document("d", clause("off", "OptInOffer", discount="8 %"), said))],
        opt_ins=(OptIn("off", "a", LONG_AGO),),
        models=(Model("m", (ServedTo("pty-a", LONG_AGO),)),),
    )
    assert answer(ask(region="eu", recipient="pty-x", model="m"), facts).verdict == "permit"
    assert answer(ask(region="us", recipient="pty-x", model="m"), facts).verdict == "deny"


@both
def test_a_silent_position_names_the_refusal_of_training_alone(answer: Answerer) -> None:
    said = document(
        "d", clause("pos", "TrainingPosition", position="silent"), grant("g", "customer", actions=["review"])
    )
    assert codes(answer, ask(), world([family("a", said)])) >= {"contract-silent"}
    assert codes(answer, ask(action="improve"), world([family("a", said)])) >= {"action-not-granted"}


@both
def test_an_unencoded_term_without_categories_takes_the_rows_and_with_them_the_cells(answer: Answerer) -> None:
    columns = {"text": ("customer.content",), "use": ("customer.usage",)}
    whole = world([family("a", document("d", grant(), clause("u", "UnencodedTerm")))], columns=columns)
    part = world(
        [family("a", document("d", grant(), clause("u", "UnencodedTerm", categories=["customer.usage"])))],
        columns=columns,
    )
    other = world(
        [family("a", document("d", grant(), clause("u", "UnencodedTerm", actions=["serve"])))], columns=columns
    )
    assert answer(ask("text", "use"), whole).verdict == "deny"
    assert released(answer(ask("text", "use"), part)) == {("a", "text")}
    assert answer(ask("text", "use"), other).verdict == "permit"


@both
def test_no_contract_and_an_ended_one_are_told_apart(answer: Answerer) -> None:
    over = document("d", grant(), expires_at=YESTERDAY)
    assert "contract-ended" in codes(answer, ask(), world([family("a", over)]))
    assert "no-contract" in codes(answer, ask(), world([], customers=("a",)))
    renewed = replace(over, renewal="automatic")
    assert answer(ask(), world([family("a", renewed)])).verdict == "permit"


@both
def test_a_document_counts_when_signed_activated_recorded_and_in_effect(answer: Answerer) -> None:
    for missing in ({"signed_on": None}, {"activated": False}, {"recorded_at": TOMORROW}, {"effective_at": TOMORROW}):
        assert answer(ask(), world([family("a", document("d", grant(), **missing))])).verdict == "deny"


@both
def test_a_form_accepted_anew_says_again_what_was_repealed_of_its_first_acceptance(answer: Answerer) -> None:
    said = (grant(), clause("ban", "Prohibition", actions=["train"], categories=["customer.content"]))
    first = document("d1", *said)
    amendment = document("d2", repeals=("ban",), signed_on=date(2025, 6, 1))
    again = document("d3", *said, signed_on=date(2026, 1, 1))
    assert released(answer(ask(), world([family("a", first, amendment)])))
    assert codes(answer, ask(), world([family("a", first, amendment, again)])) >= {"prohibition"}


@both
def test_a_repeal_reaches_earlier_documents_alone_unless_it_takes_a_grant(answer: Answerer) -> None:
    ban = clause("ban", "Prohibition", actions=["train"], categories=["customer.content"])
    early = document("d1", grant("g", "customer"), repeals=("ban", "g2"), signed_on=date(2025, 1, 1))
    later = document("d2", ban, signed_on=date(2026, 1, 1))
    assert codes(answer, ask(), world([family("a", early, later)])) >= {"prohibition"}
    regrant = document("d2", grant("g2", "customer.usage"), signed_on=date(2026, 1, 1))
    facts = world(
        [family("a", document("d0"), document("d1", repeals=("g2",)), regrant)], columns={"use": ("customer.usage",)}
    )
    assert not released(answer(ask("use"), facts))


@both
def test_a_scoped_offer_is_none_outside_its_scope(answer: Answerer) -> None:
    def told(*scope: str) -> Facts:
        offer = clause("off", "OptInOffer", scope=scope, discount="8 %")
        said = document("d", offer, grant("g", "customer", offer="off"))
        return world([family("a", said)], opt_ins=(OptIn("off", "a", LONG_AGO),))

    assert answer(ask(), told("desk")).verdict == "permit"
    assert codes(answer, ask(), told("chat")) >= {"opt-in-inactive"}


@both
def test_naming_no_recipient_stands_for_every_entity_of_the_vendor(answer: Answerer) -> None:
    two = ("pty-v1", "pty-v2")
    restricted = document("d", grant(), clause("r", "PartyRestriction", groups=["grp-rivals"]))
    facts = world(
        [family("a", restricted)], vendor_parties=two, memberships=(Membership("grp-rivals", "pty-v2", LONG_AGO),)
    )
    assert answer(ask(recipient="pty-v1"), facts).verdict == "permit"
    assert codes(answer, ask(recipient="pty-v2"), facts) >= {"party-restriction"}
    assert codes(answer, ask(), facts) >= {"party-restriction"}
    both_named = world([family("a", document("d", grant("g", recipients=list(two))))], vendor_parties=two)
    one_named = world([family("a", document("d", grant("g", recipients=["pty-v1"])))], vendor_parties=two)
    assert answer(ask(), both_named).verdict == "permit"
    assert codes(answer, ask(), one_named) >= {"recipient-not-covered"}
    assert answer(ask(recipient="pty-v1"), one_named).verdict == "permit"
    assert codes(answer, ask(), replace(both_named, vendor_parties=())) >= {"recipient-not-covered"}


@both
def test_accepted_use_needs_who_signed_and_an_end_or_cannot_be_read(answer: Answerer) -> None:
    def told(**more: str) -> Facts:
        return world([family("a", document("d", grant("g", basis="accepted-use", **more)))])

    assert answer(ask(), told(signatory="N. N.", until="2027-01-01")).verdict == "permit"
    assert answer(ask(), told(signatory="N. N.", until="2026-11-01")).verdict == "deny"
    for lacking in (told(signatory="N. N."), told(until="2027-01-01")):
        assert codes(answer, ask(), lacking) >= {"unreadable-fact"}


@both
def test_the_strictest_position_of_a_family_counts(answer: Answerer) -> None:
    def told(*positions: str) -> Facts:
        said = [document(f"p{n}", clause(f"c{n}", "TrainingPosition", position=p)) for n, p in enumerate(positions)]
        return world([family("a", *said, document("d", grant("g", "customer.usage")))])

    assert "prohibited-by-contract" in codes(answer, ask(), told("silent", "prohibited", "negotiated"))
    assert "contract-silent" in codes(answer, ask(), told("negotiated", "silent"))
    assert "not-granted" in codes(answer, ask(), told("negotiated"))


@both
def test_a_prohibited_position_outlives_its_document_and_its_coverage(answer: Answerer) -> None:
    old = document("d1", clause("pos", "TrainingPosition", position="prohibited"), terminated_at=YESTERDAY)
    facts = world([family("a", old, document("d2", grant()))])
    assert codes(answer, ask(), facts) >= {"prohibited-by-contract"}
    left = world([family("a", document("d1", clause("u", "UnencodedTerm")), ref="f1", valid_to=YESTERDAY), family("a", document("d2", grant()), ref="f2")])  # fmt: skip
    assert codes(answer, ask(), left) >= {"unencoded-term"}


@both
def test_a_document_that_renews_itself_runs_until_somebody_ends_it(answer: Answerer) -> None:
    def told(renewal: str, **more: Any) -> Facts:
        return world([family("a", document("d", grant(), expires_at=YESTERDAY, renewal=renewal, **more))])

    assert answer(ask(), told("none")).verdict == "deny"
    for renewal in ("automatic", "evergreen"):
        assert answer(ask(), told(renewal)).verdict == "permit"
        assert answer(ask(), told(renewal, terminated_at=NOW)).verdict == "deny"
        assert answer(ask(), told(renewal, terminated_at=TOMORROW)).verdict == "permit"


# --- rows, keys, the plan


@both
def test_who_may_not_be_used_is_left_out_where_the_key_says_whose_a_row_is(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant())), family("b", document("e"))])
    result = answer(ask(), facts)
    assert (result.verdict, result.members) == ("permit_with_plan", {"a"})
    blurred = answer(ask(), replace(facts, identities=()))
    assert blurred.verdict == "deny"
    assert ("not-separable", "a", "text") in blurred.codes


@both
def test_blank_for_one_is_blank_for_all_where_nobody_can_be_told_apart(answer: Answerer) -> None:
    facts = world(
        [family("a", document("d", grant())), family("b", document("e", grant("g2", "customer.usage")))],
        columns={"text": ("customer.content",), "use": ("customer.usage",)},
        keyed=False,
    )
    result = answer(ask("text", "use"), facts)
    assert {key: kind for key, (kind, _) in result.cells.items()} == {
        ("a", "text"): "blank", ("a", "use"): "keep", ("b", "text"): "blank", ("b", "use"): "keep",
    }  # fmt: skip


@both
def test_a_presence_refusal_of_one_refuses_the_release_where_it_cannot_be_left_out(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))], customers=("a", "b"), keyed=False)
    assert ("not-separable", "", "") in answer(ask(), facts).codes


@both
def test_rows_of_nobody_are_left_out_and_what_nobody_counted_is_taken_for_some(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))])
    for count, verdict in ((0, "permit"), (7, "permit_with_plan"), (None, "permit_with_plan")):
        counted = replace(facts, declarations=(replace(facts.declarations[0], unmapped_rows=count),))
        assert answer(ask(), counted).verdict == verdict
        assert answer(ask(), replace(counted, identities=())).verdict == ("permit" if count == 0 else "deny")


@both
def test_a_class_of_blanks_or_without_a_required_column_is_left_out(answer: Answerer) -> None:
    facts = world(
        [family("a", document("d", grant())), family("b", document("e", grant("g2", "customer.usage")))],
        columns={"text": ("customer.content",), "use": ("customer.usage",)},
    )
    assert answer(ask("text", "use"), facts).members == {"a", "b"}
    assert answer(ask("text", "use", required=("text",)), facts).members == {"a"}
    assert ("all-blank", "b", "") in answer(ask("text"), facts).codes


@both
def test_joining_brings_presence_that_some_grant_must_carry(answer: Answerer) -> None:
    joined = (Origin("", "src", NS, S, "tenant", Path.PRESENCE),)
    facts = world(
        [family("a", document("d", grant())), family("b", document("e"))], source_keys=(KeyColumn(NS, S, "tenant"),)
    )
    result = answer(ask(), replace(facts, origins=(*facts.origins, *joined)))
    assert result.members == {"a"} and ("presence-not-granted", "b", "") in result.codes
    through_all = (Origin("", "src", NS, S, "*", Path.PRESENCE),)
    assert ("uncategorised-column", "a", "") in answer(
        ask(), replace(facts, origins=(*facts.origins, *through_all))
    ).codes


@both
def test_a_ban_on_the_column_that_filters_leaves_the_rows_out(answer: Answerer) -> None:
    ban = document("d", grant(), clause("ban", "Prohibition", actions=["train"], categories=["customer.usage"]))
    facts = world([family("a", ban)], columns={"text": ("customer.content",), "use": ("customer.usage",)})
    filtered = replace(facts, origins=(facts.origins[0], Origin("", "src", NS, S, "use", Path.PRESENCE)))
    assert ("prohibition", "a", "") in answer(ask("text"), filtered).codes
    assert answer(ask("text"), facts).verdict == "permit"


@both
def test_a_deletion_that_is_due_or_proposed_stops_everything_but_the_return(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))], obligations=(Obligation("obl", "a", "proposed", TOMORROW),))
    assert "deletion-open" in codes(answer, ask(), facts)
    assert answer(ask(action="return", recipient="pty-a"), facts).verdict == "permit"
    assert answer(ask(action="return", recipient="pty-x"), facts).verdict == "deny"


@both
def test_data_go_back_without_grant_contract_or_consent_but_to_its_owner_alone(answer: Answerer) -> None:
    facts = with_people(
        world(
            [family("b", document("d"))],
            customers=("a", "b"),
            columns={"mail": ("customer.content", "user.contact.email")},
        )
    )
    result = answer(ask("mail", action="return", recipient="pty-a"), facts)
    assert result.members == {"a"} and not result.lists
    ban = world([family("a", document("d", clause("ban", "Prohibition", actions=["return"])))])
    assert answer(ask(action="return", recipient="pty-a"), ban).verdict == "deny"


@both
def test_absent_customers_are_not_asked_about(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))], customers=("a", "b"))
    gone = replace(facts, origins=tuple(replace(o, without=("b",)) for o in facts.origins))
    assert answer(ask(), facts).verdict == "permit_with_plan" and answer(ask(), gone).verdict == "permit"


@both
def test_a_ban_on_everything_reaches_the_key_by_which_a_customer_is_present(answer: Answerer) -> None:
    def told(*clauses: Any) -> Facts:
        said = family("a", document("d", grant(), *clauses))
        facts = world([said, family("b", document("e", grant("g2")))], source_keys=(KeyColumn(NS, S, "tenant"),))
        mine, theirs = (replace(facts.declarations[0], ref=f"src-{u}", customers=(u,)) for u in ("a", "b"))
        joined = (Origin("", "src-a", NS, S, "tenant", Path.PRESENCE), Origin("text", "src-b", NS, S, "text"))
        return replace(facts, declarations=(mine, theirs), origins=joined)

    assert answer(ask(), told()).verdict == "permit"
    for categories in (["*"], ["customer"]):
        everything = clause("ban", "Prohibition", actions=["train"], categories=categories)
        assert ("prohibition", "a", "") in answer(ask(), told(everything)).codes
    assert ("unencoded-term", "a", "") in answer(
        ask(), told(clause("u", "UnencodedTerm", categories=["customer"]))
    ).codes
    for other in (["customer.usage"], ["user"]):
        assert (
            answer(ask(), told(clause("ban", "Prohibition", actions=["train"], categories=other))).verdict == "permit"
        )


@both
def test_an_unreadable_category_of_a_column_that_filters_leaves_the_rows_out(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))], columns={"text": ("customer.content",), "use": ("customer.usage", "no.such")})  # fmt: skip
    filtered = replace(facts, origins=(facts.origins[0], Origin("", "src", NS, S, "use", Path.PRESENCE)))
    assert ("unreadable-fact", "a", "") in answer(ask(), filtered).codes
    assert answer(ask(), facts).verdict == "permit"


@both
def test_what_is_blank_sets_no_time_to_delete(answer: Answerer) -> None:
    said = document("d", grant("g1", "customer.content", max_retention_days=10), grant("g2", "customer.usage", max_retention_days=90))  # fmt: skip
    columns = {"mail": ("customer.content", "user.contact.email"), "use": ("customer.usage",)}
    facts = with_people(world([family("a", said)], columns=columns), keyed=False)
    assert answer(ask("mail", "use"), facts).days == 90


# --- provenance


@both
def test_what_nobody_knows_refuses_by_name(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))])
    assert codes(answer, ask(dataset="else"), facts) == {"unknown-dataset"}
    dark = replace(facts, dataset=replace(facts.dataset, undeclared=("raw docs",)))
    assert codes(answer, ask(), dark) >= {"undeclared-source", "unknown-provenance"}
    assert codes(answer, ask(), replace(facts, origins=())) == {"unknown-provenance"}
    assert "unknown-provenance" in codes(answer, ask("column-nobody-saw"), facts)


@both
def test_an_uncategorised_column_is_a_gap_of_its_cell(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))], columns={"text": ("customer.content",), "new": ()})
    result = answer(ask("text", "new"), facts)
    assert released(result) == {("a", "text")} and ("uncategorised-column", "a", "new") in result.codes
    separable = with_people(
        facts
    )  # whose rows they are is known, and what the column holds is not: explicit consent is needed
    assert not released(answer(ask("text", "new"), separable))
    consented = replace(separable, consents=(view(need=Need.EXPLICIT),))
    assert answer(ask("text", "new"), consented).lists == {("a", "people", "ctl", "explicit")}


@both
def test_a_star_needs_a_schema_of_which_every_column_is_categorised(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant()))])
    star = replace(facts, origins=(Origin("text", "src", NS, S, "*"),))
    assert "uncategorised-column" in codes(answer, ask(), star)  # the tenant column has no category
    named = replace(star, categories=(*star.categories, ColumnCategory(NS, S, "tenant", "customer.content")))
    assert answer(ask(), named).verdict == "permit"
    assert "uncategorised-column" in codes(answer, ask(), replace(named, schemas=()))


@both
def test_a_scoped_ban_touches_what_is_not_known_to_be_outside(answer: Answerer) -> None:
    ban = family("a", document("d", grant(), clause("ban", "Prohibition", scope=("chat",), actions=["train"])))
    facts = world([ban])
    assert answer(ask(), facts).verdict == "permit"
    unknown = replace(facts, declarations=(replace(facts.declarations[0], product=""),))
    assert answer(ask(), unknown).verdict == "deny"


# --- people


PERSONAL = {"mail": ("customer.content", "user.contact.email")}


@both
def test_without_a_basis_consent_is_needed_and_gives_at_most_a_plan(answer: Answerer) -> None:
    facts = with_people(world([family("a", document("d", grant()))], columns=PERSONAL, consents=(view(),)))
    result = answer(ask("mail"), facts)
    assert result.verdict == "permit_with_plan" and result.lists == {("a", "people", "ctl", "consent")}


@both
def test_where_no_key_says_who_a_row_is_about_personal_columns_are_blank(answer: Answerer) -> None:
    columns = {**PERSONAL, "use": ("customer.usage",)}
    facts = with_people(world([family("a", document("d", grant()))], columns=columns, consents=(view(),)), keyed=False)
    assert released(answer(ask("mail", "use"), facts)) == {("a", "use")}


@both
def test_a_warranty_of_the_customer_asks_nobody_a_legitimate_interest_who_objects(answer: Answerer) -> None:
    facts = with_people(world([family("a", document("d", grant()))], columns=PERSONAL))
    warranted = replace(
        facts,
        bases=(Basis("b", "a", "user", "train", PURPOSE, "customer-warranty", LONG_AGO),),
        consents=(view(need=Need.NOTHING, count=0),),
    )
    assert answer(ask("mail"), warranted).verdict == "permit"
    minors = replace(warranted, consents=(view(need=Need.NOTHING, count=2),))
    assert answer(ask("mail"), minors).verdict == "permit_with_plan"
    interest = replace(
        facts,
        bases=(Basis("b", "a", "user", "train", PURPOSE, "legitimate-interest", LONG_AGO),),
        consents=(view(need=Need.NO_OBJECTION),),
    )
    assert answer(ask("mail"), interest).lists == {("a", "people", "ctl", "no-objection")}


@both
def test_of_several_bases_the_strictest_counts_and_one_that_only_touches_does_not_help(answer: Answerer) -> None:
    warranty = Basis("b1", "a", "user", "train", PURPOSE, "customer-warranty", LONG_AGO)
    strict = Basis("b2", "a", "user.contact.email", "train.finetune", PURPOSE, "explicit-consent", LONG_AGO)
    facts = with_people(
        world([family("a", document("d", grant()))], columns=PERSONAL, consents=(view(need=Need.EXPLICIT), view()))
    )
    assert answer(ask("mail"), replace(facts, bases=(warranty, strict))).lists == {("a", "people", "ctl", "explicit")}
    narrow = Basis("b3", "a", "user.contact.email.x", "train", PURPOSE, "customer-warranty", LONG_AGO)
    assert answer(ask("mail"), replace(facts, bases=(narrow,))).lists == {("a", "people", "ctl", "consent")}


@both
def test_special_categories_need_explicit_consent_whatever_the_basis(answer: Answerer) -> None:
    columns = {"mail": ("customer.content", "user.health_and_medical.genetic")}
    warranty = Basis("b1", "a", "user", "train", PURPOSE, "customer-warranty", LONG_AGO)
    facts = with_people(
        world(
            [family("a", document("d", grant()))],
            columns=columns,
            consents=(view(need=Need.EXPLICIT),),
            bases=(warranty,),
        )
    )
    assert answer(ask("mail"), facts).lists == {("a", "people", "ctl", "explicit")}


@both
def test_a_consent_list_that_cannot_be_read_lets_nobody_pass(answer: Answerer) -> None:
    facts = with_people(world([family("a", document("d", grant()))], columns=PERSONAL))
    assert answer(ask("mail"), facts).verdict == "deny"
    nobody = replace(facts, consents=(view(count=0, allowed=0, withdrawn=8),))
    assert "consent-withdrawn" in codes(answer, ask("mail"), nobody)


@both
def test_an_erasure_of_some_people_leaves_only_them_out(answer: Answerer) -> None:
    duty = Obligation("obl", "a", "open", TOMORROW, subject_space="people", subjects=2, digest="d")
    facts = with_people(world([family("a", document("d", grant()))], obligations=(duty,)))
    result = answer(ask(), facts)
    assert result.erased == {("a", "people")} and result.members == {"a"}


@both
def test_own_data_need_the_vendor_as_controller_and_a_basis_where_they_are_personal(answer: Answerer) -> None:
    own = Declaration("own", NS, S, no_customer_data=True, controller="v", controller_is_vendor=True)
    facts = world([], columns={"mail": ("user.contact.email",)}, declarations=(own,))
    facts = replace(facts, origins=tuple(replace(o, declaration="own") for o in facts.origins))
    assert codes(answer, ask("mail"), facts) >= {"no-basis"}
    based = replace(facts, bases=(Basis("b", "", "user", "train", PURPOSE, "legal-duty", LONG_AGO),))
    assert answer(ask("mail"), based).verdict == "permit"
    named = replace(based, declarations=(replace(own, controller_is_vendor=False),))
    assert answer(ask("mail"), named).verdict == "deny"


@both
def test_a_person_to_erase_whom_nobody_can_tell_apart_blanks_the_columns_about_people(answer: Answerer) -> None:
    duty = Obligation("obl", "a", "open", TOMORROW, subject_space="people", subjects=2, digest="d")
    warranty = Basis("b", "a", "user", "train", PURPOSE, "customer-warranty", LONG_AGO)
    columns = {**PERSONAL, "use": ("customer.usage",)}
    facts = world([family("a", document("d", grant()))], columns=columns, bases=(warranty,))
    assert released(answer(ask("mail", "use"), facts)) == {("a", "mail"), ("a", "use")}
    result = answer(ask("mail", "use"), replace(facts, obligations=(duty,)))
    assert released(result) == {("a", "use")} and ("deletion-open", "a", "mail") in result.codes
    unkeyed = with_people(replace(facts, obligations=(duty,)), keyed=False)
    assert released(answer(ask("mail", "use"), unkeyed)) == {("a", "use")}


@both
def test_people_are_counted_by_what_their_rows_need_whoever_made_sure_of_it(answer: Answerer) -> None:
    said = [family("a", document("d", grant())), family("b", document("e"))]
    facts = with_people(world(said, columns=PERSONAL, consents=(view("a"), view("b", allowed=3))))
    assert answer(ask("mail"), facts).people == (5, 3, 3, 5)
    assert answer(ask("mail"), with_people(replace(facts, identities=()), keyed=False)).people == (5, 3, 3, 5)
    row = AppliedList("people", "ctl", Need.CONSENT, NOW - timedelta(hours=1))
    built = replace(facts, built=Built("p", (row,)))
    assert answer(ask("mail"), built).people == (5, 3, 3, 5)
    assert answer(ask("mail"), replace(facts, consents=(view("a", need=Need.EXPLICIT),))).people == (0, 8, 0, 0)


@both
def test_an_applied_list_counts_while_it_is_fresh_and_strict_enough(answer: Answerer) -> None:
    facts = with_people(world([family("a", document("d", grant()))], columns=PERSONAL, consents=(view(),)))

    def told(need: Need = Need.CONSENT, hours: int = 1, gone: int = 0) -> Any:
        row = AppliedList("people", "ctl", need, NOW - timedelta(hours=hours), gone)
        return answer(ask("mail"), replace(facts, built=Built("p", (row,))))

    assert told().verdict == told(Need.EXPLICIT, 23).verdict == "permit"
    for stale in (told(hours=24), told(gone=1), told(Need.NO_OBJECTION)):
        assert stale.verdict == "permit_with_plan" and ("stale", "a", "") in stale.codes


# --- safeguards


def deidentified(**more: Any) -> InPlace:
    return InPlace(
        "run-1", "deidentified", Known.MEASURED, bounds=B(k=20), quasi_identifiers=("text", "use", "mail"), **more
    )


NEEDS_K = {"safeguards": [{"kind": "deidentified", "k": 20, "known": "measured"}]}


@both
def test_a_missing_safeguard_is_a_duty_and_one_in_place_is_none(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant("g", "customer", **NEEDS_K)))])
    assert {kind for kind, _ in answer(ask(), facts).cells.values()} == {"apply"}
    assert answer(ask(), replace(facts, safeguards=(deidentified(),))).verdict == "permit"
    two = replace(facts.dataset, versions=(*facts.dataset.versions, Version(D, "run-2", LONG_AGO)))
    assert answer(ask(), replace(facts, dataset=two, safeguards=(deidentified(),))).verdict == "permit_with_plan"


@both
def test_k_counts_over_all_quasi_identifiers_and_never_on_free_text(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant("g", "customer", **NEEDS_K)))], safeguards=(deidentified(),))
    assert answer(ask(), replace(facts, quasi_identifiers=("text", "age"))).verdict == "permit_with_plan"
    assert (
        answer(ask(), replace(facts, dataset=replace(facts.dataset, columns=(Column("text", "text"),)))).verdict
        == "permit_with_plan"
    )
    low = replace(deidentified(), bounds=B(k=5))
    assert "k-too-low" in codes(answer, ask(), replace(facts, safeguards=(low,)))


@both
def test_a_claim_satisfies_only_who_is_content_with_a_claim(answer: Answerer) -> None:
    masked = {"origins": (Origin("text", "src", NS, S, "text", masked=True),)}
    content = world(
        [
            family(
                "a", document("d", grant("g", "customer", safeguards=[{"kind": "pseudonymised", "known": "claimed"}]))
            )
        ],
        **masked,
    )
    strict = world([family("a", document("d", grant("g", "customer", safeguards=["pseudonymised"])))], **masked)
    assert answer(ask(), content).verdict == "permit"
    assert answer(ask(), strict).verdict == "permit_with_plan"


@both
def test_k_is_measured_again_when_rows_are_left_out(answer: Answerer) -> None:
    families = [family("a", document("d", grant("g", "customer", **NEEDS_K))), family("b", document("e"))]
    result = answer(ask(), world(families, safeguards=(deidentified(),)))
    assert result.cells["a", "text"][0] == "apply"
    assert answer(ask(), world(families[:1], safeguards=(deidentified(),))).verdict == "permit"


@both
def test_the_grant_with_the_fewest_missing_duties_is_chosen_and_categories_add_up(answer: Answerer) -> None:
    two = document(
        "d",
        grant("g1", "customer", safeguards=["aggregated", "dp"]),
        grant("g2", "customer", safeguards=["pseudonymised"]),
    )
    assert [d[0] for d in answer(ask(), world([family("a", two)])).cells["a", "text"][1]] == ["pseudonymised"]
    parts = document(
        "d",
        grant("g1", "customer.content", safeguards=["dp"]),
        grant("g2", "customer.usage", safeguards=["pseudonymised"]),
    )
    added = answer(ask(), world([family("a", parts)], columns={"text": ("customer.content", "customer.usage")}))
    assert {d[0] for d in added.cells["a", "text"][1]} == {"dp", "pseudonymised"}


@both
def test_anonymised_by_declaration_takes_a_column_off_the_personal_axis(answer: Answerer) -> None:
    facts = with_people(world([family("a", document("d", grant()))], columns=PERSONAL), keyed=False)
    assert answer(ask("mail"), facts).verdict == "deny"
    attested = replace(facts, safeguards=(InPlace("run-1", "anonymised", Known.DECLARED),))
    assert answer(ask("mail"), attested).verdict == "permit"


@both
def test_anonymised_can_only_be_declared(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant("g", safeguards=[{"kind": "pseudonymised", "known": "claimed"}])))])
    for known, verdict in (
        (Known.DECLARED, "permit"),
        (Known.MEASURED, "permit_with_plan"),
        (Known.CLAIMED, "permit_with_plan"),
    ):
        assert answer(ask(), replace(facts, safeguards=(InPlace("run-1", "anonymised", known),))).verdict == verdict


@both
@pytest.mark.parametrize(
    ("needed", "found", "met"),
    [
        ({"kind": "aggregated", "n": 10, "c": 3}, B(n=10, c=3), True),
        ({"kind": "aggregated", "n": 10, "c": 3}, B(n=9, c=3), False),
        ({"kind": "aggregated", "n": 10, "c": 3}, B(n=10), False),
        ({"kind": "dp", "epsilon": "0.5"}, B(epsilon="0.5"), True),
        ({"kind": "dp", "epsilon": "0.5"}, B(epsilon="0.6"), False),
        ({"kind": "dp", "epsilon": "0.5"}, B(), False),
    ],
)
def test_bounds_are_met_by_values_at_least_as_strict(
    answer: Answerer, needed: dict[str, Any], found: B, met: bool
) -> None:
    facts = world([family("a", document("d", grant("g", safeguards=[needed])))])
    held = InPlace("run-1", needed["kind"], Known.MEASURED, bounds=found)
    assert answer(ask(), replace(facts, safeguards=(held,))).verdict == ("permit" if met else "permit_with_plan")


@both
def test_a_standard_is_met_by_that_standard_alone(answer: Answerer) -> None:
    facts = world([family("a", document("d", grant("g", safeguards=[{"kind": "deidentified", "standard": "hipaa"}])))])
    for standard, verdict in (("hipaa", "permit"), ("ccpa", "permit_with_plan"), ("", "permit_with_plan")):
        held = InPlace("run-1", "deidentified", Known.DECLARED, standard=standard)
        assert answer(ask(), replace(facts, safeguards=(held,))).verdict == verdict


# --- models


@both
def test_a_model_is_passed_on_only_where_ownership_is_said_and_nothing_forbids_it(answer: Answerer) -> None:
    node = ask(action="serve", purpose="", columns=(), recipient="pty-x")
    node = replace(node, columns=())
    unsaid = world([family("a", document("d", grant()))])
    assert codes(answer, node, unsaid) == {"model-ownership"}
    vendors = world([family("a", document("d", clause("own", "ModelOwnership", owner="vendor")))])
    assert answer(node, vendors).verdict == "permit"
    customers = world([family("a", document("d", clause("own", "ModelOwnership", owner="customer")))])
    assert answer(node, customers).verdict == "deny"
    assert answer(replace(node, recipient="pty-a"), customers).verdict == "permit"
    restricted = world(
        [
            family(
                "a",
                document(
                    "d",
                    clause("own", "ModelOwnership", owner="vendor"),
                    clause("r", "PartyRestriction", parties=["pty-x"]),
                ),
            )
        ]
    )
    assert codes(answer, node, restricted) == {"party-restriction"}
    due = replace(vendors, obligations=(Obligation("obl", "a", "open", TOMORROW),))
    assert codes(answer, node, due) == {"deletion-open"}


@both
def test_a_restricted_party_that_the_model_serves_counts_like_a_recipient(answer: Answerer) -> None:
    facts = world(
        [family("a", document("d", grant(), clause("r", "PartyRestriction", parties=["pty-x"])))],
        models=(Model("m", (ServedTo("pty-x", LONG_AGO),)),),
    )
    assert "party-restriction" in codes(answer, ask(model="m"), facts)
    assert answer(ask(), facts).verdict == "permit"


@both
def test_ownership_must_be_said_of_all_of_the_data_in_a_model(answer: Answerer) -> None:
    node = replace(ask(action="serve", purpose="", recipient="pty-x"), columns=())

    def told(*scope: str) -> Facts:
        facts = world([family("a", document("d", clause("own", "ModelOwnership", scope=scope, owner="vendor")))])
        chat = replace(facts.declarations[0], ref="src-2", product="chat")
        more = Origin("", "src-2", NS, S, "text", Path.PRESENCE)
        return replace(facts, declarations=(*facts.declarations, chat), origins=(*facts.origins, more))

    assert answer(node, told()).verdict == answer(node, told("desk", "chat")).verdict == "permit"
    assert codes(answer, node, told("desk")) == {"model-ownership"}


@both
def test_what_was_undertaken_travels_with_a_model_and_with_data(answer: Answerer) -> None:
    duty = clause("u", "Undertaking", duty="notify-before", days=14, actions=["serve"])
    facts = world([family("a", document("d", clause("own", "ModelOwnership", owner="vendor"), grant(), duty))])
    node = replace(ask(action="serve", purpose="", recipient="pty-x"), columns=())
    assert answer(node, facts).undertakings == {("d", "u")}
    assert not answer(ask(), facts).undertakings
    everywhere = world([family("a", document("d", grant(), clause("u", "Undertaking", duty="attribution")))])
    assert answer(ask(), everywhere).undertakings == {("d", "u")}


@both
def test_an_owner_releases_a_model_to_one_party_for_one_action_and_a_time(answer: Answerer) -> None:
    node = replace(ask(action="serve", purpose="", recipient="pty-x"), columns=())
    facts = world([family("a", document("d", clause("own", "ModelOwnership", owner="joint")))])

    def told(*release: Any, end: Any = None) -> str:
        return answer(node, replace(facts, owner_releases=(OwnerRelease(*release, LONG_AGO, end),))).verdict

    assert told("a", "serve", "pty-x") == told("a", "serve", "pty-x", end=TOMORROW) == "permit"
    assert told("a", "assign", "pty-x") == told("a", "serve", "pty-y") == told("b", "serve", "pty-x") == "deny"
    assert told("a", "serve", "pty-x", end=NOW) == "deny"
    vendor = replace(node, recipient="pty-vendor")
    assert (
        answer(vendor, facts).verdict == "permit" and answer(replace(vendor, action="assign"), facts).verdict == "deny"
    )


@both
def test_clauses_about_passing_on_count_by_action_and_scope(answer: Answerer) -> None:
    node = replace(ask(action="assign", purpose="", recipient="pty-x"), columns=())
    own = clause("own", "ModelOwnership", owner="vendor")
    for code, kind, body in (
        ("prohibition", "Prohibition", {"actions": ["assign"]}),
        ("unencoded-term", "UnencodedTerm", {"actions": ["assign"]}),
        ("party-restriction", "PartyRestriction", {"parties": ["pty-x"]}),
    ):
        assert codes(answer, node, world([family("a", document("d", own, clause("c", kind, **body)))])) == {code}
        outside = clause("c", kind, scope=("chat",), **body)
        assert answer(node, world([family("a", document("d", own, outside))])).verdict == "permit"
    elsewhere = clause("c", "Prohibition", actions=["serve"])
    assert answer(node, world([family("a", document("d", own, elsewhere))])).verdict == "permit"
    garbled = replace(clause("c", "Prohibition", scope=("chat",), actions=["serve"]), body="{")
    assert codes(answer, node, world([family("a", document("d", own, garbled))])) == {"unreadable-fact"}


# --- questions that mean nothing


@both
@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "trian"},
        {"purpose": "train_ai_system"},
        {"columns": ()},
        {"columns": ("*",)},
        {"required": ("other",)},
        {"action": "disclose"},
        {"action": "disclose", "recipient": "pty-nobody"},
        {"model": "nobody-s"},
        {"action": "serve", "recipient": "pty-x"},
    ],
)
def test_a_question_that_means_nothing_is_malformed(answer: Answerer, wrong: dict[str, Any]) -> None:
    with pytest.raises(MALFORMED):
        answer(replace(ask(), **wrong), world([family("a", document("d", grant()))]))


def test_the_facts_say_what_consents_a_decision_will_look_for() -> None:
    facts = with_people(world([family("a", document("d", grant()))], columns=PERSONAL))
    found = engine.consents_needed(ask("mail"), facts)
    assert [(n.customer, n.space, n.controller, n.need) for n in found] == [("a", "people", "ctl", "consent")]
