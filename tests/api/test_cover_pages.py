"""A filled cover page over HTTP: a draft and a report, or a clear refusal that leaves nothing."""

import json
from typing import Any

import pytest

from governance.contracts import addendum, documents
from governance.contracts.models import Clause, ContractFamily, Document, Import
from tests import cast as named
from tests.cast import Cast
from tests.policy.test_addendum import ALL_SAID_NO

pytestmark = pytest.mark.django_db
USAGE = ALL_SAID_NO | {"training_data_usage": True}
PURPOSES = ["functional.service"]


@pytest.fixture
def family(cast: Cast) -> ContractFamily:
    return named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)


def hand_in(cast: Cast, family: ContractFamily, raw: str | None = None, **body: Any) -> Any:
    address = f"/api/v1/contracts/{family.ref}/documents/import"
    client = named.caller(cast.lawyer)
    return client.post(address, raw if raw is not None else json.dumps(body), content_type="application/json")


def test_a_page_becomes_a_draft_that_a_second_person_approves(cast: Cast, family: ContractFamily) -> None:
    answer = hand_in(cast, family, page=USAGE, purposes=PURPOSES, signed_on="2026-01-05", effective_on="2026-01-05")
    assert answer.status_code == 201, answer.json()
    document = Document.objects.get(ref=answer.json()["document"])
    assert (document.kind, document.state) == ("ai_addendum", "draft")
    grant = document.clauses.get(kind="Grant")
    assert grant.body == {"actions": ["train"], "categories": ["customer.usage"], "purposes": PURPOSES}
    assert grant.passage == "training_data_usage: true" and grant.number == "training_data_usage"
    report = answer.json()["report"]
    assert report["grants"] == 1 and not report["contradictions"] and report["clauses"][0]["quote"]
    documents.submit(document, by=cast.lawyer.actor)
    documents.approve(document, by=cast.approver.actor)
    assert named.caller(cast.lawyer).get(f"/api/v1/imports/{answer.json()['ref']}").json()["report"] == report


def test_contradictions_are_reported_and_grant_nothing(cast: Cast, family: ContractFamily) -> None:
    report = hand_in(cast, family, page=USAGE | {"training_data_none": True}, purposes=PURPOSES).json()["report"]
    assert report["contradictions"][0]["fields"] == ["training_data_none", "training_data_usage"]
    assert report["grants"] == 0 and report["unencoded"][0]["field"] == "training_data_usage"
    assert not Clause.objects.filter(kind="Grant").exists()


def test_a_csv_says_the_same_as_json(cast: Cast, family: ContractFamily) -> None:
    lines = "field,value\n" + "\n".join(
        f"{name},{'' if value == '' else str(value).lower()}" for name, value in USAGE.items()
    )
    one = hand_in(cast, family, text=lines, purposes=PURPOSES).json()
    other = hand_in(cast, family, text=json.dumps(USAGE), purposes=PURPOSES).json()
    assert one["digest"] == other["digest"] and one["report"]["grants"] == other["report"]["grants"] == 1


def test_a_field_that_stands_twice_in_a_file_contradicts_itself_and_in_the_body_is_refused(
    cast: Cast, family: ContractFamily
) -> None:
    twice = json.dumps(USAGE)[:-1] + ', "training_data_usage": false}'
    report = hand_in(cast, family, text=twice, purposes=PURPOSES).json()["report"]
    assert report["contradictions"][0]["fields"] == ["training_data_usage"] and report["grants"] == 0
    answer = hand_in(cast, family, raw='{"purposes": ["functional.service"], "page": ' + twice + "}")
    assert answer.status_code == 400 and "twice" in answer.json()["detail"]
    assert Document.objects.count() == 1


def test_a_broader_grant_to_improve_elsewhere_leaves_the_condition_to_a_person(
    cast: Cast, family: ContractFamily
) -> None:
    said = ALL_SAID_NO | {"improvements_for_customer_only": True}
    assert hand_in(cast, family, page=said, purposes=PURPOSES).json()["report"]["grants"] == 1
    named.draft(
        family, ("Grant", {"actions": ["improve"], "categories": ["customer"], "purposes": ["*"]}), by=cast.lawyer.actor
    )
    report = hand_in(cast, family, page=said, purposes=PURPOSES).json()["report"]
    assert report["grants"] == 0 and "another document" in report["unencoded"][0]["why"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"page": {}}, {"page": USAGE, "text": "a,b"}, {"text": ""}, {"text": "a,b,c"}, {"text": "{"}, {"text": "[1]"},
        {"text": '"open,1'}, {"page": {"x": {"y": 1}}}, {"page": {"x": 1.5}}, {"page": {"x\0": "a"}}, {"page": {"x": "a\0"}},
        {"page": {"x": "\ud800"}}, {"page": {"x": "a" * 20_001}}, {"page": {"x" * 201: "a"}}, {"page": {f"x{n}": "a" for n in range(201)}},
        {"text": "a," + "b" * 200_001}, {"page": USAGE, "purposes": ["no-such"]}, {"page": USAGE, "purposes": "all"},
        {"page": USAGE, "effective_on": "soon"}, {"page": USAGE, "title": ""}, {"page": "yes"}, {"page": USAGE, "expires_on": "2026-01-01", "effective_on": "2026-02-01"},
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused_and_leaves_nothing(
    cast: Cast, family: ContractFamily, body: dict[str, Any]
) -> None:
    answer = hand_in(cast, family, **body)
    assert 400 <= answer.status_code < 500, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Document.objects.exists() and not Import.objects.exists()


def test_hostile_words_are_words(cast: Cast, family: ContractFamily) -> None:
    hostile = "<img src=x onerror=alert(1)> {{ 7*7 }} '); DROP TABLE contracts_clause; --"
    answer = hand_in(cast, family, page=ALL_SAID_NO | {"additional_terms": hostile})
    assert answer.json()["report"]["unencoded"] == [
        {"field": "additional_terms", "value": hostile, "why": "words that nobody has encoded"}
    ]
    assert Clause.objects.get().passage == f"additional_terms: {hostile}"


def test_who_may_not_draft_or_see_imports_nothing(cast: Cast, family: ContractFamily) -> None:
    address = f"/api/v1/contracts/{family.ref}/documents/import"
    body = {"page": USAGE, "purposes": PURPOSES}
    assert named.caller(cast.approver).post(address, body, format="json").status_code == 403
    _, blind = named.key("contracts:write", owner=cast.pipeline_owner)
    assert named.caller(blind).post(address, body, format="json").status_code == 404
    assert not Document.objects.exists()


def test_the_empty_page_is_given_out(cast: Cast) -> None:
    found = named.caller(cast.lawyer).get("/api/v1/contracts/cover-page").json()
    assert [each["field"] for each in found["fields"]] == list(addendum.FIELDS)
    assert found["csv"].splitlines()[:2] == ["field,value", "training_data_none,"]
