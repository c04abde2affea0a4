"""The cover page of an AI addendum: no contradiction permits, nothing missing or unreadable permits, and the order of fields means nothing."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.contracts import addendum
from governance.contracts.addendum import DATA, FIELDS, Page, Says
from governance.policy import canonical, clauses, engine
from governance.policy.answers import Verdict
from governance.policy.values import Clause
from tests.policy import worlds
from tests.policy.worlds import PURPOSE

NAMES = sorted(FIELDS)
ALL_SAID_NO = {name: "" if one.is_text else False for name, one in FIELDS.items()}


def read(pairs: Any, **more: Any) -> Page:
    given_ = list(pairs.items()) if isinstance(pairs, dict) else pairs
    return addendum.read(given_, **{"purposes": [PURPOSE], **more})


def permitted(page: Page, action: str = "train", *, model: bool = False) -> set[str]:
    """Which of the page's data types the engine lets be used where the page is the whole contract; what takes a safeguard counts too."""
    found = []
    for n, each in enumerate(page.clauses):
        found.append(Clause(f"c{n}", each.kind, canonical.text(each.body), number=each.number, passage=each.passage))
    columns = {key.rpartition(".")[2]: (key,) for key in DATA.values()}
    facts = worlds.world([worlds.family("a", worlds.document("addendum", *found))], columns=columns)
    answer = engine.decide(worlds.ask(*columns, action=action), facts)
    if answer.verdict is Verdict.DENY:
        return set()
    assert answer.plan is not None
    used = {c.column for each in answer.plan.classes for c in each.columns if c.treatment in ("keep", "apply")}
    return {f"customer.{column}" for column in used}


def kinds(page: Page) -> list[str]:
    return sorted(each.kind for each in page.clauses)


def test_a_page_answered_in_full_grants_what_it_permits_and_nothing_else() -> None:
    page = read(ALL_SAID_NO | {"training_data_usage": True, "training_data_prompts": "yes"})
    assert permitted(page) == {"customer.usage", "customer.prompt"}  # prompts while other input may not
    assert not permitted(page, "review") and not page.contradictions and not page.missing
    assert {each.passage for each in page.clauses if each.kind == "Grant"} == {
        "training_data_usage: true",
        "training_data_prompts: yes",
    }


def test_conditions_bind_every_grant_and_every_other_document() -> None:
    said = {"training_data_feedback": True, "training_data_aggregated": True, "training_data_deidentified": True}
    page = read(ALL_SAID_NO | said)
    grant = next(each for each in page.clauses if each.kind == "Grant")
    assert grant.body["safeguards"] == [{"kind": "aggregated"}, {"kind": "deidentified"}]
    assert "training_data_deidentified: true" in grant.passage
    position = next(each for each in page.clauses if each.kind == "TrainingPosition")
    assert position.body == {"position": "prohibited"}  # so that a broader grant elsewhere does not help
    only = read(ALL_SAID_NO | {"training_data_feedback": True, "model_training_customer_only": True})
    assert next(each for each in only.clauses if each.kind == "Grant").body["customer_only"] is True
    assert not permitted(only)  # no model that serves this customer alone is named


def test_an_effort_promise_is_no_safeguard() -> None:
    page = read(
        ALL_SAID_NO
        | {
            "training_data_usage": True,
            "training_data_deidentified": True,
            "training_data_best_effort_deidentify": True,
        }
    )
    grant = next(each for each in page.clauses if each.kind == "Grant")
    assert grant.body["safeguards"] == [{"kind": "deidentified"}]
    assert any(each.kind == "Undertaking" and each.body["duty"] == "other" for each in page.clauses)


def test_the_right_to_improve_is_bound_to_the_customer_and_left_open_where_another_grant_is_broader() -> None:
    said = ALL_SAID_NO | {"improvements_for_customer_only": True}
    grant = next(each for each in read(said).clauses if each.kind == "Grant")
    assert grant.body["actions"] == ["improve"] and grant.body["customer_only"] is True
    assert kinds(read(said, improve_is_ours=False)) == ["UnencodedTerm"]


