"""Versions of the rules: what each made answers mean otherwise, and the function by which this code still evaluates it. Pure.

A change of meaning is a new entry with its own `evaluate`, so that old and new answers can be laid side by side before people switch
(`manage.py rules_diff`). A version that is kept without a function was dropped: its decisions stay readable, and are not replayed.
"""

from dataclasses import dataclass
from typing import Protocol

from governance.policy import decisions
from governance.policy.decisions import Outcome
from governance.policy.memory import Memory
from governance.policy.values import RULES_VERSION, Facts, Question
from lineage import errors


class Evaluate(Protocol):
    """Evaluates a checked question about facts in normal order; `memory` makes copies of facts cheap, and changes no answer."""

    def __call__(self, question: Question, facts: Facts, *, memory: Memory | None = None) -> Outcome: ...


class NotRun(errors.Conflict):
    """Rules that this code does not know, or no longer runs."""

    code = "rules-not-run"


@dataclass(frozen=True)
class Rules:
    """One version: `changes` says in words what it answers otherwise than the one before; no `evaluate`, and it is no longer run."""

    version: str
    changes: tuple[str, ...]
    evaluate: Evaluate | None

    @property
    def runs(self) -> bool:
        """Say whether this code can decide by it."""
        return self.evaluate is not None

    def outcome(self, question: Question, facts: Facts, *, memory: Memory | None = None) -> Outcome:
        """Evaluate a checked question by these rules; raises `NotRun`."""
        if self.evaluate is None:
            raise NotRun(f"rules {self.version}: this code no longer runs them", where="rules")
        return self.evaluate(question, facts, memory=memory)  # survives: with a memory the same is found, sooner


# The oldest first; the last is the newest, `values.RULES_VERSION`.
VERSIONS: dict[str, Rules] = {
    "1": Rules("1", ("The first rules.",), None),
    "2": Rules(
        "2",
        (
            "A vendor's ownership of models must be said for all of a customer's data in the model, not for some of its products.",
            "An opt-in offer that is limited to products, environments or regions helps only there.",
            "A prohibition, or a term not yet encoded, about all of a customer's data reaches the key columns that filter its rows.",
            "A category in no tree, on a column that filters, leaves the customer's rows out.",
            "A standard form that is accepted anew says again what was repealed of its earlier acceptance.",
            "A question without recipient is about every entity of the vendor's: restricted parties and named recipients count so.",
            "A person's open deletion blanks columns about people in whom nobody says how persons are identified.",
            "`anonymised` counts only as declared by two persons.",
            "What was undertaken stands in permits to serve or assign a model, too.",
            "Columns that are left blank set no time to delete; people are counted by what their rows need.",
        ),
        decisions.evaluate,
    ),
}


def known(version: str) -> Rules | None:
    """Return a version, or None for one that this code never heard of."""
    return VERSIONS.get(version)


def running(version: str) -> Rules:
    """Return a version that this code decides by; raises `NotRun`, saying which of the two reasons it is."""
    found = known(version)
    if found is not None and found.runs:
        return found
    why = "this code does not know them" if found is None else "this code no longer runs them"
    there = ", ".join(each.version for each in VERSIONS.values() if each.runs)
    raise NotRun(
        f"rules {version}: {why}",
        where="rules",
        remedy=f"it runs {there}: use one of these, or the release of that time",
    )


def newest() -> Rules:
    """Return the version that this code was written for."""
    return running(RULES_VERSION)
