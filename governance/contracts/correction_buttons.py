"""The buttons of a correction's page: each a dialog that calls one verb, shown only where state and role allow it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant

from governance.access import actors, roles
from governance.access.pages import Confirm, VerbAdmin, button, perform
from governance.contracts import correction_states, corrections
from governance.contracts.document_buttons import IMPACT_READERS, dialog
from governance.contracts.document_forms import ReasonForm


class Buttons(VerbAdmin):
    """What moves a correction on."""

    actions_detail = ("submit", "effects", "apply", "take_back", "reject", "withdraw")

    def _do(
        self, request: HttpRequest, object_id: str, verb: Callable[..., object], done: str, **more: Any
    ) -> HttpResponse:
        row = self.get_queryset(request).get(pk=object_id)
        return perform(self, request, lambda by: verb(row, by=by, **more), done=done, object_id=object_id)

    def _may(self, request: HttpRequest, object_id: Any, verb: str, role: str) -> bool:
        row = self.get_queryset(request).filter(pk=object_id).first() if str(object_id).isdigit() else None
        by = actors.of(request.user)
        if row is None or row.state not in correction_states.TRANSITIONS[verb][0] or role not in by.roles:
            return False
        return verb not in ("apply", "reject") or by.ref not in row.authors

    @button(
        description="Submit to a second person",
        icon="send",
        variant=ActionVariant.PRIMARY,
        permissions=["submit"],
        dialog=dialog("Submit this correction?", "It is frozen; a second person compares it.", Confirm, "Submit"),
    )
    def submit(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Ask a second person."""
        return self._do(request, object_id, corrections.submit, "Submitted: a second person can apply it now.")

    @button(description="What it would have changed", icon="difference", permissions=["effects"])
    def effects(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the page that lists decisions, permits and certificates that rest on what was mistyped."""
        row = self.get_queryset(request).get(pk=object_id)
        return HttpResponseRedirect(reverse("correction-effects", args=[row.ref]))

    @button(
        description="Approve and apply",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permissions=["apply"],
        dialog=dialog(
            "Approve and apply this correction?",
            "You confirm that the signed text says what stands on the right. From now on the document reads so, for its own dates.",
            Confirm,
            "Approve and apply",
        ),
    )
    def apply(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Apply it as the second person."""
        done = "Applied: the document reads so from now on."
        return self._do(request, object_id, corrections.apply, done, at=timezone.now())

    @button(
        description="Take back",
        icon="undo",
        permissions=["take_back"],
        dialog=dialog("Take it back?", "It becomes a draft again and can be edited.", Confirm, "Take back"),
    )
    def take_back(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Make it a draft again."""
        return self._do(request, object_id, corrections.take_back, "It is a draft again.")

    @button(
        description="Reject",
        icon="close",
        variant=ActionVariant.DANGER,
        permissions=["reject"],
        dialog=dialog("Reject this correction?", "The document stays as it reads.", ReasonForm, "Reject"),
    )
    def reject(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Say no."""
        return self._do(request, object_id, corrections.reject, "Rejected.", reason=form.cleaned_data["reason"])

    @button(
        description="Withdraw",
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["withdraw"],
        dialog=dialog("Withdraw this correction?", "The document stays as it reads.", ReasonForm, "Withdraw"),
    )
    def withdraw(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Give it up."""
        return self._do(request, object_id, corrections.withdraw, "Withdrawn.", reason=form.cleaned_data["reason"])

    def has_submit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, on a draft."""
        return self._may(request, object_id, "submit", roles.LAWYER)

    def has_effects_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Who answers for contracts or privacy."""
        seen = str(object_id).isdigit() and self.get_queryset(request).filter(pk=object_id).exists()
        return seen and bool(actors.of(request.user).roles & IMPACT_READERS)

    def has_apply_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Approvers who wrote nothing in it."""
        return self._may(request, object_id, "apply", roles.APPROVER)

    def has_take_back_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, on what is submitted."""
        return self._may(request, object_id, "take_back", roles.LAWYER)

    def has_reject_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Approvers who wrote nothing in it."""
        return self._may(request, object_id, "reject", roles.APPROVER)

    def has_withdraw_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, while it is open."""
        return self._may(request, object_id, "withdraw", roles.LAWYER)
