"""Releases over HTTP, as pipelines, people and the gate meet them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clients import gate
from governance.access import actors
from governance.building.models import Build
from governance.releases import permits, rechecks, statuses
from governance.releases.models import Decision, Permit
from lineage.journal import keys
from tests import cast as people
from tests.governance import releases_world
from tests.governance.releases_world import ACTION, ASKED, NAMESPACE, PURPOSE, TRAIN_SET, World, now

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
URL = "/api/v1/releases"
OUT = {"namespace": NAMESPACE, "name": "shop.released"}


def body(**fields: Any) -> dict[str, Any]:
    given = {
        "dataset": {"namespace": NAMESPACE, "name": TRAIN_SET},
        "action": ACTION,
        "purpose": PURPOSE,
        "columns": list(ASKED),
    }
    return {**given, **fields}


def post(world: World, data: Any, path: str = "", key: str = "", **headers: str) -> Any:
    client = people.caller(key or world.secret)
    return client.post(URL + path, data=json.dumps(data), content_type="application/json", headers=headers or None)


def test_a_pipeline_asks_and_gets_codes_a_plan_and_a_build_permit(release_world: World) -> None:
    answer = post(release_world, body())
    assert answer.status_code == 201 and answer["Location"] == f"{URL}/{answer.data['ref']}"
    assert answer.data["verdict"] == "permit_with_plan" and answer.data["next"] == "build"
    claims = gate.verify(answer.data["permit"]["token"], keys.public_jwks(), now=now().timestamp())
    assert claims["kind"] == "build" and claims["action"] == ACTION and claims["columns"] == sorted(ASKED)
    assert "Brandt" not in answer.content.decode()


def test_a_refusal_is_201_with_reasons_and_no_permit(release_world: World) -> None:
    release_world.enforce()
    answer = post(release_world, body(dataset={"namespace": NAMESPACE, "name": "shop.nowhere"}))
    assert answer.status_code == 201 and answer.data["verdict"] == "deny" and answer.data["next"] == "none"
    assert answer.data["permit"] is None and answer.data["advisory"] is None
    assert answer.data["reasons"][0]["code"] == "unknown-dataset"


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([], ""), ("text", ""), (None, ""), ({}, ""), (body(dataset=None), "dataset"), (body(dataset={"namespace": NAMESPACE}), "dataset"),
        (body(columns="body"), "columns"), (body(columns=[1]), "columns[0]"), (body(action=5), "action"), (body(action="dance"), "action"),
        (body(purpose="fun"), "purpose"), (body(mode="maybe"), "mode"), (body(at="yesterday"), "at"), (body(at="2026-11-01T00:00:00"), "at"),
        (body(surprise=1), ""), (body(columns=["a\x00b"]), "columns[0]"), (body(columns=[""]), "columns[0]"), (body(recipient="pty_x"), "recipient"),
        (body(columns=["x" * 501]), "columns[0]"), (body(as_known_at="2999-01-01T00:00:00Z"), "as_known_at"), (body(columns=["*"]), "columns"),
    ],
)  # fmt: skip
def test_a_malformed_question_is_a_400_that_names_the_place(release_world: World, data: Any, where: str) -> None:
    answer = post(release_world, data)
    assert answer.status_code == 400 and answer["Content-Type"].startswith("application/problem+json")
    assert answer.json().get("where", "") == where and answer.json()["detail"]
    assert not Decision.objects.exists()


def test_bytes_that_are_no_json_are_a_400(release_world: World) -> None:
    client = people.caller(release_world.secret)
    for raw in (b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000):
        assert client.post(URL, data=raw, content_type="application/json").status_code == 400


def test_wrong_keys_and_missing_scopes_are_refused(release_world: World) -> None:
    _, weak = people.key("lineage:read", owner=release_world.cast.pipeline_owner)
    assert post(release_world, body(), key="cc_wrong").status_code == 401
    assert post(release_world, body(), key=weak).status_code == 403
    assert people.caller().post(URL, data=body(), content_type="application/json").status_code in (401, 403)


def test_the_same_idempotency_key_decides_once(release_world: World) -> None:
    first, second = (post(release_world, body(), **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.data["ref"] == second.data["ref"] and Decision.objects.count() == 1
    assert post(release_world, body(columns=["body"]), **{"Idempotency-Key": "k1"}).status_code == 422


def test_others_pipelines_do_not_see_a_decision(release_world: World) -> None:
    ref = post(release_world, body()).data["ref"]
    _, other = people.key("release:request", owner=release_world.cast.pipeline_owner)
    for path in ("", "/plan", "/permit", "/sql", "/build"):
        assert people.caller(other).get(f"{URL}/{ref}{path}").status_code == 404
        assert people.caller(other).get(f"{URL}/dec_nobody{path}").status_code == 404
    assert post(release_world, {}, f"/{ref}/build", key=other).status_code == 404


def test_plan_permit_sql_and_replay(release_world: World) -> None:
    ref = post(release_world, body()).data["ref"]
    client = people.caller(release_world.secret)
    plan = client.get(f"{URL}/{ref}/plan").json()
    assert plan["members"] == {"class-1": [release_world.customers["acme"].ref]}
    assert client.get(f"{URL}/{ref}").json()["ref"] == ref
    token = client.get(f"{URL}/{ref}/permit", headers={"Accept": "text/plain"}).content.decode()
    assert gate.verify(token, keys.public_jwks(), now=now().timestamp())["kind"] == "build"
    sql = client.get(f"{URL}/{ref}/sql?dialect=postgres")
    assert sql.status_code == 200 and len(release_world.plane.execute(sql.content.decode()).fetchall()) == 4
    assert client.get(f"{URL}/{ref}/sql?dialect=snowflake").status_code == 422
    assert client.get(f"{URL}/{ref}/sql?output=bad").status_code == 422
    replayed = post(release_world, {}, f"/{ref}/replay")
    assert replayed.status_code == 200 and replayed.json()["identical"] is True
    assert client.get(f"{URL}/{ref}/explanation").status_code == 403


def test_the_explanation_is_for_people_in_two_forms(release_world: World) -> None:
    ref = post(release_world, body()).data["ref"]
    lawyer = people.caller(release_world.cast.lawyer)
    said = lawyer.get(f"{URL}/{ref}/explanation").json()
    assert said["verdict"] == "permit_with_plan" and any(each["clause_number"] == "1" for each in said["reasons"])
    text = lawyer.get(f"{URL}/{ref}/explanation?format=text").content.decode()
    assert text.startswith("permit_with_plan: A part may be used") and "Brandt" in text


def test_a_build_over_http_answers_with_the_release_permit_and_repeats_safely(release_world: World) -> None:
    ref = post(release_world, body(output=OUT)).data["ref"]
    for _ in range(2):
        made = post(release_world, {}, f"/{ref}/build")
        assert made.status_code == 200 and made.json()["state"] == "released", made.json()
    assert made.json()["dataset"] == OUT and made.json()["counts"]["rows_written"] == 4 and Build.objects.count() == 1
    claims = gate.verify(made.json()["permit"]["token"], keys.public_jwks(), now=now().timestamp())
    assert claims["kind"] == "release" and claims["dataset"] == OUT
    assert people.caller(release_world.secret).get(f"{URL}/{ref}/permit").json()["kind"] == "release"


@pytest.mark.parametrize(
    "data",
    [{"output": "x"}, {"output": {"namespace": "n"}}, {"other": 1}, [1], {"output": {"namespace": 1, "name": 2}}],
)
def test_a_malformed_build_is_a_400(release_world: World, data: Any) -> None:
    ref = post(release_world, body()).data["ref"]
    assert post(release_world, data, f"/{ref}/build").status_code == 400


def test_the_status_list_is_open_and_tells_a_revocation(release_world: World) -> None:
    token = post(release_world, body()).data["permit"]["token"]
    claims = gate.verify(token, keys.public_jwks(), now=now().timestamp())

    def status() -> dict[str, Any]:
        answer = people.caller().get("/api/v1/permits/status")
        assert answer.status_code == 200 and answer["Content-Type"] == "application/statuslist+jwt"
        return gate.verify(answer.content.decode(), keys.public_jwks(), now=now().timestamp(), typ=gate.STATUS_TYPE)

    gate.check_status(claims, status())
    statuses.move_cursor(5)
    release_world.grant("acme", ("Prohibition", {"actions": ["train"]}))
    assert rechecks.sweep(at=now(), by=actors.SYSTEM)
    with pytest.raises(gate.Refused, match="revoked"):
        gate.check_status(claims, status())
    assert status()["reactions"]["cursor"] == 5


def test_pages_of_a_decision_a_permit_and_a_build(release_world: World) -> None:
    ref = post(release_world, body(output=OUT)).data["ref"]
    post(release_world, {}, f"/{ref}/build")
    lawyer = people.caller(release_world.cast.lawyer)
    row = Decision.objects.get(ref=ref)
    page = lawyer.get(f"/admin/releases/decision/{row.pk}/change/").content.decode()
    assert "The contract forbids this use." in page and "keep" in page and row.digest in page
    assert lawyer.get("/admin/releases/decision/").status_code == 200
    assert "governance" in lawyer.get(f"/admin/releases/permit/{Permit.objects.first().pk}/change/").content.decode()  # type: ignore[union-attr]
    assert "rows written" in lawyer.get(f"/admin/building/build/{Build.objects.get().pk}/change/").content.decode()
    outsider = (
        people.caller(release_world.cast.pipeline_owner)
        .get(f"/admin/releases/decision/{row.pk}/change/")
        .content.decode()
    )
    assert "Brandt" not in outsider and "words of clause" not in outsider


# ---- the whole story, the gate as a process of its own ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_gate_refuses_builds_runs_and_stops_again(live_server: Any, tmp_path: Path, settings: Any) -> None:
    settings.SITE_URL = live_server.url
    with releases_world.plane(settings, tmp_path / "planes.json") as plane:
        world = releases_world.build(people.assemble(), plane, keyed=False)
        world.enforce()
        refused = run(live_server.url, world.secret, tmp_path)
        assert refused.returncode == 3 and "gate: deny" in refused.stdout and "what would help" in refused.stdout
        world.keyed()
        unaccepted = run(live_server.url, world.secret, tmp_path)
        assert unaccepted.returncode == 3 and "--accept-plan" in unaccepted.stderr
        done = run(live_server.url, world.secret, tmp_path, "--accept-plan", "--output", "shop.released")
        assert (
            done.returncode == 0 and "rows written: 4" in done.stdout and "trained on shop.released" in done.stdout
        ), done
        permit = done.stdout.split("permit ")[1].split()[0]
        claims = gate.verify(permit, keys.public_jwks(), now=now().timestamp())
        assert permits.find(claims["jti"]).kind == Permit.Kind.RELEASE
        world.grant("acme", ("Prohibition", {"actions": ["train"]}))
        assert rechecks.sweep(at=now(), by=actors.SYSTEM)
        with pytest.raises(gate.Refused, match="revoked"):
            gate.check_status(claims, keys.verify_jws(statuses.token(at=now()), typ=statuses.TYPE))
        assert run(live_server.url, world.secret, tmp_path, "--accept-plan").returncode == 3


def run(url: str, secret: str, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"GATE_KEY": secret, "GATE_STATE_DIR": str(tmp_path / "gate")}
    asked = [
        "--url",
        url,
        "--dataset",
        f"{NAMESPACE}/{TRAIN_SET}",
        "--action",
        ACTION,
        "--purpose",
        PURPOSE,
        "--columns",
        ",".join(ASKED),
    ]
    show = "import os; print('trained on', os.environ['GATE_DATASET'], 'permit', os.environ['GATE_PERMIT'])"
    words = [sys.executable, str(ROOT / "clients/gate.py"), "run", *asked, *options, "--", sys.executable, "-c", show]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=90)
