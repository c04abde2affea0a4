"""Pages of overrides: who let what be used, over which refusals, and the second person's buttons."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from governance.access import actors
from governance.access.pages import VerbAdmin, button, display, perform
from governance.policy import reasons
from governance.releases import overrides
from governance.releases.models import Override

STATES = {
    "agreed": "success",
    "waits for review": "warning",
    "lapsed": "danger",
    "refused": "danger",
    "withdrawn": "danger",
    "over": "info",
}


class GrantForm(BaseDialogForm):  # type: ignore[misc]
    """Why a refusal is overridden, and for how long."""

    reason = forms.CharField(
        label="Why this may not wait for a contract", max_length=5_000, widget=UnfoldAdminTextareaWidget
    )
    hours = forms.IntegerField(
        label="Hours, at most 72",
        min_value=1,
        max_value=overrides.HOURS,
        initial=24,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class NoteForm(BaseDialogForm):  # type: ignore[misc]
    """What the second person says to it."""

    note = forms.CharField(label="Note", max_length=5_000, required=False, widget=UnfoldAdminTextareaWidget)


class WhyForm(BaseDialogForm):  # type: ignore[misc]
    """Why it ends."""

    why = forms.CharField(label="Why", max_length=5_000, widget=UnfoldAdminTextareaWidget)


@admin.register(Override)
class OverrideAdmin(VerbAdmin):
    """Every override, those that wait for review first."""

    changeable = False
    list_display = ("state", "name", "use", "granted_by", "granted_at", "ends_at")
    list_display_links = ("state", "name")
    list_filter = (("reviewed_at", admin.EmptyFieldListFilter), "namespace")
    search_fields = ("ref", "name", "reason", "decision__ref")
    ordering = ("-pk",)
    list_select_related = ("decision",)
    fieldsets = (
        (None, {"fields": ("state", "reason", "over_what")}),
        (
            "What may be used",
            {
                "fields": (
                    "decision",
                    "namespace",
                    "name",
                    "run",
                    "columns_line",
                    "action",
                    "purpose",
                    "recipient",
                    "model",
                )
            },
        ),
        ("Given", {"fields": ("granted_by", "granted_at", "review_by", "ends_at")}),
        ("Reviewed", {"fields": ("reviewed_by", "reviewed_at", "review_note")}),
        ("Withdrawn", {"fields": ("withdrawn_by", "withdrawn_at", "withdrawn_why"), "classes": ("collapse",)}),
        ("Proof", {"fields": ("ref", "entry_ref")}),
    )
    readonly_fields = tuple(name for _, options in fieldsets for name in options["fields"])
    actions_detail = ("agree", "refuse", "withdraw")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One is given on the page of the decision that it overrides."""
        return False

    @display(description="State", label=STATES)
    def state(self, row: Override) -> str:
        """Where it stands, coloured."""
        return overrides.state(row, at=timezone.now())

    @display(description="For")
    def use(self, row: Override) -> str:
        """What it may be used for."""
        return f"{row.action} for {row.purpose}"

    @display(description="Given over")
    def over_what(self, row: Override) -> str:
        """The refusals it lifts, in sentences."""
        codes = sorted({each["code"] for each in row.over})
        return " ".join(reasons.CODES[code].sentence for code in codes)

    @display(description="Columns")
    def columns_line(self, row: Override) -> str:
        """The columns."""
        return ", ".join(row.columns)

    def has_review_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """A second person, while there is time."""
        row = Override.objects.filter(pk=object_id).first()
        open_ = row is not None and overrides.state(row, at=timezone.now()) == "waits for review"
        by = actors.of(request.user)
        return (
            open_ and row is not None and row.granted_by != by.ref and bool(by.roles.intersection(overrides.REVIEWERS))
        )

    def has_withdraw_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may give or review one, while it lasts."""
        row = Override.objects.filter(pk=object_id).first()
        may = actors.of(request.user).roles.intersection((overrides.GIVER, *overrides.REVIEWERS))
        return row is not None and row.is_live(at=timezone.now()) and bool(may)

    @button(
        description="Agree", icon="done_all", variant=ActionVariant.PRIMARY, permissions=["review"],
        dialog={"title": "Agree as the second person", "description": "The override then lasts as long as was said when it was given.",
                "form_class": NoteForm, "form_submit_text": "Agree"},
    )  # fmt: skip
    def agree(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Agree to it."""
        return self._review(request, form, object_id, agreed=True, done="It lasts as long as was said.")

    @button(
        description="Refuse", icon="block", variant=ActionVariant.DANGER, permissions=["review"],
        dialog={"title": "Refuse this override", "description": "Its permits are revoked at once.", "form_class": NoteForm,
                "form_submit_text": "Refuse"},
    )  # fmt: skip
    def refuse(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """End it at once."""
        return self._review(request, form, object_id, agreed=False, done="It is over, and its permits are revoked.")

    @button(
        description="Withdraw", icon="undo", permissions=["withdraw"],
        dialog={"title": "Withdraw this override", "description": "Its permits are revoked at once.", "form_class": WhyForm,
                "form_submit_text": "Withdraw"},
    )  # fmt: skip
    def withdraw(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """End it early."""
        ref, why = self._ref(object_id), form.cleaned_data["why"]
        return perform(
            self,
            request,
            lambda by: overrides.withdraw(ref, why=why, by=by),
            done="It is withdrawn.",
            object_id=object_id,
        )

    def _review(
        self, request: HttpRequest, form: forms.Form, object_id: str, *, agreed: bool, done: str
    ) -> HttpResponse:
        ref, note = self._ref(object_id), form.cleaned_data["note"]
        return perform(
            self,
            request,
            lambda by: overrides.review(ref, agreed=agreed, note=note, by=by),
            done=done,
            object_id=object_id,
        )

    def _ref(self, object_id: str) -> str:
        return str(Override.objects.values_list("ref", flat=True).get(pk=object_id))
