"""Consent over HTTP: scopes, statuses, and that no bad input is a server error."""

import json

import pytest
from rest_framework.test import APIClient

from consent import subjects
from consent.models import ConsentEvent, IdentifierSpace
from tests import cast as cast_module
from tests.cast import Cast

GOOD = {"subject_id": "ann", "controller": "cus_a", "action": "train", "purpose": "analytics", "state": "given"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def space(db: None) -> IdentifierSpace:
    return subjects.open_space(name="crm-contact", by="user:usr_paula")


@pytest.fixture
def crm(cast: Cast) -> APIClient:
    """A key that may write and read consents."""
    return cast_module.caller(cast_module.key("consent:write", "consent:read", owner=cast.privacy_officer)[1])


def test_one_consent_is_recorded_and_a_repeat_answers_the_same_event(crm: APIClient, space: IdentifierSpace) -> None:
    body = {**GOOD, "space": space.ref, "at": "2025-11-01T10:00:00+01:00"}
    first = crm.post("/api/v1/consents", body, format="json")
    again = crm.post("/api/v1/consents", body, format="json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["event"] == again.json()["event"]
    assert first.json()["ledger_entry"].startswith("ent_")
    assert crm.get(first["Location"]).json()["state"] == "given"


def test_a_persons_timeline_is_read_by_reference_only(crm: APIClient, space: IdentifierSpace) -> None:
    subject = crm.post("/api/v1/consents", {**GOOD, "space": space.name}, format="json").json()["subject"]
    assert len(crm.get("/api/v1/consents", {"space": space.ref, "subject": subject}).json()["events"]) == 1
    assert crm.get("/api/v1/consents", {"space": space.ref, "subject": "ann"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**GOOD, "purpose": "worldpeace"}, 422),
        ({**GOOD, "at": "2999-01-01T00:00:00Z"}, 422),
        ({**GOOD, "space": "nowhere"}, 404),
        ({**GOOD, "space": ["a"]}, 404),
        ({**GOOD, "subject_id": {"a": 1}}, 422),
        ({**GOOD, "subject_id": "a\u0000"}, 422),
        ({**GOOD, "controller": "x" * 41}, 422),
        ({}, 422),
        ([], 400),
        ("text", 400),
        (None, 400),
    ],
)
def test_a_bad_consent_is_a_clear_4xx(crm: APIClient, space: IdentifierSpace, body: object, status: int) -> None:
    sent = {"space": space.ref, **body} if isinstance(body, dict) else body
    answer = crm.post("/api/v1/consents", json.dumps(sent), content_type="application/json")
    assert answer.status_code == status, answer.content
    assert answer.json()["code"]


def test_no_scope_no_consent(cast: Cast, space: IdentifierSpace) -> None:
    reader = cast_module.caller(cast_module.key("consent:read", owner=cast.privacy_officer)[1])
    assert reader.post("/api/v1/consents", {**GOOD, "space": space.ref}, format="json").status_code == 403
    assert cast_module.caller().post("/api/v1/consents", {**GOOD, "space": space.ref}, format="json").status_code == 401


def test_a_file_is_loaded_with_a_report(crm: APIClient, space: IdentifierSpace) -> None:
    body = (
        "subject_id,controller,action,purpose,state\nann,cus_a,train,analytics,given\nbob,cus_a,train,nothing,given\n"
    )
    answer = crm.post(f"/api/v1/consents/bulk?space={space.ref}", body, content_type="text/csv")
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert (found["accepted"], found["rejected"], found["rejections"][0]["line"]) == (1, 1, 3)
    assert crm.get(f"/api/v1/consents/bulk/{found['load']}").json()["merkle_root"] == found["merkle_root"]
    again = crm.post(f"/api/v1/consents/bulk?space={space.ref}", body, content_type="text/csv")
    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert ConsentEvent.objects.count() == 1


def test_ndjson_is_loaded_too(crm: APIClient, space: IdentifierSpace) -> None:
    body = json.dumps(GOOD) + "\n{\n"
    answer = crm.post(f"/api/v1/consents/bulk?space={space.ref}", body, content_type="application/x-ndjson")
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 1)


@pytest.mark.parametrize(("kind", "status"), [("application/xml", 415), ("application/json", 415), ("text/csv", 400)])
def test_an_empty_or_unknown_file_is_refused(crm: APIClient, space: IdentifierSpace, kind: str, status: int) -> None:
    body = b"" if kind == "text/csv" else b"<x/>"
    assert crm.post(f"/api/v1/consents/bulk?space={space.ref}", body, content_type=kind).status_code == status


def test_a_compressed_file_is_refused_with_its_reason(crm: APIClient, space: IdentifierSpace) -> None:
    answer = crm.post(
        f"/api/v1/consents/bulk?space={space.ref}",
        b"\x1f\x8b",
        content_type="text/csv",
        headers={"content-encoding": "gzip"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "content-encoding")


def test_people_are_registered_for_a_customer(crm: APIClient, space: IdentifierSpace) -> None:
    address = f"/api/v1/identifier-spaces/{space.ref}/registrations"
    assert crm.post(address, {"customer": "cus_a", "subject_ids": ["ann", "bob", "ann"]}, format="json").json() == {
        "registered": 2,
        "known": 0,
    }
    assert crm.post(address, {"customer": "cus_a", "subjects": ["ann"]}, format="json").status_code == 422
    assert crm.post(address, {"customer": "cus_a", "subject_ids": "ann"}, format="json").status_code == 400


def test_a_basis_is_proposed_and_approved_by_two_people(cast: Cast) -> None:
    officer, approver = cast_module.caller(cast.privacy_officer), cast_module.caller(cast.approver)
    terms = {
        "customer": "cus_a", "category": "user.contact", "action": "improve", "purpose": "analytics", "role": "controller",
        "ground": "consent", "assessment": "asked in the product",
    }  # fmt: skip
    made = officer.post("/api/v1/bases", terms, format="json")
    assert made.status_code == 201, made.content
    address = f"/api/v1/bases/{made.json()['ref']}"
    assert officer.post(f"{address}/approve").status_code == 403
    assert approver.post(f"{address}/approve").json()["approved_by"] == cast.approver.ref
    assert approver.post(f"{address}/approve").status_code == 409
    assert approver.post(f"{address}/end", {"on": "tomorrow"}, format="json").status_code == 400
    assert approver.post(f"{address}/end", {}, format="json").status_code == 200
    assert officer.post(f"{address}/end/approve").json()["ended_at"]
    assert officer.post("/api/v1/bases", {**terms, "role": "boss"}, format="json").status_code == 400


@pytest.mark.parametrize("address", ["consents/%00", "consents/bulk/%00", "consents?space=%00", "bases?customer=%00"])
def test_a_nul_in_an_address_finds_nothing(crm: APIClient, address: str) -> None:
    assert crm.get(f"/api/v1/{address}").status_code in {400, 404}


@pytest.mark.parametrize(
    "body",
    ['{"name": "a\\u0000"}', '{"name": "a\\ud800"}', '{"name": 1}', '{"name": "a", "description": "\\u0000"}', "[1]"],
)
def test_a_space_with_a_name_that_cannot_be_stored_is_refused(crm: APIClient, body: str) -> None:
    answer = crm.post("/api/v1/identifier-spaces", body, content_type="application/json")
    assert answer.status_code in {400, 422}, answer.content
    assert crm.post("/api/v1/bases/%00/approve").status_code in {403, 404}
