"""Pages of consent: what people said, by reference only; lawful bases with their two persons."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from consent import bases, subjects
from consent.api import OFFICER
from consent.models import Basis, BulkLoad, ConsentEvent, IdentifierSpace, Registration
from lineage import errors


class Shown(ModelAdmin):  # type: ignore[misc]
    """Rows that are shown and never typed: they come over HTTP or from files."""

    actions = None
    list_fullwidth = True
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is edited here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted here."""
        return False

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The ledger is the history."""


@admin.register(ConsentEvent)
class ConsentEventAdmin(Shown):
    """What people said; a search for a whole reference shows one person's timeline."""

    list_display = ("person", "said", "action", "purpose", "controller_ref", "at", "expires_at", "explicit")
    list_filter = ("state", "action", "purpose", "space")
    search_fields = ("=subject", "=ref", "=controller_ref")
    search_help_text = "a person's whole reference (64 hexadecimal digits), an event, or a controller"
    ordering = ("-at",)
    fields = ("ref", "space", "subject", "controller_ref", "said", ("action", "purpose"), ("explicit", "represented"),
              ("at", "expires_at", "recorded_at"), "by", "load")  # fmt: skip
    readonly_fields = ("said", "represented")

    @display(description="person")
    def person(self, obj: ConsentEvent) -> str:
        """The beginning of the reference."""
        return f"{obj.subject[:12]}…"

    @display(
        description="said", label={"given": "success", "refused": "danger", "withdrawn": "danger", "objected": "danger"}
    )
    def said(self, obj: ConsentEvent) -> str:
        """Given, refused, withdrawn or objected."""
        return obj.state

    @display(description="by a representative", boolean=True)
    def represented(self, obj: ConsentEvent) -> bool:
        """Whether somebody spoke for the person."""
        return bool(obj.representative)


@admin.register(Registration)
class RegistrationAdmin(Shown):
    """Whose people there are."""

    list_display = ("person", "customer_ref", "space", "minor", "recorded_at")
    list_filter = ("space", "minor")
    search_fields = ("=subject", "=customer_ref")
    fields = ("space", "subject", "customer_ref", "minor", "by", "recorded_at")

    @display(description="person")
    def person(self, obj: Registration) -> str:
        """The beginning of the reference."""
        return f"{obj.subject[:12]}…"


@admin.register(BulkLoad)
class BulkLoadAdmin(Shown):
    """Files that were loaded, with their reports."""

    list_display = ("ref", "space", "accepted", "repeated", "rejected", "by", "recorded_at")
    search_fields = ("=ref", "=digest")
    fields = (
        "ref",
        "space",
        ("accepted", "repeated", "rejected"),
        "rejections",
        "digest",
        "merkle_root",
        "by",
        "recorded_at",
    )


