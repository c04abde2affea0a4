"""What a snapshot reads from files and keeps of what it decided, one thing after the other; the laws of it stand in `test_compiled.py`."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from governance.policy import compiled, decisions
from governance.policy.answers import Treatment, Verdict
from governance.policy.compiled import Snapshot, snapshot
from governance.policy.decisions import Outcome
from governance.policy.values import (
    Basis,
    Bounds,
    Clause,
    Completeness,
    ConsentView,
    Coverage,
    Customer,
    Dataset,
    Document,
    Facts,
    Family,
    Gap,
    Identity,
    InPlace,
    Known,
    Need,
    Obligation,
    OptIn,
    Origin,
    Path,
    Prevails,
)
from tests.policy import test_compiled as whole
from tests.policy.strategies import LATER, SOON
from tests.policy.worlds import LONG_AGO, NOW, NS, PURPOSE, S, ask, clause, document, family, grant, world

AGAIN = LATER + timedelta(days=90)
BAN = clause("ban", "Prohibition", actions=["train"])


def signed(ref: str, on: date | None, *clauses: Clause, **more: object) -> Document:
    return document(ref, *clauses, signed_on=on, **more)


def told(*documents: Document, **more: object) -> Facts:
    """Customer a with these documents beside customer b with a plain grant."""
    return world([family("a", *documents), family("b", document("e", grant()))], **more)  # type: ignore[arg-type]


def basis(ref: str, ground: str, **more: object) -> Basis:
    return Basis(ref, "a", "user.contact", "train", PURPOSE, ground, **{"valid_from": LONG_AGO, **more})  # type: ignore[arg-type]


def personal(*bases: Basis) -> Facts:
    """A column about people, whose wishes nobody can respect row by row: what a's bases ask decides whether it is blank."""
    facts = told(document("d", grant()), columns={"text": ("customer.content", "user.contact.email")}, bases=bases)
    return replace(facts, declarations=(replace(facts.declarations[0], subject_space="people", controller="ctl"),))


def nothing_asked(customer: str) -> ConsentView:
    return ConsentView(customer, "people", "ctl", Need.NOTHING, "except", 0, "list", 1)


