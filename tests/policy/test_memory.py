"""Remedies are searched with a memory of what was judged before, and nobody can tell."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.policy import (
    canonical,
    cells,
    decisions,
    engine,
    exposure,
    judging,
    outlook,
    people,
    presence,
    remedies,
    standing,
    steps,
)
from governance.policy import world as world_of
from governance.policy.answers import Step, Treatment
from governance.policy.memory import Memory
from governance.policy.values import (
    Basis,
    Bounds,
    ColumnCategory,
    ConsentView,
    Declaration,
    Facts,
    Identity,
    InPlace,
    Known,
    Need,
    OptIn,
    Origin,
    Question,
)
from tests.policy import crowds, strategies
from tests.policy.test_laws import EXAMPLES, pytestmark
from tests.policy.worlds import LONG_AGO, NS, PURPOSE, D, S, ask, clause, document, family, grant, world

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


# What a column's answer rests on beside contracts: each of these tests falls when its part of the key does.


def treated(question: Question, facts: Facts, memory: Memory) -> Treatment:
    """What happens to the text of customer a, by memory; the same as from scratch."""
    found = decisions.evaluate(question, facts, memory=memory)
    assert found == decisions.evaluate(question, facts)
    return outlook.treatments(found)["a", "text"].treatment


def needing(k: int | None, *columns: str, **more: object) -> Facts:
    needed = {"kind": "deidentified", "known": "measured", "k": k} if k else {"kind": "pseudonymised"}
    terms = [grant("g", "customer.content", safeguards=[needed]), grant("h", "customer.usage")]
    kinds = {"text": ("customer.content",), **dict.fromkeys(columns, ("customer.usage",))}
    return world([family("a", document("d", *terms))], columns=kinds, **more)


def test_a_safeguard_that_comes_into_place_is_seen_in_its_column() -> None:
    normal, asked, _, memory = judged(ask(), needing(None))
    assert treated(asked, normal, memory) is Treatment.APPLY
    masked = replace(normal, safeguards=(InPlace("run-1", "pseudonymised", Known.DECLARED, ("text",)),))
    assert treated(asked, canonical.in_order_after(masked, normal), memory) is Treatment.KEEP
    elsewhere = replace(normal, safeguards=(InPlace("run-1", "pseudonymised", Known.DECLARED, ("other",)),))
    assert treated(asked, canonical.in_order_after(elsewhere, normal), memory) is Treatment.APPLY


def test_a_column_that_is_not_asked_for_any_more_is_no_quasi_identifier() -> None:
    """The facts are the very same: k was measured over age alone, and over nothing else is asked once the zip code is dropped."""
    k = InPlace("run-1", "deidentified", Known.MEASURED, ("text",), bounds=Bounds(k=9), quasi_identifiers=("age",))
    facts = needing(5, safeguards=(k,), categories=(
        ColumnCategory(NS, S, "text", "customer.content"), ColumnCategory(NS, S, "usage", "customer.usage"),
        ColumnCategory(NS, D, "zip", "system.operations"), ColumnCategory(NS, D, "zip", "user.contact.address.postal_code"),
    ))  # fmt: skip
    facts = replace(facts, origins=(*facts.origins, Origin("*", "src", NS, S, "usage")))
    normal, asked, _, memory = judged(ask("text", "zip"), facts)
    assert treated(asked, normal, memory) is Treatment.APPLY
    assert treated(replace(asked, columns=("text",)), normal, memory) is Treatment.KEEP


def test_what_the_vendors_own_people_say_is_heard_of_everybody() -> None:
    """A column in which there are data of the vendor's own is blank for every customer until these may be used."""
    own = Declaration(
        "own",
        NS,
        "own.people",
        no_customer_data=True,
        subject_space="people",
        controller="us",
        controller_is_vendor=True,
    )
    said = ConsentView("", "people", "us", Need.CONSENT, "only", 0, "none", 1, registered=5, silent=5)
    facts = needing(
        None, "usage", consents=(said,), bases=(Basis("b", "", "user", "train", PURPOSE, "consent", LONG_AGO),)
    )
    facts = replace(
        facts,
        safeguards=(InPlace("run-1", "pseudonymised", Known.DECLARED),),
        declarations=(*facts.declarations, own),
        origins=(*facts.origins, Origin("text", "own", NS, "own.people", "mail")),
        categories=(*facts.categories, ColumnCategory(NS, "own.people", "mail", "user.contact.email")),
        identities=(*facts.identities, Identity("person", "person", "people")),
    )
    normal, asked, _, memory = judged(ask("text", "usage"), facts)
    assert treated(asked, normal, memory) is Treatment.BLANK
    given_ = replace(normal, consents=(replace(said, count=5, allowed=5, silent=0),))
    assert treated(asked, canonical.in_order_after(given_, normal), memory) is Treatment.KEEP


def test_what_was_measured_counts_until_rows_go() -> None:
    """The same copy is judged twice, as its rows are and as the build leaves them."""
    k = InPlace("run-1", "deidentified", Known.MEASURED, ("text",), bounds=Bounds(k=9))
    normal, asked, _, memory = judged(ask(), needing(5, safeguards=(k,)))
    assert treated(asked, normal, memory) is Treatment.KEEP
    ban = family("b", document("e", clause("ban", "Prohibition", actions=["train"])))
    both = replace(
        normal, declarations=(replace(normal.declarations[0], customers=("a", "b")),), families=(*normal.families, ban)
    )
    assert treated(asked, canonical.in_order_after(both, normal), memory) is Treatment.APPLY


def test_a_step_that_contracts_are_not_asked_about_has_no_contract_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = OptIn("o-a", "a", LONG_AGO)
    facts = world([offered("a"), offered("b")], keyed=False, opt_ins=(taken,))  # type: ignore[list-item]
    normal, asked, before, memory = judged(ask(), facts)
    keyed = replace(normal, identities=(Identity("tenant", "tenant", "crm"),))
    expected = decisions.evaluate(asked, keyed.normal())
    assert expected != before

    def not_again(*_: object) -> None:
        raise AssertionError("judged again")

    for module, name in (
        (presence, "refusals"), (cells, "answer"), (people, "asked_of"), (standing, "laws"), (exposure, "presences"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, not_again)
    assert decisions.evaluate(asked, canonical.in_order_after(keyed, normal), memory=memory) == expected


def test_the_vendors_own_data_and_customers_of_whom_nothing_new_is_said_are_not_judged_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = world([offered("a"), offered("b")])  # type: ignore[list-item]
    normal, asked, before, memory = judged(ask(), facts)
    assert decisions.evaluate(asked, normal, memory=memory) == before
    laws = standing.laws

    def of_one(read: world_of.World, customers: object = None) -> object:
        assert customers == ["a"]
        return laws(read, customers)  # type: ignore[arg-type]

    monkeypatch.setattr(standing, "laws", of_one)
    taken = replace(normal, opt_ins=(OptIn("o-a", "a", LONG_AGO),))
    assert decisions.evaluate(asked, canonical.in_order_after(taken, normal), memory=memory) != before
    monkeypatch.setattr(judging, "_own", None)
    monkeypatch.setattr(standing, "laws", None)
    assert decisions.evaluate(asked, normal, memory=memory) == before
