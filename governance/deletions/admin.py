"""Deletions in the admin: the items of an obligation, the buttons that work them, and the certificates."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from governance.access.actors import Actor
from governance.access.pages import Confirm, ShownInline, VerbAdmin, button, display, perform
from governance.deletions import certificates, checker, evidence, executor, machine, rounds, worklists
from governance.deletions.models import Certificate, Evidence, Task
from governance.obligations.admin import ObligationAdmin
from governance.obligations.models import Obligation
from governance.parties import customers

LABELS = {"open": "danger", "executed": "warning", "verified": "success", "excepted": "info"}


def _yes(title: str, description: str, submit: str) -> dict[str, Any]:
    return {"title": title, "description": description, "form_class": Confirm, "form_submit_text": submit}


class TaskInline(ShownInline):
    """What must go."""

    model = Task
    fk_name = "obligation"
    fields = ("kind", "name", "namespace", "way", "step", "late")
    readonly_fields = fields
    verbose_name_plural = "What must go"

    @display(description="reached by")
    def way(self, obj: Task) -> str:
        """Names only: the namespace stands beside it."""
        return " → ".join(step["name"] for step in obj.path)

    @display(description="state", label=LABELS)
    def step(self, obj: Task) -> str:
        """Where it stands."""
        return obj.state


class CertificateInline(ShownInline):
    """What was certified."""

    model = Certificate
    fields = ("ref", "issued_at", "issued_by", "superseded_at", "superseded_because")
    readonly_fields = fields
    verbose_name_plural = "Certificates"


admin.site.unregister(Obligation)


@admin.register(Obligation)
class WorkedObligationAdmin(ObligationAdmin):
    """The page of `obligations`, with what this room adds: items, rounds and the certificate."""

    inlines: tuple[type[ShownInline], ...] = (TaskInline, CertificateInline, *ObligationAdmin.inlines)  # type: ignore[assignment]
    actions_detail: tuple[str, ...] = (  # type: ignore[assignment]
        "confirm",
        "dismiss",
        "take_stock",
        "execute",
        "look",
        "certify",
    )

    @button(
        description="Confirm",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
        dialog=_yes(
            "The data must go",
            "Everything that the data reached is listed now, and no new release holds it.",
            "Confirm",
        ),
    )
    def confirm(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Confirm it, and list what must go."""
        at = timezone.now()
        return self._do(
            request, object_id, lambda ref, by: worklists.confirm(ref, by=by, at=at), "What must go is listed below."
        )

    @button(
        description="Take stock again",
        icon="inventory",
        permissions=["decide"],
        dialog=_yes(
            "Take stock again", "Items that lineage names since are added; what came back opens again.", "Take stock"
        ),
    )
    def take_stock(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Review it."""
        at = timezone.now()
        return self._work(
            request, object_id, lambda duty, by: worklists.review(duty, by=by, at=at), "The list is up to date."
        )

    @button(
        description="Delete rows",
        icon="delete_sweep",
        variant=ActionVariant.DANGER,
        permissions=["decide"],
        dialog=_yes(
            "Delete rows",
            "The executor deletes from every open table that it can tell apart. This cannot be undone.",
            "Delete",
        ),
    )
    def execute(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Run the executor over every open task."""
        at = timezone.now()
        return self._round(request, object_id, lambda duty, by: rounds.execute(duty, by=by, at=at))

    @button(
        description="Look for survivors",
        icon="search",
        permissions=["decide"],
        dialog=_yes("Look for survivors", "The checker counts, under its own account, what is left.", "Look"),
    )
    def look(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Run the checker over every executed task."""
        at = timezone.now()
        return self._round(request, object_id, lambda duty, by: rounds.check(duty, by=by, at=at))

    @button(
        description="Certify",
        icon="workspace_premium",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
        dialog=_yes(
            "Certify the deletion",
            "A sealed certificate is issued, if nothing is open, and the obligation closes.",
            "Certify",
        ),
    )
    def certify(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Issue the certificate."""
        at = timezone.now()
        return self._work(
            request, object_id, lambda duty, by: certificates.issue(duty, by=by, at=at), "The certificate is issued."
        )

    def _work(
        self, request: HttpRequest, object_id: str, work: Callable[[Obligation, Actor], object], done: str
    ) -> HttpResponse:
        duty = self.get_queryset(request).get(pk=object_id)
        return perform(self, request, lambda by: work(duty, by), done=done, object_id=object_id)

    def _round(
        self, request: HttpRequest, object_id: str, work: Callable[[Obligation, Actor], list[rounds.Line]]
    ) -> HttpResponse:
        def say(duty: Obligation, by: Actor) -> None:
            for line in work(duty, by):
                (messages.info if line.ok else messages.warning)(request, f"{line.task.name}: {line.said}.")

        return self._work(request, object_id, say, "Every task was tried.")


class ExecutionForm(BaseDialogForm):  # type: ignore[misc]
    """Evidence that an item was dealt with."""

    action = forms.ChoiceField(choices=machine.choices(machine.Action), widget=UnfoldAdminSelectWidget)
    method = forms.ChoiceField(
        choices=[("", "–"), *machine.choices(machine.Method)], required=False, widget=UnfoldAdminSelectWidget
    )
    happened = forms.SplitDateTimeField(label="When (UTC)", widget=UnfoldAdminSplitDateTimeWidget)
    statement = forms.CharField(label="What was done", widget=UnfoldAdminTextareaWidget)
    digest = forms.RegexField(
        r"^[0-9a-f]{64}$", label="SHA-256 of the report or log", widget=UnfoldAdminTextInputWidget
    )


class CheckForm(BaseDialogForm):  # type: ignore[misc]
    """What somebody else found."""

    remaining = forms.IntegerField(label="How much is left", min_value=0, widget=UnfoldAdminIntegerFieldWidget)
    happened = forms.SplitDateTimeField(label="When (UTC)", widget=UnfoldAdminSplitDateTimeWidget)
    statement = forms.CharField(label="How it was looked at", widget=UnfoldAdminTextareaWidget)
    digest = forms.RegexField(
        r"^[0-9a-f]{64}$", label="SHA-256 of the report or log", widget=UnfoldAdminTextInputWidget
    )


class ExceptionForm(BaseDialogForm):  # type: ignore[misc]
    """Why an item is kept."""

    ground = forms.ChoiceField(choices=machine.choices(machine.Ground), widget=UnfoldAdminSelectWidget)
    text = forms.CharField(label="What the ground rests on", widget=UnfoldAdminTextareaWidget)
    until = forms.SplitDateTimeField(label="Until (UTC)", required=False, widget=UnfoldAdminSplitDateTimeWidget)


class EvidenceInline(ShownInline):
    """Who did and saw what."""

    model = Evidence
    fields = ("role", "action", "account", "tool", "affected", "remaining", "statement", "digest", "happened_at")
    readonly_fields = fields
    show_change_link = False
    verbose_name_plural = "Evidence"


@admin.register(Task)
class TaskAdmin(VerbAdmin):
    """One item that must go."""

    changeable = False
    list_display = ("name", "kind", "customer", "due_on", "step")
    list_filter = ("state", "kind")
    search_fields = ("ref", "name", "namespace", "obligation__ref", "obligation__customer__name")
    inlines = (EvidenceInline,)
    actions_detail = ("run_executor", "run_checker", "done", "checked", "keep")
    fieldsets = (
        (None, {"fields": ("ref", "obligation", "kind", ("name", "namespace"), "way", "state", "due_on", "late")}),
        ("Done", {"fields": (("action", "method"), ("executed_by", "executed_account"), "executed_at")}),
        ("Looked at", {"fields": (("verified_by", "verified_account"), "verified_at")}),
        ("Kept", {"fields": ("ground", "ground_text", "ground_until")}),
    )
    readonly_fields = ("ref", "way", "state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        """Items of customers that the person may see."""
        seen = customers.visible_to(request.user)  # type: ignore[arg-type]
        rows = super().get_queryset(request).filter(obligation__customer__in=seen)
        return rows.select_related("obligation__customer", "obligation__subject_space")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Lineage names the items."""
        return False

    def has_work_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Those whose role decides."""
        return bool(
            {"lawyer", "approver", "privacy_officer", "administrator"} & getattr(request.user, "roles", frozenset())
        )

    @display(description="customer")
    def customer(self, obj: Task) -> str:
        """Whose data it is."""
        return str(obj.obligation.customer)

    @display(description="reached by")
    def way(self, obj: Task) -> str:
        """The way from the source."""
        return " → ".join(f"{step['namespace']} {step['name']}".strip() for step in obj.path)

    @display(description="state", label=LABELS)
    def step(self, obj: Task) -> str:
        """Where it stands."""
        return obj.state

    @button(
        description="Delete rows",
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["work"],
        dialog=_yes(
            "Delete rows", "The executor deletes the customer's rows from this table. This cannot be undone.", "Delete"
        ),
    )
    def run_executor(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Have the executor delete."""
        at = timezone.now()
        return self._do(
            request,
            object_id,
            lambda task, by: executor.run(task, by=by, at=at),
            "The rows are deleted; another account looks next.",
        )

    @button(
        description="Look for survivors",
        icon="search",
        permissions=["work"],
        dialog=_yes("Look for survivors", "The checker counts, under its own account, what is left.", "Look"),
    )
    def run_checker(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Have the checker look."""
        at = timezone.now()
        return self._do(request, object_id, lambda task, by: checker.run(task, by=by, at=at), "The checker has looked.")

    @button(
        description="Hand in evidence",
        icon="task_alt",
        permissions=["work"],
        dialog={"title": "What was done", "form_class": ExecutionForm, "form_submit_text": "Hand in"},
    )
    def done(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take evidence by hand."""
        given = form.cleaned_data
        handed = evidence.Given(
            given["happened"],
            digest=given["digest"],
            action=given["action"],
            method=given["method"],
            statement=given["statement"],
        )
        at = timezone.now()
        return self._do(
            request,
            object_id,
            lambda task, by: evidence.executed(task, handed, by=by, at=at),
            "Somebody else looks next.",
        )

    @button(
        description="Confirm as second person",
        icon="how_to_reg",
        permissions=["work"],
        dialog={"title": "What is left", "form_class": CheckForm, "form_submit_text": "Confirm"},
    )
    def checked(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take a second person's word."""
        given = form.cleaned_data
        seen = evidence.Given(
            given["happened"], digest=given["digest"], remaining=given["remaining"], statement=given["statement"]
        )
        at = timezone.now()
        return self._do(request, object_id, lambda task, by: evidence.checked(task, seen, by=by, at=at), "Recorded.")

    @button(
        description="Keep, with a ground",
        icon="lock",
        permissions=["work"],
        dialog={"title": "Why is it kept?", "form_class": ExceptionForm, "form_submit_text": "Keep"},
    )
    def keep(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Except it."""
        given, at = form.cleaned_data, timezone.now()
        return self._do(
            request,
            object_id,
            lambda task, by: evidence.excepted(task, **given, by=by, at=at),
            "Kept, with its ground.",
        )

    def _do(
        self, request: HttpRequest, object_id: str, work: Callable[[Task, Actor], object], done: str
    ) -> HttpResponse:
        task = self.get_queryset(request).get(pk=object_id)
        return perform(self, request, lambda by: work(task, by), done=done, object_id=object_id)


@admin.register(Certificate)
class CertificateAdmin(VerbAdmin):
    """Certificates, with their files."""

    changeable = False
    list_display = ("ref", "customer", "issued_at", "superseded_at")
    search_fields = ("ref", "obligation__ref", "obligation__customer__name", "pdf_digest")
    fields = (
        "ref",
        "obligation",
        "files",
        "pdf_digest",
        "issued_at",
        "issued_by",
        "supersedes",
        "superseded_at",
        "superseded_because",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Certificate]:
        """Of customers that the person may see."""
        seen = customers.visible_to(request.user)  # type: ignore[arg-type]
        rows = super().get_queryset(request).filter(obligation__customer__in=seen).defer("pdf", "envelope", "statement")
        return rows.select_related("obligation__customer")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """It is issued on the page of its obligation."""
        return False

    @display(description="customer")
    def customer(self, obj: Certificate) -> str:
        """Whose data it is about."""
        return str(obj.obligation.customer)

    @display(description="files")
    def files(self, obj: Certificate) -> SafeString:
        """Its downloads."""
        links = [(reverse("certificate-file", args=[obj.ref, form]), title) for form, title in FORMS]
        return format_html(
            '<a href="{}">{}</a> · <a href="{}">{}</a> · <a href="{}">{}</a>',
            *(part for link in links for part in link),
        )


FORMS = (("pdf", "PDF"), ("json", "Signed statement"), ("tlog-proof", "Ledger proof"))