OFFER = clause("off", "OptInOffer", discount="8 %")
STANDING = [  # (what is on file of a, who stays now, after six hours, after two days)
    ("a grant", told(document("d", grant())), "ab", "ab", "ab"),
    ("a draft", told(document("d", grant(), activated=False)), "b", "b", "b"),
    ("not signed", told(signed("d", None, grant())), "b", "b", "b"),
    ("signed tomorrow", told(signed("d", LATER.date(), grant())), "b", "b", "ab"),
    ("known later", told(document("d", grant(), recorded_at=SOON)), "b", "ab", "ab"),
    ("in effect later", told(document("d", grant(), effective_at=SOON)), "b", "ab", "ab"),
    ("terminated", told(document("d", grant(), terminated_at=SOON)), "ab", "b", "b"),
    ("expired", told(document("d", grant(), expires_at=SOON)), "ab", "b", "b"),
    ("renewed", told(document("d", grant(), expires_at=SOON, renewal="evergreen")), "ab", "ab", "ab"),
    ("another scope", told(document("d", grant("g", scope=("mail",)))), "b", "b", "b"),
    ("its scope", told(document("d", grant("g", scope=("desk",)))), "ab", "ab", "ab"),
    ("a ban of another scope", told(document("d", grant(), replace(BAN, products=("mail",)))), "ab", "ab", "ab"),
    ("repealed", told(document("d", grant(), BAN), document("f", repeals=("ban",), effective_at=SOON)), "b", "ab", "ab"),
    ("repealed before it was signed", told(signed("d", date(2026, 1, 1), grant(), BAN), signed("f", date(2025, 6, 1), repeals=("ban",))), "b", "b", "b"),
    ("prevailing", told(document("d", BAN), document("f", grant(), prevails=(Prevails("d", ("train",), ("customer",)),))), "ab", "ab", "ab"),
    ("prevailing over another", told(document("d", BAN), document("f", grant(), prevails=(Prevails("x", ("train",), ("customer",)),))), "b", "b", "b"),
    ("two grants on one offer", told(document("d", OFFER, grant("g", offer="off"), grant("h", offer="off")), opt_ins=(OptIn("off", "a", LONG_AGO, SOON),)), "ab", "b", "b"),
    ("an opt-in to come", told(document("d", OFFER, grant("g", offer="off")), opt_ins=(OptIn("off", "a", SOON),)), "b", "ab", "ab"),
    ("an opt-in known later", told(document("d", OFFER, grant("g", offer="off")), opt_ins=(OptIn("off", "a", LONG_AGO, recorded_at=SOON),)), "b", "ab", "ab"),
    ("covered later", world([Family("fam-a", (Coverage("a", SOON),), (document("d", grant()),)), family("b", document("e", grant()))]), "b", "ab", "ab"),
    ("a deletion", told(document("d", grant()), obligations=(Obligation("o2", "a", "open", NOW), Obligation("o1", "a", "proposed", NOW))), "b", "b", "b"),
    ("a deletion of a person", told(document("d", grant()), obligations=(Obligation("o", "a", "open", NOW, subject_space="people"),)), "ab", "ab", "ab"),
    ("a gap", told(document("d", grant()), gaps=(Gap("a form", "a"), Gap("an order", "a"))), "b", "b", "b"),
    ("no basis", personal(), "", "", ""),
    ("a basis that ends", personal(basis("w", "customer-warranty", valid_to=SOON)), "a", "", ""),
    ("a basis to come", personal(basis("w", "customer-warranty", valid_from=SOON), basis("c", "contract", valid_from=LATER)), "", "a", "a"),
    ("two families", world([family("a", document("d", BAN), ref="z"), family("a", document("f", grant()), ref="y"), family("b", document("e", grant()))]), "b", "b", "b"),
    ("three families", world([family("a", document(f"d{n}", grant(f"g{n}")), ref=f"f{n}") for n in "213"] + [family("b", document("e", grant()))]), "ab", "ab", "ab"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "now", "soon", "later"), [row[1:] for row in STANDING], ids=[row[0] for row in STANDING]
)
def test_what_is_on_file_counts_from_its_moment_to_its_moment(facts: Facts, now: str, soon: str, later: str) -> None:
    facts = replace(facts, consents=tuple(map(nothing_asked, "ab")) if facts.bases else ()).normal()
    found = whole.compiled_world(facts)
    book = whole.on_file(facts)
    for moment, stays in ((NOW, now), (SOON, soon), (LATER, later), (AGAIN, later)):
        found.advance(moment, lambda refs: whole._of_some(book, refs))
        asked = ask(at=moment, as_known_at=moment)
        plain = whole.assert_the_same(whole.decided(found, asked, facts), asked, facts)
        assert "".join(sorted(u for members in plain.members.values() for u in members)) == stays


def test_a_family_may_cover_a_customer_twice_and_among_other_families() -> None:
    """Once before and once after: it is read once, with both of its rows."""
    twice = (Coverage("a", LONG_AGO, NOW), Coverage("a", SOON))
    facts = world(
        [
            Family("one", twice, (document("d", grant("g1", "customer.usage")),)),
            Family("two", (*twice, Coverage("b", LONG_AGO)), (document("e", grant("g2")),)),
            Family("three", (Coverage("a", LONG_AGO),), (document("f", grant("g3", "customer.feedback")),)),
        ]
    ).normal()
    found = whole.compiled_world(facts)
    for moment, stays in ((NOW, {"b"}), (SOON, {"a", "b"})):
        found.advance(moment, lambda refs: whole._of_some(whole.on_file(facts), refs))
        asked = ask(at=moment, as_known_at=moment)
        plain = whole.assert_the_same(whole.decided(found, asked, facts), asked, facts)
        assert {u for members in plain.members.values() for u in members} == stays


def test_one_family_that_covers_a_customer_twice_is_read_once() -> None:
    rows = (Coverage("a", LONG_AGO, NOW - timedelta(days=1)), Coverage("a", NOW))
    facts = world([Family("one", rows, (document("d", grant()),))]).normal()
    plain = whole.assert_the_same(whole.decided(whole.compiled_world(facts), ask(), facts), ask(), facts)
    assert plain.verdict is Verdict.PERMIT


@pytest.mark.parametrize("families", [("same", "same"), ("one", "other")], ids=["families", "documents"])
def test_families_that_cannot_be_told_apart_are_read_for_each_customer(families: tuple[str, str]) -> None:
    refs = ("d", "f") if families[0] == families[1] else ("d", "d")
    facts = world(
        [
            family("a", document(refs[0], grant("g")), ref=families[0]),
            family("a", document(refs[1], grant("h"), BAN), ref=families[1]),
            family("b", document("e", grant())),
        ]
    ).normal()
    plain = whole.assert_the_same(whole.decided(whole.compiled_world(facts), ask(), facts), ask(), facts)
    assert {u for members in plain.members.values() for u in members} == {"b"}


