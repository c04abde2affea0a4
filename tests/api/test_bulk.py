"""Thousands of questions in one call."""

import json
from typing import Any

import pytest

from governance.releases import bulk, decisions
from governance.releases.models import Decision
from tests import cast as people
from tests.api.test_releases import body
from tests.governance.releases_world import NAMESPACE, World

pytestmark = pytest.mark.django_db
URL = "/api/v1/releases/bulk"
NOWHERE = {"namespace": NAMESPACE, "name": "shop.nowhere"}


def post(world: World, *lines: Any, key: str = "") -> Any:
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    headers = {"Idempotency-Key": key} if key else None
    return people.caller(world.secret).post(URL, data=raw, content_type="application/x-ndjson", headers=headers)


def read(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def test_each_line_is_answered_as_it_would_be_alone(release_world: World) -> None:
    answer = post(release_world, body(), body(dataset=NOWHERE))
    assert answer.status_code == 200 and answer["Content-Type"] == "application/x-ndjson"
    first, second = read(answer)
    assert [first["line"], first["status"], second["line"], second["status"]] == [1, 201, 2, 201]
    assert first["answer"]["permit"]["token"] and second["answer"]["verdict"] == "deny"
    assert {first["answer"]["ref"], second["answer"]["ref"]} == set(Decision.objects.values_list("ref", flat=True))


def test_a_bad_line_is_told_with_its_number_and_touches_no_other(release_world: World) -> None:
    found = read(
        post(release_world, body(), b"{", b"[" * 5000, body(action="dance"), b"\xff", b"", body(surprise=1), body())
    )
    assert [each["status"] for each in found] == [201, 400, 400, 400, 400, 400, 201]
    assert found[3]["problem"]["where"] == "action" and found[1]["problem"]["code"] == "bad-line"
    assert Decision.objects.count() == 2


def test_answers_come_while_questions_are_still_open(release_world: World) -> None:
    stream = iter(post(release_world, body(), body()).streaming_content)
    next(stream)
    assert Decision.objects.count() == 1
    next(stream)
    assert Decision.objects.count() == 2


def test_the_same_call_again_decides_nothing_twice(release_world: World) -> None:
    lines = [body(), body(dataset=NOWHERE), body(action="dance")]
    stream = iter(post(release_world, *lines, key="night-1").streaming_content)
    first = json.loads(next(stream))  # and the connection breaks
    again = read(post(release_world, *lines, key="night-1"))
    assert again[0]["answer"]["ref"] == first["answer"]["ref"] and again[0]["replayed"] is True
    assert "replayed" not in again[1] and [each["status"] for each in again] == [201, 201, 400]
    assert Decision.objects.count() == 2
    reused = read(post(release_world, body(dataset=NOWHERE), key="night-1"))
    assert reused[0]["status"] == 422 and Decision.objects.count() == 2


def test_a_fault_of_ours_is_a_line_of_its_own(release_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = decisions.request, []

    def breaks(ask: Any, **kwargs: Any) -> Any:
        asked.append(ask)
        if len(asked) == 1:
            raise RuntimeError("secret detail")
        return real(ask, **kwargs)

    monkeypatch.setattr(decisions, "request", breaks)
    found = read(post(release_world, body(), body()))
    assert [each["status"] for each in found] == [500, 201] and "secret" not in json.dumps(found)


def test_what_is_no_bulk_request_is_refused_whole(release_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert post(release_world).status_code == 400 and post(release_world, b"\n \n").status_code == 400
    monkeypatch.setattr(bulk, "MOST_LINES", 1)
    assert post(release_world, body(), body()).status_code == 413
    assert post(release_world, body(), key="k" * 250).status_code == 400
    assert not Decision.objects.exists()
    assert people.caller().post(URL, data=b"{}", content_type="application/x-ndjson").status_code == 401
