"""The compiled snapshot decides what the plain engine decides, at any time after any activation, or says that it cannot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy import compiled, decisions, engine
from governance.policy.answers import Reason, Treatment, Verdict
from governance.policy.compiled import NotCompiled, Snapshot, Stale
from governance.policy.decisions import Outcome
from governance.policy.questions import BadQuestion
from governance.policy.values import (
    ConsentView,
    Coverage,
    Customer,
    Dataset,
    Facts,
    Family,
    Need,
    OptIn,
    OwnKeys,
    Question,
)
from tests.policy import crowds, strategies
from tests.policy.strategies import LATER, SOON
from tests.policy.test_laws import EXAMPLES, pytestmark
from tests.policy.worlds import LONG_AGO, NOW, PURPOSE, ask, clause, document, family, grant, world

__all__ = ["pytestmark"]

crowded = st.integers(min_value=0, max_value=2**62).map(crowds.crowd_of)
numbers = st.integers(min_value=0, max_value=2**62)


def on_file(facts: Facts) -> Facts:
    """What is on file of customers."""
    return Facts(
        dataset=Dataset("", ""),
        customers=facts.customers,
        families=facts.families,
        opt_ins=facts.opt_ins,
        bases=tuple(row for row in facts.bases if row.customer),
        obligations=facts.obligations,
        gaps=tuple(gap for gap in facts.gaps if gap.customer),
        own_keys=facts.own_keys,
    )


def about(facts: Facts) -> Facts:
    """Everything else: the dataset, where it comes from, and the vendor's world."""
    return replace(
        facts,
        customers=(),
        families=(),
        opt_ins=(),
        obligations=(),
        bases=tuple(row for row in facts.bases if not row.customer),
        gaps=tuple(gap for gap in facts.gaps if not gap.customer),
    )


def together(data: Facts, book: Facts) -> Facts:
    """Facts as the plain engine takes them."""
    return replace(
        data,
        customers=book.customers,
        families=book.families,
        opt_ins=book.opt_ins,
        obligations=book.obligations,
        bases=(*data.bases, *book.bases),
        gaps=(*data.gaps, *book.gaps),
    ).normal()


def compiled_world(facts: Facts, question: Question | None = None) -> Snapshot:
    return compiled.compile_contracts(on_file(facts.normal()), at=(question or ask()).at, epoch=1)


def decided(snapshot: Snapshot, question: Question, facts: Facts) -> compiled.Answer:
    return snapshot.decide(question, snapshot.exposure(about(facts.normal()), question.at), epoch=snapshot.epoch)


def assert_the_same(answer: compiled.Answer, question: Question, facts: Facts) -> Outcome:
    """The expanded answer is the plain engine's, and everybody's own reasons are those in it."""
    plain = decisions.evaluate(engine.check(question, facts), facts, one_by_one=True)
    assert answer.verdict == plain.verdict
    assert answer.expand() == plain
    for customer in {row.ref for row in facts.customers} | {"stranger"}:
        mine = tuple(r for r in plain.reasons if r.customer == customer and r.code != "absence")
        assert answer.reasons_of(customer) == mine
    staying = {customer for members in plain.members.values() for customer in members}
    assert answer.staying() == len(staying)
    return plain


@settings(max_examples=EXAMPLES * 5)
@given(strategies.data_questions(), crowded)
def test_the_snapshot_decides_what_the_plain_engine_decides(question: Question, crowd: Facts) -> None:
    facts = crowd.normal()
    assert_the_same(decided(compiled_world(facts), question, facts), question, facts)


