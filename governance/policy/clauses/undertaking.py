"""Undertaking: a duty that travels with the permission and stands in the permit. It neither permits nor refuses."""

from dataclasses import dataclass

from consent import vocabulary
from governance.policy.clauses import reading

KIND = "Undertaking"
DUTIES = (
    "notify-before", "no-human-review", "no-reidentification", "no-customer-identification", "technique", "attribution",
    "sub-processors", "other",
)  # fmt: skip
EXAMPLE = {"duty": "notify-before", "days": 14}


@dataclass(frozen=True, slots=True)
class Undertaking:
    """`technique` (federated, homomorphic, enclave) and `days` belong to their duties; `words` to any."""

    duty: str
    actions: tuple[str, ...]
    days: int | None = None
    technique: str = ""
    words: str = ""


def parse(body: reading.Body, own: vocabulary.Own = vocabulary.NONE) -> Undertaking:
    """Read a body; raises `BadClause`."""
    reading.only(body, ["duty", "actions", "days", "technique", "words"])
    clause = Undertaking(
        duty=reading.choice(body, "duty", DUTIES),
        actions=reading.keys(body, "actions", vocabulary.is_action, missing_is_any=True, any_allowed=True),
        days=reading.number(body, "days", most=36_500),
        technique=reading.text(body, "technique"),
        words=reading.text(body, "words"),
    )
    if clause.duty == "notify-before" and clause.days is None:
        raise reading.BadClause("say how many days before", where="days")
    if clause.duty == "technique" and not clause.technique:
        raise reading.BadClause("name the technique", where="technique")
    if clause.duty == "other" and not clause.words:
        raise reading.BadClause("say what is promised", where="words")
    return clause


def concerns(clause: Undertaking, action: str) -> bool:
    """Say whether the duty travels with the action."""
    return reading.touches_one(clause.actions, action)


def explain(clause: Undertaking) -> str:
    """Say it in words."""
    notes = [f"{clause.days} days before"] if clause.days is not None else []
    notes += [clause.technique] if clause.technique else []
    notes += [clause.words] if clause.words else []
    return f"Undertakes: {clause.duty.replace('-', ' ')}" + (f" ({', '.join(notes)})." if notes else ".")
