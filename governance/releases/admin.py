"""Pages of decisions and permits: read-only; a decision's page says what was asked, what was answered, why, and what would help."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from unfold.admin import TabularInline
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from governance.access import actors
from governance.access.pages import VerbAdmin, button, display, perform
from governance.policy import canonical, statements
from governance.releases import decisions, explaining, overrides, permits, rules_pages
from governance.releases.models import Decision, Override, Permit
from governance.releases.modes_page import ModesShown
from governance.releases.overrides_admin import GrantForm
from governance.releases.why_pages import Explained
from lineage import errors

SHOWN = 12  # of the reasons; the page of their own has all
VERDICTS = {"permit": "success", "permit_with_plan": "warning", "deny": "danger"}
REVOKERS = ("lawyer", "approver", "privacy_officer", "administrator")


class ReadOnly(VerbAdmin):
    """What is shown here was decided; nothing can be typed."""

    changeable = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Decisions are asked for over HTTP."""
        return False


class PermitInline(TabularInline):  # type: ignore[misc]
    """The permits that rest on a decision."""

    model = Permit
    fields = readonly_fields = ("kind", "ref", "job_name", "run", "standing", "issued_at", "expires_at", "revoked_at")
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They are signed by deciding."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They stay as they were signed."""
        return False


@admin.register(Decision)
class DecisionAdmin(Explained, ModesShown, ReadOnly):
    """Every question with its answer."""

    list_display = ("verdict_label", "name", "action", "purpose", "enforcement", "by", "recorded_at")
    list_display_links = ("verdict_label", "name")
    list_filter = ("verdict", "enforcement", "action", "namespace")
    search_fields = ("ref", "name", "entry_ref", "by")
    ordering = ("-pk",)
    inlines = (PermitInline,)
    fieldsets = (
        ("Asked", {"fields": ("asked_line", "valid_at", "as_known_at", "by", "recorded_at")}),
        ("Answered", {"fields": ("verdict_label", "enforcement", "overridden", "why")}),
        ("Plan", {"fields": ("plan_table",)}),
        ("What would help", {"fields": ("helps",)}),
        (
            "Proof",
            {"fields": ("ref", "entry_ref", "digest", "facts", "plan_digest", "rules_version", "contract_epoch")},
        ),
    )
    readonly_fields = tuple(name for _, options in fieldsets for name in options["fields"])
    actions_detail = ("replay", "override")
    actions_list = ("modes",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Remember who reads: names of customers they do not see stay opaque."""
        if obj is not None:
            obj.reader = _reader(obj, request)
        return super().get_form(request, obj, change=change, **kwargs)

    @button(description="By namespace", icon="shield", permissions=["view"])
    def modes(self, request: HttpRequest) -> HttpResponse:
        """See each namespace's mode with what it let through."""
        return HttpResponseRedirect(reverse("admin:releases_decision_modes"))

    @display(description="Verdict", label=VERDICTS, ordering="verdict")
    def verdict_label(self, row: Decision) -> str:
        """The verdict, coloured."""
        return row.verdict

    @display(description="Question")
    def asked_line(self, row: Decision) -> str:
        """The question in a line."""
        return capfirst(explaining.row_title(row))

    @display(description="Reasons")
    def why(self, row: Decision) -> SafeString:
        """The verdict and the reasons in sentences."""
        found = _read(row)
        answer = found.answer if found else decisions.answer_of(row)
        lines = explaining.headlines(found) if found else explaining.short(answer)
        return _render(
            "reasons",
            sentence=statements.verdict(answer),
            lines=lines[:SHOWN],
            count=len(lines),
            row=row,
            whole=bool(found),
        )

    @display(description="Overridden")
    def overridden(self, row: Decision) -> SafeString | str:
        """Whether a person lets it be used all the same: given over this decision, or used by a permit of it."""
        found = Override.objects.filter(Q(decision=row) | Q(permits__decision=row)).distinct()
        now = timezone.now()
        given = [
            {
                "ref": each.ref,
                "link": reverse("admin:releases_override_change", args=[each.pk]),
                "state": overrides.state(each, at=now),
                "until": each.until(),
            }
            for each in found
        ]
        return _render("overridden", given=given) if given else "No."

    @display(description="Classes")
    def plan_table(self, row: Decision) -> SafeString | str:
        """What happens to each column for each class of customers."""
        answer = decisions.answer_of(row)
        if answer.plan is None:
            return "There is no plan: nothing may be used."
        found = _read(row)
        names = {c.ref: c.name for c in found.facts.customers if found.may_name(c.ref)} if found else {}
        classes = [
            {
                "customers": [names.get(ref, ref) for ref in answer.members[each.ref]],
                "columns": [
                    {"name": c.column, "treatment": str(c.treatment), "duties": [_duty(duty) for duty in c.duties]}
                    for c in each.columns
                ],
                "lists": [{"kind": one.kind, "count": one.count, "need": str(one.need)} for one in each.people],
            }
            for each in answer.plan.classes
        ]
        return _render("plan", classes=classes, plan=answer.plan)

    @display(description="Remedies")
    def helps(self, row: Decision) -> SafeString | str:
        """What would change a refusal, most gained first."""
        found = _read(row)
        remedies = explaining.remedies(found) if found else explaining.short_remedies(decisions.answer_of(row))
        return (
            _render("remedies", remedies=remedies)
            if remedies
            else "Nothing was refused that somebody here could change."
        )

    @button(description="Replay", icon="replay", permissions=["replay"])
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Decide the stored facts again."""
        row = decisions.find(Decision.objects.values_list("ref", flat=True).get(pk=object_id))
        return perform(
            self, request, lambda by: decisions.replay(row), done="The same bytes came out.", object_id=object_id
        )

    def has_override_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those with that role, for what was refused in whole or in part."""
        row = Decision.objects.filter(pk=object_id).first()
        refused = row is not None and row.verdict != Decision.Verdict.PERMIT and bool(row.purpose)
        return refused and overrides.GIVER in actors.of(request.user).roles

    @button(
        description="Override", icon="gavel", variant=ActionVariant.DANGER, permissions=["override"],
        dialog={"title": "Let this version be used in spite of the refusal",
                "description": "A second person must agree within 24 hours, or it lapses. Never over a person's refusal, an open deletion "
                               "or a legal hold. Permits and reports will name you.",
                "form_class": GrantForm, "form_submit_text": "Override"},
    )  # fmt: skip
    def override(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Override the refusal."""
        row = decisions.find(Decision.objects.values_list("ref", flat=True).get(pk=object_id))
        reason, hours = form.cleaned_data["reason"], form.cleaned_data["hours"]

        def work(by: actors.Actor) -> object:
            return overrides.grant(row, reason=reason, hours=hours, by=by)

        done = "The override stands: the pipeline gets its permit when it asks again."
        return perform(self, request, work, done=done, object_id=object_id)

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever sees the page; it changes nothing."""
        return bool(self.has_view_permission(request))


class RevokeForm(BaseDialogForm):  # type: ignore[misc]
    """Why a permit is taken back."""

    why = forms.CharField(label="Why", max_length=500, widget=UnfoldAdminTextareaWidget)


@admin.register(Permit)
class PermitAdmin(ReadOnly):
    """Every permit with its life."""

    list_display = ("ref", "kind", "dataset", "job_name", "issued_at", "expires_at", "revoked_at")
    list_filter = ("kind",)
    search_fields = ("ref", "decision__ref", "decision__name", "job_name", "run", "standing__ref")
    ordering = ("-pk",)
    list_select_related = ("decision",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "ref",
                    "kind",
                    "decision",
                    "override",
                    "job_namespace",
                    "job_name",
                    "run",
                    "standing",
                    "renews",
                    "issued_at",
                    "expires_at",
                    "revoked_at",
                    "revoked_by",
                    "revoked_why",
                )
            },
        ),
        ("What it says", {"fields": ("said",)}),
        ("Proof", {"fields": ("entry_ref", "digest", "index")}),
    )
    readonly_fields = tuple(name for _, options in fieldsets for name in options["fields"])
    actions_detail = ("revoke",)

    @display(description="Dataset")
    def dataset(self, row: Permit) -> str:
        """What it is for."""
        return row.decision.name

    @display(description="Claims")
    def said(self, row: Permit) -> SafeString | str:
        """The claims of the token, its signature checked."""
        try:
            return _render("claims", text=json.dumps(permits.claims(row), indent=2, sort_keys=True))
        except (errors.Problem, ValueError) as error:
            return f"The token does not verify: {error}"

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """People who answer for contracts or privacy."""
        row = Permit.objects.filter(pk=object_id).first()
        return row is not None and row.revoked_at is None and bool(actors.of(request.user).roles.intersection(REVOKERS))

    @button(
        description="Revoke", icon="block", variant=ActionVariant.DANGER, permissions=["revoke"],
        dialog={"title": "Revoke this permit", "description": "It stands in the status list at once, and stays.", "form_class": RevokeForm,
                "form_submit_text": "Revoke"},
    )  # fmt: skip
    def revoke(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take the permit back."""
        row = Permit.objects.get(pk=object_id)

        def work(by: actors.Actor) -> object:
            by.must(REVOKERS)
            return permits.revoke(row, why=form.cleaned_data["why"], by=by)

        return perform(self, request, work, done="The permit is revoked.", object_id=object_id)


def _reader(row: Decision, request: HttpRequest) -> explaining.Reader | None:
    by = actors.of(request.user)
    return explaining.reader(row, by=by) if explaining.SCOPE in by.scopes else None


def _read(row: Decision) -> explaining.Reader | None:
    found: explaining.Reader | None = getattr(row, "reader", None)
    return found


def _duty(duty: Any) -> str:
    bounds = {name: value for name, value in canonical.to_json(duty.bounds).items() if value is not None}
    words = [duty.safeguard, *(f"{name} {value}" for name, value in sorted(bounds.items()))]
    return ", ".join([*words, *([f"standard {duty.standard}"] if duty.standard else [])])


def _render(name: str, **context: Any) -> SafeString:
    return mark_safe(render_to_string(f"releases/{name}.html", {"now": timezone.now(), **context}))  # noqa: S308 - our own templates, which escape


__all__ = ["rules_pages"]
