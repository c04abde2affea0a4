"""The admin pages of corrections: what was typed and what should stand there, side by side, and the second person's button."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from governance.access import actors
from governance.access.actors import Actor
from governance.access.names import listed
from governance.access.pages import AppendInline, display
from governance.contracts import (
    corrected_clauses,
    corrections,
    differences,
    documents,
    meaning,
    readings,
)
from governance.contracts.correction_buttons import Buttons
from governance.contracts.correction_states import State
from governance.contracts.document_forms import PrevailsForm
from governance.contracts.encoded import HEAD
from governance.contracts.models import (
    Clause,
    CorrectedPrevails,
    CorrectedRepeal,
    Correction,
    Document,
)

STATE_COLOURS = {
    State.DRAFT.label: "info",
    State.SUBMITTED.label: "warning",
    State.APPLIED.label: "success",
    State.REJECTED.label: "danger",
    State.WITHDRAWN.label: "default",
}


class CorrectedPrevailsForm(PrevailsForm):
    """Over which document, for what, as it should have been typed."""

    class Meta(PrevailsForm.Meta):
        model = CorrectedPrevails  # type: ignore[assignment]


class StatementInline(AppendInline):
    """What the document should say about others of its contract; removable while the correction is a draft."""

    linked = False

    def has_add_permission(self, request: HttpRequest, obj: Correction | None = None) -> bool:
        """While it is a draft."""
        return obj is not None and obj.is_draft and bool(super().has_add_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Correction | None = None) -> bool:
        """While it is a draft."""
        return obj is not None and obj.is_draft and bool(request.user.has_perm("contracts.change_correction"))

    def siblings(self, request: HttpRequest) -> QuerySet[Document]:
        """Other documents of the corrected document's contract."""
        match = request.resolver_match
        pk = match.kwargs.get("object_id", "") if match else ""
        by = actors.of(request.user)
        row = corrections.visible_to(by).filter(pk=pk).first() if pk.isdigit() else None
        if row is None or row.document.family_id is None:
            return Document.objects.none()
        return documents.visible_to(by).filter(family=row.document.family_id).exclude(pk=row.document_id)


class PrevailsInline(StatementInline):
    """Over which documents it prevails, for what."""

    model = CorrectedPrevails
    form = CorrectedPrevailsForm
    verbose_name_plural = "Prevails over (only where the text says so)"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Other documents of the same contract."""
        if db_field.name == "over":
            kwargs["queryset"] = self.siblings(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class RepealInline(StatementInline):
    """Which earlier clauses it takes back."""

    model = CorrectedRepeal
    fields = ("clause",)
    verbose_name_plural = "Repeals these clauses of its contract"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Clauses of other documents of the same contract, and of forms that it accepted."""
        if db_field.name == "clause":
            near = self.siblings(request)
            rows = Clause.objects.filter(Q(document__in=near) | Q(document__acceptances__in=near))
            kwargs["queryset"] = rows.distinct()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Correction)
