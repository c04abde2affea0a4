"""Audit reports over HTTP."""

import pytest

from governance.access import actors
from governance.parties import customers
from lineage.journal import sequencer
from tests import cast as cast_module
from tests.governance import deletions_world

pytestmark = pytest.mark.django_db
PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}


@pytest.fixture
def world(cast, monkeypatch):
    made = deletions_world.build(monkeypatch, cast)
    customers.give(made.leaving, to=cast.auditor, by=actors.of(cast.administrator))
    return made


@pytest.fixture
def auditor(world):
    return cast_module.caller(world.people.auditor)


def test_a_report_is_made_once_and_downloaded(world, auditor):
    body = {**PERIOD, "customer": world.leaving.ref}
    made = auditor.post("/api/v1/reports", body, format="json", headers={"Idempotency-Key": "k1"})
    again = auditor.post("/api/v1/reports", body, format="json", headers={"Idempotency-Key": "k1"})
    assert made.status_code == 201 and again.json()["ref"] == made.json()["ref"]
    assert auditor.get(made.json()["pdf"]).content.startswith(b"%PDF-1.7")
    assert auditor.get(made.json()["facts"]).json()["customer"]["ref"] == world.leaving.ref
    sequencer.run()
    assert auditor.get(made.json()["proof"]).status_code == 200
    assert [each["ref"] for each in auditor.get("/api/v1/reports").json()["results"]] == [made.json()["ref"]]


def test_reports_on_customers_one_may_not_see_are_not_there(world, auditor):
    body = {**PERIOD, "customer": world.staying.ref}
    assert auditor.post("/api/v1/reports", body, format="json").status_code == 404
    theirs = cast_module.caller(world.people.lawyer).post("/api/v1/reports", body, format="json").json()
    assert auditor.get(theirs["pdf"]).status_code == 404
    assert auditor.get(f"/api/v1/reports/{theirs['ref']}").status_code == 404
    assert auditor.get("/api/v1/reports").json()["results"] == []


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"from": "x"}, 400),
        ({"to": "2020-01-01T00:00:00Z"}, 422),
        ({"customer": ""}, 400),
        ({"customer": "cus_x"}, 404),
    ],
)
def test_a_bad_request_is_said_so(world, auditor, wrong, status):
    body = {**PERIOD, "customer": world.leaving.ref, **wrong}
    assert auditor.post("/api/v1/reports", body, format="json").status_code == status


def test_reports_need_their_scope(world):
    body = {**PERIOD, "customer": world.leaving.ref}
    assert cast_module.caller().post("/api/v1/reports", body, format="json").status_code == 401
    owner = cast_module.caller(world.people.pipeline_owner)
    assert owner.post("/api/v1/reports", body, format="json").status_code == 403
