"""The catalogue over HTTP: declared by machines and people, confirmed by a second person, every bad input a clear 4xx."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from consent import subjects
from tests import cast as cast_module
from tests.cast import Cast

AT = {"namespace": "postgres://db:5432", "name": "desk.support.tickets"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(cast: Cast) -> APIClient:
    """A pipeline's key."""
    return cast_module.caller(cast_module.key("catalogue:write", "catalogue:read", owner=cast.administrator)[1])


@pytest.fixture
def paula(cast: Cast) -> APIClient:
    return cast_module.caller(cast.privacy_officer)


@pytest.fixture
def anton(cast: Cast) -> APIClient:
    return cast_module.caller(cast.approver)


def test_a_source_is_declared_by_one_call_and_listed(machine: APIClient) -> None:
    cast_module.space("crm", A1=cast_module.customer("Alder"))
    people = subjects.open_space(name="contact", by="user:usr_p")
    body = {
        **AT,
        "tenant_space": "crm",
        "tenant_column": "tenant_key",
        "subject_space": people.name,
        "subject_column": "person",
    }
    made = machine.post("/api/v1/sources", body, format="json")
    assert made.status_code == 201, made.content
    found = made.json()
    assert (found["tenant_space"], found["subject_space"]) == ("crm", people.ref)
    assert found["counts_since"]
    key = {**AT, "column": "account", "kind": "tenant", "space": "crm", "source": found["ref"]}
    assert machine.post("/api/v1/key-columns", key, format="json").json()["source"] == found["ref"]
    listed = machine.get("/api/v1/sources", AT).json()["results"]
    assert [row["ref"] for row in listed] == [found["ref"]]


def test_no_customer_data_waits_for_a_second_person(paula: APIClient, anton: APIClient, machine: APIClient) -> None:
    body = {**AT, "no_customer_data": True, "reason": "a list of countries"}
    assert machine.post("/api/v1/sources", body, format="json").status_code == 403
    made = paula.post("/api/v1/sources", body, format="json").json()
    assert made["counts_since"] is None
    assert len(paula.get("/api/v1/sources", {"waiting": "yes"}).json()["results"]) == 1
    address = f"/api/v1/sources/{made['ref']}/approve"
    assert (paula.post(address).status_code, machine.post(address).status_code) == (403, 403)
    assert anton.post(address).json()["counts_since"]
    assert anton.post(address).status_code == 409


def test_a_category_is_removed_by_two(paula: APIClient, anton: APIClient, machine: APIClient) -> None:
    made = machine.post(
        "/api/v1/categories", {**AT, "column": "body", "category": "customer.content"}, format="json"
    ).json()
    address = f"/api/v1/categories/{made['ref']}/end"
    assert machine.post(address, {}, format="json").status_code == 403
    assert paula.post(address, {}, format="json").json()["end_counts_since"] is None
    assert paula.post(f"{address}/approve").status_code == 403
    assert anton.post(f"{address}/approve").json()["end_counts_since"]


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("sources", {**AT}, 400),
        ("sources", {**AT, "customer": "cus_x"}, 404),
        ("sources", {**AT, "customer": "cus_x", "tenant_space": "crm"}, 400),
        ("sources", {**AT, "tenant_space": "nowhere", "tenant_column": "t"}, 422),
        ("sources", {**AT, "pattern": "x*", "no_customer_data": True}, 400),
        ("sources", {"namespace": "n", "no_customer_data": True}, 400),
        ("sources", {**AT, "no_customer_data": True, "subject_column": "p"}, 400),
        ("sources", {**AT, "no_customer_data": True, "valid_from": "yesterday"}, 400),
        ("sources", {**AT, "no_customer_data": True, "product": "nothing", "reason": "r"}, 422),
        ("categories", {**AT, "column": "c", "category": "nonsense"}, 422),
        ("categories", {**AT, "column": "*", "category": "customer"}, 422),
        ("categories", {**AT, "column": "a\u0000", "category": "customer"}, 400),
        ("key-columns", {**AT, "column": "c", "kind": "tenant", "space": "nowhere"}, 422),
        ("key-columns", {**AT, "column": "c", "kind": "person", "space": "nowhere"}, 404),
        ("quasi-identifiers", {**AT, "columns": []}, 400),
        ("generalisations", {**AT, "column": "c", "method": "bands", "parameters": {"width": "x"}}, 422),
        (
            "safeguards",
            {**AT, "run": "r", "columns": ["c"], "safeguard": "dp", "bounds": {"epsilon": 1.5}, "reason": "r"},
            422,
        ),
        ("lineage-statements", {**AT, "kind": "replaces-whole", "reason": "r"}, 422),
        ("lineage-statements", {**AT, "kind": "run-closed", "reason": "r"}, 422),
        ("lineage-statements", {**AT, "kind": "absence", "job": AT, "customer": "cus_x", "reason": "r"}, 404),
        ("lineage-statements", {**AT, "kind": "column-map", "job": AT, "fields": {"c\u0000": []}, "reason": "r"}, 422),
        (
            "safeguards",
            {
                **AT,
                "run": "r",
                "columns": ["c"],
                "safeguard": "deidentified",
                "bounds": {"quasi_identifiers": ["\u0000"]},
                "reason": "r",
            },
            422,
        ),
        ("models/mdl_x/retire", {}, 404),
        ("modes/mod_x/approve", {}, 404),
        ("categories/%00/approve", {}, 404),
        ("models", {**AT, "trained_on": [{"namespace": "n"}]}, 400),
        ("models", {**AT, "adapted_from": "mdl_x"}, 404),
        ("models", {**AT, "served_to": ["pty_x"]}, 422),
        ("modes", {"namespace": "n", "mode": "shout"}, 400),
        ("modes", [], 400),
    ],
)
def test_bad_input_is_a_clear_4xx(paula: APIClient, address: str, body: Any, status: int) -> None:
    answer = paula.post(f"/api/v1/{address}", body, format="json")
    assert answer.status_code == status, answer.content
    assert answer.json()["code"]