class CorrectionAdmin(Buttons):
    """Corrections of activated documents."""

    list_display = ("document", "contract", "standing", "reason", "drafted_at", "recorded_at")
    list_filter = ("state",)
    search_fields = ("ref", "reason", "document__title", "document__number", "document__family__title")
    list_select_related = ("document__family",)
    change_form_outer_before_template = "admin/contracts/correction_top.html"
    inlines = (PrevailsInline, RepealInline)
    readonly_fields = ("ref", "drafted_by_", "applied_by_", "drafted_at", "recorded_at", "closing_note")
    fieldsets = (
        (None, {"fields": ["reason"]}),
        (
            "The document, as it should have been typed",
            {
                "fields": [
                    ("title", "number"),
                    ("signed_on", "effective_on", "expires_on"),
                    ("renewal", "renewal_months", "notice_days"),
                    ("file_name", "file_digest"),
                ]
            },
        ),
        (
            "Record",
            {
                "fields": ["ref", ("drafted_by_", "applied_by_"), ("drafted_at", "recorded_at"), "closing_note"],
                "classes": ["collapse"],
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Correction]:
        """Of documents that the person may see."""
        return corrections.visible_to(actors.of(request.user)).select_related("document__family", "document__form")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """It begins with the button on the document's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Correction | None = None) -> bool:
        """While it is a draft."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def get_inlines(self, request: HttpRequest, obj: Correction | None) -> Any:
        """Statements about other documents: to be written in a draft, to be read where there are some."""
        if obj is None or obj.document.family_id is None:
            return ()
        said = {PrevailsInline: obj.prevails.exists(), RepealInline: obj.repeals.exists()}
        return [inline for inline, some in said.items() if some or obj.is_draft]

    def update(self, obj: Correction, form: Any, *, by: Actor) -> Correction:
        """Change the draft."""
        changed = [name for name in ("reason", *HEAD) if name in form.changed_data]
        return corrections.edit(
            Correction.objects.get(pk=obj.pk), by=by, **{name: getattr(obj, name) for name in changed}
        )

    def add_inline(self, parent: Correction, row: Any, *, by: Actor) -> None:
        """Say that it prevails or repeals."""
        if isinstance(row, CorrectedRepeal):
            corrected_clauses.repeal(parent, [*_repealed(parent), row.clause], by=by)
        else:
            said = (row.over, row.actions, row.categories)
            corrected_clauses.prevail(parent, [*_precedence(parent), said], by=by)

    def remove_inline(self, parent: Correction, row: Any, *, by: Actor) -> None:
        """Take such a statement out."""
        if isinstance(row, CorrectedRepeal):
            corrected_clauses.repeal(parent, [each for each in _repealed(parent) if each != row.clause], by=by)
        else:
            kept = parent.prevails.exclude(over=row.over, actions=row.actions, categories=row.categories)
            corrected_clauses.prevail(parent, [(each.over, each.actions, each.categories) for each in kept], by=by)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add before and after, the clauses, and what comes next."""
        row = self.get_queryset(request).filter(pk=object_id).first() if object_id and object_id.isdigit() else None
        context = {**(extra_context or {}), **(_shown(row, request, self) if row else {})}
        return super().changeform_view(request, object_id, form_url, context)

    @display(description="contract", ordering="document__family__title")
    def contract(self, obj: Correction) -> str:
        """The contract, or that it is a form."""
        return obj.document.family.title if obj.document.family else "standard form"

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def standing(self, obj: Correction) -> str:
        """State in words."""
        return State(obj.state).label

    @display(description="drafted by")
    def drafted_by_(self, obj: Correction) -> str:
        """By name."""
        return listed([obj.drafted_by])

    @display(description="applied by")
    def applied_by_(self, obj: Correction) -> str:
        """By name."""
        return listed([obj.applied_by])


def _shown(row: Correction, request: HttpRequest, page: CorrectionAdmin) -> dict[str, Any]:
    before, after = readings.before(row), readings.corrected(row.document, row)
    editable = page.has_change_permission(request, row)
    add = reverse("admin:contracts_correctedclause_add")
    struck = [clause for clause in before.clauses if after.clause(clause.ref) is None]
    return {
        "correction": row,
        "editable_text": editable,
        "differences": differences.between(before, after),
        "shown_clauses": [
            {
                "row": clause,
                "meaning": said,
                "link": reverse("admin:contracts_correctedclause_change", args=[clause.pk]),
            }
            for clause, said in zip(after.clauses, meaning.sentences(after.clauses), strict=True)
        ],
        "struck": struck,
        "kinds": [
            {"label": label, "link": f"{add}?correction={row.pk}&kind={kind}"} for kind, label in Clause.Kind.choices
        ]
        if editable
        else [],
        "next_step": _next(row, actors.of(request.user)),
    }


def _next(row: Correction, by: Actor) -> str:
    match row.state:
        case State.DRAFT:
            return "Type what the signed text says, then submit it: a second person compares it and applies it."
        case State.SUBMITTED if by.ref in row.authors:
            return f"Waiting for a second person: written by {listed(row.authors)}, it is applied by an approver who wrote nothing in it."
        case State.SUBMITTED:
            return f"Waiting for an approver. Written by {listed(row.authors)}: compare the right column with the signed text."
        case State.APPLIED:
            return f"Applied by {listed([row.applied_by])} on {row.recorded_at:%-d %B %Y}. Known from then on; it counts from the document's own dates."
        case _:
            return f"It never counted. {row.closing_note}"


def _repealed(row: Correction) -> list[Clause]:
    return [each.clause for each in row.repeals.select_related("clause")]


def _precedence(row: Correction) -> list[tuple[Document, list[str], list[str]]]:
    return [(each.over, each.actions, each.categories) for each in row.prevails.select_related("over")]
