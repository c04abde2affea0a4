"""What remedies are for, what clears it, what is tried next, and what is said of what helps: the parts of the search one by one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from governance.policy import decisions, engine, outlook, remedies, steps
from governance.policy.answers import (
    ColumnPlan,
    Duty,
    ErasureList,
    LeftOut,
    PeopleList,
    Plan,
    Reason,
    Remedy,
    Treatment,
    TreatmentClass,
    UndertakingNote,
    Verdict,
)
from governance.policy.decisions import Outcome
from governance.policy.memory import Memory
from governance.policy.remedies import Target
from governance.policy.steps import step
from governance.policy.values import (
    Bounds,
    Clause,
    ColumnCategory,
    Completeness,
    ConsentView,
    Declaration,
    Facts,
    Identity,
    Mode,
    Need,
    Origin,
    OwnKeys,
    Path,
    Prevails,
    Question,
)
from tests.policy.worlds import NOW, NS, PURPOSE, S, ask, clause, document, family, grant, world

BOTH = ask("text", "use")
CELL = Target("a", ("text",))
BAN = clause("ban", "Prohibition", actions=["train"], categories=["customer.usage"])


def refused(
    *reasons: Reason, out: tuple[LeftOut, ...] = (), members: dict[str, tuple[str, ...]] | None = None
) -> Outcome:
    return Outcome(Verdict.DENY, reasons, left_out=out, members=members or {})


# what is refused


@pytest.mark.parametrize("code", ["unknown-provenance", "undeclared-source", "not-separable", "unknown-dataset"])
def test_before_the_question_is_cleared_nothing_else_helps(code: str) -> None:
    outcome = refused(
        Reason("prohibition", "a", "text"), Reason(code, about="src"), out=(LeftOut(("a",), ("prohibition",)),)
    )
    assert remedies.targets(BOTH, outcome) == (Target("", ()),)
    cell = refused(Reason("not-separable", "a", "text"))  # of a cell, and no reason of the question
    assert remedies.targets(BOTH, cell) == (Target("a", ("text",)),)


def test_columns_with_the_same_reasons_are_one_target_and_rows_their_own() -> None:
    same = [Reason("prohibition", "a", column, "d", "ban") for column in ("use", "text")]
    outcome = refused(
        *same,
        Reason("prohibition", "b", "text", "d", "ban"),
        Reason("prohibition", "b", "use", "d", "other"),
        Reason("prohibition", "c", "gone", "d", "ban"),
        Reason("granted-by", "c", "text", "d", "g"),
        Reason("all-blank", "c", "text"),
        Reason("safeguard-missing", "c", "use", about="dp"),
        out=(LeftOut(("a", "d"), ("all-blank",)), LeftOut(("e",), ())),
    )
    rows = [
        Target("a", ()),
        Target("a", ("text", "use")),
        Target("b", ("text",)),
        Target("b", ("use",)),
        Target("d", ()),
    ]
    assert remedies.targets(BOTH, outcome) == tuple(rows)
    strict = replace(BOTH, mode=Mode.STRICT)  # then duties speak against a cell, too
    assert set(remedies.targets(strict, outcome)) == {*rows, Target("c", ("use",))}


def test_of_a_model_every_customer_in_it_is_one() -> None:
    model = ask(action="serve", purpose="", recipient="pty-x")
    outcome = refused(Reason("model-ownership", "a"), out=(LeftOut(("a", "b"), ("model-ownership",)),))
    assert remedies.targets(model, outcome) == (Target("a", ()), Target("b", ()))
    assert not remedies.is_cleared(model, Target("a", ()), outcome) and remedies.is_cleared(
        model, Target("b", ()), outcome
    )


def test_what_is_cleared() -> None:
    blocked = refused(
        Reason("prohibition", "a", "text"), Reason("unmapped-tenant", about="src"), members={"class-1": ("b",)}
    )
    assert not remedies.is_cleared(BOTH, Target("a", ("text",)), blocked)
    assert remedies.is_cleared(BOTH, Target("a", ("use",)), blocked) and remedies.is_cleared(
        BOTH, Target("b", ("text",)), blocked
    )
    assert not remedies.is_cleared(BOTH, Target("a", ()), blocked) and remedies.is_cleared(
        BOTH, Target("b", ()), blocked
    )
    assert remedies.is_cleared(BOTH, Target("", ()), blocked)
    assert not remedies.is_cleared(BOTH, Target("", ()), refused(Reason("not-separable", about="src")))
    own = refused(Reason("no-basis", column="text", about="user"))  # the vendor's own data blank a column for everybody
    assert not remedies.is_cleared(BOTH, Target("a", ("text",)), own)


# what is tried


def tried(facts: Facts, target: Target, question=BOTH) -> list[steps.Step]:  # type: ignore[no-untyped-def]
    normal = facts.normal()
    asked = engine.check(question, normal)
    outcome = decisions.evaluate(asked, normal)
    search = remedies.Search(asked, normal, outcome, 9)
    return remedies._candidates(search, target, frozenset(), outcome)


def two(*documents, **more) -> Facts:  # type: ignore[no-untyped-def]
    return world([family("a", *documents)], columns={"text": ("customer.content",), "use": ("customer.usage",)}, **more)


def added(ref: str, *categories: str, over: tuple[str, ...] = (), **more: object) -> steps.Step:
    terms = {"actions": ["train"], "categories": list(categories), "purposes": [PURPOSE], **more}
    return step("add-clause", ref, "a", {"grant": terms, "prevails_over": list(over)})


def test_a_ban_is_repealed_and_a_grant_does_not_help() -> None:
    facts = two(document("d", grant(), BAN))
    anonymous = step("apply-safeguard", "use", "a", {"kind": "anonymised"})
    assert tried(facts, Target("a", ("use",))) == [step("repeal-clause", "ban", "a", {"document": "d"}), anonymous]


def test_where_training_is_prohibited_a_grant_must_prevail() -> None:
    prohibited = clause("p", "TrainingPosition", position="prohibited")
    silent = clause("s", "TrainingPosition", position="silent")
    facts = two(document("d", prohibited), document("e", silent), document("f", prohibited))
    found = tried(facts, Target("a", ("text",)))
    assert added("fam-a", "customer.content", over=("d", "f")) in found
    assert [each.target for each in found if each.kind == "repeal-clause"] == ["p"] * 2


def test_a_grant_is_sought_for_all_that_the_target_needs_in_contracts_that_run() -> None:
    over = document("old", terminated_at=NOW - timedelta(days=1))
    facts = two(document("d", grant("g", "customer.input")))
    facts = replace(facts, families=(*facts.families, family("a", over, ref="ended")))
    assert tried(facts, Target("a", ())) == [added("fam-a", "customer.content", "customer.usage")]
    assert tried(facts, Target("a", ("use",))) == [added("fam-a", "customer.usage")]
    named = replace(facts, parties=(*facts.parties, "pty-x"))
    assert tried(named, Target("a", ("use",)), replace(BOTH, recipient="pty-x")) == [
        added("fam-a", "customer.usage", recipients=["pty-x"])
    ]
    ended = replace(facts, families=facts.families[1:])  # then one that ended may be taken up again
    assert {each.target for each in tried(ended, Target("a", ("use",)))} == {"ended"}


def test_what_nobody_encoded_is_encoded() -> None:
    term = clause("t", "UnencodedTerm", note="annex 3")
    assert step("encode-term", "t", "a", {"document": "d"}) in tried(two(document("d", grant(), term)), Target("a", ()))
    broken = replace(term, body="{")
    assert step("encode-term", "t", "a", {"document": "d"}) in tried(
        two(document("d", grant(), broken)), Target("a", ())
    )


def test_people_are_asked_and_columns_about_them_dropped() -> None:
    facts = two(document("d", grant()), categories=(
        ColumnCategory(NS, S, "text", "customer.content"), ColumnCategory(NS, S, "use", "customer.usage"), ColumnCategory(NS, S, "use", "user.contact"),
    ))  # fmt: skip
    about = replace(facts.declarations[0], subject_space="people", controller="ctl")
    view = ConsentView("a", "people", "ctl", Need.CONSENT, "only", 0, "none", 1, registered=4, silent=4)
    facts = replace(
        facts,
        declarations=(about,),
        identities=(*facts.identities, Identity("p", "person", "people")),
        consents=(view,),
    )
    found = tried(facts, Target("a", ()))
    assert found == [
        step("collect-consent", "people ctl", "a", {"people": 4}), step("drop-column", "text", "a"), step("drop-column", "use", "a"),
    ]  # fmt: skip
    assert tried(facts, Target("a", ()), ask("use")) == found[:1]  # not the only one


def test_a_column_without_a_category_would_do_as_what_is_granted() -> None:
    facts = world(
        [family("a", document("d", grant("g", "customer.usage", "customer.input", "customer.output")))],
        columns={"text": ()},
    )
    place = {"namespace": NS, "dataset": S, "column": "text"}
    found = tried(facts, Target("a", ("text",)), ask())
    assert [each for each in found if each.kind == "declare-category"] == [
        step("declare-category", f"{NS} {S} text", "a", place | {"category": key})
        for key in ("customer.input", "customer.output")
    ]
    own = Declaration("own", NS, "own.notes", no_customer_data=True)
    mixed = replace(
        world([family("a", document("d", grant()))]),
        declarations=(*world().declarations, own),
    )
    mixed = replace(
        mixed,
        declarations=(replace(mixed.declarations[0], customers=("a",)), own),
        origins=(*mixed.origins, Origin("text", "own", NS, "own.notes", "note")),
    )
    systems = {"namespace": NS, "dataset": "own.notes", "column": "note", "category": "system.operations"}
    assert step("declare-category", f"{NS} own.notes note", "a", systems) in tried(mixed, Target("a", ("text",)), ask())


def test_keys_are_sought_for_spaces_and_sources_and_then_an_ancestor() -> None:
    facts = world([family("a", document("d", grant())), family("b", document("e", BAN))], keyed=False)
    calls = Declaration("calls", NS, "calls", ("a",))
    dataset = replace(facts.dataset, ancestors=("raw 1", "raw 2", "raw 3"))
    facts = replace(
        facts,
        dataset=dataset,
        declarations=(*facts.declarations, calls),
        origins=(*facts.origins, Origin("", "calls", NS, "calls", "x", Path.PRESENCE)),
    )
    found = tried(facts, Target("", ()), ask())
    assert found == [
        step("declare-key", "crm", "", {"kind": "tenant"}),
        step("declare-key", "calls", "", {"kind": "tenant", "declaration": "calls"}),
        step("rebuild", "raw 1"),
        step("rebuild", "raw 2"),
    ]


def test_under_strict_each_duty_of_the_cell_is_put_in_place() -> None:
    needs = [
        {"kind": "deidentified", "k": 20, "known": "measured", "standard": "hipaa", "quasi_identifiers": ["age"]},
        "dp",
    ]
    facts = two(document("d", grant("g", "customer", safeguards=needs)))
    found = tried(facts, Target("a", ("text",)), replace(BOTH, mode=Mode.STRICT))
    rest = {"standard": "hipaa", "known": "measured", "k": 20, "quasi_identifiers": ["age"]}
    plain = {"standard": "", "known": "declared", "quasi_identifiers": []}
    assert [each for each in found if each.kind == "apply-safeguard"] == [
        step("apply-safeguard", "text", "a", {"kind": "deidentified", **rest}), step("apply-safeguard", "text", "a", {"kind": "dp", **plain}),
    ]  # fmt: skip
    assert added("fam-a", "customer.content") in found


def test_what_was_taken_is_not_tried_again_and_no_more_than_ten_things_are() -> None:
    many = world([family("a", document(f"d{n:02}"), ref=f"fam-{n:02}") for n in range(14)])
    normal = many.normal()
    outcome = decisions.evaluate(ask(), normal)
    search = remedies.Search(ask(), normal, outcome, 9)
    first = remedies._candidates(search, CELL, frozenset(), outcome)
    assert [each.target for each in first] == [f"fam-{n:02}" for n in range(10)]
    rest = remedies._candidates(search, CELL, frozenset(first), outcome)
    assert [each.target for each in rest] == [f"fam-{n:02}" for n in range(10, 14)]


def test_a_grant_names_the_vendors_own_categories() -> None:
    facts = world(
        [family("a", document("d"))], columns={"text": ("vendor.badge",)}, own_keys=OwnKeys(contract=("vendor.badge",))
    )
    assert tried(facts, CELL, ask()) == [added("fam-a", "vendor.badge")]


def test_a_key_of_people_is_sought_where_people_cannot_be_told_apart() -> None:
    facts = world([family("a", document("d", grant()))], columns={"text": ("customer.content", "user.contact")})
    facts = replace(
        facts,
        declarations=(replace(facts.declarations[0], subject_space="people"),),
        dataset=replace(facts.dataset, ancestors=("raw",)),
    )
    anonymous = step("apply-safeguard", "text", "a", {"kind": "anonymised"})
    assert tried(facts, CELL, ask()) == [step("declare-key", "people", "", {"kind": "person"}), anonymous]


@pytest.mark.parametrize(
    ("term", "question"),
    [
        (clause("r", "PartyRestriction", parties=["pty-vendor"]), ask()),
        (
            clause("r", "ModelOwnership", owner="customer"),
            replace(ask(action="serve", purpose="", recipient="pty-x"), columns=()),
        ),
    ],
)
def test_what_keeps_all_of_a_customers_data_is_repealed(term: Clause, question: Question) -> None:
    facts = world([family("a", document("d", grant(), term))])
    assert step("repeal-clause", "r", "a", {"document": "d"}) in tried(facts, Target("a", ()), question)


def test_where_nobody_is_known_yet_no_keys_are_sought() -> None:
    facts = world(customers=(), keyed=False)
    dark = replace(facts, dataset=replace(facts.dataset, undeclared=("raw",), completeness=Completeness.UNKNOWN))
    assert tried(dark, Target("", ()), ask()) == [step("declare-source", "raw")]


def test_of_the_vendors_own_data_no_contract_is_asked() -> None:
    own = Declaration("own", NS, "own.notes", no_customer_data=True)
    facts = replace(world(customers=()), declarations=(own,), origins=(Origin("text", "own", NS, "own.notes", "note"),))
    place = {"namespace": NS, "dataset": "own.notes", "column": "note", "category": "system.operations"}
    assert step("declare-category", f"{NS} own.notes note", "", place) in tried(facts, Target("", ("text",)), ask())


def test_no_duty_is_put_in_place_for_rows_that_are_out() -> None:
    facts = two(
        document(
            "d", grant("g", "customer", safeguards=["dp"]), clause("r", "PartyRestriction", parties=["pty-vendor"])
        )
    )
    found = tried(facts, CELL, replace(BOTH, mode=Mode.STRICT))
    assert {each.kind for each in found} == {"add-clause"}


# how far the search goes


class Caught(Exception):
    pass


@pytest.mark.parametrize(
    ("columns", "customers", "budget"), [(1, 1, 9), (2, 1, 4), (2, 2, 2), (1, 2, 4), (2, 9, 0), (1, 0, 9)]
)
def test_many_customers_and_columns_make_fewer_tries(
    columns: int, customers: int, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(*given: object) -> None:
        raise Caught(given)

    monkeypatch.setattr(remedies, "Search", search)
    monkeypatch.setattr(remedies, "DEAR", 9)
    outcome = refused(*(Reason("no-contract", f"u{n}") for n in range(customers)))
    memory = Memory()
    with pytest.raises(Caught) as caught:
        remedies.find(ask(*"xy"[:columns]), world(), outcome, memory=memory)
    (given,) = caught.value.args
    assert given[3:] == (budget, decisions.evaluate, memory)


def test_where_targets_are_many_the_search_ends_with_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def spend(search: remedies.Search, target: Target) -> tuple[Remedy, ...]:
        seen.append(target.customer)
        search.left -= 1
        return ()

    monkeypatch.setattr(remedies, "_for", spend)
    monkeypatch.setattr(remedies, "MOST_TARGETS", 2)
    for budget, customers, looked_at in ((1, "abc", "a"), (2, "abc", "ab"), (1, "ab", "ab"), (0, "abc", "")):
        seen.clear()
        monkeypatch.setattr(remedies, "BUDGET", budget)
        remedies.find(ask(), world(), refused(out=tuple(LeftOut((u,), ("no-contract",)) for u in customers)))
        assert "".join(seen) == looked_at


def test_a_pair_is_found_beside_a_step_that_helps_alone() -> None:
    facts = world([family("a", document("d", grant("g", "customer", safeguards=["dp", "synthetic"])))])
    found = [r for r in engine.decide(ask(mode=Mode.STRICT), facts).remedies if r.columns]
    assert sorted([each.kind for each in r.steps] for r in found) == [
        ["add-clause"],
        ["apply-safeguard", "apply-safeguard"],
    ]


def test_three_that_help_are_enough() -> None:
    """Though another step alone does not help yet."""
    offer = clause("off", "OptInOffer", discount="8 %")
    nearly = document("d0", offer, grant("g", "customer", offer="off", customer_only=True))
    facts = world(
        [family("a", nearly, ref="fam-0"), *(family("a", document(f"d{n}"), ref=f"fam-{n}") for n in (1, 2))]
    ).normal()
    outcome = decisions.evaluate(ask(), facts)
    search = remedies.Search(ask(), facts, outcome, 99)
    assert len(list(remedies._for(search, CELL))) == 3
    assert sorted(len(chosen) for chosen in search.seen) == [1, 1, 1, 1]


# what is said


def test_what_still_blocks_is_what_keeps_this_customers_rows_out() -> None:
    facts = world(
        [family("a", document("d", grant("g", "customer.content")))],
        columns={"text": ("customer.content", "user.contact"), "use": ("customer.usage",)}, customers=("a", "b"),
    )  # fmt: skip
    about = replace(facts.declarations[0], subject_space="people")
    view = ConsentView("a", "people", "", Need.CONSENT, "only", 3, "some", 1, registered=4, allowed=3, refused=1)
    facts = replace(
        facts, declarations=(about,), identities=(*facts.identities, Identity("p", "person", "people")), consents=(view,),
        customers=tuple(replace(each, rows=0) for each in facts.customers),
    )  # fmt: skip
    found = engine.decide(BOTH, facts).remedies
    use = next(r for r in found if (r.customer, r.columns) == ("a", ("use",)))
    assert (use.still_blocking, use.rows_gained, use.customers_gained, use.cells_gained) == ((), 0, 0, 1)
    stranger = next(r for r in found if (r.customer, r.columns) == ("b", ()))
    assert (stranger.customers_gained, stranger.rows_gained) == (1, 0)
    text = [r for r in found if (r.customer, r.columns) == ("b", ("text",))]
    assert all("consent-refused" not in r.still_blocking for r in text)


def test_a_remedy_says_what_it_gains_and_what_still_blocks_the_rows() -> None:
    offer = clause("off", "OptInOffer", discount="8 %")
    facts = two(
        document(
            "d", offer, grant("g", "customer", offer="off"), clause("r", "PartyRestriction", parties=["pty-vendor"])
        )
    )
    cell = [r for r in engine.decide(BOTH, facts).remedies if r.columns]
    assert cell[0] == Remedy(
        "a", ("text", "use"), (step("activate-opt-in", "off", "a"),), 0, 0, 0, ("party-restriction",)
    )
    free = two(document("d", offer, grant("g", "customer", offer="off")))
    first = engine.decide(BOTH, free).remedies[0]
    assert first == Remedy("a", (), (step("activate-opt-in", "off", "a"),), 1, 2, 100)
    uncounted = replace(free, customers=(replace(free.customers[0], rows=None),))
    assert engine.decide(BOTH, uncounted).remedies[0].rows_gained is None
    unknown = replace(free, customers=())
    assert engine.decide(BOTH, unknown).remedies[0].rows_gained is None


def test_remedies_come_by_customers_then_rows_then_cells_then_steps() -> None:
    one, other = (step("rebuild", name) for name in "xy")
    ordered = [
        Remedy("z", (), (one, other), 2, 0, None), Remedy("z", (), (one,), 1, 0, 9), Remedy("z", (), (one,), 1, 1, 1), Remedy("z", (), (one,), 1, 5, None),
        Remedy("z", (), (one,), 1, 3, 0), Remedy("a", ("c",), (one,), 0, 0, 0), Remedy("b", (), (one,), 0, 0, 0),
        Remedy("b", ("c",), (one,), 0, 0, 0), Remedy("b", ("c",), (other,), 0, 0, 0), Remedy("a", (), (one, other), 0, 0, 0),
    ]  # fmt: skip
    assert sorted(set(ordered), key=remedies._order) == ordered


# what allows less


def answered(
    *cells: ColumnPlan,
    lists: tuple[PeopleList, ...] = (),
    erased: tuple[ErasureList, ...] = (),
    notes: tuple[UndertakingNote, ...] = (),
    days: int | None = None,
) -> Outcome:
    one = TreatmentClass("class-1", 1, "", cells, lists, erased)
    plan = Plan(("text",), (one,), (), (), False, undertakings=notes, keep_for_days=days)
    return Outcome(Verdict.PERMIT_WITH_PLAN, (), plan, {"class-1": ("a",)})


KEEP, BLANK = ColumnPlan("text", Treatment.KEEP), ColumnPlan("text", Treatment.BLANK)
K5, K9 = (ColumnPlan("text", Treatment.APPLY, (Duty("deidentified", bounds=Bounds(k=k)),)) for k in (5, 9))
LIST = PeopleList("people", "ctl", Need.CONSENT, "only", ("p",), 3, "one", 1)
GONE = ErasureList("people", ("p",), 2, "one")
NOTE = UndertakingNote("d", "u", "{}")


LESS = [
    (answered(KEEP), answered(BLANK)),
    (answered(KEEP), answered(K5)),
    (answered(K5), answered(K9)),
    (answered(KEEP), Outcome(Verdict.DENY, ())),
    (answered(KEEP), answered(KEEP, lists=(LIST,))),
    (answered(KEEP), answered(KEEP, erased=(GONE,))),
    (answered(KEEP), answered(KEEP, notes=(NOTE,))),
    (answered(KEEP), answered(KEEP, days=9)),
    (answered(KEEP, days=9), answered(KEEP, days=8)),
]
OTHER = [
    (answered(KEEP), replace(answered(KEEP), members={"class-1": ("b",)})),
    (answered(KEEP, lists=(LIST,)), answered(KEEP, lists=(replace(LIST, digest="two"),))),
    (answered(K5), answered(BLANK)),  # a column that comes back brings a duty with it
]


@pytest.mark.parametrize(("now", "later"), LESS)
def test_less_is_allowed_one_way_and_not_the_other(now: Outcome, later: Outcome) -> None:
    assert outlook.allows_less(now, later) and not outlook.allows_less(later, now)
    assert not outlook.allows_less(now, now) and not outlook.allows_less(later, later)


@pytest.mark.parametrize(("now", "later"), OTHER)
def test_something_else_allows_less_either_way(now: Outcome, later: Outcome) -> None:
    assert outlook.allows_less(now, later) and outlook.allows_less(later, now)


def test_a_model_that_may_not_be_passed_on_any_more_is_less() -> None:
    may, may_not = Outcome(Verdict.PERMIT, (), Plan((), (), (), (), False)), Outcome(Verdict.DENY, ())
    assert outlook.allows_less(may, may_not)
    assert not outlook.allows_less(may_not, may) and not outlook.allows_less(may, may)


def test_a_grant_that_ends_by_its_own_words_is_a_moment_of_the_facts() -> None:
    """In a document whose dates lie far away."""
    facts = world(
        [
            family(
                "a",
                document(
                    "d", grant(until="2026-11-01T20:00:00+00:00"), prevails=(Prevails("x", ("train",), ("customer",)),)
                ),
            )
        ]
    )
    assert engine.decide(ask(), facts).holds_until == NOW.replace(hour=20)
