"""The admin: readable forms, buttons that post, nothing shown that was not given, one relaxed policy."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from governance.access import actors, keys, roles
from governance.access.models import ServiceKey, User
from governance.contracts import clause_fields, clauses, documents, meaning
from governance.contracts.models import Clause, ContractFamily, Document
from governance.contracts.states import State
from governance.parties import customers, groups, organisations
from governance.parties.models import TenantKey
from governance.policy import clauses as policy_clauses
from governance.policy.clauses import deletion_term, grant
from tests import cast as named
from tests.cast import Cast

pytestmark = pytest.mark.django_db
BAN = ("Prohibition", {"actions": ["train"], "categories": ["customer.input"]})
HTMX = {"HX-Request": "true"}


def client(user: User) -> Client:
    found = Client()
    found.force_login(user, backend="governance.access.backends.RoleBackend")
    return found


@pytest.fixture
def family(cast: Cast) -> ContractFamily:
    return named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)


@pytest.mark.parametrize("kind", policy_clauses.KINDS)
def test_a_form_says_again_what_the_body_says(kind: str) -> None:
    """Reading a body into fields and writing it back changes nothing that the engine reads."""
    body = policy_clauses.EXAMPLES[kind]
    assert clause_fields.shows_all(kind, body)
    again = clause_fields.body(
        kind, {**dict.fromkeys(_names(kind), ""), **_cleaned(kind, clause_fields.initial(kind, body))}
    )
    assert policy_clauses.parse(kind, again) == policy_clauses.parse(kind, body)


def _names(kind: str) -> list[str]:
    return [part.field for part in clause_fields.PARTS[kind]]


def _cleaned(kind: str, initial: dict[str, Any]) -> dict[str, Any]:
    return {name: date.fromisoformat(value) if name.endswith("until") else value for name, value in initial.items()}


def test_every_kind_has_fields_and_every_field_of_the_engine_is_asked() -> None:
    assert set(clause_fields.PARTS) == set(policy_clauses.KINDS)
    assert {part.name for part in clause_fields.PARTS["Grant"]} | {"safeguards"} == set(grant.FIELDS)
    assert {part.name for part in clause_fields.PARTS["DeletionTerm"]} == set(deletion_term.FIELDS)


def test_an_encoding_that_the_form_cannot_show_is_edited_as_it_is() -> None:
    given = policy_clauses.EXAMPLES["Grant"]
    twice = [{"kind": "deidentified", "k": 5}, {"kind": "deidentified", "standard": "HIPAA"}]
    for more in (
        {"safeguards": twice},
        {"until": "2027-01-01T12:00:00+00:00"},
        {"safeguards": [{"kind": "pseudonymised", "standard": "x"}]},
    ):
        assert not clause_fields.shows_all("Grant", {**given, **more})


@pytest.mark.parametrize("kind", policy_clauses.KINDS)
def test_each_kind_has_a_page_to_write_and_to_read(cast: Cast, family: ContractFamily, kind: str) -> None:
    document = named.draft(family, by=cast.lawyer.actor)
    lawyer = client(cast.lawyer)
    add = f"{reverse('admin:contracts_clause_add')}?document={document.pk}&kind={kind}"
    assert lawyer.get(add).status_code == 200
    group = groups.create("competitors", by=actors.SYSTEM)
    body = {"groups": [group.ref]} if kind == "PartyRestriction" else policy_clauses.EXAMPLES[kind]
    typed = {"number": "1", "passage": "The words.", **clause_fields.initial(kind, body)}
    answer = lawyer.post(add, typed)
    assert answer.status_code == 302, answer.context["errors"]
    clause = document.clauses.get()
    assert policy_clauses.parse(kind, clause.body) == policy_clauses.parse(kind, body)
    page = lawyer.get(reverse("admin:contracts_document_change", args=[document.pk])).content.decode()
    assert "The words." in page
    assert lawyer.get(reverse("admin:contracts_clause_change", args=[clause.pk])).status_code == 200


def test_a_group_is_named_and_not_referred_to(cast: Cast) -> None:
    group = groups.create("Kestrel group", by=actors.SYSTEM)
    assert "Kestrel group" in meaning.of("PartyRestriction", {"groups": [group.ref]})


def test_the_preview_answers_with_the_meaning_or_with_what_is_wrong(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, by=cast.lawyer.actor)
    lawyer = client(cast.lawyer)
    url = reverse("admin:contracts_clause_preview", args=["Prohibition", document.pk])
    assert "Forbids" in lawyer.post(url, {"says_actions": ["train"]}).json()["meaning"]
    assert "Forbidden actions" in lawyer.post(url, {}).json()["missing"]
    assert lawyer.post(url, {"says_actions": ["teach"]}).json()["problem"]
    assert lawyer.get(url).status_code == 404
    assert lawyer.post(reverse("admin:contracts_clause_preview", args=["Wish", document.pk])).status_code == 404
    assert lawyer.post(reverse("admin:contracts_clause_preview", args=["Grant", 999999])).status_code == 404


def test_a_form_looks_parties_up_and_holds_only_those_that_were_chosen(cast: Cast, family: ContractFamily) -> None:
    document, lawyer = named.draft(family, by=cast.lawyer.actor), client(cast.lawyer)
    parties = [organisations.register(f"Rival {n:02}", by=actors.SYSTEM) for n in range(30)]
    add = f"{reverse('admin:contracts_clause_add')}?document={document.pk}&kind=PartyRestriction"
    assert "Rival" not in lawyer.get(add).content.decode()
    names = reverse("admin:contracts_clause_named", args=["party"])
    first, second = (lawyer.get(names, {"term": "rival", "page": page}).json() for page in (1, 2))
    assert [len(first["results"]), len(second["results"])] == [20, 10]
    assert first["pagination"]["more"] and not second["pagination"]["more"]
    assert lawyer.get(names, {"term": "rival 07"}).json()["results"] == [{"id": parties[7].ref, "text": "Rival 07"}]
    for odd in ({"page": "0"}, {"page": "x"}, {"page": "9" * 30}):
        assert lawyer.get(names, odd).status_code == 200
    assert lawyer.get(reverse("admin:contracts_clause_named", args=["customer"])).status_code == 404
    assert client(cast.auditor).get(names).status_code in (302, 403)
    typed = {"number": "7", "passage": "Not to rivals.", "says_parties": [parties[3].ref]}
    refused = lawyer.post(add, typed | {"says_parties": [parties[3].ref, "pty_nobody"]})
    assert "pty_nobody is not one of the available choices" in refused.content.decode()
    assert lawyer.post(add, typed).status_code == 302
    clause = document.clauses.get()
    assert clause.body == {"parties": [parties[3].ref]}
    shown = lawyer.get(reverse("admin:contracts_clause_change", args=[clause.pk])).content.decode()
    assert "Rival 03" in shown and "Rival 04" not in shown


def test_buttons_post_and_links_change_nothing(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor)
    submit = reverse("admin:contracts_document_submit", args=[document.pk])
    lawyer = client(cast.lawyer)
    assert lawyer.get(submit).status_code == 200
    document.refresh_from_db()
    assert document.state == State.DRAFT
    answer = lawyer.post(submit, {"_form_submitted": "on"}, headers=HTMX)
    assert answer["HX-Redirect"] == reverse("admin:contracts_document_change", args=[document.pk])
    document.refresh_from_db()
    assert document.state == State.SUBMITTED


def press(user: User, document: Document, step: str, **typed: str) -> int:
    url = reverse(f"admin:contracts_document_{step}", args=[document.pk])
    return client(user).post(url, {"_form_submitted": "on", **typed}, headers=HTMX).status_code


def test_a_document_is_moved_on_by_its_buttons_and_only_by_who_may(cast: Cast, family: ContractFamily) -> None:
    document = named.draft(family, BAN, by=cast.lawyer.actor)
    assert press(cast.approver, document, "submit") == 403
    assert press(cast.lawyer, document, "submit") == 200
    assert press(cast.lawyer, document, "approve") == 403
    assert press(cast.approver, document, "activate") == 403
    assert press(cast.approver, document, "approve") == 200
    assert press(cast.lawyer, document, "activate") == 200
    assert press(cast.lawyer, document, "terminate", ends_on="2026-01-01", ground="notice", reason="letter") == 200
    document.refresh_from_db()
    assert document.state == State.ACTIVATED
    assert document.ends.count() == 1


def test_what_is_refused_stands_in_the_form_and_nothing_is_kept(cast: Cast, family: ContractFamily) -> None:
    alder = customers.visible_to(actors.SYSTEM).get()
    space = named.space("crm", A1=named.customer("Brandt"))
    url = reverse("admin:parties_customer_change", args=[alder.pk])
    typed = {
        "name": "Renamed",
        "tenant_keys-TOTAL_FORMS": "1",
        "tenant_keys-INITIAL_FORMS": "0",
        "tenant_keys-0-space": str(space.pk),
        "tenant_keys-0-value": "A1",
        "tenant_keys-0-valid_from_0": "2025-01-01",
        "tenant_keys-0-valid_from_1": "00:00",
    }
    answer = client(cast.lawyer).post(url, typed)
    assert answer.status_code == 200
    assert "already means a customer" in answer.content.decode()
    alder.refresh_from_db()
    assert alder.name == "Alder Logistics"
    assert TenantKey.objects.count() == 1


def test_frozen_text_has_no_form(cast: Cast, family: ContractFamily) -> None:
    document = documents.submit(named.draft(family, BAN, by=cast.lawyer.actor), by=cast.lawyer.actor)
    lawyer = client(cast.lawyer)
    clause = document.clauses.get()
    assert (
        "Add a clause"
        not in lawyer.get(reverse("admin:contracts_document_change", args=[document.pk])).content.decode()
    )
    url = reverse("admin:contracts_clause_change", args=[clause.pk])
    assert lawyer.post(url, {"number": "9", "passage": "x", "says_actions": ["train"]}).status_code == 403
    assert lawyer.get(f"{reverse('admin:contracts_clause_add')}?document={document.pk}&kind=Grant").status_code == 403
    assert Clause.objects.get().number == "1"


def test_a_document_that_prevails_and_repeals_is_shown(cast: Cast, family: ContractFamily) -> None:
    first = named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver)
    later = named.draft(family, kind=Document.Kind.AMENDMENT, title="Amendment", by=cast.lawyer.actor)
    clauses.prevail(later, first, actions=["train"], categories=["customer.input"], by=cast.lawyer.actor)
    clauses.repeal(later, first.clauses.get(), by=cast.lawyer.actor)
    shown = client(cast.lawyer).get(reverse("admin:contracts_document_change", args=[later.pk]))
    assert shown.status_code == 200
    assert "Prevails over" in shown.content.decode()


PAGES = [
    "contracts_contractfamily", "contracts_document", "contracts_correction", "contracts_optin", "parties_customer", "parties_party",
    "parties_partygroup", "parties_tenantkeyspace", "parties_product", "access_user", "access_servicekey",
]  # fmt: skip
SEEN = {
    "administrator": set(PAGES),
    "lawyer": set(PAGES) - {"access_user", "access_servicekey"},
    "approver": set(PAGES) - {"access_user", "access_servicekey"},
    "privacy_officer": set(PAGES) - {"access_user", "access_servicekey"},
    "pipeline_owner": set(),
}


@pytest.mark.parametrize("role", SEEN)
def test_each_role_sees_its_pages_and_no_other(cast: Cast, family: ContractFamily, role: str) -> None:
    named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver)
    caller = client(getattr(cast, role))
    assert caller.get(reverse("admin:index")).status_code == 200
    seen = {page for page in PAGES if caller.get(reverse(f"admin:{page}_changelist")).status_code == 200}
    assert seen == SEEN[role]


@pytest.mark.parametrize("role", ["auditor", "stranger"])
def test_who_has_no_business_there_is_sent_away(cast: Cast, role: str) -> None:
    answer = client(getattr(cast, role)).get(reverse("admin:index"))
    assert answer.status_code == 302
    assert "login" in answer["Location"]


def test_no_page_or_search_of_a_pipeline_owner_names_a_customer(cast: Cast, family: ContractFamily) -> None:
    document = named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver)
    caller = client(cast.pipeline_owner)
    for url in (
        reverse("admin:index"),
        f"{reverse('admin:search')}?s=alder",
        reverse("admin:contracts_document_change", args=[document.pk]),
        reverse("admin:contracts_clause_change", args=[document.clauses.get().pk]),
        f"{reverse('admin:autocomplete')}?app_label=contracts&model_name=document&field_name=family&term=alder",
    ):
        answer = caller.get(url)
        assert answer.status_code in {200, 302, 403, 404}
        assert "Alder" not in answer.content.decode()


def test_a_customer_that_was_not_given_is_hidden_in_the_admin_too(
    cast: Cast, family: ContractFamily, monkeypatch: Any
) -> None:
    """No role of today sees pages without seeing every customer: take that sight away and look."""
    named.activated(family, BAN, lawyer=cast.lawyer, approver=cast.approver)
    monkeypatch.setitem(roles.ROLES, roles.LAWYER, replace(roles.ROLES[roles.LAWYER], every_customer=False))
    lawyer = client(User.objects.get(pk=cast.lawyer.pk))
    for page in PAGES[:6]:
        if page == "parties_party":  # organisations are no secret of one customer; API lists them by sight
            continue
        assert "Alder" not in lawyer.get(reverse(f"admin:{page}_changelist")).content.decode(), page


def test_a_new_key_is_shown_once_and_in_no_cookie(cast: Cast) -> None:
    typed = {"name": "airflow", "owner": str(cast.pipeline_owner.pk), "scopes": ["lineage:write"]}
    answer = client(cast.administrator).post(reverse("admin:access_servicekey_add"), typed)
    secret = next(line for line in answer.content.decode().split('"own-secret">')[1:]).split("<")[0]
    assert keys.find(secret, at=datetime.now(UTC)).name == "airflow"
    assert "no-store" in answer["Cache-Control"]
    assert secret not in str(answer.cookies)
    page = client(cast.administrator).get(reverse("admin:access_servicekey_change", args=[ServiceKey.objects.get().pk]))
    assert secret not in page.content.decode()


def test_people_are_made_with_roles_and_nobody_edits_their_own(cast: Cast) -> None:
    admin = client(cast.administrator)
    typed = {"username": "new", "password": "a long enough phrase", "roles": ["auditor"], "first_name": "Nora"}
    assert admin.post(reverse("admin:access_user_add"), typed).status_code == 302
    new = User.objects.get(username="new")
    assert (new.roles, new.is_staff) == ({"auditor"}, False)
    own = reverse("admin:access_user_change", args=[cast.administrator.pk])
    answer = admin.post(own, {"roles": ["administrator", "approver"], "is_active": "on", "first_name": "Ada"})
    assert "Nobody changes their own roles" in answer.content.decode()
    weak = admin.post(reverse("admin:access_user_add"), {**typed, "username": "weak", "password": "short"})
    assert weak.status_code == 200
    assert not User.objects.filter(username="weak").exists()


def test_only_the_admin_has_the_relaxed_policy(cast: Cast) -> None:
    admin = client(cast.lawyer)
    assert "unsafe-inline" in admin.get(reverse("admin:index"))["Content-Security-Policy"]
    for url in ("/login/", "/api/v1/customers", "/nowhere", "/health/live"):
        policy = Client().get(url)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_the_home_page_says_what_waits(cast: Cast, family: ContractFamily) -> None:
    documents.submit(named.draft(family, BAN, by=cast.lawyer.actor), by=cast.lawyer.actor)
    assert "to read and approve" in client(cast.approver).get(reverse("admin:index")).content.decode()
    assert "to read and approve" not in client(cast.lawyer).get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(
    "query", ["", "?document=x&kind=Grant", "?document=1&kind=Wish", "?document=99999999999999999999&kind=Grant"]
)
def test_odd_addresses_of_clauses_are_not_found(cast: Cast, query: str) -> None:
    assert client(cast.lawyer).get(reverse("admin:contracts_clause_add") + query).status_code == 404
