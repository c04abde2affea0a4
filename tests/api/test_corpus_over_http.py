"""The corpus of decisions (`tests/policy/corpus`), told to the product: built with its own verbs, asked over HTTP, compared with the engine."""

import json
from typing import Any

import pytest

from governance.policy import engine
from governance.policy.answers import Decision
from governance.releases import explaining
from tests.api import staging
from tests.api.staging import Played, Stage
from tests.policy import entries
from tests.policy.entries import Tale

pytestmark = pytest.mark.django_db
URL = "/api/v1/releases"
TALES = [tale for tale in entries.told() if not tale.http]


@pytest.mark.parametrize("tale", TALES, ids=str)
def test_the_corpus_is_answered_over_http_as_it_says(stage: Stage, tale: Tale) -> None:
    played = staging.build(stage, tale)
    answer = stage.pipeline.post(URL, data=played.body, format="json")
    if "malformed" in tale.expect:
        assert answer.status_code == 400 and answer.json()["where"] == tale.expect["malformed"]
        return
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert said["verdict"] == tale.expect["verdict"], said["reasons"]
    spoken = {reason["code"] for reason in said["reasons"]}
    assert set(tale.expect.get("codes", [])) <= spoken and not set(tale.expect.get("silent", [])) & spoken
    wanted = engine.decide(played.question, played.tale.facts, with_remedies=False)
    assert _reasons(said["reasons"], played) == _reasons(explaining.short(wanted))
    assert said["people"] == {name: getattr(wanted.counts, name) for name in said["people"]}
    assert _left_out(said["left_out"], played) == _left_out(plain(wanted)["left_out"])
    plan = stage.pipeline.get(f"{URL}/{said['ref']}/plan")
    assert (plan.status_code == 404) is (wanted.plan is None)
    if wanted.plan:
        whole = plain(wanted)
        assert _plan(plan.json()["plan"], plan.json()["members"], played) == _plan(whole["plan"], whole["members"])


def plain(decision: Decision) -> Any:
    """The engine's answer as JSON."""
    return json.loads(decision.to_bytes())


def _told(value: Any, played: Played | None) -> Any:
    """References as the names of the entry."""
    names = {ref: name for name, ref in played.names.items()} if played else {}
    match value:
        case list():
            return sorted((_told(inner, played) for inner in value), key=repr)
        case dict():
            return {names.get(key, key): _told(inner, played) for key, inner in sorted(value.items())}
        case _:
            return names.get(value, value) if isinstance(value, str) else value


def _reasons(rows: list[dict[str, Any]], played: Played | None = None) -> Any:
    return _told([{key: value for key, value in row.items() if key != "text"} for row in rows], played)


def _left_out(rows: list[dict[str, Any]], played: Played | None = None) -> Any:
    return _told(rows, played)


def _plan(plan: dict[str, Any], members: dict[str, list[str]], played: Played | None = None) -> Any:
    """What a plan says but for digests and the places of lists, which rest on references."""
    classes = [
        {
            "members": members[each["ref"]],
            "columns": each["columns"],
            "people": [
                {key: row[key] for key in ("controller", "need", "kind", "columns", "count")} for row in each["people"]
            ],
            "erased": [{key: row[key] for key in ("columns", "count")} for row in each["erased"]],
        }
        for each in plan["classes"]
    ]
    rest = {
        name: plan[name] for name in ("columns", "filter_columns", "changes_rows", "quasi_identifiers", "keep_for_days")
    }
    notes = [(note["document"], note["clause"]) for note in plan["undertakings"]]
    return _told([classes, list(rest.items()), [list(note) for note in notes]], played)
