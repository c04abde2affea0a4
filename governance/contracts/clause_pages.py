"""The admin pages of clauses: a readable form per kind, with its meaning in a sentence while one types."""

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
from governance.contracts import (
    clause_fields,
    clause_forms,
    clause_references,
    clauses,
    documents,
    meaning,
    optins,
)
from governance.contracts.models import Clause, Correction, Document

LIKE = {
    "title": "Remove this clause?",
    "description": "Only a draft can lose a clause.",
    "form_class": Confirm,
    "form_submit_text": "Remove",
}


class ClausePage(VerbAdmin):
    """Clauses are reached from their owner (a document, or its correction), made there, and frozen with it."""

    change_form_outer_before_template = "admin/contracts/clause_meaning.html"
    show_add_link = False
    owner_field: str
    # Bounds of a safeguard appear once it is required; who signed, once a use is accepted.
    conditional_fields = {
        **{bound: f"{bound.partition('__')[0]}__known" for bound in clause_fields.bounds()},
        f"{clause_fields.PREFIX}signatory": f"{clause_fields.PREFIX}basis == 'accepted-use'",
    }
    search_fields = ("number", "title", "passage", "ref")

    class Media:
        js = ("contracts/clause.js",)

    def owners(self, request: HttpRequest) -> QuerySet[Any]:
        """Visible documents, or corrections."""
        raise NotImplementedError

    def owner_of(self, clause: Any) -> Document | Correction:
        """Whose clause it is."""
        owner: Document | Correction = getattr(clause, self.owner_field)
        return owner

    def owner_page(self, owner: Document | Correction) -> str:
        """The page it is reached from."""
        return reverse(f"admin:contracts_{self.owner_field}_change", args=[owner.pk])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Clauses of visible owners."""
        seen = {f"{self.owner_field}__in": self.owners(request)}
        return super().get_queryset(request).filter(**seen).select_related(self.owner_field)  # type: ignore[no-any-return]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Reached from the owner."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only while the owner is a draft."""
        return super().has_change_permission(request, obj) and (obj is None or self.owner_of(obj).is_draft)

    def get_urls(self) -> list[Any]:
        """Add the preview, and the names that a form looks up."""
        preview = path(
            "preview/<str:kind>/<int:owner>/", self.admin_site.admin_view(self.preview), name=f"{self._name()}_preview"
        )
        named = path("named/<str:kind>/", self.admin_site.admin_view(self.named), name=f"{self._name()}_named")
        return [preview, named, *super().get_urls()]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form of the clause's kind; `?document=` (or `?correction=`) and `?kind=` say which for a new one."""
        owner, kind = self._place(request, obj)
        self.form = clause_forms.of_kind(kind, owner, self._body(obj, kind))
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Fieldsets by kind; a frozen clause shows its encoding as the sentence above."""
        kind = self._place(request, obj)[1]
        if not self.has_change_permission(request, obj) or (obj is None and not self.has_add_permission(request)):
            return [("The signed text", {"fields": ["number", "title", "page", "passage"]})]
        return clause_forms.fieldsets(kind, raw=not clause_fields.shows_all(kind, self._body(obj, kind)))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Say what it belongs to, and what it means."""
        clause = self.get_queryset(request).filter(pk=object_id).first() if object_id and object_id.isdigit() else None
        owner, kind = self._place(request, clause)
        if clause is None and not owner.is_draft:
            raise PermissionDenied("it is no draft")
        context = {
            "owner": owner,
            "owner_link": self.owner_page(owner),
            "said": meaning.sentence(clause) if clause else "",
            "preview": reverse(f"admin:{self._name()}_preview", args=[kind, owner.pk]),
            "editable": owner.is_draft and self.has_change_permission(request, clause),
            "title": f"{Clause.Kind(kind).label.capitalize()} in {owner}",
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, context)

    def preview(self, request: HttpRequest, kind: str, owner: int) -> JsonResponse:
        """Answer what the typed fields would mean, or what cannot be read."""
        row = self._owner(request, owner)
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
        wrong = (f"{_label(form, name)}{each}" for name, found in form.errors.items() for each in found)
        return JsonResponse({"problem": " ".join(wrong)})

    def named(self, request: HttpRequest, kind: str) -> JsonResponse:
        """Answer the names of parties or groups that fit what is typed."""
        return clause_references.lookup(request, kind, may=bool(self.has_add_permission(request)))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Back to the owner, unless another one follows."""
        return self._onwards(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the owner."""
        return self._onwards(request, obj)

    def _onwards(self, request: HttpRequest, obj: Any) -> HttpResponse:
        owner = self.owner_of(obj)
        if "_addanother" in request.POST:
            add = reverse(f"admin:{self._name()}_add")
            return redirect(f"{add}?{self.owner_field}={owner.pk}&kind={obj.kind}")
        if "_continue" in request.POST:
            return redirect(f"admin:{self._name()}_change", obj.pk)
        return redirect(self.owner_page(owner))

    def _body(self, clause: Any, kind: str) -> dict[str, Any]:
        """What the form starts from: nothing where the clause is read as another kind."""
        return clause.body if clause is not None and clause.kind == kind and isinstance(clause.body, dict) else {}

    def _place(self, request: HttpRequest, clause: Any) -> tuple[Document | Correction, str]:
        if clause is not None:
            return self.owner_of(clause), self._kind(request, clause.kind)
        return self._owner(request, request.GET.get(self.owner_field, "")), self._kind(request, "")

    def _kind(self, request: HttpRequest, kind: str) -> str:
        kind = kind or request.GET.get("kind", Clause.Kind.UNENCODED_TERM)
        if kind not in Clause.Kind.values:
            raise Http404
        return kind

    def _owner(self, request: HttpRequest, pk: int | str) -> Document | Correction:
        known = str(pk).isdigit() and len(str(pk)) < 19
        found: Document | Correction | None = self.owners(request).filter(pk=pk).first() if known else None
        if found is None:
            raise Http404
        return found

    def _name(self) -> str:
        return f"contracts_{self.model._meta.model_name}"


