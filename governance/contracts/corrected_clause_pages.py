"""The admin page of a clause in a correction."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant

from governance.access import actors
from governance.access.actors import Actor
from governance.access.pages import Confirm, button, perform
from governance.contracts import corrected_clauses, corrections
from governance.contracts.clause_pages import ClausePage, given
from governance.contracts.document_buttons import dialog
from governance.contracts.models import Clause, CorrectedClause, Correction


@admin.register(CorrectedClause)
class CorrectedClauseAdmin(ClausePage):
    """A clause as it should have been typed; `?kind=` reads it as another kind than it was."""

    owner_field = "correction"
    actions_detail = ("strike",)

    def owners(self, request: HttpRequest) -> QuerySet[Correction]:
        """Corrections of visible documents."""
        return corrections.visible_to(actors.of(request.user)).select_related("document")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Offer the other kinds: the wrong one may have been picked."""
        known = object_id is not None and object_id.isdigit()
        row = self.get_queryset(request).filter(pk=object_id).first() if known else None
        kinds = []
        if row is not None and self.has_change_permission(request, row):
            now = self._kind(request, row.kind)
            kinds = [{"label": label, "link": f"?kind={kind}"} for kind, label in Clause.Kind.choices if kind != now]
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "other_kinds": kinds})

    def create(self, obj: CorrectedClause, form: Any, *, by: Actor) -> CorrectedClause:
        """Add a clause that was forgotten."""
        return corrected_clauses.add(form.owner, by=by, kind=form.kind, **given(form))

    def update(self, obj: CorrectedClause, form: Any, *, by: Actor) -> CorrectedClause:
        """Type it anew."""
        return corrected_clauses.change(form.owner, obj.ref, by=by, kind=form.kind, **given(form))

    @button(
        description="It was never there",
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["strike"],
        dialog=dialog("Strike this clause?", "The signed text has no such clause.", Confirm, "Strike"),
    )
    def strike(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take it out."""
        clause = self.get_queryset(request).get(pk=object_id)
        return perform(
            self,
            request,
            lambda by: corrected_clauses.strike(clause.correction, clause.ref, by=by),
            done="The clause is struck.",
            back=self.owner_page(clause.correction),
        )

    def has_strike_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may change the draft."""
        clause = self.get_queryset(request).filter(pk=object_id).first()
        return clause is not None and self.has_change_permission(request, clause)

    def _kind(self, request: HttpRequest, kind: str) -> str:
        return super()._kind(request, request.GET.get("kind", kind))
