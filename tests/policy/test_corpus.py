"""The corpus of decisions (`corpus/*.yaml`, how to read it: `corpus/README.md`), run by engine and reference; over HTTP by `tests/api`."""

from typing import Any

import pytest

from governance.policy import clauses, engine, people, reasons
from governance.policy.answers import Decision
from governance.policy.values import Facts, Question
from tests.policy import entries, telling
from tests.policy.answering import BOTH, MALFORMED, Answerer
from tests.policy.entries import Tale

TALES = entries.told()


@pytest.mark.parametrize("answer", BOTH, ids=["engine", "reference"])
@pytest.mark.parametrize("tale", TALES, ids=str)
def test_the_corpus_is_decided_as_it_says(answer: Answerer, tale: Tale) -> None:
    if "malformed" in tale.expect:
        with pytest.raises(MALFORMED) as found:
            answer(tale.question, tale.facts)
        assert getattr(found.value, "where", tale.expect["malformed"]) == tale.expect["malformed"]
        return
    result = answer(tale.question, tale.facts)
    refusing = {name: [c for c in tale.expect.get(name, []) if reasons.refuses(c)] for name in ("codes", "silent")}
    telling.check(tale.expect | refusing, result, {code for code, _, _ in result.codes})


@pytest.mark.parametrize("tale", [t for t in TALES if "malformed" not in t.expect], ids=str)
def test_the_engine_says_all_that_an_entry_expects(tale: Tale) -> None:
    telling.check_decision(tale.expect, decide(tale.question, tale.facts))


def decide(question: Question, facts: Facts) -> Decision:
    """Decide without looking for remedies."""
    return engine.decide(question, facts, with_remedies=False)


def test_names_of_entries_are_told_once() -> None:
    names = [str(tale) for tale in TALES]
    assert len(names) == len(set(names)) >= 150


def test_few_entries_cannot_be_told_over_http_and_each_says_why() -> None:
    kept_back = [tale for tale in TALES if tale.http]
    assert all(len(tale.http) > 20 for tale in kept_back)
    assert len(kept_back) < 0.15 * len(TALES)


@pytest.mark.parametrize("strange", [{"colour": "red"}, {"contracts": {"a": [[{"kind": "Grant"}]]}, "expects": {}}])
def test_an_entry_with_a_word_that_there_is_not_is_refused(strange: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no entry has"):
        entries.read({"name": "x", "expect": {"verdict": "deny"}} | strange)


def test_every_clause_kind_has_an_example_that_reads_and_explains() -> None:
    for kind in clauses.KINDS:
        assert clauses.explain(clauses.parse(kind, clauses.EXAMPLES[kind]))


def test_the_grounds_are_the_ones_that_bases_can_have() -> None:
    from consent.models import Basis

    assert set(people.GROUNDS) == set(Basis.Ground.values)
