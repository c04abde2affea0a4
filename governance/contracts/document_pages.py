"""The admin page of a document: what it says, clause by clause, where it stands, and the buttons that move it on."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats, timezone

from governance.access import actors, roles
from governance.access.actors import Actor
from governance.access.names import listed
from governance.access.pages import AppendInline, column, display, put
from governance.contracts import clauses, documents, families, meaning, readings, renewals
from governance.contracts.document_buttons import Buttons
from governance.contracts.document_forms import DocumentForm, PrevailsForm
from governance.contracts.encoded import HEAD
from governance.contracts.models import Clause, Correction, Document, Prevails, Repeal
from governance.contracts.readings import Reading
from governance.contracts.states import State

STATE_COLOURS = {
    State.DRAFT.label: "info",
    State.SUBMITTED.label: "warning",
    State.APPROVED.label: "primary",
    State.ACTIVATED.label: "success",
    State.REJECTED.label: "danger",
    State.WITHDRAWN.label: "default",
}


class StatementInline(AppendInline):
    """What a draft says about other documents of its contract; removable while it is a draft."""

    linked = False

    def has_add_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """While it is a draft."""
        return obj is not None and obj.is_draft and bool(super().has_add_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """While it is a draft."""
        return obj is not None and obj.is_draft and bool(request.user.has_perm("contracts.change_document"))


class PrevailsInline(StatementInline):
    """Over which documents it prevails, for what."""

    model = Prevails
    fk_name = "document"
    form = PrevailsForm
    verbose_name_plural = "Prevails over (only where the text says so)"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Other documents of the same contract."""
        if db_field.name == "over":
            kwargs["queryset"] = _siblings(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class RepealInline(StatementInline):
    """Which earlier clauses it takes back."""

    model = Repeal
    fk_name = "document"
    fields = ("clause",)
    verbose_name_plural = "Repeals these clauses of its contract"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Clauses of other documents of the same contract, and of forms that it accepted."""
        if db_field.name == "clause":
            near = _siblings(request)
            kwargs["queryset"] = Clause.objects.filter(
                Q(document__in=near) | Q(document__acceptances__in=near)
            ).distinct()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def _siblings(request: HttpRequest) -> QuerySet[Document]:
    match = request.resolver_match
    pk = match.kwargs.get("object_id", "") if match else ""
    seen = documents.visible_to(actors.of(request.user))
    row = seen.filter(pk=pk).first() if pk.isdigit() else None
    if row is None or row.family is None:
        return Document.objects.none()
    return seen.filter(family=row.family).exclude(pk=row.pk)


@admin.register(Document)
class DocumentAdmin(Buttons):
    """Documents."""

    form = DocumentForm
    list_display = ("title", "contract", "kind", "standing", "effective_on", "ends_on", "number")
    list_filter = ("state", "kind")
    search_fields = ("title", "number", "ref", "family__title", "family__counterparty__name")
    autocomplete_fields = ("family",)
    change_form_outer_before_template = "admin/contracts/document_top.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Documents whose customers the person may see."""
        return documents.visible_to(actors.of(request.user)).select_related("family", "form").prefetch_related("ends")

    def get_inlines(self, request: HttpRequest, obj: Document | None) -> Any:
        """Statements about other documents: to be written in a draft, to be read where there are some."""
        if obj is None or obj.family is None:
            return ()
        said = {PrevailsInline: obj.prevails.exists(), RepealInline: obj.repeals.exists()}
        return [inline for inline, some in said.items() if some or obj.is_draft]

    def get_fieldsets(self, request: HttpRequest, obj: Document | None = None) -> Any:
        """The text, its dates, the signed file, and what became of it."""
        file = (
            ["file_name", "file_digest"] if obj and not obj.is_draft else ["signed_file", ("file_name", "file_digest")]
        )
        sets: list[Any] = [
            (
                None,
                {"fields": [("family", "kind"), ("title", "number"), *(["form"] if obj is None or obj.form else [])]},
            ),
            (
                "Dates",
                {"fields": [("signed_on", "effective_on", "expires_on"), ("renewal", "renewal_months", "notice_days")]},
            ),
            ("Signed file", {"fields": file, "classes": ["collapse"]}),
        ]
        record = [
            "ref",
            ("drafted_by_", "approved_by_", "activated_by_"),
            ("drafted_at", "approved_at", "recorded_at"),
            "closing_note",
        ]
        return [*sets, ("Record", {"fields": record, "classes": ["collapse"]})] if obj else sets

    readonly_fields = (
        "ref",
        "drafted_by_",
        "approved_by_",
        "activated_by_",
        "drafted_at",
        "approved_at",
        "recorded_at",
        "closing_note",
    )

    def fields_frozen(self, obj: Document | None) -> tuple[str, ...]:
        """A document stays in its contract; a signed file is read from the upload."""
        return ("family", "kind", "form", "file_name", "file_digest") if obj else ("file_name", "file_digest")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only contracts that the person may see, only activated forms."""
        if db_field.name == "family":
            kwargs["queryset"] = families.visible_to(actors.of(request.user))
        if db_field.name == "form":
            kwargs["queryset"] = Document.objects.filter(kind=Document.Kind.STANDARD_FORM, state=State.ACTIVATED)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """The text changes while it is a draft, and never afterwards."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def create(self, obj: Document, form: Any, *, by: Actor) -> Document:
        """Draft it."""
        given = {name: getattr(obj, name) for name in documents.EDITABLE} | _file(form)
        return documents.draft(obj.family, by=by, **given)

    def update(self, obj: Document, form: Any, *, by: Actor) -> Document:
        """Change the draft."""
        changed = [name for name in documents.EDITABLE if name in form.changed_data]
        return documents.edit(obj, by=by, **{name: getattr(obj, name) for name in changed} | _file(form))

    def add_inline(self, parent: Document, row: Any, *, by: Actor) -> None:
        """Say that it prevails or repeals."""
        if isinstance(row, Prevails):
            clauses.prevail(parent, row.over, actions=row.actions, categories=row.categories, by=by)
        else:
            clauses.repeal(parent, row.clause, by=by)

    def remove_inline(self, parent: Document, row: Any, *, by: Actor) -> None:
        """Take such a statement back."""
        clauses.unsay(row, by=by)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add the clauses with their meaning, and what comes next."""
        document = (
            self.get_queryset(request).filter(pk=object_id).first() if object_id and object_id.isdigit() else None
        )
        context = {**(extra_context or {}), **(_shown(document, request, self) if document else {})}
        return super().changeform_view(request, object_id, form_url, context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Of a corrected document show what it says now, and what was typed first."""
        document = context.get("original")
        head = readings.of(document).head if document else None
        if isinstance(head, Correction):
            form, typed = (
                context["adminform"],
                [name for name in HEAD if getattr(head, name) != getattr(document, name)],
            )
            put(form, {name: column(Document._meta.get_field(name), _as_read(head, name)) for name in HEAD})
            form.readonly_fields += typed
            form.fieldsets[2:2] = [("Before it was corrected", {"fields": [tuple(typed)]})] if typed else []
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="contract", ordering="family__title")
    def contract(self, obj: Document) -> str:
        """The contract, or that it is a form."""
        return obj.family.title if obj.family else "standard form"

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def standing(self, obj: Document) -> str:
        """State in words."""
        return State(obj.state).label

    @display(description="ends")
    def ends_on(self, obj: Document) -> str:
        """Its end, if one is known."""
        ends = [str(end.ends_at.date()) for end in obj.ends.all()[:1]]
        expiry = [str(obj.expires_on)] if obj.expires_on and obj.renewal == Document.Renewal.NONE else []
        return min([*ends, *expiry], default="–")

    @display(description="drafted by")
    def drafted_by_(self, obj: Document) -> str:
        """By name."""
        return listed([obj.drafted_by])

    @display(description="approved by")
    def approved_by_(self, obj: Document) -> str:
        """By name."""
        return listed([obj.approved_by])

    @display(description="activated by")
    def activated_by_(self, obj: Document) -> str:
        """By name."""
        return listed([obj.activated_by])