@pytest.mark.parametrize("field", [name for name, one in FIELDS.items() if one.is_text])
def test_words_stay_unencoded_and_refuse(field: str) -> None:
    hostile = "<script>alert(1)</script> '; DROP TABLE clauses; -- grant everything \u202e"
    page = read(ALL_SAID_NO | {"training_data_usage": True, field: hostile})
    assert [each["field"] for each in page.unencoded] == [field]
    assert any(each.kind == "UnencodedTerm" and hostile in each.passage for each in page.clauses)
    assert not permitted(page)


@pytest.mark.parametrize(
    "said", [{}, {"training_data_usage": True}, {"training_data_usage": None}, {"no_such_field": "true"}]
)
def test_a_page_with_fields_missing_grants_nothing_and_says_which(said: dict[str, Any]) -> None:
    page = read(said)
    assert not permitted(page) and set(page.missing) >= set(FIELDS) - {"training_data_usage"}
    assert not any(each.kind == "Grant" for each in page.clauses)


def test_a_missing_restriction_is_no_absent_one() -> None:
    for name, one in FIELDS.items():
        if one.may_restrict:
            without = {
                key: value for key, value in (ALL_SAID_NO | {"training_data_usage": True}).items() if key != name
            }
            assert not permitted(read(without)), name


def test_without_purposes_nothing_is_granted() -> None:
    page = read(ALL_SAID_NO | {"training_data_usage": True}, purposes=[])
    assert not permitted(page) and "purposes" in page.unencoded[0]["why"]


def test_an_unknown_field_with_an_answer_may_restrict_anything() -> None:
    page = read(ALL_SAID_NO | {"training_data_usage": True, "training_data_never_on_mondays": "true"})
    assert page.unknown == ["training_data_never_on_mondays"] and not permitted(page)
    assert permitted(read(ALL_SAID_NO | {"training_data_usage": True, "something_else": "false"}))


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"training_data_none": True, "training_data_usage": True}, ("training_data_none", "training_data_usage")),
        ({"model_training_none": "ask us", "training_data_usage": True}, ("model_training_none", "training_data_usage")),
        ({"training_data_none": True, "training_data_additional": "logs"}, ("training_data_none", "training_data_additional")),
        ({"model_training_none": True, "model_training_customer_only": True}, ("model_training_none", "model_training_customer_only")),
    ],
)  # fmt: skip
def test_where_training_is_excluded_nothing_that_permits_it_is_granted(
    said: dict[str, Any], fields: tuple[str, ...]
) -> None:
    page = read(ALL_SAID_NO | said)
    assert [each.fields for each in page.contradictions] == [fields]
    assert [f"{name}: {addendum.text(said[name])}" for name in fields] == list(page.contradictions[0].quotes)
    assert "Grant" not in kinds(page) and not permitted(page)
    assert {each["field"] for each in page.unencoded} >= {fields[1]}


def test_what_says_no_is_against_nothing() -> None:
    page = read(ALL_SAID_NO | {"training_data_none": True, "improvements_for_customer_only": True})
    assert page.contradictions == [] and "Grant" in kinds(page)
    kept = read(ALL_SAID_NO | {"training_data_none": True, "model_training_customer_only": True, "no_such_field": "x"})
    assert kept.contradictions == []  # a condition of a training that there is not


def test_a_field_that_stands_twice_with_different_answers_permits_nothing() -> None:
    page = read([*ALL_SAID_NO.items(), ("training_data_usage", True), ("training_data_usage", "no")])
    assert [each.fields for each in page.contradictions] == [("training_data_usage",)]
    assert not permitted(page) and page.unreadable == []
    same = read([*(ALL_SAID_NO | {"training_data_usage": True}).items(), ("training_data_usage", "yes")])
    assert permitted(same) == {"customer.usage"}


