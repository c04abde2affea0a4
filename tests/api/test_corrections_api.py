"""Corrections over HTTP: drafted whole, applied by a second person, shown before and after."""

from typing import Any

import pytest

from governance.contracts.models import Correction, Document
from tests import cast as named
from tests.api.test_contracts_api import GRANT, post
from tests.cast import Cast

pytestmark = pytest.mark.django_db
OFFER = {"number": "9", "passage": "A discount of 8 %.", "kind": "OptInOffer", "body": {"discount": "8 %"}}


@pytest.fixture
def document(cast: Cast) -> Document:
    family = named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)
    return named.activated(family, ("Grant", GRANT), lawyer=cast.lawyer, approver=cast.approver)


def correction(document: Document, **more: Any) -> dict[str, Any]:
    ref = document.clauses.get(number="1").ref
    narrower = {"ref": ref, "body": {**GRANT, "actions": ["train.evaluate"]}}
    return {
        "reason": "only to evaluate",
        "effective_on": "2025-03-01",
        "clauses": [{**narrower, "page": 3}, OFFER],
        **more,
    }


def test_drafted_submitted_applied(cast: Cast, document: Document) -> None:
    lawyer, approver = named.caller(cast.lawyer), named.caller(cast.approver)
    made = post(lawyer, f"documents/{document.ref}/corrections", correction(document))
    assert made.status_code == 201, made.content
    ref = made.json()["ref"]
    changes = {each["what"]: (each["before"], each["after"]) for each in made.json()["changes"]}
    assert changes["counts from"] == ("1 February 2025", "1 March 2025")
    assert all(said.startswith("Permits to ") for said in changes["clause 1"]) and "evaluat" in changes["clause 1"][1]
    assert changes["clause 1, page"] == ("–", "3")
    assert "A discount of 8 %." in changes["clause 9, which was forgotten"][1]
    assert post(lawyer, f"corrections/{ref}/submit").json()["state"] == "submitted"
    assert post(lawyer, f"corrections/{ref}/apply").status_code == 403
    assert lawyer.get(f"/api/v1/documents/{document.ref}").json()["effective_on"] == "2025-02-01"
    applied = post(approver, f"corrections/{ref}/apply").json()
    assert (applied["state"], applied["applied_by"]) == ("applied", cast.approver.ref)
    shown = lawyer.get(f"/api/v1/documents/{document.ref}").json()
    assert (shown["effective_on"], shown["corrected_by"]) == ("2025-03-01", ref)
    assert [each["number"] for each in shown["clauses"]] == ["1", "9"]
    assert shown["clauses"][0]["ref"] == document.clauses.get(number="1").ref
    assert applied["changes"] == made.json()["changes"]
    assert post(approver, f"corrections/{ref}/apply").status_code == 409
    (listed,) = lawyer.get(f"/api/v1/documents/{document.ref}/corrections").json()["results"]
    assert listed == lawyer.get(f"/api/v1/contracts/{document.family.ref}/corrections").json()["results"][0]


def test_a_correction_comes_whole_or_not_at_all(cast: Cast, document: Document) -> None:
    lawyer = named.caller(cast.lawyer)
    bad = {**OFFER, "kind": "Grant", "body": {**GRANT, "actions": ["teach"]}}
    answer = post(lawyer, f"documents/{document.ref}/corrections", correction(document, clauses=[OFFER, bad]))
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable-clause")
    assert "'teach'" in answer.json()["detail"]
    assert not Correction.objects.exists()


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"reason": ""}, "reason"),
        ({"expires_on": "2024-01-01"}, "expires_on"),
        ({"signed_on": None}, "effective_on"),
        ({"clauses": [{"struck": True}]}, "clauses"),
        ({"clauses": [{"number": "7"}]}, "clauses"),
        ({"clauses": [{"ref": "cls_unknown", "title": "x"}]}, "clause"),
        ({"repeals": ["cls_unknown"]}, "clause"),
        ({"prevails": [{"over": "doc_unknown", "actions": ["train"], "categories": ["customer"]}]}, "document"),
    ],
)
def test_bad_corrections_get_a_clear_answer_and_leave_nothing(
    cast: Cast, document: Document, more: dict[str, Any], where: str
) -> None:
    answer = post(named.caller(cast.lawyer), f"documents/{document.ref}/corrections", correction(document, **more))
    assert 400 <= answer.status_code < 500
    assert where in answer.content.decode()
    assert not Correction.objects.exists()


def test_a_draft_is_changed_and_a_clause_struck(cast: Cast, document: Document) -> None:
    lawyer = named.caller(cast.lawyer)
    made = post(lawyer, f"documents/{document.ref}/corrections", correction(document)).json()
    forgotten = made["clauses"][1]["ref"]
    change = {"number": "MSA-1", "clauses": [{"ref": forgotten, "struck": True}]}
    shown = lawyer.patch(f"/api/v1/corrections/{made['ref']}", change, format="json").json()
    assert shown["number"] == "MSA-1" and [each["number"] for each in shown["clauses"]] == ["1"]
    assert shown["reason"] == "only to evaluate"


def test_a_second_open_correction_is_a_conflict(cast: Cast, document: Document) -> None:
    lawyer = named.caller(cast.lawyer)
    path = f"documents/{document.ref}/corrections"
    first = post(lawyer, path, correction(document)).json()["ref"]
    answer = post(lawyer, path, correction(document))
    assert (answer.status_code, answer.json()["code"]) == (409, "correction-open")
    assert post(lawyer, f"corrections/{first}/withdraw", {"reason": "no typo"}).json()["state"] == "withdrawn"
    assert post(lawyer, path, correction(document)).status_code == 201


def test_what_one_may_not_see_is_not_there(cast: Cast, document: Document) -> None:
    made = post(named.caller(cast.lawyer), f"documents/{document.ref}/corrections", correction(document)).json()
    _, secret = named.key("contracts:read", "contracts:write", owner=cast.stranger)
    stranger = named.caller(secret)
    for path in (f"corrections/{made['ref']}", f"documents/{document.ref}/corrections"):
        assert stranger.get(f"/api/v1/{path}").status_code == 404
    assert post(stranger, f"corrections/{made['ref']}/submit").status_code == 404
