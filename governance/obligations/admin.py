"""Obligations and legal holds: what must go by when, what must stay, and the buttons of those who decide."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from governance.access.actors import Actor
from governance.access.pages import Confirm, ShownInline, VerbAdmin, perform
from governance.obligations import duties, holds
from governance.obligations.models import Change, LegalHold, Obligation
from governance.parties import customers

LABELS = {"proposed": "warning", "open": "danger", "closed": "success", "dismissed": "info"}


class ReasonForm(BaseDialogForm):  # type: ignore[misc]
    """A reason in words."""

    reason = forms.CharField(widget=UnfoldAdminTextareaWidget)


class Decided(VerbAdmin):
    """Rows of customers that the person may see; buttons for those who decide."""

    changeable = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only of customers that the person may see."""
        visible = customers.visible_to(request.user)  # type: ignore[arg-type]
        return super().get_queryset(request).filter(customer__in=visible).select_related("customer")  # type: ignore[no-any-return]

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Those whose role decides."""
        return bool(set(duties.DECIDERS) & getattr(request.user, "roles", frozenset()))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Those whose role decides."""
        return self.has_decide_permission(request)


class ChangeInline(ShownInline):
    """What happened to the duty."""

    model = Change
    fields = ("before", "after", "reason", "by", "recorded_at")
    readonly_fields = fields
    linked = False
    verbose_name_plural = "What happened"


@admin.register(Obligation)
class ObligationAdmin(Decided):
    """Duties to delete."""

    list_display = ("customer", "trigger", "about", "due_on", "clause_ref", "step")
    list_filter = ("state", "trigger")
    search_fields = ("ref", "customer__name", "customer__ref", "clause_ref")
    autocomplete_fields = ("customer",)
    inlines = (ChangeInline,)
    actions_detail = ("confirm", "dismiss")

    def get_fieldsets(self, request: HttpRequest, obj: Obligation | None = None) -> Any:
        """What is asked of whoever proposes; and what became of it."""
        if obj is None:
            return [(None, {"fields": ["customer", "trigger", "triggered_on", "reason"]})]
        covers = ("covers_source", "covers_derived", "covers_training_copies", "covers_models")
        return [
            (
                None,
                {
                    "fields": [
                        "ref",
                        "customer",
                        "trigger",
                        "about",
                        "state",
                        ("triggered_on", "due_on"),
                        ("clause_ref", "method"),
                    ]
                },
            ),
            ("What must go", {"fields": [covers]}),
            ("Who decided", {"fields": ["proposed_by", "confirmed_by", "confirmed_at", "reason"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Obligation | None = None) -> tuple[str, ...]:
        """A duty that stands is shown only."""
        return ("ref", "about", "state", "proposed_by", "confirmed_by", "confirmed_at") if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Obligation | None) -> Any:
        """History, where there is one."""
        return self.inlines if obj else ()

    def create(self, obj: Obligation, form: Any, *, by: Actor) -> Obligation:
        """Propose it; the contract says by when."""
        return duties.propose(obj.customer, trigger=obj.trigger, on=obj.triggered_on, reason=obj.reason, by=by)

    @display(description="about")
    def about(self, obj: Obligation) -> str:
        """Never who."""
        return "one person" if obj.subject else "all data"

    @display(description="state", label=LABELS)
    def step(self, obj: Obligation) -> str:
        """Where it stands."""
        return obj.state

    @action(
        description="Confirm",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
        dialog={
            "title": "The data must go",
            "description": "Deletion is worked off from now on, and no new release holds this data.",
            "form_class": Confirm,
            "form_submit_text": "Confirm",
        },
    )
    def confirm(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Confirm it."""
        return self._do(request, object_id, lambda ref, by: duties.confirm(ref, by=by), "Deletion is open now.")

    @action(
        description="Dismiss",
        icon="block",
        permissions=["decide"],
        dialog={"title": "Why need the data not go?", "form_class": ReasonForm, "form_submit_text": "Dismiss"},
    )
    def dismiss(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Say why not."""
        reason = form.cleaned_data["reason"]
        return self._do(request, object_id, lambda ref, by: duties.dismiss(ref, reason=reason, by=by), "Dismissed.")

    def _do(
        self, request: HttpRequest, object_id: str, work: Callable[[str, Actor], object], done: str
    ) -> HttpResponse:
        ref = self.get_queryset(request).get(pk=object_id).ref
        return perform(self, request, lambda by: work(ref, by), done=done, object_id=object_id)


@admin.register(LegalHold)
class LegalHoldAdmin(Decided):
    """What must stay."""

    list_display = ("customer", "ground", "valid_from", "lifted_on")
    search_fields = ("ref", "customer__name", "ground")
    autocomplete_fields = ("customer",)
    fields = ("customer", "ground", "valid_from")
    actions_detail = ("lift",)

    def create(self, obj: LegalHold, form: Any, *, by: Actor) -> LegalHold:
        """Place it."""
        return holds.place(obj.customer, ground=obj.ground, on=obj.valid_from, by=by)

    @action(
        description="Lift",
        icon="lock_open",
        permissions=["decide"],
        dialog={"title": "Lift this hold", "form_class": Confirm, "form_submit_text": "Lift"},
    )
    def lift(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Lift it from now on."""
        ref = self.get_queryset(request).get(pk=object_id).ref
        return perform(
            self, request, lambda by: holds.lift(ref, on=timezone.now(), by=by), done="Lifted.", object_id=object_id
        )
