"""Deletions over HTTP: who may, what is refused and how, and that nobody learns of customers they may not see."""

from datetime import timedelta

import pytest

from governance.access import actors
from governance.deletions import worklists
from governance.parties import customers
from tests import cast as cast_module
from tests.governance import deletions_world
from tests.governance.deletions_world import ENDED, NOW

pytestmark = pytest.mark.django_db
DONE = {
    "role": "execution",
    "action": "retired",
    "digest": "ab" * 32,
    "happened_at": (NOW - timedelta(hours=9)).isoformat(),
    "statement": "off",
}
SEEN = {"role": "check", "remaining": 0, "digest": "cd" * 32, "happened_at": (NOW - timedelta(hours=8)).isoformat()}


@pytest.fixture
def world(cast, monkeypatch):
    from datetime import UTC, datetime

    made = deletions_world.build(monkeypatch, cast)
    worklists.confirm(made.duty.ref, by=made.lawyer, at=datetime.now(UTC))
    customers.give(made.leaving, to=cast.pipeline_owner, by=actors.of(cast.administrator))
    return made


@pytest.fixture
def url(world):
    return f"/api/v1/deletions/{world.duty.ref}"


@pytest.fixture
def pipeline(world):
    return cast_module.caller(cast_module.key("deletion:evidence", owner=world.people.pipeline_owner)[1])


@pytest.fixture
def second(world):
    return cast_module.caller(cast_module.key("deletion:evidence", owner=world.people.pipeline_owner)[1])


@pytest.fixture
def lawyer(world):
    return cast_module.caller(world.people.lawyer)


def model(world):
    return world.duty.tasks.get(kind="model")


def test_evidence_by_one_key_and_a_check_by_another_settles_a_task(world, url, pipeline, second):
    task = f"{url}/tasks/{model(world).ref}/evidence"
    assert pipeline.post(task, DONE, format="json").status_code == 201
    mine = pipeline.post(task, SEEN, format="json")
    assert (mine.status_code, mine.json()["code"]) == (403, "same-account")
    done = second.post(task, SEEN, format="json")
    assert (done.status_code, done.json()["state"]) == (201, "verified")
    late = second.post(task, SEEN, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "task-closed")


def test_an_account_that_is_only_named_counts_for_nothing(world, url, pipeline):
    task = f"{url}/tasks/{model(world).ref}/evidence"
    pipeline.post(task, {**DONE, "system_account": "root"}, format="json")
    assert model(world).executed_account.startswith("key:")
    assert pipeline.post(task, {**SEEN, "system_account": "somebody-else"}, format="json").status_code == 403


def test_evidence_needs_its_scope(world, url):
    client = cast_module.caller(cast_module.key("lineage:write", owner=world.people.pipeline_owner)[1])
    assert client.post(f"{url}/tasks/{model(world).ref}/evidence", DONE, format="json").status_code == 403
    assert cast_module.caller().post(f"{url}/tasks/{model(world).ref}/evidence", DONE, format="json").status_code == 401


def test_customers_that_cannot_be_seen_are_not_there(world, url):
    from governance.obligations import duties

    theirs = duties.propose(world.staying, trigger="contract-end", on=ENDED, by=actors.SYSTEM)
    client = cast_module.caller(
        cast_module.key("deletion:evidence", "audit:read", owner=world.people.pipeline_owner)[1]
    )
    assert client.get(url).status_code == 200
    for path in ("", "/tasks", "/tasks/tsk_x"):
        assert client.get(f"/api/v1/deletions/{theirs.ref}{path}").status_code == 404
    assert [each["ref"] for each in client.get("/api/v1/deletions").json()["results"]] == [world.duty.ref]


def test_evidence_for_a_task_of_another_obligation_is_not_found(world, url, pipeline):
    from governance.obligations import duties

    other = duties.propose(world.leaving, trigger="customer-request", on=ENDED, by=actors.SYSTEM)
    answer = pipeline.post(f"/api/v1/deletions/{other.ref}/tasks/{model(world).ref}/evidence", DONE, format="json")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "x"},
        {"digest": ""},
        {"happened_at": "yesterday"},
        {"happened_at": "2999-01-01T00:00:00Z"},
        {"role": "exception"},
        {"action": "hidden"},
        {"affected": -1},
        {"affected": 10**30},
        {"statement": "a\0b"},
    ],
)
def test_malformed_evidence_is_refused_with_its_place(world, url, pipeline, wrong):
    answer = pipeline.post(f"{url}/tasks/{model(world).ref}/evidence", {**DONE, **wrong}, format="json")
    assert answer.status_code in {400, 422} and answer["Content-Type"] == "application/problem+json"


def test_a_certificate_too_early_names_what_is_open(world, url, lawyer):
    answer = lawyer.post(f"{url}/certificate")
    assert (answer.status_code, answer.json()["code"]) == (409, "certificate-too-early")
    assert len(answer.json()["open"]) == 3


