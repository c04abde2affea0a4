"""Contracts over HTTP: drafted whole, four eyes, idempotent, and invisible where not given."""

from datetime import date
from typing import Any

import pytest

from governance.access import actors
from governance.contracts.models import ContractFamily, Document
from governance.parties import customers
from tests import cast as named
from tests.cast import Cast

pytestmark = pytest.mark.django_db
GRANT = {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["functional.service"]}
PERIOD = {"valid_from": "2025-01-01T00:00:00Z"}


def post(client: Any, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"/api/v1/{path}", body if body is not None else {}, format="json", headers=headers)


@pytest.fixture
def family(cast: Cast) -> ContractFamily:
    return named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)


def draft(family: ContractFamily, **more: Any) -> dict[str, Any]:
    clause = {"number": "8.1", "passage": "Lumen may use usage data.", "kind": "Grant", "body": GRANT}
    return {
        "contract": family.ref,
        "kind": "msa",
        "title": "MSA",
        "signed_on": "2025-01-14",
        "effective_on": "2025-02-01",
        "clauses": [clause],
        **more,
    }


def test_the_whole_way_from_party_to_opt_in(cast: Cast) -> None:
    lawyer, approver = named.caller(cast.lawyer), named.caller(cast.approver)
    vendor = post(lawyer, "parties", {"name": "Lumen Desk GmbH", "kind": "vendor"}).json()["ref"]
    customer = post(lawyer, "customers", {"name": "Alder"}).json()
    named.space("crm")
    assert (
        post(lawyer, f"customers/{customer['ref']}/keys", {"space": "crm", "value": "A1", **PERIOD}).status_code == 201
    )
    contract = post(lawyer, "contracts", {"title": "C", "vendor": vendor, "counterparty": customer["party"]}).json()[
        "ref"
    ]
    assert post(lawyer, f"contracts/{contract}/customers", {"customer": customer["ref"], **PERIOD}).status_code == 201
    offer = {"number": "1", "passage": "A discount.", "kind": "OptInOffer", "body": {"discount": "8 %"}}
    body = {
        "contract": contract,
        "kind": "order_form",
        "title": "O",
        "signed_on": "2025-01-14",
        "effective_on": "2025-02-01",
        "clauses": [offer],
    }
    made = post(lawyer, "documents", body)
    assert made.status_code == 201, made.content
    ref = made.json()["ref"]
    assert post(lawyer, f"documents/{ref}/submit").json()["state"] == "submitted"
    assert post(lawyer, f"documents/{ref}/approve").status_code == 403
    assert post(approver, f"documents/{ref}/approve").json()["approved_by"] == cast.approver.ref
    assert post(lawyer, f"documents/{ref}/activate").json()["state"] == "activated"
    taken = {"offer": made.json()["clauses"][0]["ref"], "customer": customer["ref"], "evidence": "order", **PERIOD}
    opt_in = post(lawyer, "opt-ins", taken)
    assert opt_in.status_code == 201
    assert post(lawyer, "opt-ins", taken).status_code == 409
    ended = post(lawyer, f"opt-ins/{opt_in.json()['ref']}/end", {"at": "2026-01-01T00:00:00Z"})
    assert ended.json()["valid_to"] == "2026-01-01T00:00:00Z"
    end = post(lawyer, f"documents/{ref}/terminate", {"ends_at": "2026-03-01T00:00:00Z", "reason": "notice"})
    assert end.status_code == 201
    assert lawyer.get(f"/api/v1/documents/{ref}").json()["ends"][0]["reason"] == "notice"


def test_a_draft_comes_whole_or_not_at_all(cast: Cast, family: ContractFamily) -> None:
    bad = {"number": "2", "passage": "x", "kind": "Grant", "body": {**GRANT, "actions": ["teach"]}}
    answer = post(named.caller(cast.lawyer), "documents", draft(family, clauses=[draft(family)["clauses"][0], bad]))
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["where"] == "body/actions"
    assert not Document.objects.exists()


