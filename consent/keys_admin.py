"""Pages of the vendor's own keys and their renames: two persons, one of them the privacy officer."""

import functools
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from consent import keys, trees
from consent.admin import Verbs, YesForm, _by, _is_officer
from consent.key_models import LONGEST, KeyRename, OwnKey
from consent.keys_api import WRITE

STATES = {"stands": "success", "waits for a second person": "warning", "retired": "danger", "taken back": "danger"}


class WhyForm(BaseDialogForm):  # type: ignore[misc]
    """Why."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget)


class RenameForm(WhyForm):
    """Another name, and why."""

    new = forms.CharField(
        label="Called from now on",
        max_length=LONGEST,
        widget=UnfoldAdminTextInputWidget,
        help_text="The whole key. Only its last part may change.",
    )
    field_order = ("new", "reason")


class Keyed(Verbs):
    """What takes the scope of the vocabulary."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Lawyers, approvers and the privacy officer."""
        return WRITE in getattr(request.user, "scopes", frozenset())

    def has_step_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """The same; that two persons are needed, one the officer, is said by the verbs."""
        return self.has_add_permission(request)

    def has_waiting_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """The same, while a second person is awaited."""
        row: Any = self.model._default_manager.filter(pk=object_id).first() if str(object_id).isdigit() else None
        closed = getattr(row, "retired_at", None) or getattr(row, "withdrawn_at", None)
        return self.has_step_permission(request) and row is not None and row.approved_at is None and not closed

    def _ref(self, object_id: str) -> str:
        row: Any = self.model._default_manager.get(pk=object_id)
        return str(row.ref)


@admin.register(OwnKey)
class OwnKeyAdmin(Keyed):
    """Own keys."""

    list_display = ("name", "title", "tree", "special", "state", "valid_from")
    list_filter = ("tree", "special")
    search_fields = ("key", "title", "ref", "renames__new")
    actions_detail = ("approve", "rename", "retire")

    def get_fieldsets(self, request: HttpRequest, obj: OwnKey | None = None) -> Any:
        """What it means; and for one that stands, its names and its life."""
        says = (
            None,
            {"fields": [("tree", "key" if obj is None else "name"), "title", "definition", ("special", "valid_from")]},
        )
        if obj is None:
            return [says]
        life = [
            "ref",
            "former",
            ("proposed_by", "proposed_at"),
            ("approved_by", "approved_at"),
            ("retired_by", "retired_at"),
            "retired_why",
        ]
        return [says, ("Its names and its life", {"fields": life})]

    readonly_fields = ("name", "former")

    def create(self, obj: OwnKey, request: HttpRequest) -> Model:
        """Propose it."""
        said = keys.Proposal(obj.tree, obj.key, obj.title, obj.definition, obj.valid_from, obj.special)
        return keys.propose(said, by=_by(request), officer=_is_officer(request))

    @display(description="key", ordering="key")
    def name(self, obj: OwnKey) -> str:
        """Its present name."""
        return trees.names(obj)[0]

    @display(description="called before")
    def former(self, obj: OwnKey) -> str:
        """Its earlier names."""
        return ", ".join(trees.names(obj)[1:]) or "–"

    @display(description="state", label=STATES)
    def state(self, obj: OwnKey) -> str:
        """Where it stands."""
        if obj.retired_at:
            return "retired" if obj.approved_at else "taken back"
        return "stands" if obj.approved_at else "waits for a second person"

    @action(
        description="Approve",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["waiting"],
        dialog={
            "title": "Approve as the second person",
            "description": "Grants and consents that name a key above it cover it from now on.",
            "form_class": YesForm,
            "form_submit_text": "Approve",
        },
    )
    def approve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Put it into its tree."""
        ref, by, officer = self._ref(object_id), _by(request), _is_officer(request)
        return self.take(
            request, object_id, lambda: keys.approve(ref, by=by, officer=officer), "It stands in its tree."
        )

    @action(
        description="Rename",
        icon="edit",
        permissions=["step"],
        dialog={
            "title": "Give it another name",
            "description": "What was stored keeps the old name and replays; what is decided from then on speaks the new one.",
            "form_class": RenameForm,
            "form_submit_text": "Propose the name",
        },
    )
    def rename(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Propose another name."""
        ref, by, officer = self._ref(object_id), _by(request), _is_officer(request)
        said = form.cleaned_data
        work = functools.partial(keys.rename, ref, said["new"], reason=said["reason"], by=by, officer=officer)
        return self.take(request, object_id, work, "The new name waits for a second person, under renames of keys.")

    @action(
        description="Retire",
        icon="event_busy",
        permissions=["step"],
        dialog={
            "title": "Retire this key",
            "description": "Nothing new may name it or what lies below it. What names it goes on counting.",
            "form_class": WhyForm,
            "form_submit_text": "Retire",
        },
    )
    def retire(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Retire it."""
        ref, why, by = self._ref(object_id), form.cleaned_data["reason"], _by(request)
        return self.take(request, object_id, lambda: keys.retire(ref, why=why, by=by), "It is retired.")


@admin.register(KeyRename)
class KeyRenameAdmin(Keyed):
    """Renames."""

    list_display = ("old", "new", "state", "reason")
    search_fields = ("old", "new", "ref")
    fields = (
        "ref",
        "own_key",
        ("old", "new"),
        "reason",
        ("proposed_by", "proposed_at"),
        ("approved_by", "approved_at"),
        ("withdrawn_by", "withdrawn_at"),
    )
    actions_detail = ("approve", "withdraw")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Proposed on the page of the key."""
        return False

    def has_step_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Who may write in the vocabulary."""
        return WRITE in getattr(request.user, "scopes", frozenset())

    @display(
        description="state", label={"counts": "success", "waits for a second person": "warning", "withdrawn": "danger"}
    )
    def state(self, obj: KeyRename) -> str:
        """Where it stands."""
        if obj.withdrawn_at:
            return "withdrawn"
        return "counts" if obj.approved_at else "waits for a second person"

    @action(
        description="Approve",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["waiting"],
        dialog={"title": "Approve as the second person", "form_class": YesForm, "form_submit_text": "Approve"},
    )
    def approve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Let the new name count."""
        ref, by, officer = self._ref(object_id), _by(request), _is_officer(request)
        return self.take(
            request, object_id, lambda: keys.approve_rename(ref, by=by, officer=officer), "The new name counts."
        )

    @action(
        description="Withdraw",
        icon="undo",
        permissions=["waiting"],
        dialog={"title": "Withdraw this rename", "form_class": YesForm, "form_submit_text": "Withdraw"},
    )
    def withdraw(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take it back."""
        ref, by = self._ref(object_id), _by(request)
        return self.take(request, object_id, lambda: keys.withdraw_rename(ref, by=by), "The rename is withdrawn.")
