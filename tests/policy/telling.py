"""Hold a result to what an entry of the corpus expects, and say results in the words of expectations."""

import json
from typing import Any

from governance.policy.answers import Decision
from tests.policy import people
from tests.policy.reference import NO_EPSILON, Req, Result

KNOWN = ("claimed", "declared", "measured")
EXPECT = "verdict cells out codes silent duties days lists erased undertakings counts classes malformed"


def check(expect: dict[str, Any], result: Result, spoken: set[str]) -> None:
    """Raise `AssertionError` where a result is not what was expected; `spoken` are all codes that speak."""
    people.only(expect, EXPECT)
    assert result.verdict == expect["verdict"], spoken
    for cell, treatment in expect.get("cells", {}).items():
        assert result.cells[customer_and_column(cell)][0] == treatment
    for cell, duties in expect.get("duties", {}).items():
        assert sorted(map(duty, result.cells[customer_and_column(cell)][1])) == sorted(duties)
    assert set(expect.get("codes", [])) <= spoken, spoken
    assert not set(expect.get("silent", [])) & spoken, spoken
    assert not set(expect.get("out", [])) & result.members
    assert result.days == expect.get("days")
    if "lists" in expect or result.lists:
        needs = {(u, need) for u, _, _, need in result.lists}
        wanted = {(u, need) for u, found in expect.get("lists", {}).items() for need in found}
        assert needs == wanted or ("lists" not in expect and needs)
    if "erased" in expect:
        assert {u for u, _ in result.erased} == set(expect["erased"])


def check_decision(expect: dict[str, Any], decision: Decision) -> None:
    """The same for what only a whole decision says: every code, undertakings, counts of people, the number of classes."""
    spoken = {reason.code for reason in decision.reasons}
    assert set(expect.get("codes", [])) <= spoken and not set(expect.get("silent", [])) & spoken, spoken
    if "undertakings" in expect:
        notes = decision.plan.undertakings if decision.plan else ()
        assert sorted(json.loads(note.terms)["duty"] for note in notes) == expect["undertakings"]
    for name, count in expect.get("counts", {}).items():
        assert getattr(decision.counts, name) == count, decision.counts
    if "classes" in expect:
        assert decision.plan is not None and len(decision.plan.classes) == expect["classes"]


def customer_and_column(cell: str) -> tuple[str, str]:
    """`a.text` is the cell of customer a in column text."""
    customer, column = cell.split(".", 1)
    return customer, column


def duty(req: Req) -> str:
    """Say a duty in a line: `deidentified k=20 measured`."""
    safeguard, standard, level, k, n, c, epsilon, quasi = req
    words = [safeguard, *(f"{name}={value}" for name, value in (("k", k), ("n", n), ("c", c)) if value)]
    words += [f"epsilon={-epsilon}"] if epsilon != NO_EPSILON else []
    words += [f"standard={standard}"] if standard else []
    words += [f"over={','.join(quasi)}"] if quasi else []
    return " ".join([*words, *([KNOWN[level]] if KNOWN[level] != "declared" else [])])