def test_what_is_not_given_is_not_there(cast: Cast, family: ContractFamily) -> None:
    """No list, page or error names a hidden customer, and a hidden thing answers as one that never was."""
    lawyer = named.caller(cast.lawyer)
    document = post(lawyer, "documents", draft(family)).json()["ref"]
    customer = customers.visible_to(actors.SYSTEM).get().ref
    _, secret = named.key("contracts:read", "contracts:write", owner=cast.pipeline_owner)
    caller = named.caller(secret)
    body = {
        "ends_at": "2026-03-01T00:00:00Z",
        "reason": "x",
        "title": "x",
        "name": "x",
        "number": "1",
        "passage": "x",
        **PERIOD,
    }
    for hidden, unknown in (
        (f"customers/{customer}", "customers/cus_none"),
        (f"customers/{customer}/keys", "customers/cus_none/keys"),
        (f"contracts/{family.ref}", "contracts/fam_none"),
        (f"documents/{document}", "documents/doc_none"),
    ):
        one, two = caller.get(f"/api/v1/{hidden}"), caller.get(f"/api/v1/{unknown}")
        assert one.status_code == two.status_code == 404
        assert one.json() == two.json()
    for path in (
        f"contracts/{family.ref}/end",
        f"documents/{document}/submit",
        f"documents/{document}/withdraw",
        f"documents/{document}/terminate",
        f"documents/{document}/clauses",
    ):
        assert post(caller, path, body).status_code == 404, path
    assert post(caller, "documents", draft(family)).status_code == 404
    for path in ("customers", "contracts", "documents", "opt-ins", "parties"):
        answer = caller.get(f"/api/v1/{path}")
        assert answer.status_code == 200
        assert "Alder" not in answer.content.decode()
        assert family.ref not in answer.content.decode()


def test_one_hidden_customer_hides_a_shared_contract(cast: Cast) -> None:
    alder, brandt = named.customer("Alder"), named.customer("Brandt")
    shared, own = named.family(alder, brandt, by=cast.lawyer.actor), named.family(alder, by=cast.lawyer.actor)
    customers.give(alder, to=cast.pipeline_owner, by=cast.administrator.actor)
    _, secret = named.key("contracts:read", owner=cast.pipeline_owner)
    found = named.caller(secret).get("/api/v1/contracts").json()["results"]
    assert [each["ref"] for each in found] == [own.ref]
    assert named.caller(secret).get(f"/api/v1/contracts/{shared.ref}").status_code == 404


@pytest.mark.parametrize("path", ["customers", "contracts", "documents", "opt-ins", "parties"])
def test_scopes_are_needed(cast: Cast, path: str) -> None:
    _, reader = named.key("contracts:read", owner=cast.administrator)
    _, other = named.key("lineage:write", owner=cast.administrator)
    assert named.caller(reader).get(f"/api/v1/{path}").status_code == 200
    assert post(named.caller(reader), path).status_code == 403
    assert named.caller(other).get(f"/api/v1/{path}").status_code == 403
    assert named.caller().get(f"/api/v1/{path}").status_code == 401
    assert named.caller(cast.auditor).get(f"/api/v1/{path}").status_code == 403


def test_a_key_gets_as_far_as_a_draft(cast: Cast, family: ContractFamily) -> None:
    _, secret = named.key("contracts:read", "contracts:write", owner=cast.lawyer)
    caller = named.caller(secret)
    ref = post(caller, "documents", draft(family)).json()["ref"]
    assert post(caller, f"documents/{ref}/submit").status_code == 200
    for step in ("approve", "activate"):
        assert post(caller, f"documents/{ref}/{step}").status_code == 403