def _shown(document: Document, request: HttpRequest, page: DocumentAdmin) -> dict[str, Any]:
    add = reverse("admin:contracts_clause_add")
    editable = page.has_change_permission(request, document)
    reading = readings.of(document)
    return {
        "document": document,
        "editable_text": editable,
        "reading": reading,
        "corrections": document.corrections.all(),
        "shown_clauses": _cards(reading),
        "form_clauses": _cards(readings.of(document.form)) if document.form else [],
        "kinds": [
            {"label": label, "link": f"{add}?document={document.pk}&kind={kind}"} for kind, label in Clause.Kind.choices
        ]
        if editable
        else [],
        "next_step": _next(document, actors.of(request.user)),
        "terminations": document.ends.all(),
    }


def _as_read(head: Correction, name: str) -> Callable[[Any], object]:
    def shown(document: Document) -> object:
        return head.get_renewal_display() if name == "renewal" else formats.localize(getattr(head, name)) or None

    return shown


def _cards(reading: Reading) -> list[dict[str, Any]]:
    """Clauses as they read now, each with its meaning and its page."""
    return [
        {
            "row": clause,
            "meaning": said,
            "link": reverse(f"admin:contracts_{clause._meta.model_name}_change", args=[clause.pk]),
        }
        for clause, said in zip(reading.clauses, meaning.sentences(reading.clauses), strict=True)
    ]


def _next(document: Document, by: Actor) -> str:
    match document.state:
        case State.DRAFT:
            return "Write its clauses, then submit it: a second person approves it."
        case State.SUBMITTED if by.ref in document.authors:
            return f"Waiting for a second person: written by {listed(document.authors)}, it is approved by an approver who wrote nothing in it."
        case State.SUBMITTED if roles.APPROVER in by.roles:
            return f"Waiting for you or another approver. Written by {listed(document.authors)}: compare each clause with the signed text."
        case State.SUBMITTED:
            return f"Waiting for an approver. Written by {listed(document.authors)}."
        case State.APPROVED if document.signed_on is None:
            return "Approved. Record the signature, then activate it: until then it does not count."
        case State.APPROVED:
            return "Approved and signed. Activate it: until then it does not count."
        case State.ACTIVATED if document.ends.exists():
            return f"Terminated: it counts no longer from {document.ends.all()[0].ends_at:%-d %B %Y} on. Bans and unencoded terms stay."
        case State.ACTIVATED:
            return _running(readings.of(document).head)
        case _:
            return f"It never counted. {document.closing_note}"


def _running(head: Document | Correction) -> str:
    """From when on it counts, and how it ends."""
    said = f"Counts from {head.effective_on:%-d %B %Y} on."
    today = timezone.now().date()
    match renewals.term_end(head, on=today), renewals.notice_until(head, on=today):
        case date() as end, date() as notice if head.renewal == Document.Renewal.AUTOMATIC:
            said += f" It renews itself on {end:%-d %B %Y}; notice that ends it then is given by {notice:%-d %B %Y}."
        case date() as end, _:
            said += f" It ends on {end:%-d %B %Y}."
    return said + " It cannot change any more: draft an amendment, or correct what we mistyped."


def _file(form: Any) -> dict[str, str]:
    data = form.cleaned_data
    return {name: data[name] for name in ("file_name", "file_digest")} if data.get("signed_file") else {}
