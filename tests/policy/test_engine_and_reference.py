"""Engine and reference, two implementations of one page, agree on everything that decides."""

from hypothesis import given, settings

from governance.policy.values import Facts, Question
from tests.policy import reference, strategies
from tests.policy.answering import by_engine
from tests.policy.test_laws import EXAMPLES, pytestmark

__all__ = ["pytestmark"]


@settings(max_examples=max(EXAMPLES, 300))
@given(strategies.questions(), strategies.facts())
def test_engine_and_reference_agree(question: Question, facts: Facts) -> None:
    assert by_engine(question, facts) == reference.decide(question, facts)