def test_the_same_request_twice_creates_once(cast: Cast, family: ContractFamily) -> None:
    lawyer = named.caller(cast.lawyer)
    first = post(lawyer, "documents", draft(family), **{"Idempotency-Key": "k1"})
    again = post(lawyer, "documents", draft(family), **{"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert Document.objects.count() == 1


def test_a_key_reused_for_something_else_is_refused(cast: Cast, family: ContractFamily) -> None:
    lawyer = named.caller(cast.lawyer)
    post(lawyer, "documents", draft(family), **{"Idempotency-Key": "k1"})
    other = post(lawyer, "documents", draft(family, title="other"), **{"Idempotency-Key": "k1"})
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency-key-reused"
    assert post(lawyer, "customers", {"name": "x"}, **{"Idempotency-Key": "k1"}).status_code == 422
    assert Document.objects.count() == 1


def test_a_refused_request_frees_its_key_and_keys_of_others_do_not_meet(cast: Cast, family: ContractFamily) -> None:
    lawyer = named.caller(cast.lawyer)
    bad = draft(family, effective_on="2024-02-01", expires_on="2023-01-01")
    assert post(lawyer, "documents", bad, **{"Idempotency-Key": "k1"}).status_code == 422
    assert post(lawyer, "documents", draft(family), **{"Idempotency-Key": "k1"}).status_code == 201
    second = post(named.caller(cast.second_lawyer), "documents", draft(family), **{"Idempotency-Key": "k1"})
    assert second.status_code == 201
    assert "Idempotent-Replayed" not in second
    assert post(lawyer, "documents", draft(family), **{"Idempotency-Key": "x" * 300}).status_code == 400


BAD_BODIES: list[Any] = [
    "not json",
    "[]",
    "null",
    '"text"',
    "{}",
    '{"title": null}',
    '{"title": "a\\u0000b", "kind": "msa"}',
    '{"title": "x", "kind": "wish"}',
    '{"title": "x", "kind": "msa", "signed_on": "2025-02-30"}',
    '{"title": "x", "kind": "msa", "renewal_months": 99999999999999}',
    '{"title": "x", "kind": "msa"}',
    '{"title": "x", "kind": "acceptance"}',
    '{"title": "x", "kind": "standard_form", "clauses": [{"number": "1", "passage": "x", "kind": "Grant", "body": []}]}',
    '{"title": "x", "kind": "standard_form", "clauses": [{"number": "1", "passage": "x", "body": {"note": "a\\u0000b"}}]}',
    '{"title": "x", "kind": "standard_form", "clauses": [{"number": "1", "passage": "a\\ud800b"}]}',
    '{"title": "x", "kind": "standard_form", "clauses": [{"number": "1", "passage": "x", "page": -1}]}',
    '{"title": "x", "kind": "standard_form", "clauses": [{"number": "1", "passage": "x", "products": ["none"]}]}',
    '{"title": "x", "kind": "standard_form", "repeals": ["cls_none"]}',
    '{"title": "x", "kind": "standard_form", "clauses": 7}',
    '{"contract": "fam_none", "title": "x", "kind": "msa"}',
    '{"contract": "fam_none\\u0000", "title": "x", "kind": "msa"}',
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_bad_documents_are_a_clear_4xx(cast: Cast, body: str) -> None:
    answer = named.caller(cast.lawyer).post("/api/v1/documents", body, content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.content
    assert answer.json()["detail"]
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=501", "limit=-1", "limit=٣", "after=cus_none", "after=%00", "after="]
)
def test_bad_cursors_are_a_clear_400(cast: Cast, query: str) -> None:
    named.customer("Alder")
    assert named.caller(cast.lawyer).get(f"/api/v1/customers?{query}").status_code == 400


def test_lists_go_on_where_the_page_before_ended(cast: Cast) -> None:
    refs = [named.customer(f"Customer {number}").ref for number in range(5)]
    lawyer, found, after = named.caller(cast.lawyer), [], ""
    while True:
        page = lawyer.get(f"/api/v1/customers?limit=2{after}").json()
        found += [each["ref"] for each in page["results"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == refs


def test_references_with_odd_characters_are_not_found(cast: Cast) -> None:
    lawyer = named.caller(cast.lawyer)
    for ref in ("%00", "x%00y", "%ED%A0%80", "'", "x" * 5000):
        for path in ("customers", "contracts", "documents", "opt-ins"):
            assert lawyer.get(f"/api/v1/{path}/{ref}").status_code == 404


def test_clauses_are_written_anew_and_removed_while_a_draft(cast: Cast, family: ContractFamily) -> None:
    lawyer = named.caller(cast.lawyer)
    made = post(lawyer, "documents", draft(family)).json()
    path = f"/api/v1/documents/{made['ref']}/clauses/{made['clauses'][0]['ref']}"
    new = {"number": "8.1", "passage": "Lumen may not.", "kind": "Prohibition", "body": {"actions": ["train"]}}
    assert lawyer.put(path, new, format="json").json()["kind"] == "Prohibition"
    assert lawyer.delete(path).status_code == 204
    assert lawyer.delete(path).status_code == 404
    assert lawyer.patch(f"/api/v1/documents/{made['ref']}", {"title": "New"}, format="json").json()["title"] == "New"


def test_the_schema_names_every_address(cast: Cast) -> None:
    schema = named.caller(cast.lawyer).get("/api/schema/", headers={"Accept": "application/json"})
    assert schema.status_code == 200
    text = schema.content.decode()
    for path in ("/api/v1/customers", "/api/v1/contracts/{ref}", "/api/v1/documents/{ref}/approve", "/api/v1/opt-ins"):
        assert path in text


def test_what_a_draft_says_of_others_is_stated_and_taken_out(cast: Cast, family: ContractFamily) -> None:
    lawyer = named.caller(cast.lawyer)
    first = named.activated(family, ("Grant", GRANT), lawyer=cast.lawyer, approver=cast.approver)
    amendment = post(lawyer, "documents", draft(family, kind="amendment")).json()["ref"]
    clause = first.clauses.get().ref
    said = {"over": first.ref, "actions": ["train"], "categories": ["customer.usage"]}
    assert post(lawyer, f"documents/{amendment}/repeals", {"clause": clause}).json()["repeals"] == [clause]
    assert post(lawyer, f"documents/{amendment}/repeals", {"clause": clause}).status_code == 409
    assert post(lawyer, f"documents/{amendment}/prevails", said).json()["prevails"] == [said]
    assert post(lawyer, f"documents/{amendment}/prevails", {**said, "actions": ["trane"]}).status_code == 422
    for path in (f"repeals/{clause}", f"prevails/{first.ref}"):
        assert lawyer.delete(f"/api/v1/documents/{amendment}/{path}").status_code == 204
        assert lawyer.delete(f"/api/v1/documents/{amendment}/{path}").status_code == 404
    shown = lawyer.get(f"/api/v1/documents/{amendment}").json()
    assert (shown["repeals"], shown["prevails"]) == ([], [])


def test_a_customer_leaves_a_contract(cast: Cast, family: ContractFamily) -> None:
    lawyer, customer = named.caller(cast.lawyer), family.coverage.get().customer.ref
    path = f"contracts/{family.ref}/customers/{customer}/end"
    assert post(lawyer, path, {"at": "2010-01-01T00:00:00Z"}).status_code == 422
    assert post(lawyer, path, {"at": "2026-01-01T00:00:00Z"}).json()["valid_to"] == "2026-01-01T00:00:00Z"
    assert post(lawyer, path, {"at": "2026-02-01T00:00:00Z"}).status_code == 409
    other = named.customer("Birch").ref
    assert (
        post(lawyer, f"contracts/{family.ref}/customers/{other}/end", {"at": "2026-01-01T00:00:00Z"}).status_code == 404
    )


def test_notice_and_ground_over_http(cast: Cast, family: ContractFamily) -> None:
    terms = {"renewal": "automatic", "renewal_months": 12, "expires_on": "2026-02-01", "notice_days": 60}
    dates = {name: date.fromisoformat(value) if name == "expires_on" else value for name, value in terms.items()}
    document = named.activated(family, lawyer=cast.lawyer, approver=cast.approver, **dates)
    lawyer, path = named.caller(cast.lawyer), f"documents/{document.ref}/terminate"
    end = {"ends_at": "2027-01-01T00:00:00Z", "reason": "letter", "noticed_on": "2026-06-01"}
    refused = post(lawyer, path, end)
    assert (refused.status_code, refused.json()["code"], refused.json()["first"]) == (422, "out-of-term", "2027-02-01")
    _, secret = named.key("contracts:read", "contracts:write", owner=cast.lawyer)
    assert post(named.caller(secret), path, {**end, "ground": "agreement"}).status_code == 403
    assert post(lawyer, path, {**end, "ground": "mood"}).status_code == 400
    assert post(lawyer, path, {**end, "ground": "agreement"}).json()["ground"] == "agreement"