def test_an_unreachable_data_plane_is_a_clear_refusal(world, url, pipeline, settings):
    settings.DATA_PLANES_FILE = ""
    task = world.duty.tasks.get(name="crm.contacts")
    answer = pipeline.post(f"{url}/tasks/{task.ref}/execute", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "no-data-plane")
    task.refresh_from_db()
    assert task.state == "open"


def test_the_executor_and_the_checker_work_over_http(world, url, pipeline, settings, tmp_path):
    with deletions_world.plane(settings, tmp_path / "planes.json"):
        task = f"{url}/tasks/{world.duty.tasks.get(name='crm.contacts').ref}"
        assert pipeline.post(f"{task}/execute", {"dry_run": True}, format="json").json()["would_delete"] == 10
        assert pipeline.post(f"{task}/execute", {}, format="json").json()["deleted"] == 10
        assert pipeline.post(f"{task}/check").json()["remaining"] == 0
        assert pipeline.get(task).json()["state"] == "verified"


def test_a_whole_deletion_ends_in_a_certificate_with_its_files(
    world, url, pipeline, second, lawyer, settings, tmp_path
):
    from lineage.journal import sequencer

    with deletions_world.plane(settings, tmp_path / "planes.json"):
        for task in world.duty.tasks.filter(kind="dataset"):
            pipeline.post(f"{url}/tasks/{task.ref}/execute", {}, format="json")
            pipeline.post(f"{url}/tasks/{task.ref}/check")
    pipeline.post(f"{url}/tasks/{model(world).ref}/evidence", DONE, format="json")
    second.post(f"{url}/tasks/{model(world).ref}/evidence", SEEN, format="json")
    made = lawyer.post(f"{url}/certificate")
    assert made.status_code == 201
    base = f"/api/v1/certificates/{made.json()['ref']}"
    assert lawyer.post(f"{url}/certificate").json()["ref"] == made.json()["ref"], "asked again, it is the same"
    assert lawyer.get(f"{base}.pdf").content.startswith(b"%PDF-1.7")
    assert lawyer.get(f"{base}.json").json()["payloadType"] == "application/vnd.in-toto+json"
    sequencer.run()
    assert lawyer.get(f"{base}.tlog-proof").content.startswith(b"c2sp.org/tlog-proof@v1")
    assert lawyer.get(base).json()["standing"] is True
    auditor = cast_module.caller(world.people.auditor)
    assert auditor.get(f"{base}.pdf").status_code == 404, "this auditor was given nobody"


def test_proposing_confirming_and_dismissing(world, lawyer, pipeline):
    body = {"customer": world.staying.ref, "trigger": "customer-request", "on": "2026-11-01T00:00:00Z"}
    made = lawyer.post("/api/v1/deletions", body, format="json")
    assert made.status_code == 201 and made.json()["state"] == "proposed"
    url = f"/api/v1/deletions/{made.json()['ref']}"
    assert lawyer.post(f"{url}/dismiss", {"reason": ""}, format="json").status_code == 422
    confirmed = lawyer.post(f"{url}/confirm", {}, format="json")
    assert confirmed.json()["state"] == "open" and confirmed.json()["tasks"]["open"] > 0
    assert lawyer.post(f"{url}/confirm", {}, format="json").status_code == 409


def test_a_key_cannot_confirm(world):
    from governance.obligations import duties

    duty = duties.propose(world.leaving, trigger="customer-request", on=ENDED, by=actors.SYSTEM)
    client = cast_module.caller(cast_module.key("audit:read", owner=world.people.lawyer)[1])
    assert client.post(f"/api/v1/deletions/{duty.ref}/confirm", {}, format="json").status_code == 403
    duty.refresh_from_db()
    assert duty.state == "proposed"


def test_backups_are_added_and_excepted_by_people(world, url, lawyer, pipeline):
    item = {"kind": "backup", "namespace": "s3://b", "name": "nightly", "statement": "list of backups"}
    task = lawyer.post(f"{url}/tasks", item, format="json")
    assert task.status_code in {201, 403}
    if task.status_code == 403:  # lawyers decide, but carry no scope for evidence
        task = pipeline.post(f"{url}/tasks", item, format="json")
    where = f"{url}/tasks/{task.json()['ref']}/exception"
    body = {"ground": "backup-expiry", "text": "rotates", "until": "2027-01-01T00:00:00Z"}
    assert pipeline.post(where, body, format="json").status_code == 403
    assert lawyer.post(where, {**body, "until": None}, format="json").status_code == 422
    assert lawyer.post(where, body, format="json").json()["state"] == "excepted"
    assert pipeline.post(f"{url}/tasks", {**item, "kind": "dataset"}, format="json").status_code == 422