def test_how_data_moved_is_said_by_two_people(paula: APIClient, anton: APIClient) -> None:
    job, source = {"namespace": "jobs", "name": "load"}, {"namespace": "n", "name": "t", "field": "f"}
    for body in (
        {"kind": "replaces-whole", "job": job},
        {"kind": "column-map", "job": job, "fields": {"c": [source]}},
    ):
        made = paula.post("/api/v1/lineage-statements", {**AT, **body, "reason": "read the code"}, format="json")
        assert made.status_code == 201, made.content
        assert anton.post(f"/api/v1/lineage-statements/{made.json()['ref']}/approve").json()["counts_since"]
    closed = paula.post(
        "/api/v1/lineage-statements", {**AT, "kind": "run-closed", "run": "r", "reason": "dead"}, format="json"
    )
    assert closed.json()["counts_since"]


def test_a_model_is_registered_served_and_retired(machine: APIClient) -> None:
    party = cast_module.customer("Alder").party
    body = {
        "namespace": "models",
        "name": "triage",
        "run": "r1",
        "trained_on": [{**AT, "run": "r0"}],
        "served_to": [party.ref],
    }
    made = machine.post("/api/v1/models", body, format="json")
    assert made.status_code == 201, made.content
    address = made["Location"]
    assert machine.get(address).json()["served_to"][0]["party_ref"] == party.ref
    assert machine.post("/api/v1/models", body, format="json").status_code == 409
    assert machine.post(f"{address}/services", {"party": party.ref}, format="json").status_code == 201
    assert machine.post(f"{address}/retire").json()["retired_at"]
    assert machine.post(f"{address}/retire").status_code == 409


def test_a_mode_is_changed_by_two_people(paula: APIClient, anton: APIClient, machine: APIClient) -> None:
    assert machine.get("/api/v1/modes", {"namespace": "pg"}).json()["mode"] == "observe"
    assert machine.post("/api/v1/modes", {"namespace": "pg", "mode": "enforce"}, format="json").status_code == 403
    made = paula.post("/api/v1/modes", {"namespace": "pg", "mode": "enforce"}, format="json").json()
    assert paula.post(f"/api/v1/modes/{made['ref']}/approve").status_code == 403
    assert anton.post(f"/api/v1/modes/{made['ref']}/approve").json()["approved_at"]
    assert machine.get("/api/v1/modes", {"namespace": "pg"}).json()["mode"] == "enforce"


def test_the_same_request_twice_declares_once(machine: APIClient) -> None:
    body = {**AT, "column": "body", "category": "customer.content"}
    first, second = (
        machine.post("/api/v1/categories", body, format="json", headers={"Idempotency-Key": "k1"}) for _ in "ab"
    )
    assert first.json()["ref"] == second.json()["ref"]
    assert len(machine.get("/api/v1/categories").json()["results"]) == 1


def test_nobody_without_scope_reads_or_writes(cast: Cast) -> None:
    reader = cast_module.caller(cast_module.key("lineage:read", owner=cast.administrator)[1])
    assert reader.get("/api/v1/sources").status_code == 403
    assert cast_module.caller().get("/api/v1/sources").status_code == 401
    assert cast_module.caller(cast.auditor).post("/api/v1/modes/mod_x/approve").status_code == 403
