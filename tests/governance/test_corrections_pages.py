"""Corrections in the admin: begun on the document's page, shown before and after, applied by somebody else's button."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.urls import reverse

from governance.access.models import User
from governance.contracts import clause_fields, corrected_clauses, corrections, readings
from governance.contracts.correction_states import State
from governance.contracts.models import Clause, Correction, Document, OptIn
from governance.parties.models import Customer
from tests import cast as named
from tests.cast import Cast
from tests.governance.test_contracts_pages import HTMX, client

pytestmark = pytest.mark.django_db
BAN = ("Prohibition", {"actions": ["train"], "categories": ["customer.input"]})
GRANT = ("Grant", {"actions": ["train"], "categories": ["customer.usage"], "purposes": ["functional.service"]})


@pytest.fixture
def document(cast: Cast) -> Document:
    family = named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)
    return named.activated(family, BAN, GRANT, lawyer=cast.lawyer, approver=cast.approver)


@pytest.fixture
def correction(cast: Cast, document: Document) -> Correction:
    return corrections.draft(document, reason="it said content", by=cast.lawyer.actor)


def press(user: User, row: Any, step: str, **typed: str) -> Any:
    url = reverse(f"admin:contracts_{row._meta.model_name}_{step}", args=[row.pk])
    return client(user).post(url, {"_form_submitted": "on", **typed}, headers=HTMX)


def page(user: User, row: Any) -> str:
    return client(user).get(reverse(f"admin:contracts_{row._meta.model_name}_change", args=[row.pk])).content.decode()


def test_a_lawyer_corrects_and_an_approver_applies(cast: Cast, document: Document) -> None:
    begun = press(cast.lawyer, document, "correct", reason="it said content")
    correction = document.corrections.get()
    assert begun["HX-Redirect"] == reverse("admin:contracts_correction_change", args=[correction.pk])
    clause = correction.clauses.get(number="1")
    typed = {"number": "1", "passage": "No training with content.", "says_actions": ["train"]}
    typed["says_categories"] = ["customer.content"]
    url = reverse("admin:contracts_correctedclause_change", args=[clause.pk])
    assert client(cast.lawyer).get(url).status_code == 200
    answer = client(cast.lawyer).post(url, typed)
    assert answer["Location"] == reverse("admin:contracts_correction_change", args=[correction.pk])
    assert press(cast.lawyer, correction, "submit").status_code == 200
    assert press(cast.lawyer, correction, "apply").status_code == 403
    shown = page(cast.approver, correction)
    assert "As it was typed" in shown and "No training with content." in shown and "The words of clause 1." in shown
    assert press(cast.approver, correction, "apply").status_code == 200
    correction.refresh_from_db()
    assert correction.state == State.APPLIED
    now = page(cast.lawyer, document)
    assert "as corrected on" in now and "No training with content." in now
    assert "The words of clause 1." not in now


def test_the_page_of_a_corrected_document_shows_the_dates_that_count_and_what_was_typed_first(
    cast: Cast, document: Document
) -> None:
    row = corrections.draft(document, reason="it began in March", by=cast.lawyer.actor)
    row = corrections.edit(row, effective_on=date(2025, 3, 1), by=cast.lawyer.actor)
    assert "Before it was corrected" not in page(cast.lawyer, document)
    corrections.submit(row, by=cast.lawyer.actor)
    corrections.apply(row, by=cast.approver.actor, at=datetime.now(UTC))
    now, typed = page(cast.lawyer, document).split("Before it was corrected")
    assert ">1 Mar 2025<" in now.rpartition("The document, as corrected")[2] and "1 Feb 2025" not in now
    assert ">1 Feb 2025<" in typed and "1 Mar 2025" not in typed


def test_a_clause_that_was_corrected_into_an_offer_is_found_for_an_opt_in(cast: Cast, document: Document) -> None:
    def found() -> list[str]:
        said = {"app_label": "contracts", "model_name": "optin", "field_name": "offer", "term": ""}
        answer = client(cast.lawyer).get(reverse("admin:autocomplete"), said).json()
        return [each["id"] for each in answer["results"]]

    assert found() == []
    clause = document.clauses.get(number="2")
    row = corrections.draft(document, reason="it is an offer", by=cast.lawyer.actor)
    corrected_clauses.change(row, clause.ref, kind="OptInOffer", body={"discount": "8 %"}, by=cast.lawyer.actor)
    corrections.submit(row, by=cast.lawyer.actor)
    corrections.apply(row, by=cast.approver.actor, at=datetime.now(UTC))
    assert found() == [str(clause.pk)]
    typed = {
        "offer": clause.pk,
        "customer": Customer.objects.get().pk,
        "evidence": "order 7",
        "valid_from_0": "2025-05-01",
        "valid_from_1": "00:00",
    }
    assert client(cast.lawyer).post(reverse("admin:contracts_optin_add"), typed).status_code == 302
    assert OptIn.objects.get().offer == clause


def test_a_clause_is_read_as_another_kind(cast: Cast, correction: Correction) -> None:
    clause = correction.clauses.get(number="2")
    url = f"{reverse('admin:contracts_correctedclause_change', args=[clause.pk])}?kind=UnencodedTerm"
    assert client(cast.lawyer).get(url).status_code == 200
    assert client(cast.lawyer).post(url, {"number": "2", "passage": "Who knows."}).status_code == 302
    clause.refresh_from_db()
    assert (clause.kind, clause.body) == (Clause.Kind.UNENCODED_TERM, {})


@pytest.mark.parametrize("kind", Clause.Kind.values)
def test_each_kind_has_a_page_for_a_forgotten_clause(cast: Cast, correction: Correction, kind: str) -> None:
    add = f"{reverse('admin:contracts_correctedclause_add')}?correction={correction.pk}&kind={kind}"
    assert client(cast.lawyer).get(add).status_code == 200
    if kind == Clause.Kind.RETENTION_LIMIT:
        typed = {"number": "9", "passage": "x", **clause_fields.initial(kind, {"days": 30})}
        assert client(cast.lawyer).post(add, typed).status_code == 302
        assert correction.clauses.get(number="9").kind == kind


def test_a_forgotten_offer_can_be_hung_on_in_the_same_correction(cast: Cast, correction: Correction) -> None:
    offer = corrected_clauses.add(
        correction, number="9", passage="8 %", kind="OptInOffer", body={"discount": "8 %"}, by=cast.lawyer.actor
    )
    grant = correction.clauses.get(number="2")
    form = client(cast.lawyer).get(reverse("admin:contracts_correctedclause_change", args=[grant.pk]))
    assert offer.ref in form.content.decode()


def test_dates_statements_and_strikes(cast: Cast, document: Document, correction: Correction) -> None:
    later = named.draft(document.family, kind=Document.Kind.AMENDMENT, title="Amendment 1", by=cast.lawyer.actor)
    typed = {
        **{name: getattr(correction, name) or "" for name in ("reason", "title", "number", "renewal", "file_name")},
        "signed_on": "2025-01-14",
        "effective_on": "2025-03-01",
        "prevails-TOTAL_FORMS": "1",
        "prevails-INITIAL_FORMS": "0",
        "prevails-0-over": str(later.pk),
        "prevails-0-actions": ["train"],
        "prevails-0-categories": ["customer.usage"],
        "repeals-TOTAL_FORMS": "0",
        "repeals-INITIAL_FORMS": "0",
    }
    answer = client(cast.lawyer).post(reverse("admin:contracts_correction_change", args=[correction.pk]), typed)
    assert answer.status_code == 302, answer.context["errors"]
    assert press(cast.lawyer, correction.clauses.get(number="1"), "strike").status_code == 200
    shown = page(cast.lawyer, correction)
    assert "1 March 2025" in shown and "over Amendment 1 for train" in shown and "which was never there" in shown
    correction.refresh_from_db()
    assert [each.number for each in readings.corrected(document, correction).clauses] == ["2"]


def test_what_is_refused_stands_in_the_form(cast: Cast, correction: Correction) -> None:
    typed = {"reason": "x", "title": "T", "renewal": "none", "signed_on": "2025-01-14", "effective_on": "2025-03-01"}
    typed |= {"expires_on": "2020-01-01"}
    typed |= {f"{name}-{part}_FORMS": "0" for name in ("prevails", "repeals") for part in ("TOTAL", "INITIAL")}
    answer = client(cast.lawyer).post(reverse("admin:contracts_correction_change", args=[correction.pk]), typed)
    assert answer.status_code == 200
    assert "ends before it starts" in answer.content.decode()
    correction.refresh_from_db()
    assert correction.expires_on is None


def test_what_was_submitted_has_no_form(cast: Cast, correction: Correction) -> None:
    corrections.edit(correction, number="A-1", by=cast.lawyer.actor)
    corrections.submit(correction, by=cast.lawyer.actor)
    assert "Add a clause that was forgotten" not in page(cast.lawyer, correction)
    clause = correction.clauses.get(number="1")
    url = reverse("admin:contracts_correctedclause_change", args=[clause.pk])
    assert client(cast.lawyer).post(url, {"number": "9", "passage": "x"}).status_code == 403
    add = f"{reverse('admin:contracts_correctedclause_add')}?correction={correction.pk}&kind=Grant"
    assert client(cast.lawyer).get(add).status_code == 403


@pytest.mark.parametrize("role", ["pipeline_owner", "auditor", "stranger"])
def test_who_has_no_business_with_contracts_sees_no_correction(cast: Cast, correction: Correction, role: str) -> None:
    assert "it said content" not in page(getattr(cast, role), correction)
