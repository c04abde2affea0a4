"""The admin pages of imports: hand in a cover page, read its report; let a whole contract count, or say no to it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from consent import trees
from governance.access import actors, roles
from governance.access.actors import Actor
from governance.access.pages import Confirm, VerbAdmin, button, display, perform
from governance.contracts import cover_pages, families, imports
from governance.contracts.document_forms import ReasonForm
from governance.contracts.models import Document, Import
from lineage import errors

COLOURS = {"a draft": "info", "waits for a second person": "warning", "activated": "success", "rejected": "danger"}


class CoverPageForm(forms.ModelForm):  # type: ignore[type-arg]
    """A filled cover page, as a file or as text, and what its permissions are for."""

    title = forms.CharField(max_length=200, initial=cover_pages.TITLE, widget=UnfoldAdminTextInputWidget)
    signed_on = forms.DateField(required=False, widget=UnfoldAdminSingleDateWidget)
    effective_on = forms.DateField(required=False, widget=UnfoldAdminSingleDateWidget)
    file = forms.FileField(
        required=False,
        label="Cover page",
        widget=UnfoldAdminFileFieldWidget,
        help_text="CSV (field, value) or JSON (field: value).",
    )
    text = forms.CharField(
        required=False,
        strip=False,
        label="or as text",
        widget=UnfoldAdminTextareaWidget,
        help_text="One line for each field. A box that is not ticked is false; a field left out may be a restriction, and grants nothing.",
    )
    purposes = forms.MultipleChoiceField(
        required=False,
        choices=lambda: [(key, f"{key} – {words}") for key, words in trees.listed("purposes").items()],
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text="What the permissions are for: the page does not say. None: nothing is granted.",
    )

    class Meta:
        model = Import
        fields = ("family",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "text" in self.fields:
            self.fields["text"].initial = cover_pages.template()

    def clean(self) -> Any:
        """Read the page; a file wins over the text below it."""
        data = super().clean() or {}
        try:
            data["pairs"] = cover_pages.parse(_text(data.get("file"), data.get("text") or ""))
        except errors.Problem as problem:
            place = f" ({problem.where})" if problem.where else ""
            self.add_error("file" if data.get("file") else "text", problem.detail + place)
        return data


def _text(file: "UploadedFile[Any] | None", text: str) -> str:
    if not file:
        return text
    if (file.size or 0) > cover_pages.LARGEST:
        raise errors.TooLarge(f"a cover page has at most {cover_pages.LARGEST:,} bytes")
    try:
        return bytes(file.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise cover_pages.BadPage("the file is not UTF-8 text") from None


def _brought(row: Import) -> QuerySet[Document]:
    """The documents of a whole contract, and the forms that came with it."""
    return Document.objects.filter(ref__in=row.steps.get("documents", []))


@admin.register(Import)
class ImportAdmin(VerbAdmin):
    """Imports with their reports."""

    form = CoverPageForm
    changeable = False
    list_display = ("what", "family", "standing", "recorded_at", "ref")
    list_filter = ("kind",)
    search_fields = ("ref", "family__title")
    change_form_outer_before_template = "admin/contracts/import_top.html"
    actions_detail = ("activate", "reject")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Import]:
        """Into contracts that the person sees, and their own."""
        return imports.visible_to(actors.of(request.user)).select_related("family", "document")

    def get_fieldsets(self, request: HttpRequest, obj: Import | None = None) -> Any:
        """The page, and what it becomes; of an import, who and when."""
        if obj is not None:
            who = [
                "ref",
                ("family", "document"),
                ("imported_by", "recorded_at"),
                ("settled_by", "settled_at"),
                "digest",
            ]
            return [("Record", {"fields": who})]
        return [
            (None, {"fields": ["family", "title", ("signed_on", "effective_on")]}),
            ("The filled cover page", {"fields": ["file", "text", "purposes"]}),
        ]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only contracts that the person may see."""
        if db_field.name == "family":
            kwargs["queryset"] = families.visible_to(actors.of(request.user))
            kwargs["initial"] = request.GET.get("family")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def create(self, obj: Import, form: Any, *, by: Actor) -> Import:
        """Draft the addendum that the page amounts to."""
        data = form.cleaned_data
        said = {name: data[name] for name in ("title", "signed_on", "effective_on")}
        return cover_pages.take(obj.family, data["pairs"], purposes=data["purposes"], by=by, **said).row

    def response_add(self, request: HttpRequest, obj: Import, post_url_continue: Any = None) -> HttpResponse:
        """To the report."""
        return redirect("admin:contracts_import_change", obj.pk)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add the report."""
        row = self.get_queryset(request).filter(pk=object_id).first() if object_id and object_id.isdigit() else None
        context = {"title": "Import the cover page of an AI addendum"} if object_id is None else {}
        shown = (
            {"import": row, "report": row.report, "standing": self.standing(row), "documents": _brought(row)}
            if row
            else {}
        )
        return super().changeform_view(request, object_id, form_url, {**context, **shown, **(extra_context or {})})

    @display(description="import")
    def what(self, obj: Import) -> str:
        """What was imported."""
        return str(obj.document) if obj.document else f"{obj.family} (whole contract)"

    @display(description="state", label=COLOURS)
    def standing(self, obj: Import) -> str:
        """Where it stands."""
        if obj.kind == Import.Kind.COVER_PAGE:
            return "a draft"
        return obj.outcome or "waits for a second person"

    @button(
        description="Activate the contract",
        icon="play_arrow",
        variant=ActionVariant.SUCCESS,
        permissions=["settle"],
        dialog={
            "title": "Let this contract count?",
            "description": "Its documents are approved and activated; who is covered, who opted in and what has ended is recorded.",
            "form_class": Confirm,
            "form_submit_text": "Activate",
        },
    )
    def activate(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Let it count, as the second person."""
        row, now = self.get_queryset(request).get(pk=object_id), timezone.now()
        return perform(
            self, request, lambda by: imports.activate(row, by=by, at=now), done="The contract counts from now on.", object_id=object_id
        )  # fmt: skip

    @button(
        description="Reject",
        icon="close",
        variant=ActionVariant.DANGER,
        permissions=["settle"],
        dialog={"title": "Reject this contract?", "form_class": ReasonForm, "form_submit_text": "Reject"},
    )
    def reject(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Say no to all of it."""
        row, why = self.get_queryset(request).get(pk=object_id), form.cleaned_data["reason"]
        return perform(
            self, request, lambda by: imports.reject(row, reason=why, by=by), done="Rejected.", object_id=object_id
        )

    def has_settle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Approvers, on a contract that somebody else imported."""
        row = self.get_queryset(request).filter(pk=object_id).first() if str(object_id).isdigit() else None
        by = actors.of(request.user)
        waits = row is not None and row.kind == Import.Kind.CONTRACT and row.settled_at is None
        return waits and row is not None and row.imported_by != by.ref and roles.APPROVER in by.roles