@settings(max_examples=EXAMPLES * 2)
@given(strategies.data_questions(), crowded, crowded)
def test_activations_one_by_one_come_to_the_same_as_compiling_afresh(
    question: Question, before: Facts, after: Facts
) -> None:
    """The question was asked before, so that what was decided must be mended, too; who is not on file any more is empty."""
    gone = {c.ref for c in before.customers} - {c.ref for c in after.customers}
    later = replace(after, customers=(*after.customers, *map(Customer, gone)))
    data, book = about(after.normal()), on_file(later.normal())
    snapshot = compiled_world(before)
    exposure = snapshot.exposure(data, NOW)
    first = together(data, on_file(before.normal()))
    assert_the_same(snapshot.decide(question, exposure, epoch=1), question, first)
    for epoch, customer in enumerate(book.customers, 2):
        snapshot.activate(_of_one(book, customer), epoch)
        assert_the_same_verdict_or_not_yet(snapshot, question, exposure)
    assert_the_same(snapshot.decide(question, exposure, epoch=snapshot.epoch), question, together(data, book))


def _of_one(book: Facts, customer: Customer) -> Facts:
    def mine(rows: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(row for row in rows if getattr(row, "customer", "") == customer.ref)

    return replace(
        book,
        customers=(customer,),
        families=tuple(f for f in book.families if mine(f.coverage)),
        **{name: mine(getattr(book, name)) for name in ("opt_ins", "bases", "obligations", "gaps")},  # type: ignore[arg-type]
    )


def assert_the_same_verdict_or_not_yet(snapshot: Snapshot, question: Question, exposure: compiled.Exposure) -> None:
    """In between the answer is whole: everybody stands in one row."""
    answer = snapshot.decide(question, exposure, epoch=snapshot.epoch)
    found = [number for row in answer.rows for number in row.customers]
    assert len(found) == len(set(found))
    assert answer.shape.gaps or set(found) == set(exposure.present)


@settings(max_examples=EXAMPLES * 2)
@given(strategies.data_questions(), crowded)
def test_a_snapshot_moved_on_decides_what_the_plain_engine_decides_then(question: Question, crowd: Facts) -> None:
    """Only the customers who are due are read again."""
    facts = crowd.normal()
    snapshot = compiled_world(facts)
    decided(snapshot, question, facts)
    book = on_file(facts)
    for moment in (
        NOW + timedelta(minutes=1),
        SOON,
        LATER - timedelta(microseconds=1),
        LATER,
        LATER + timedelta(days=90),
    ):
        due = snapshot.due(moment)
        snapshot.advance(moment, lambda refs: _of_some(book, refs))
        assert set(snapshot.due(moment)) <= set(due) and not snapshot.due(moment)
        asked = replace(question, at=moment, as_known_at=moment)
        assert_the_same(decided(snapshot, asked, facts), asked, facts)


def _of_some(book: Facts, refs: tuple[str, ...]) -> Facts:
    parts = [_of_one(book, customer) for customer in book.customers if customer.ref in refs]
    strangers = tuple(Customer(ref) for ref in refs if ref not in {c.ref for c in book.customers})
    return replace(
        book,
        customers=(*(part.customers[0] for part in parts), *strangers),
        families=tuple({family.ref: family for part in parts for family in part.families}.values()),
    )


# a stale snapshot never answers


def stale(change: Callable[[Snapshot, Question], tuple[Question, int]]) -> None:
    facts = world([family("a", document("d", grant(until="2026-12-01")), valid_to=LATER)])
    snapshot = compiled_world(facts)
    exposure = snapshot.exposure(about(facts.normal()), NOW)
    assert snapshot.decide(ask(), exposure, epoch=1).verdict is Verdict.PERMIT
    question, epoch = change(snapshot, ask())
    with pytest.raises(Stale):
        snapshot.decide(question, exposure, epoch=epoch)
    with pytest.raises(Stale):
        snapshot.single(question, exposure, "a", epoch=epoch)


def test_another_epoch_is_not_answered() -> None:
    stale(lambda _, question: (question, 2))


def test_an_epoch_before_the_last_activation_is_not_answered() -> None:
    def activate(snapshot: Snapshot, question: Question) -> tuple[Question, int]:
        snapshot.activate(Facts(Dataset("", "")), 2)
        return question, 1

    stale(activate)


@pytest.mark.parametrize("field", ["at", "as_known_at"])
@pytest.mark.parametrize("moment", [NOW - timedelta(microseconds=1), LATER, LATER + timedelta(days=60)])
def test_another_moment_is_not_answered(field: str, moment: object) -> None:
    stale(lambda _, question: (replace(question, **{field: moment}), 1))  # type: ignore[arg-type]


def test_the_end_of_a_grant_by_its_own_words_ends_the_snapshot() -> None:
    """Also where the words are in the vendor's own keys."""
    facts = world(
        [family("a", document("d", grant(until="2026-12-01", purposes=["vendor.search"])))],
        own_keys=OwnKeys(purposes=("vendor.search",)),
    )
    snapshot = compiled_world(facts)
    assert f"{snapshot.until:%Y-%m-%d}" == "2026-12-01"
    question = ask(purpose="vendor.search")
    assert decided(snapshot, question, facts).verdict is Verdict.PERMIT
    snapshot.advance(snapshot.until, lambda refs: _of_some(on_file(facts), refs))
    then = replace(question, at=snapshot.since, as_known_at=snapshot.since)
    assert_the_same(decided(snapshot, then, facts), then, facts.normal())
    assert decided(snapshot, then, facts).verdict is Verdict.DENY


def test_a_snapshot_does_not_go_back() -> None:
    with pytest.raises(Stale):
        compiled_world(world()).advance(LONG_AGO, lambda refs: Facts(Dataset("", "")))


def test_numbers_of_another_snapshot_are_not_taken() -> None:
    facts = world([family("a", document("d", grant()))])
    exposure = compiled_world(facts).exposure(about(facts.normal()), NOW)
    with pytest.raises(Stale):
        compiled_world(facts).decide(ask(), exposure, epoch=1)


def test_facts_about_a_dataset_are_not_taken_past_a_moment_in_them() -> None:
    facts = world([family("a", document("d", grant()))])
    gone = replace(facts.dataset.versions[0], gone=SOON)
    facts = replace(facts, dataset=replace(facts.dataset, versions=(gone,)))
    snapshot = compiled_world(facts)
    exposure = snapshot.exposure(about(facts.normal()), NOW)
    with pytest.raises(Stale):
        snapshot.decide(replace(ask(), at=SOON, as_known_at=SOON), exposure, epoch=1)


def test_other_keys_of_the_vendor_are_not_taken() -> None:
    facts = world([family("a", document("d", grant()))])
    with pytest.raises(Stale):
        compiled_world(facts).exposure(about(replace(facts, own_keys=OwnKeys(contract=("vendor",)))), NOW)


# what is left to the plain engine


def test_whether_a_model_may_pass_on_is_left_to_the_plain_engine() -> None:
    facts = world([family("a", document("d", grant()))])
    with pytest.raises(NotCompiled):
        decided(compiled_world(facts), ask(action="assign", purpose="", columns=(), recipient="pty-x"), facts)


def test_facts_about_a_dataset_that_hold_contracts_are_left_to_the_plain_engine() -> None:
    facts = world([family("a", document("d", grant()))])
    with pytest.raises(NotCompiled):
        compiled_world(facts).exposure(facts.normal(), NOW)


def test_people_who_said_as_many_different_things_as_there_are_customers_are_left_to_the_plain_engine() -> None:
    customers = [f"u{n}" for n in range(70)]
    view = ConsentView("", "people", "", Need.CONSENT, "only", 9, "list", 1, registered=100)
    facts = world(
        [family(u, document(f"d-{u}", grant())) for u in customers],
        consents=tuple(replace(view, customer=u, allowed=n) for n, u in enumerate(customers)),
    )
    with pytest.raises(NotCompiled):
        decided(compiled_world(facts), ask(), facts)


def test_a_question_that_means_nothing_is_refused_as_by_the_plain_engine() -> None:
    facts = world([family("a", document("d", grant()))])
    with pytest.raises(BadQuestion):
        decided(compiled_world(facts), ask(action="nosuch"), facts)


@settings(max_examples=EXAMPLES)
@given(strategies.questions(), crowded, st.booleans())
def test_there_is_an_answer_in_any_case(question: Question, crowd: Facts, stale_: bool) -> None:
    """From the plain engine where the snapshot is stale or the question is not compiled; that one reads contracts only then."""
    facts = crowd.normal()
    asked = engine.check(question, facts)
    read: list[Facts] = []

    def whole() -> Facts:
        read.append(facts)
        return facts

    found = compiled.evaluate(compiled_world(facts), asked, about(facts), epoch=1 + stale_, whole=whole)
    assert found == decisions.evaluate(asked, facts)
    assert bool(read) == (stale_ or question.action in ("serve", "assign"))


# what snapshots are made of


def test_customers_with_the_same_terms_share_a_profile() -> None:
    facts = world([family(f"u{n}", document(f"d{n}", grant(f"g{n}"))) for n in range(50)])
    assert (len(compiled_world(facts)), compiled_world(facts).profiles) == (50, 1)


def test_a_standard_form_accepted_by_many_is_read_for_each() -> None:
    coverage = tuple(Coverage(f"u{n}", LONG_AGO, LATER if n == 3 else None) for n in range(20))
    facts = world([Family("form", coverage, (document("terms-v7", grant()),))])
    snapshot = compiled_world(facts)
    assert snapshot.until == LATER
    assert_the_same(decided(snapshot, ask(), facts), ask(), facts.normal())


@pytest.mark.parametrize(
    "documents",
    [
        (document("d", grant("g")), document("d", grant("h"), clause("ban", "Prohibition", actions=["train"]))),
        (document("d", grant("g"), grant("g"), clause("g", "RetentionLimit", days=9)),),
        (document("d", grant("g", offer=" o "), clause("o", "OptInOffer", discount="8 %")), document("e", grant("g"))),
    ],
    ids=["document", "clause", "offer"],
)
def test_references_that_stand_twice_are_judged_for_each_customer_alone(documents: tuple[object, ...]) -> None:
    facts = world(
        [family("a", *documents), family("b", *documents, ref="other")],  # type: ignore[arg-type]
        opt_ins=(OptIn("o", "a", LONG_AGO),),
    )
    assert_the_same(decided(compiled_world(facts), ask(), facts), ask(), facts.normal())


def test_a_reference_that_would_be_mistaken_for_two_is_refused() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        compiled_world(world([family("a", document("d\0e", grant()))]))


def test_strangers_in_a_dataset_have_no_contract() -> None:
    facts = world([family("a", document("d", grant()))], customers=("a", "new-1", "new-2"))
    snapshot = compiled_world(world([family("a", document("d", grant()))]))
    answer = decided(snapshot, ask(), facts)
    assert Reason("no-contract", "new-2") in answer.reasons_of("new-2")
    assert answer.expand() == decisions.evaluate(ask(), facts.normal())


def test_a_single_customer_is_looked_up() -> None:
    ban = clause("ban", "Prohibition", actions=["train"], purposes=[PURPOSE])
    facts = world([family("a", document("d", grant())), family("b", document("e", grant(), ban))])
    snapshot = compiled_world(facts)
    exposure = snapshot.exposure(about(facts.normal()), NOW)
    found = {u: snapshot.single(ask(), exposure, u, epoch=1) for u in ("a", "b", "stranger")}
    treatments = {u: each and each.judged[0].cells["text"].treatment for u, each in found.items()}
    assert treatments == {"a": Treatment.KEEP, "b": Treatment.BLANK, "stranger": None}


def test_reasons_name_the_clauses_of_each_customer() -> None:
    facts = world([family(u, document(f"d-{u}", grant(f"g-{u}"))) for u in ("a", "b")])
    answer = decided(compiled_world(facts), ask(), facts)
    assert answer.reasons_of("b") == (Reason("granted-by", "b", "text", "d-b", "g-b"),)
    assert len(answer.rows) == 1
