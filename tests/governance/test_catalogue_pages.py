"""The admin's pages of consent, catalogue and obligations: they open, they add by the verbs, and two people are two people."""

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client

from consent import consents, statements, subjects
from consent.models import Basis
from governance.access import actors
from governance.catalogue.models import CategoryDeclaration, EnforcementMode
from governance.obligations import duties
from tests import cast as cast_module
from tests.cast import Cast

NOW = datetime(2026, 11, 10, tzinfo=UTC)
RAW = "mia@kunde.example"
pytestmark = pytest.mark.django_db


def pages(*labels: str) -> list[str]:
    models = (model for label in labels for model in apps.get_app_config(label).get_models())
    return [f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in models if admin.site.is_registered(m)]


def logged_in(user: object) -> Client:
    client = Client()
    client.force_login(user, backend="governance.access.backends.RoleBackend")  # type: ignore[arg-type]
    return client


@pytest.mark.parametrize("page", pages("consent", "catalogue", "obligations"))
def test_every_list_and_form_opens_for_the_privacy_officer(cast: Cast, page: str) -> None:
    client = logged_in(cast.privacy_officer)
    assert client.get(page).status_code == 200
    assert client.get(f"{page}add/").status_code in {200, 403}
    assert client.get(page, {"q": RAW}).status_code == 200


def test_no_page_shows_who_a_person_is(cast: Cast) -> None:
    space = subjects.open_space(name="contact", by="user:usr_p")
    said = {
        "subject_id": RAW,
        "controller": "cus_a",
        "action": "train",
        "purpose": "analytics",
        "state": "given",
        "customer": "cus_a",
    }
    event = consents.record(statements.parse(said, space=space, now=NOW), by="key:key_x").event
    falk = cast_module.customer("Falk")
    person = duties.Person(space, event.subject)
    duty = duties.propose(falk, trigger="withdrawal", on=NOW, person=person, by=actors.SYSTEM)
    client = logged_in(cast.privacy_officer)
    for page in (
        "consent/consentevent/", f"consent/consentevent/{event.pk}/change/", "consent/registration/",
        "obligations/obligation/", f"obligations/obligation/{duty.pk}/change/",
    ):  # fmt: skip
        answer = client.get(f"/admin/{page}")
        assert answer.status_code == 200
        assert RAW not in answer.content.decode()
    assert event.subject not in client.get(f"/admin/obligations/obligation/{duty.pk}/change/").content.decode()


def when() -> dict[str, str]:
    return {"valid_from_0": "2026-01-01", "valid_from_1": "00:00:00", "valid_to_0": "", "valid_to_1": ""}


def test_a_category_typed_into_the_form_is_declared_by_the_verb(cast: Cast) -> None:
    client = logged_in(cast.privacy_officer)
    typed = {"namespace": "pg", "name": "t", "column": "c", "category": "customer.content", "reason": "", **when()}
    answer = client.post("/admin/catalogue/categorydeclaration/add/", typed)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    row = CategoryDeclaration.objects.get()
    assert (row.axis, row.declared_by) == ("contract", cast.privacy_officer.ref)
    assert client.get(f"/admin/catalogue/categorydeclaration/{row.pk}/change/").status_code == 200
    refused = client.post("/admin/catalogue/categorydeclaration/add/", {**typed, "category": "nonsense"})
    assert (refused.status_code, "in no tree" in refused.content.decode()) == (200, True)


def test_the_button_of_the_second_person_takes_a_second_person(cast: Cast) -> None:
    officer, approver = logged_in(cast.privacy_officer), logged_in(cast.approver)
    officer.post("/admin/catalogue/enforcementmode/add/", {"namespace": "pg", "mode": "enforce", "reason": "go"})
    row = EnforcementMode.objects.get()
    address = f"/admin/catalogue/enforcementmode/{row.pk}/approve/"
    officer.post(address, {"_form_submitted": "on"})
    row.refresh_from_db()
    assert row.approved_by == ""
    approver.post(address, {"_form_submitted": "on"})
    row.refresh_from_db()
    assert row.approved_by == cast.approver.ref


def test_a_basis_is_proposed_and_approved_on_its_pages(cast: Cast) -> None:
    officer, approver = logged_in(cast.privacy_officer), logged_in(cast.approver)
    typed = {
        "customer_ref": "cus_a", "category": "user.contact", "action": "improve", "purpose": "analytics", "role": "processor",
        "ground": "consent", "assessment": "asked", **when(),
    }  # fmt: skip
    officer.post("/admin/consent/basis/add/", {**typed, "category": "nonsense"})
    assert not Basis.objects.exists()
    officer.post("/admin/consent/basis/add/", typed)
    basis = Basis.objects.get()
    assert officer.get(f"/admin/consent/basis/{basis.pk}/change/").status_code == 200
    approver.post(f"/admin/consent/basis/{basis.pk}/approve/", {"_form_submitted": "on"})
    basis.refresh_from_db()
    assert basis.approved_by == cast.approver.ref