def test_what_says_the_same_in_another_order_is_one_profile() -> None:
    care = clause("u", "Undertaking", duty="no-human-review")
    facts = world([family("a", document("d", grant(), care)), family("b", document("e", care, grant()))])
    assert whole.compiled_world(facts).profiles == 1


# what is kept of answers


def plain_of(facts: Facts) -> Outcome:
    return decisions.evaluate(ask(), facts.normal())


def activated(found: Snapshot, facts: Facts, customer: str) -> None:
    found.activate(whole._of_some(whole.on_file(facts.normal()), (customer,)), found.epoch + 1)


def test_after_an_activation_the_customer_is_where_its_new_terms_put_it() -> None:
    """Also where these terms were judged before, of somebody else; those who did not change stay where they were."""
    before = world(
        [
            family("a", document("d", grant())),
            family("b", document("e", grant(), BAN)),
            family("c", document("f", grant())),
        ]
    )
    after = world(
        [
            family("a", document("d", grant(), BAN)),
            family("b", document("e", grant())),
            family("c", document("f", grant())),
        ]
    )
    found = whole.compiled_world(before)
    exposure = found.exposure(whole.about(before.normal()), NOW)
    assert found.decide(ask(), exposure, epoch=1).expand() == plain_of(before)
    activated(found, after, "a")
    activated(found, after, "b")
    activated(found, after, "c")  # the same terms as before
    answer = found.decide(ask(), exposure, epoch=4)
    assert answer.expand() == plain_of(after)
    codes = {u: {reason.code for reason in answer.reasons_of(u)} for u in "abc"}
    assert codes == {"a": {"all-blank", "prohibition"}, "b": {"granted-by"}, "c": {"granted-by"}}
    assert found.profiles == 2


def test_two_datasets_share_what_was_judged_and_not_who_is_in_them() -> None:
    facts = world([family("a", document("d", grant())), family("b", document("e", grant(), BAN))])
    found = whole.compiled_world(facts)
    for customers, stays in ((("a", "b"), 1), (("a",), 1), (("b",), 0)):
        mine = replace(facts, declarations=(replace(facts.declarations[0], customers=customers),))
        answer = whole.decided(found, ask(), mine)
        assert answer.staying() == stays
        assert sum(len(row.customers) for row in answer.rows) == len(customers)
        assert answer.expand() == decisions.evaluate(ask(), mine.normal())


def test_a_snapshot_that_answered_many_questions_forgets_and_answers_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MOST_SHAPES", 2)
    facts = world(
        [family("a", document("d", grant())), family("b", document("e", grant(), BAN))],
        columns={"text": ("customer.content",), "use": ("customer.usage",)},
    )
    found = whole.compiled_world(facts)
    for columns in (("text",), ("use",), ("text", "use"), ("text",)):
        question = ask(*columns)
        whole.assert_the_same(whole.decided(found, question, facts), question, facts.normal())
        assert len(found._shapes) <= 2


def test_a_single_customer_is_looked_up_after_a_decision_too() -> None:
    facts = world([family("a", document("d", grant())), family("b", document("e", grant(), BAN))], customers=("a", "b"))
    found = whole.compiled_world(facts)
    elsewhere = replace(facts, declarations=(replace(facts.declarations[0], customers=("a",)),))
    exposure = found.exposure(whole.about(elsewhere.normal()), NOW)
    first = found.single(ask(), exposure, "a", epoch=1)
    assert first is not None and first is found.single(ask(), exposure, "a", epoch=1)
    assert first.judged[0].cells["text"].treatment is Treatment.KEEP
    assert found.single(ask(), exposure, "b", epoch=1) is None  # it has a file, and no data here


def test_a_question_with_a_gap_is_refused_as_a_whole() -> None:
    facts = world([family("a", document("d", grant()))])
    dark = replace(facts, dataset=replace(facts.dataset, completeness=Completeness.UNKNOWN))
    found = whole.compiled_world(dark)
    answer = whole.decided(found, ask(), dark)
    assert answer.expand() == plain_of(dark)
    assert (answer.verdict, answer.rows, answer.staying()) == (Verdict.DENY, (), 0)
    assert {reason.code for reason in answer.settled.reasons} == {"unknown-provenance"}
    assert found.single(ask(), found.exposure(whole.about(dark.normal()), NOW), "a", epoch=1) is None