class Verbs(Shown):
    """Pages that add by a verb and tell in the form what the verb refused."""

    def create(self, obj: Any, request: HttpRequest) -> models.Model:
        """Call the verb for a typed row."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Those who may write consents."""
        return "consent:write" in getattr(request.user, "scopes", frozenset())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Hand over to the verb and take its row for the page's own."""
        obj.__dict__.update(self.create(obj, request).__dict__)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the page; what a verb refuses is said above the form, and nothing is kept."""
        try:
            with transaction.atomic():
                return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]
        except errors.Problem as problem:
            messages.error(request, _sentence(problem))
            return redirect(request.get_full_path())

    def take(self, request: HttpRequest, object_id: str, work: Any, done: str) -> HttpResponse:
        """Run a verb behind a button and say what happened, or why not."""
        try:
            work()
        except errors.Problem as problem:
            messages.error(request, _sentence(problem))
        else:
            messages.success(request, done)
        opts = self.model._meta
        url = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[object_id])
        # The dialog posts by htmx: a plain redirect would be swapped into it.
        return HttpResponse(headers={"HX-Redirect": url}) if request.headers.get("HX-Request") else redirect(url)


@admin.register(IdentifierSpace)
class IdentifierSpaceAdmin(Verbs):
    """Kinds of identifiers."""

    list_display = ("name", "ref", "description", "recorded_at")
    fields = ("name", "description")
    search_fields = ("name", "ref")

    def create(self, obj: IdentifierSpace, request: HttpRequest) -> IdentifierSpace:
        """Open it, with a key of its own."""
        return subjects.open_space(name=obj.name, description=obj.description, by=_by(request))


class YesForm(BaseDialogForm):  # type: ignore[misc]
    """A dialog that asks nothing but yes."""


class EndForm(BaseDialogForm):  # type: ignore[misc]
    """From when on a record no longer holds."""

    on = forms.SplitDateTimeField(label="From when on (UTC)", widget=UnfoldAdminSplitDateTimeWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"].initial = timezone.now().replace(second=0, microsecond=0)


@admin.register(Basis)
class BasisAdmin(Verbs):
    """Lawful bases: two persons, one the privacy officer."""

    list_display = ("customer_ref", "ground", "category", "action", "purpose", "role", "state")
    list_filter = ("ground", "role")
    search_fields = ("=ref", "=customer_ref", "category")
    actions_detail = ("approve", "end", "approve_end")

    def get_fieldsets(self, request: HttpRequest, obj: Basis | None = None) -> Any:
        """What it says; and for a record that stands, its life."""
        terms = [
            "customer_ref",
            "category",
            ("action", "purpose"),
            ("role", "ground"),
            "assessment",
            ("valid_from", "valid_to"),
        ]
        life = [
            "ref",
            ("declared_by", "declared_at"),
            ("approved_by", "approved_at"),
            ("ended_by", "ended_on", "end_approved_by"),
        ]
        said = [(None, {"fields": terms})]
        return said if obj is None else [*said, ("Who said it, and since when it counts", {"fields": life})]

    def create(self, obj: Basis, request: HttpRequest) -> Basis:
        """Propose it."""
        terms = bases.Terms(**{name: getattr(obj, name) for name in bases.Terms.__dataclass_fields__})
        return bases.declare(terms, by=_by(request), officer=_is_officer(request))

    @display(description="state", label={"counts": "success", "waits": "warning", "ended": "danger"})
    def state(self, obj: Basis) -> tuple[str, str]:
        """Whether it counts."""
        if obj.ended_at:
            return "ended", "ended"
        return ("counts", "counts") if obj.approved_at else ("waits", "waits for a second person")

    @action(
        description="Approve",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["step"],
        dialog={"title": "Approve as the second person", "form_class": YesForm, "form_submit_text": "Approve"},
    )
    def approve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Approve as the second person."""
        ref, by, officer = self._who(request, object_id)
        return self.take(
            request, object_id, lambda: bases.approve(ref, by=by, officer=officer), "It counts from now on."
        )

    @action(
        description="End",
        icon="event_busy",
        permissions=["step"],
        dialog={"title": "End this basis", "form_class": EndForm, "form_submit_text": "Propose the end"},
    )
    def end(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Propose its end."""
        (ref, by, officer), on = self._who(request, object_id), form.cleaned_data["on"]
        done = "The end waits for a second person."
        return self.take(request, object_id, lambda: bases.end(ref, on=on, by=by, officer=officer), done)

    @action(
        description="Confirm the end",
        icon="event_available",
        permissions=["step"],
        dialog={"title": "Confirm the end as the second person", "form_class": YesForm, "form_submit_text": "Confirm"},
    )
    def approve_end(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Confirm its end as the second person."""
        ref, by, officer = self._who(request, object_id)
        return self.take(request, object_id, lambda: bases.approve_end(ref, by=by, officer=officer), "It has ended.")

    def has_step_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Those who read consents; that two persons are needed, one the officer, is said by the verbs."""
        return "consent:read" in getattr(request.user, "scopes", frozenset())

    def _who(self, request: HttpRequest, object_id: str) -> tuple[str, str, bool]:
        return Basis.objects.get(pk=object_id).ref, _by(request), _is_officer(request)


def _by(request: HttpRequest) -> str:
    return str(getattr(request.user, "ref", ""))


def _is_officer(request: HttpRequest) -> bool:
    return OFFICER in getattr(request.user, "roles", frozenset())


def _sentence(problem: errors.Problem) -> str:
    text = problem.detail + (f": {problem.remedy}" if problem.remedy else "")
    return f"{text[:1].upper()}{text[1:]}."


from consent import keys_admin  # noqa: E402, F401  (Django looks for pages in `admin` only, and those use these)
