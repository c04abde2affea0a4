"""Forms of a document's page: its dates and file, its dialogs."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
)

from consent import trees
from governance.contracts.models import Document, DocumentEnd, Prevails

MAX_FILE = 50_000_000


def digest(file: "UploadedFile[Any]") -> str:
    """Return the SHA-256 (hex) of an uploaded file."""
    found = hashlib.sha256()
    for chunk in file.chunks():
        found.update(chunk)
    return found.hexdigest()


class DocumentForm(forms.ModelForm):  # type: ignore[type-arg]
    """A draft. The signed file itself is not kept: its SHA-256 says later whether a file is the one."""

    signed_file = forms.FileField(
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text="We keep its name and SHA-256, not the file. It may follow later, with the signature.",
    )

    class Meta:
        model = Document
        fields = (
            "family", "kind", "form", "title", "number", "signed_on", "effective_on", "expires_on", "renewal", "renewal_months",
            "notice_days", "file_name", "file_digest",
        )  # fmt: skip

    def clean(self) -> Any:
        """Take name and digest from the file, where one was given."""
        data = super().clean() or {}
        data |= file_facts(data.get("signed_file"), self.add_error)
        return data


class SignForm(BaseDialogForm):  # type: ignore[misc]
    """When it was signed."""

    signed_on = forms.DateField(widget=UnfoldAdminSingleDateWidget)
    file_name = forms.CharField(required=False, max_length=200, label="Name of the signed file")
    file_digest = forms.RegexField(r"^[0-9a-f]{64}$", required=False, label="SHA-256 of the signed file")


class ReasonForm(BaseDialogForm):  # type: ignore[misc]
    """Why."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget)


class CorrectForm(BaseDialogForm):  # type: ignore[misc]
    """What was typed wrongly, and how that was noticed."""

    reason = forms.CharField(
        max_length=1000,
        label="What was typed wrongly, and how was it noticed?",
        widget=UnfoldAdminTextareaWidget,
    )


class EndForm(BaseDialogForm):  # type: ignore[misc]
    """From when on, and why."""

    ends_on = forms.DateField(label="First day on which it no longer counts", widget=UnfoldAdminSingleDateWidget)
    ground = forms.ChoiceField(
        choices=DocumentEnd.Ground.choices,
        widget=UnfoldAdminSelect2Widget,
        help_text="Notice ends an automatic renewal at the end of a term only.",
    )
    noticed_on = forms.DateField(label="Notice given on", required=False, widget=UnfoldAdminSingleDateWidget)
    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget, help_text="Such as: notice of 3 May.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ends_on"].initial = timezone.now().date()

    def said(self) -> dict[str, Any]:
        """What was typed, for the verb."""
        data = self.cleaned_data
        ends_at = datetime.combine(data["ends_on"], time.min, tzinfo=UTC)
        return {"ends_at": ends_at, **{name: data[name] for name in ("ground", "noticed_on", "reason")}}


class PrevailsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Over which document, for what."""

    actions = forms.MultipleChoiceField(
        choices=lambda: [(key, f"{key} – {words}") for key, words in trees.listed("actions").items()],
        widget=UnfoldAdminSelect2MultipleWidget,
    )
    categories = forms.MultipleChoiceField(
        choices=lambda: [(key, f"{key} – {words}") for key, words in trees.listed("contract", "personal").items()],
        widget=UnfoldAdminSelect2MultipleWidget,
    )

    class Meta:
        model = Prevails
        fields = ("over", "actions", "categories")


def file_facts(file: "UploadedFile[Any] | None", refuse: Callable[[str, str], None]) -> dict[str, str]:
    """Return name and digest of an uploaded file, nothing where there is none."""
    if not file:
        return {}
    if (file.size or 0) > MAX_FILE:
        refuse("signed_file", "the file is larger than 50 MB")
        return {}
    return {"file_name": (file.name or "")[-200:], "file_digest": digest(file)}
