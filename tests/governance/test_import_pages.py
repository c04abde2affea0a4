"""The admin pages of imports: a cover page handed in as text or as a file, its report, and the second person's button."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from governance.access.models import User
from governance.contracts import contract_files, imports
from governance.contracts.models import Clause, Document, Import
from tests import cast as named
from tests.cast import Cast
from tests.policy.test_addendum import ALL_SAID_NO

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def client(user: User) -> Client:
    found = Client()
    found.force_login(user, backend="governance.access.backends.RoleBackend")
    return found


def test_a_page_typed_or_uploaded_becomes_a_draft_with_its_report(cast: Cast) -> None:
    family = named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)
    laura, add = client(cast.lawyer), reverse("admin:contracts_import_add")
    assert b"training_data_none" in laura.get(f"{add}?family={family.pk}").content
    hostile = "<script>alert(1)</script>"
    page = json.dumps(
        ALL_SAID_NO | {"training_data_usage": True, "training_data_none": True, "additional_terms": hostile}
    )
    typed = {"family": family.pk, "title": "AI addendum", "text": page, "purposes": ["functional.service"]}
    answer = laura.post(add, typed, follow=True)
    shown = answer.content.decode()
    assert "Contradictions" in shown and "No permission" in shown and "training_data_none: true" in shown
    assert hostile not in shown and "&lt;script&gt;" in shown
    assert not Clause.objects.filter(kind="Grant").exists() and Document.objects.get().state == "draft"
    file = SimpleUploadedFile("page.json", json.dumps(ALL_SAID_NO | {"training_data_usage": True}).encode())
    shown = laura.post(add, typed | {"file": file}, follow=True).content.decode()
    assert "1 permission" in shown and Clause.objects.filter(kind="Grant").count() == 1
    assert laura.get(reverse("admin:contracts_import_changelist")).status_code == 200


@pytest.mark.parametrize("file", [b"\xff\xfe\x00", b"{", b"a,b,c", b"x" * 300_000, b'{"a": {}}'])
def test_what_is_no_page_comes_back_as_an_error_in_the_form(cast: Cast, file: bytes) -> None:
    family = named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)
    typed = {"family": family.pk, "title": "AI addendum", "text": "", "file": SimpleUploadedFile("page", file)}
    answer = client(cast.lawyer).post(reverse("admin:contracts_import_add"), typed)
    assert (answer.status_code == 200 and "errorlist" in answer.content.decode()) or "error" in answer.content.decode()
    assert not Document.objects.exists() and not Import.objects.exists()


def test_an_approver_lets_an_imported_contract_count_and_its_importer_does_not(cast: Cast) -> None:
    family = named.family(named.customer("Alder Logistics"), by=cast.lawyer.actor)
    named.activated(family, ("TrainingPosition", {"position": "silent"}), lawyer=cast.lawyer, approver=cast.approver)
    row = imports.take(contract_files.of(family), by=cast.second_lawyer.actor, keep_references=False)
    step = reverse("admin:contracts_import_activate", args=[row.pk])
    assert client(cast.second_lawyer).post(step, {"_form_submitted": "on"}, headers=HTMX).status_code == 403
    assert (
        "1 document"
        in client(cast.approver).get(reverse("admin:contracts_import_change", args=[row.pk])).content.decode()
    )
    client(cast.approver).post(step, {"_form_submitted": "on"}, headers=HTMX)
    row.refresh_from_db()
    assert row.outcome == "activated" and row.family.documents.get().state == "activated"
    assert client(cast.approver).get(reverse("admin:contracts_import_add")).status_code == 403
