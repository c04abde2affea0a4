"""The admin page of a clause: a readable form per kind, with its meaning in a sentence while one types."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from unfold.enums import ActionVariant

from governance.access import actors
from governance.access.actors import Actor
from governance.access.pages import Confirm, VerbAdmin, button, perform
from governance.contracts import clause_fields, clause_forms, clauses, documents, meaning
from governance.contracts.models import Clause, Document

LIKE = {
    "title": "Remove this clause?",
    "description": "Only a draft can lose a clause.",
    "form_class": Confirm,
    "form_submit_text": "Remove",
}


@admin.register(Clause)
class ClauseAdmin(VerbAdmin):
    """Clauses are reached from their document, made there, and frozen with it."""

    change_form_outer_before_template = "admin/contracts/clause_meaning.html"
    actions_detail = ("remove",)
    show_add_link = False
    # Bounds of a safeguard appear once it is required; who signed, once a use is accepted.
    conditional_fields = {
        **{bound: f"{bound.partition('__')[0]}__known" for bound in clause_fields.bounds()},
        f"{clause_fields.PREFIX}signatory": f"{clause_fields.PREFIX}basis == 'accepted-use'",
    }
    search_fields = ("number", "title", "passage", "ref")

    class Media:
        js = ("contracts/clause.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Clause]:
        """Clauses of visible documents."""
        seen = documents.visible_to(actors.of(request.user))
        return super().get_queryset(request).filter(document__in=seen).select_related("document")  # type: ignore[no-any-return]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Reached from the document."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Clause | None = None) -> bool:
        """Only while the document is a draft."""
        return super().has_change_permission(request, obj) and (obj is None or obj.document.is_draft)

    def get_urls(self) -> list[Any]:
        """Add the preview."""
        preview = path(
            "preview/<str:kind>/<int:document>/",
            self.admin_site.admin_view(self.preview),
            name="contracts_clause_preview",
        )
        return [preview, *super().get_urls()]

    def get_form(self, request: HttpRequest, obj: Clause | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form of the clause's kind; `?document=` and `?kind=` say which for a new one."""
        document, kind = self._place(request, obj)
        self.form = clause_forms.of_kind(kind, document, obj.body if obj else {})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Clause | None = None) -> Any:
        """Fieldsets by kind; a frozen clause shows its encoding as the sentence above."""
        kind = self._place(request, obj)[1]
        if not self.has_change_permission(request, obj) or (obj is None and not self.has_add_permission(request)):
            return [("The signed text", {"fields": ["number", "title", "page", "passage"]})]
        return clause_forms.fieldsets(kind, raw=not clause_fields.shows_all(kind, obj.body if obj else {}))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Say which document it belongs to, and what it means."""
        clause = self.get_queryset(request).filter(pk=object_id).first() if object_id and object_id.isdigit() else None
        document, kind = self._place(request, clause)
        if clause is None and not document.is_draft:
            raise PermissionDenied("the document is no draft")
        context = {
            "document": document,
            "said": meaning.sentence(clause) if clause else "",
            "preview": reverse("admin:contracts_clause_preview", args=[kind, document.pk]),
            "editable": document.is_draft and self.has_change_permission(request, clause),
            "title": f"{Clause.Kind(kind).label.capitalize()} in {document}",
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, context)

    def preview(self, request: HttpRequest, kind: str, document: int) -> JsonResponse:
        """Answer what the typed fields would mean, or what cannot be read."""
        row = self._document(request, document)
        if kind not in Clause.Kind.values or request.method != "POST":
            raise Http404
        form = clause_forms.of_kind(kind, row, {})(request.POST)
        form.fields["number"].required = form.fields["passage"].required = False
        if form.is_valid():
            return JsonResponse({"meaning": meaning.named(meaning.of(kind, form.cleaned_data["body"]))})
        missing = [
            str(form.fields[name].label) for name, found in form.errors.as_data().items() if found[0].code == "required"
        ]
        if missing:
            return JsonResponse({"missing": f"Still to be filled in: {', '.join(missing)}."})
        return JsonResponse(
            {
                "problem": " ".join(
                    f"{_label(form, name)}{each}" for name, found in form.errors.items() for each in found
                )
            }
        )

    def create(self, obj: Clause, form: Any, *, by: Actor) -> Clause:
        """Add it to its draft."""
        return clauses.add(form.document, by=by, kind=form.kind, **_given(form))

    def update(self, obj: Clause, form: Any, *, by: Actor) -> Clause:
        """Write it anew."""
        return clauses.change(Clause.objects.get(pk=obj.pk), by=by, **_given(form))

    def response_add(self, request: HttpRequest, obj: Clause, post_url_continue: Any = None) -> HttpResponse:
        """Back to the document, unless another one follows."""
        if "_addanother" in request.POST:
            return redirect(_adding(obj))
        if "_continue" in request.POST:
            return redirect("admin:contracts_clause_change", obj.pk)
        return redirect("admin:contracts_document_change", obj.document_id)

    def response_change(self, request: HttpRequest, obj: Clause) -> HttpResponse:
        """Back to the document."""
        if "_addanother" in request.POST:
            return redirect(_adding(obj))
        if "_continue" in request.POST:
            return redirect("admin:contracts_clause_change", obj.pk)
        return redirect("admin:contracts_document_change", obj.document_id)

    @button(description="Remove", icon="delete", variant=ActionVariant.DANGER, permissions=["remove"], dialog=LIKE)
    def remove(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take it out of the draft."""
        clause = self.get_queryset(request).get(pk=object_id)
        where = reverse("admin:contracts_document_change", args=[clause.document_id])
        return perform(
            self, request, lambda by: clauses.remove(clause, by=by), done="The clause is removed.", back=where
        )

    def has_remove_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may change the draft."""
        clause = self.get_queryset(request).filter(pk=object_id).first()
        return clause is not None and self.has_change_permission(request, clause)

    def _place(self, request: HttpRequest, clause: Clause | None) -> tuple[Document, str]:
        if clause is not None:
            return clause.document, clause.kind
        kind = request.GET.get("kind", Clause.Kind.UNENCODED_TERM)
        if kind not in Clause.Kind.values:
            raise Http404
        return self._document(request, request.GET.get("document", "")), kind

    def _document(self, request: HttpRequest, pk: int | str) -> Document:
        found = (
            documents.visible_to(actors.of(request.user)).filter(pk=pk).first()
            if str(pk).isdigit() and len(str(pk)) < 19
            else None
        )
        if found is None:
            raise Http404
        return found


def _adding(clause: Clause) -> str:
    return f"{reverse('admin:contracts_clause_add')}?document={clause.document_id}&kind={clause.kind}"


def _given(form: Any) -> dict[str, Any]:
    names = (*clause_forms.WORDS, *clause_forms.PLACES)
    return {"body": form.cleaned_data["body"], **{name: form.cleaned_data[name] for name in names}}


def _label(form: clause_forms.ClauseForm, name: str) -> str:
    return f"{form.fields[name].label or name}: " if name in form.fields else ""
