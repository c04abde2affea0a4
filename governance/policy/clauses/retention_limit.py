"""RetentionLimit: training copies live at most n days after release. It travels in the plan as `keep_for_days`."""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "RetentionLimit"
EXAMPLE = {"days": 180}


@dataclass(frozen=True, slots=True)
class RetentionLimit:
    """Days after release."""

    days: int


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> RetentionLimit:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["days"])
    return RetentionLimit(reading.needed_number(body, "days", most=36_500))


def concerns(action: str) -> bool:
    """Say whether a copy made for the action is a training copy."""
    return vocabulary.touches("train", action)


def explain(clause: RetentionLimit) -> str:
    """Say it in words."""
    return f"Training copies live at most {clause.days} days after release."
