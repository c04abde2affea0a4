"""Engine and reference, two implementations of one page, agree on everything that decides."""

import pytest
from hypothesis import given, settings

from governance.policy.values import Facts, Question
from tests.policy import reference, strategies
from tests.policy.answering import by_engine
from tests.policy.test_laws import EXAMPLES


@settings(max_examples=EXAMPLES * 5)
@given(strategies.questions(), strategies.facts())
def test_engine_and_reference_agree(question: Question, facts: Facts) -> None:
    assert by_engine(question, facts) == reference.decide(question, facts)


@pytest.mark.prove
@settings(max_examples=25_000)
@given(strategies.questions(), strategies.facts())
def test_engine_and_reference_agree_at_length(question: Question, facts: Facts) -> None:
    assert by_engine(question, facts) == reference.decide(question, facts)
