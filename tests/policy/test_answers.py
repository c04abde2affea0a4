"""What comes back beside the verdict: remedies, sentences, counts, how long it holds, bytes."""

from dataclasses import replace
from datetime import timedelta

from governance.policy import decide, explain, reasons, steps
from governance.policy.answers import Counts, Decision
from governance.policy.values import ConsentView, Facts, Identity, Need, OptIn
from tests.policy.worlds import LONG_AGO, NOW, ask, clause, document, family, grant, world


def two_customers(**more: object) -> Facts:
    offer = clause("off", "OptInOffer", number="3", discount="8 %")
    return world(
        [family("a", document("d", grant())), family("b", document("e", offer, grant("g2", "customer", offer="off")))],
        **more,
    )


def test_the_first_remedy_gains_most_and_names_what_to_do() -> None:
    facts = two_customers()
    first = decide(ask(), facts).remedies[0]
    assert [step.kind for step in first.steps] == ["activate-opt-in"]
    assert (first.customers_gained, first.cells_gained, first.rows_gained) == (1, 1, 100)
    assert explain.remedy(
        first, facts
    ) == "B: Activate the opt-in (3). This brings in 1 customer(s), 1 column(s) of customers, 100 rows.".replace(
        "B:", "b:"
    )


def test_a_release_that_fails_for_a_missing_key_asks_for_the_key() -> None:
    found = decide(ask(), two_customers(keyed=False)).remedies
    assert "declare-key" in {step.kind for remedy in found for step in remedy.steps}


def test_remedies_are_least_and_few() -> None:
    for remedy in decide(ask(), two_customers()).remedies:
        assert 1 <= len(remedy.steps) <= 3
        assert all(step.kind in steps.KINDS for step in remedy.steps)


def test_lawyers_read_clause_number_quote_and_dates() -> None:
    facts = world(
        [
            family(
                "a", document("d", grant(), clause("ban", "Prohibition", number="7.2", actions=["train"]), number="R-1")
            )
        ]
    )
    (said,) = [s for s in explain.full(decide(ask(), facts), facts) if s.code == "prohibition"]
    assert (said.clause_number, said.quote, said.document_title) == ("7.2", "the words of ban", "Agreement d")
    assert said.dates == "signed 2025-01-01, in effect from 2025-01-01"
    assert "7.2" in said.text and said.remedy


def test_pipelines_read_codes_references_and_counts_and_nothing_else() -> None:
    facts = world(
        [
            family("a", document("d", grant())),
            family("b", document("e", clause("ban", "Prohibition", number="7.2", actions=["train"]))),
        ]
    )
    facts = replace(facts, customers=tuple(replace(c, name=f"Name of {c.ref}") for c in facts.customers))
    text = str(explain.brief(decide(ask(), facts)))
    assert "prohibition" in text and "Name of" not in text and "7.2" not in text and "the words" not in text


def test_every_code_has_scope_sentence_and_remedy() -> None:
    assert len(reasons.CODES) == 38
    for code, meaning in reasons.CODES.items():
        assert meaning.sentence.endswith(".") and (meaning.remedy or not meaning.refuses), code


def test_a_decision_holds_until_the_first_loss_that_is_known() -> None:
    soon = NOW + timedelta(hours=6)
    ending = two_customers(opt_ins=(OptIn("off", "b", LONG_AGO, soon),))
    assert decide(ask(), ending).holds_until == soon
    assert decide(ask(), two_customers(opt_ins=(OptIn("off", "b", LONG_AGO),))).holds_until is None
    assert (
        decide(ask(), two_customers(opt_ins=(OptIn("off", "b", LONG_AGO, NOW + timedelta(days=3)),))).holds_until
        is None
    )
    banned = document("f", clause("ban", "Prohibition", actions=["train"]), effective_at=soon)
    assert decide(ask(), world([family("a", document("d", grant()), banned)])).holds_until == soon


def test_a_change_that_takes_nothing_away_does_not_shorten_a_permit() -> None:
    more = document("f", grant("g9", "customer.usage"), effective_at=NOW + timedelta(hours=1))
    assert decide(ask(), world([family("a", document("d", grant()), more)])).holds_until is None


def test_people_are_counted_by_who_allows_their_use() -> None:
    facts = world(
        [family("a", document("d", grant())), family("b", document("e"))],
        columns={"mail": ("customer.content", "user.contact.email")},
    )
    about = replace(facts.declarations[0], subject_column="person", subject_space="people", controller="ctl")
    views = tuple(
        ConsentView(u, "people", "ctl", Need.CONSENT, "only", 12, "d", 3, registered=10, allowed=allowed, withdrawn=1, silent=9 - allowed)
        for u, allowed in (("a", 7), ("b", 5))
    )  # fmt: skip
    facts = replace(
        facts,
        declarations=(about,),
        identities=(*facts.identities, Identity("person", "person", "people")),
        consents=views,
    )
    found = decide(ask("mail"), facts)
    assert found.counts == Counts(both=7, contract_alone=3, consent_alone=5, neither=5)
    assert [(r.code, r.count) for r in found.reasons if r.customer == "a" and r.code.startswith("consent")] == [
        ("consent-missing", 2),
        ("consent-withdrawn", 1),
    ]


def test_a_plan_grows_with_its_classes_and_not_with_its_customers() -> None:
    many = tuple(f"c{n:03}" for n in range(300))
    facts = world([family(u, document(f"d-{u}", grant(f"g-{u}"))) for u in many])
    plan = decide(ask(), facts, with_remedies=False).plan
    assert plan is not None and len(plan.classes) == 1 and plan.classes[0].customers == 300


def test_a_decision_reads_back_as_it_was_written() -> None:
    found = decide(ask(), two_customers())
    assert Decision.from_json(found.to_json()) == found
    assert found.to_bytes() == decide(ask(), two_customers()).to_bytes()
