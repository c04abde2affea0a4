"""Bad contracts: refused over HTTP and in the admin with a sentence, and by the database itself; nothing is left behind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from governance.access import actors
from governance.contracts import clauses, documents, optins
from governance.contracts.models import Clause, ContractFamily, Document, FamilyCustomer, OptIn, Prevails, Repeal
from governance.parties import groups
from governance.parties.models import GroupMembership, TenantKey
from tests import cast as named
from tests.api.test_contracts_api import GRANT, post
from tests.cast import LONG_AGO, Cast
from tests.governance.test_contracts_pages import HTMX, client

pytestmark = pytest.mark.django_db
PERIOD = {"valid_from": "2024-01-01T00:00:00Z"}
TYPED = {"valid_from_0": "2024-01-01", "valid_from_1": "00:00"}
TERM = {"number": "9", "passage": "The words."}


def sql(statement: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@dataclass
class Stage:
    """What attacks aim at."""

    cast: Cast
    family: ContractFamily
    document: Document
    draft: Document
    theirs: Document
    offer: Clause

    @property
    def api(self) -> Any:
        return named.caller(self.cast.lawyer)

    def page(self, model: str, row: Any, **typed: Any) -> Any:
        """Post the admin page of a row."""
        return client(self.cast.lawyer).post(reverse(f"admin:{model}_change", args=[row.pk]), typed)

    def add(self, model: str, query: str = "", **typed: Any) -> Any:
        """Post the admin page for a new row."""
        return client(self.cast.lawyer).post(reverse(f"admin:{model}_add") + query, typed)


@pytest.fixture
def stage(cast: Cast) -> Stage:
    alder = named.customer("Alder")
    named.space("crm", A1=alder)
    family = named.family(alder, by=cast.lawyer.actor)
    people = {"lawyer": cast.lawyer, "approver": cast.approver}
    document = named.activated(family, ("Grant", GRANT), ("OptInOffer", {"discount": "8 %"}), **people)
    draft = named.draft(family, ("Grant", GRANT), by=cast.lawyer.actor, title="Draft", kind="amendment")
    theirs = named.activated(named.family(named.customer("Birch"), by=cast.lawyer.actor), ("Grant", GRANT), **people)
    offer = document.clauses.get(kind="OptInOffer")
    optins.activate(offer, alder, valid_from=LONG_AGO, evidence="order", by=cast.lawyer.actor)
    clauses.prevail(draft, document, actions=["train"], categories=["customer"], by=cast.lawyer.actor)
    one, two = (groups.create(name, by=actors.SYSTEM) for name in ("one", "two"))
    groups.add(one, two, valid_from=LONG_AGO, by=actors.SYSTEM)
    groups.add(one, alder.party, valid_from=LONG_AGO, by=actors.SYSTEM)
    return Stage(cast, family, document, draft, theirs, offer)


def _inline(prefix: str, **typed: Any) -> dict[str, Any]:
    return {
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "0",
        **{f"{prefix}-0-{k}": v for k, v in typed.items()},
    }


def _alder(stage: Stage) -> Any:
    return stage.family.coverage.get().customer


def _group(name: str) -> Any:
    return groups.PartyGroup.objects.get(name=name)


def _draft_page(stage: Stage, row: Document, **typed: Any) -> Any:
    base = {
        "title": row.title,
        "kind": row.kind,
        "renewal": "none",
        "signed_on": "2025-01-14",
        "effective_on": "2025-02-01",
    }
    empty = {f"{name}-{part}_FORMS": "0" for name in ("prevails", "repeals") for part in ("TOTAL", "INITIAL")}
    return stage.page("contracts_document", row, **{**base, **empty, **typed})


def _fresh(stage: Stage, title: str = "Yields") -> Document:
    return named.draft(stage.family, by=stage.cast.lawyer.actor, title=title, kind="amendment")


API: dict[str, Callable[[Stage], Any]] = {
    "unknown key": lambda s: post(
        s.api, f"documents/{s.draft.ref}/clauses", {**TERM, "kind": "Grant", "body": {**GRANT, "actions": ["trane"]}}
    ),
    "bound out of range": lambda s: post(
        s.api,
        f"documents/{s.draft.ref}/clauses",
        {**TERM, "kind": "Grant", "body": {**GRANT, "safeguards": [{"kind": "deidentified", "k": 0}]}},
    ),
    "circle of groups": lambda s: post(
        s.api, f"party-groups/{_group('two').ref}/members", {"member": _group("one").ref, **PERIOD}
    ),
    "group in itself": lambda s: post(
        s.api, f"party-groups/{_group('one').ref}/members", {"member": _group("one").ref, **PERIOD}
    ),
    "repeal of another family": lambda s: post(
        s.api, f"documents/{s.draft.ref}/repeals", {"clause": s.theirs.clauses.get().ref}
    ),
    "overlapping coverage": lambda s: post(
        s.api, f"contracts/{s.family.ref}/customers", {"customer": _alder(s).ref, **PERIOD}
    ),
    "overlapping tenant keys": lambda s: post(
        s.api, f"customers/{_alder(s).ref}/keys", {"space": "crm", "value": "A1", **PERIOD}
    ),
    "overlapping opt-ins": lambda s: post(
        s.api, "opt-ins", {"offer": s.offer.ref, "customer": _alder(s).ref, "evidence": "x", **PERIOD}
    ),
    "overlapping memberships": lambda s: post(
        s.api, f"party-groups/{_group('one').ref}/members", {"member": _alder(s).party.ref, **PERIOD}
    ),
    "dates inverted": lambda s: s.api.patch(
        f"/api/v1/documents/{s.draft.ref}", {"expires_on": "2001-01-01"}, format="json"
    ),
    "edit of an activated document": lambda s: s.api.patch(
        f"/api/v1/documents/{s.document.ref}", {"title": "x"}, format="json"
    ),
    "clause in an activated document": lambda s: post(s.api, f"documents/{s.document.ref}/clauses", TERM),
}

ADMIN: dict[str, Callable[[Stage], Any]] = {
    "unknown key": lambda s: s.add(
        "contracts_clause", f"?document={s.draft.pk}&kind=Prohibition", **TERM, says_actions=["trane"]
    ),
    "bound out of range": lambda s: s.add(
        "contracts_clause", f"?document={s.draft.pk}&kind=RetentionLimit", **TERM, says_days="0"
    ),
    "circle of groups": lambda s: s.page(
        "parties_partygroup", _group("two"), **_inline("memberships", subgroup=str(_group("one").pk), **TYPED)
    ),
    "group in itself": lambda s: s.page(
        "parties_partygroup", _group("one"), **_inline("memberships", subgroup=str(_group("one").pk), **TYPED)
    ),
    "repeal of another family": lambda s: _draft_page(
        s, s.draft, **_inline("repeals", clause=str(s.theirs.clauses.get().pk))
    ),
    "overlapping coverage": lambda s: s.page(
        "contracts_contractfamily", s.family, **_inline("coverage", customer=str(_alder(s).pk), **TYPED)
    ),
    "overlapping tenant keys": lambda s: s.page(
        "parties_customer", _alder(s), name="Alder",
        **_inline("tenant_keys", space=str(TenantKey.objects.get().space.pk), value="A1", **TYPED),
    ),
    "overlapping opt-ins": lambda s: s.add(
        "contracts_optin", offer=str(s.offer.pk), customer=str(_alder(s).pk), evidence="x", **TYPED
    ),
    "overlapping memberships": lambda s: s.page(
        "parties_partygroup", _group("one"), **_inline("memberships", party=str(_alder(s).party.pk), **TYPED)
    ),
    "dates inverted": lambda s: _draft_page(s, s.draft, expires_on="2001-01-01"),
    "edit of an activated document": lambda s: _draft_page(s, s.document, title="x"),
    "clause in an activated document": lambda s: s.add("contracts_clause", f"?document={s.document.pk}&kind=Grant", **TERM),
}  # fmt: skip

_PERIOD_SQL = "INSERT INTO {} ({}, valid_from, recorded_by) VALUES ({}, '2024-01-01', 'user:x')"
SQL: dict[str, Callable[[Stage], None]] = {
    "circle of groups": lambda s: sql(
        _PERIOD_SQL.format("parties_groupmembership", "group_id, subgroup_id", "%s, %s"), _group("two").pk, _group("one").pk
    ),
    "group in itself": lambda s: sql(
        _PERIOD_SQL.format("parties_groupmembership", "group_id, subgroup_id", "%s, %s"), _group("two").pk, _group("two").pk
    ),
    "membership turned into a circle": lambda s: sql(
        "UPDATE parties_groupmembership SET group_id = subgroup_id WHERE subgroup_id IS NOT NULL"
    ),
    "repeal of another family": lambda s: sql(
        "INSERT INTO contracts_repeal (document_id, clause_id) VALUES (%s, %s)", s.draft.pk, s.theirs.clauses.get().pk
    ),
    "circle of prevailing documents": lambda s: sql(
        "INSERT INTO contracts_prevails (document_id, over_id, actions, categories) VALUES (%s, %s, '{train}', '{customer}')",
        s.draft.pk, s.draft.pk,
    ),
    "overlapping coverage": lambda s: sql(
        _PERIOD_SQL.format("contracts_familycustomer", "family_id, customer_id", "%s, %s"), s.family.pk, _alder(s).pk
    ),
    "overlapping tenant keys": lambda s: sql(
        _PERIOD_SQL.format("parties_tenantkey", "space_id, value, customer_id", "%s, 'A1', %s"),
        TenantKey.objects.get().space.pk, _alder(s).pk,
    ),
    "overlapping opt-ins": lambda s: sql(
        _PERIOD_SQL.format("contracts_optin", "ref, evidence, offer_id, customer_id", "'opt_x', 'x', %s, %s"),
        s.offer.pk, _alder(s).pk,
    ),
    "overlapping memberships": lambda s: sql(
        _PERIOD_SQL.format("parties_groupmembership", "group_id, party_id", "%s, %s"), _group("one").pk, _alder(s).party.pk
    ),
    "dates inverted": lambda s: sql("UPDATE contracts_document SET expires_on = '2001-01-01' WHERE id = %s", s.draft.pk),
    "period inverted": lambda s: sql(
        "UPDATE contracts_familycustomer SET valid_to = '2001-01-01', end_recorded_at = now() WHERE family_id = %s", s.family.pk
    ),
    "activation without signature": lambda s: sql(
        "UPDATE contracts_document SET state = 'activated', activated_by = 'user:x', recorded_at = now(), signed_on = NULL WHERE id = %s",
        documents.approve(documents.submit(s.draft, by=s.cast.lawyer.actor), by=s.cast.approver.actor).pk,
    ),
    "activation of a draft": lambda s: sql("UPDATE contracts_document SET state = 'activated' WHERE id = %s", s.draft.pk),
    "approval by the author": lambda s: sql(
        "UPDATE contracts_document SET state = 'approved', approved_by = drafted_by, approved_at = now() WHERE id = %s",
        documents.submit(s.draft, by=s.cast.lawyer.actor).pk,
    ),
    "edit of an activated document": lambda s: sql("UPDATE contracts_document SET title = 'x' WHERE id = %s", s.document.pk),
    "clause in an activated document": lambda s: sql(
        "INSERT INTO contracts_clause (ref, document_id, number, title, passage, kind, body, products, environments, regions, position)"
        " VALUES ('cls_x', %s, '9', '', 'x', 'Grant', '{}', '{}', '{}', '{}', 9)", s.document.pk,
    ),
    "clause of an activated document": lambda s: sql("UPDATE contracts_clause SET body = '{}' WHERE document_id = %s", s.document.pk),
    "clause moved to another document": lambda s: sql(
        "UPDATE contracts_clause SET document_id = %s WHERE document_id = %s", s.document.pk, s.draft.pk
    ),
    "clause without words": lambda s: sql("UPDATE contracts_clause SET passage = '' WHERE document_id = %s", s.draft.pk),
}  # fmt: skip


def census() -> list[int]:
    kinds = (Clause, Prevails, Repeal, FamilyCustomer, OptIn, TenantKey, GroupMembership)
    return [kind.objects.count() for kind in kinds]  # type: ignore[attr-defined]


def test_every_attack_comes_by_every_way() -> None:
    assert set(API) == set(ADMIN)
    assert set(API) - set(SQL) == {"unknown key", "bound out of range"}  # bodies are JSON: old ones become gaps


@pytest.mark.parametrize("attack", API)
def test_over_http(stage: Stage, attack: str) -> None:
    before, digest = census(), documents.digest(stage.draft)
    answer = API[attack](stage)
    assert answer.status_code in {400, 403, 409, 422}
    assert answer.json()["detail"]
    assert (census(), documents.digest(Document.objects.get(pk=stage.draft.pk))) == (before, digest)


@pytest.mark.parametrize("attack", ADMIN)
def test_in_the_admin(stage: Stage, attack: str) -> None:
    before, digest = census(), documents.digest(stage.draft)
    answer = ADMIN[attack](stage)
    assert answer.status_code in {200, 403}
    if answer.status_code == 200:
        assert answer.context["errors"] or any(
            each.formset.total_error_count() for each in answer.context["inline_admin_formsets"]
        )
    assert (census(), documents.digest(Document.objects.get(pk=stage.draft.pk))) == (before, digest)


@pytest.mark.parametrize("attack", SQL)
def test_by_sql(stage: Stage, attack: str) -> None:
    with pytest.raises(DatabaseError):
        SQL[attack](stage)


def test_a_circle_of_precedence_over_http_and_in_the_admin(stage: Stage) -> None:
    """Activated documents cannot say any more; among drafts the second half of the circle is refused."""
    other = _fresh(stage)
    said = {"actions": ["train"], "categories": ["customer"]}
    assert post(stage.api, f"documents/{stage.draft.ref}/prevails", {"over": other.ref, **said}).status_code == 201
    answer = post(stage.api, f"documents/{other.ref}/prevails", {"over": stage.draft.ref, **said})
    assert (answer.status_code, answer.json()["code"]) == (422, "prevails-cycle")
    typed = _inline("prevails", over=str(stage.draft.pk), **said)
    assert "circle" in _draft_page(stage, other, **typed).content.decode()
    with pytest.raises(DatabaseError, match="circle"):
        sql(
            "INSERT INTO contracts_prevails (document_id, over_id, actions, categories) VALUES (%s, %s, '{train}', '{customer}')",
            other.pk,
            stage.draft.pk,
        )


def test_approval_and_activation_need_two_people_and_a_signature(stage: Stage) -> None:
    luis = stage.cast.second_lawyer
    unsigned = named.draft(stage.family, ("Grant", GRANT), by=luis.actor, title="Unsigned", signed_on=None)
    api = named.caller(luis)
    assert post(api, f"documents/{unsigned.ref}/activate").status_code == 409
    assert post(api, f"documents/{unsigned.ref}/submit").status_code == 200
    refused = post(api, f"documents/{unsigned.ref}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "second-person-needed")
    url = reverse("admin:contracts_document_approve", args=[unsigned.pk])
    assert client(luis).post(url, {"_form_submitted": "on"}, headers=HTMX).status_code == 403
    assert post(named.caller(stage.cast.approver), f"documents/{unsigned.ref}/approve").status_code == 200
    refused = post(api, f"documents/{unsigned.ref}/activate")
    assert (refused.status_code, refused.json()["where"]) == (422, "signed_on")
    activate = reverse("admin:contracts_document_activate", args=[unsigned.pk])
    client(luis).post(activate, {"_form_submitted": "on"}, headers=HTMX)
    unsigned.refresh_from_db()
    assert unsigned.state == "approved"


WORDS = [
    "Die Daten dürfen nicht …\r\n\tgelesen werden §5 — “nie” 不得使用 لا يجوز 🚫 e\u0301 \u202e rtl \ufeff \x7f \ue000 \U0010ffff",
    "<script>alert(1)</script> {{ 7*7 }} '; DROP TABLE contracts_clause; -- \\ %s",
    "x" * 1_000_000,
    "   surrounded   ",
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS, ids=["unicode", "hostile", "long", "blank around"])
def test_any_pasted_words_are_kept_as_an_unencoded_term(stage: Stage, words: str) -> None:
    made = post(stage.api, f"documents/{stage.draft.ref}/clauses", {"number": "7", "passage": words})
    assert made.status_code == 201, made.content[:300]
    assert (made.json()["kind"], made.json()["passage"]) == ("UnencodedTerm", words.strip())
    answer = stage.add("contracts_clause", f"?document={stage.draft.pk}&kind=UnencodedTerm", number="8", passage=words)
    assert answer.status_code == 302, answer.context["errors"]
    kept = stage.draft.clauses.get(number="8").passage
    assert kept.replace("\r\n", "\n") == words.strip().replace("\r\n", "\n")
    page = client(stage.cast.lawyer).get(reverse("admin:contracts_document_change", args=[stage.draft.pk]))
    assert page.status_code == 200 and "<script>alert(1)" not in page.content.decode()
    documents.submit(stage.draft, by=stage.cast.lawyer.actor)


def test_what_no_column_can_hold_is_refused_with_its_place(stage: Stage) -> None:
    for words in ("a\0b", "\ud800"):
        body = b'{"number": "7", "passage": "%s"}' % words.encode("unicode_escape").replace(b"\\x00", b"\\u0000")
        answer = stage.api.generic(
            "POST", f"/api/v1/documents/{stage.draft.ref}/clauses", body, content_type="application/json"
        )
        assert 400 <= answer.status_code < 500
        assert "passage" in answer.content.decode()