@pytest.mark.parametrize("value", ["maybe", 1.5, ["yes"]])
def test_an_answer_that_is_neither_yes_nor_no_permits_nothing_and_is_quoted(value: Any) -> None:
    page = read(ALL_SAID_NO | {"training_data_usage": value})
    assert page.unreadable == ["training_data_usage"] and not permitted(page)
    assert [(each["value"], each["why"]) for each in page.unencoded] == [
        (str(value), "the answer is neither yes nor no")
    ]


def test_output_that_does_not_name_the_customer_is_a_duty() -> None:
    name = next(name for name, one in FIELDS.items() if one.says is Says.UNDERTAKING)
    page = read(ALL_SAID_NO | {"training_data_usage": True, name: True})
    assert [each.body for each in page.clauses if each.kind == "Undertaking"] == [
        {"duty": "no-customer-identification"}
    ]
    assert permitted(page) == {"customer.usage"}


values = st.sampled_from([True, False, "true", "no", "", None, "maybe", "only on request", 1])
pages = st.lists(st.tuples(st.sampled_from([*NAMES, "unknown_field"]), values), max_size=24)
full = st.fixed_dictionaries(
    {name: st.sampled_from([True, False]) if not one.is_text else st.just("") for name, one in FIELDS.items()}
).map(lambda said: list(said.items()))


def excluded(pairs: list[tuple[str, Any]]) -> set[str]:
    """Naively, what some answer excludes from training: everything where there is none; a type with an answer that is not a plain yes."""

    def yes(value: Any) -> bool:
        return addendum.text(value).lower() in addendum.YES

    def no(value: Any) -> bool:
        return addendum.text(value).lower() in addendum.NO

    for name, value in pairs:
        if name in FIELDS and FIELDS[name].says is Says.NO_TRAINING and not no(value):
            return set(DATA.values())
    return {DATA[name] for name, value in pairs if name in DATA and not yes(value)} | {
        category for name, category in DATA.items() if name not in dict(pairs)
    }


@given(pages | full | st.tuples(full, pages).map(lambda two: two[0] + two[1]))
def test_no_page_permits_what_one_of_its_answers_excludes(pairs: list[tuple[str, Any]]) -> None:
    page = read(pairs)
    assert not permitted(page) & excluded(pairs)
    for each in page.contradictions:
        mine = {FIELDS[name].category for name in each.fields if name in FIELDS}
        assert not permitted(page) & mine
        if any(FIELDS[name].says is Says.NO_TRAINING for name in each.fields):
            assert not any(clause.kind == "Grant" and "train" in clause.body["actions"] for clause in page.clauses)


@given(pages | full, st.randoms(use_true_random=False))
def test_the_order_of_fields_means_nothing(pairs: list[tuple[str, Any]], shuffle: random.Random) -> None:
    mixed = list(pairs)
    shuffle.shuffle(mixed)
    assert read(mixed) == read(pairs)


@given(pages)
def test_every_clause_can_be_read_and_quotes_its_field(pairs: list[tuple[str, Any]]) -> None:
    for each in read(pairs).clauses:
        clauses.parse(each.kind, each.body)
        assert any(f"{name}:" in each.passage for name, _ in pairs)


def test_the_fields_are_those_of_the_addendum() -> None:
    words = {
        "training_data_additional",
        "training_requirements_additional",
        "output_restrictions_additional",
        "additional_terms",
    }
    assert {name for name, one in FIELDS.items() if one.is_text} == words
    assert len(FIELDS) == 18 and len(DATA) == 6
    restricting = {name for name, one in FIELDS.items() if one.may_restrict} - words
    assert restricting == {
        "training_data_none",
        "model_training_none",
        "model_training_customer_only",
        "training_data_aggregated",
        "training_data_deidentified",
    }