@admin.register(Clause)
class ClauseAdmin(ClausePage):
    """A clause of a document."""

    owner_field = "document"
    actions_detail = ("remove",)

    def owners(self, request: HttpRequest) -> QuerySet[Document]:
        """Visible documents."""
        return documents.visible_to(actors.of(request.user))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """An opt-in looks for offers, as the documents read now: one that was corrected into an offer is one."""
        found, twice = super().get_search_results(request, queryset, search_term)
        if (request.GET.get("model_name"), request.GET.get("field_name")) == ("optin", "offer"):
            offers = optins.offers_visible_to(actors.of(request.user))
            found = found.filter(pk__in=offers.values("pk")).select_related("document")
        return found, twice

    def create(self, obj: Clause, form: Any, *, by: Actor) -> Clause:
        """Add it to its draft."""
        return clauses.add(form.owner, by=by, kind=form.kind, **given(form))

    def update(self, obj: Clause, form: Any, *, by: Actor) -> Clause:
        """Write it anew."""
        return clauses.change(Clause.objects.get(pk=obj.pk), by=by, **given(form))

    @button(description="Remove", icon="delete", variant=ActionVariant.DANGER, permissions=["remove"], dialog=LIKE)
    def remove(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take it out of the draft."""
        clause = self.get_queryset(request).get(pk=object_id)
        where = self.owner_page(clause.document)
        return perform(
            self, request, lambda by: clauses.remove(clause, by=by), done="The clause is removed.", back=where
        )

    def has_remove_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may change the draft."""
        clause = self.get_queryset(request).filter(pk=object_id).first()
        return clause is not None and self.has_change_permission(request, clause)


def given(form: Any) -> dict[str, Any]:
    """Return what was typed into a clause's form, for the verbs."""
    names = (*clause_forms.WORDS, *clause_forms.PLACES)
    return {"body": form.cleaned_data["body"], **{name: form.cleaned_data[name] for name in names}}


def _label(form: clause_forms.ClauseForm, name: str) -> str:
    return f"{form.fields[name].label or name}: " if name in form.fields else ""
