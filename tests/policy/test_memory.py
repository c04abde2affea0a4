"""Remedies are searched with a memory of what was judged before, and nobody can tell."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy import canonical, decisions, engine, remedies, steps
from governance.policy.answers import Step
from governance.policy.memory import Memory
from governance.policy.values import Facts, OptIn, Question
from tests.policy import crowds, strategies
from tests.policy.test_laws import EXAMPLES, pytestmark
from tests.policy.worlds import LONG_AGO, ask, clause, document, family, grant, world

__all__ = ["pytestmark"]

crowded = st.integers(min_value=0, max_value=2**62).map(crowds.crowd_of)


def judged(question: Question, facts: Facts) -> tuple[Facts, Question, decisions.Outcome, Memory]:
    """Facts in order, the question in its one form, what was decided, and the memory of it."""
    normal, memory = facts.normal(), Memory()
    asked = engine.check(question, normal)
    return normal, asked, decisions.evaluate(asked, normal, memory=memory), memory


def tried(question: Question, facts: Facts) -> list[Step]:
    """Steps for which a search asks."""
    normal, asked, outcome, _ = judged(question, facts)
    search = remedies.Search(asked, normal, outcome, 40)
    found = [
        each
        for target in remedies.targets(asked, outcome)
        for each in remedies._candidates(search, target, frozenset(), outcome)
    ]
    return list(dict.fromkeys(found))


@settings(max_examples=EXAMPLES)
@given(strategies.questions(), crowded)
def test_remedies_are_those_that_deciding_every_copy_from_scratch_finds(question: Question, crowd: Facts) -> None:
    facts, asked, outcome, memory = judged(question, crowd)
    assert outcome == decisions.evaluate(asked, facts, one_by_one=True)
    assert remedies.find(asked, facts, outcome, memory=memory) == remedies.find(asked, facts, outcome)


@settings(max_examples=EXAMPLES)
@given(strategies.questions(), crowded, st.randoms(use_true_random=False))
def test_copies_after_any_steps_are_in_order_and_decided_as_from_scratch(
    question: Question, crowd: Facts, dice: object
) -> None:
    facts, asked, _, memory = judged(question, crowd)
    found = tried(asked, facts)
    dice.shuffle(found)  # type: ignore[attr-defined]
    for one, other in zip(found[:6], [*found[3:6], *found[:3]], strict=False):
        changed = (asked, facts)
        for step in sorted({one, other}):
            changed = steps.apply(step, *changed)
        copy = canonical.in_order_after(changed[1], facts)
        assert copy == changed[1].normal()
        if changed[0].columns:
            assert decisions.evaluate(changed[0], copy, memory=memory) == decisions.evaluate(
                changed[0], copy, one_by_one=True
            )


@given(crowded, strategies.facts(), st.integers(0, 2**32), st.lists(st.text(max_size=4), max_size=5))
def test_rows_of_any_text_are_put_among_those_in_order(
    facts: Facts, other: Facts, number: int, parties: list[str]
) -> None:
    before = replace(facts, parties=tuple(parties)).normal()
    dice = strategies.Dice(number)
    changed = replace(
        before,
        families=(*before.families[1:], *other.families, *before.families[:1]),
        opt_ins=(*other.opt_ins, *before.opt_ins, *other.opt_ins),
        parties=(*dice.some([*parties, "é", "!", "\x7f"], 1, 3), *before.parties),
        consents=before.consents[1:],
    )
    assert canonical.in_order_after(changed, before) == changed.normal()


def offered(customer: str) -> object:
    terms = (clause(f"o-{customer}", "OptInOffer", discount="8 %"), grant(f"g-{customer}", offer=f"o-{customer}"))
    return family(customer, document(f"d-{customer}", *terms))


def test_a_step_for_one_customer_has_only_that_one_judged_again() -> None:
    facts = world([offered("a"), offered("b")])  # type: ignore[list-item]
    normal, asked, _, memory = judged(ask(), facts)
    before = dict(memory.found)
    taken = replace(normal, opt_ins=(*normal.opt_ins, OptIn("o-a", "a", LONG_AGO)))
    after = decisions.evaluate(asked, canonical.in_order_after(taken, normal), memory=memory)
    assert {reason.customer for reason in after.reasons if reason.code == "opt-in-inactive"} == {"b"}
    assert {key[-2] for key in memory.found.keys() - before.keys()} == {"a"}  # type: ignore[index]