def test_who_a_customer_is_matters_where_it_receives() -> None:
    ban = clause("r", "PartyRestriction", parties=["pty-b"])
    facts = told(document("d", grant("g", recipients=["pty-a"]), ban), parties=("pty-a", "pty-b"))
    facts = replace(facts, families=(facts.families[0], family("b", document("e", grant("h", recipients=["pty-a"])))))
    found = whole.compiled_world(facts)
    for recipient, stays in (("pty-a", 2), ("pty-b", 0)):
        question = ask(recipient=recipient)
        answer = whole.decided(found, question, facts)
        whole.assert_the_same(answer, question, facts.normal())
        assert answer.staying() == stays
    back = ask(action="return", recipient="pty-b")
    plain = whole.assert_the_same(whole.decided(found, back, facts), back, facts.normal())
    assert {u for members in plain.members.values() for u in members} == {"b"}


def test_what_was_measured_over_all_rows_is_measured_again_when_some_go() -> None:
    needs = {"safeguards": [{"kind": "deidentified", "k": 5, "known": "measured"}]}
    terms = [family(u, document(f"d-{u}", grant(f"g-{u}", **needs))) for u in "ab"]
    k = InPlace("run-1", "deidentified", Known.MEASURED, ("text",), bounds=Bounds(k=9))
    facts = world([*terms, family("c", document("d-c", BAN))], safeguards=(k,))
    found = whole.compiled_world(facts)
    plain = whole.assert_the_same(whole.decided(found, ask(), facts), ask(), facts.normal())
    assert plain.plan is not None and [c.treatment for c in plain.plan.classes[0].columns] == [Treatment.APPLY]
    alone = replace(facts, declarations=(replace(facts.declarations[0], customers=("a", "b")),))
    assert whole.decided(found, ask(), alone).verdict is Verdict.PERMIT


def test_origins_that_bring_the_same_customers_are_one_source_and_the_vendors_own_people_none() -> None:
    facts = world([family("a", document("d", grant())), family("b", document("e", grant(), BAN))])
    more = Origin("", "src", NS, S, "tenant", Path.PRESENCE)
    view = ConsentView("", "people", "", Need.CONSENT, "only", 3, "list", 1)
    facts = replace(
        facts,
        origins=(*facts.origins, more),
        consents=(view,),
        identities=(*facts.identities, Identity("p", "person", "people")),
    )
    found = whole.compiled_world(facts)
    exposure = found.exposure(whole.about(facts.normal()), NOW)
    assert (len(exposure.sources), exposure.consents) == (1, ())
    whole.assert_the_same(found.decide(ask(), exposure, epoch=1), ask(), facts.normal())


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("action", ["train", "assign"])
def test_where_the_snapshot_does_not_answer_the_plain_engine_does(epoch: int, action: str) -> None:
    facts = world([family("a", document("d", grant(), clause("own", "ModelOwnership", owner="vendor")))]).normal()
    question = ask() if action == "train" else replace(ask(action=action, purpose="", recipient="pty-x"), columns=())
    asked: list[str] = []

    def all_of_it() -> Facts:
        asked.append("whole")
        return facts

    found = compiled.evaluate(whole.compiled_world(facts), question, whole.about(facts), epoch=epoch, whole=all_of_it)
    assert found == decisions.evaluate(question, facts)
    assert bool(asked) is (epoch == 2 or action == "assign")


def test_a_snapshot_moves_on_though_nothing_is_due() -> None:
    """Grants end by their own words: nobody is read again, and what was judged is forgotten."""
    facts = world([family("a", document("d", grant(until="2026-12-01")))])
    found = whole.compiled_world(facts)
    read: list[tuple[str, ...]] = []

    def reading(refs: tuple[str, ...]) -> Facts:
        read.append(refs)
        return Facts(Dataset("", ""), customers=tuple(map(Customer, refs)))

    assert whole.decided(found, ask(), facts).verdict is Verdict.PERMIT
    found.advance(found.until - timedelta(seconds=1), reading)
    last = ask(at=found.since, as_known_at=found.since)
    assert whole.decided(found, last, facts).verdict is Verdict.PERMIT
    found.advance(found.until, reading)
    then = ask(at=found.since, as_known_at=found.since)
    assert whole.decided(found, then, facts).verdict is Verdict.DENY
    assert read == []
