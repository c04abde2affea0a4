"""The buttons of a document's page: each a dialog that calls one verb, shown only where state and role allow it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant

from governance.access import actors, roles
from governance.access.pages import Confirm, VerbAdmin, button, perform
from governance.contracts import corrections, documents, states, terminations
from governance.contracts.document_forms import CorrectForm, EndForm, ReasonForm, SignForm
from governance.contracts.models import Correction
from governance.contracts.states import State

# The page stands in `reports`, above this room: it is reached by the name of its address.
IMPACT_READERS = frozenset({roles.LAWYER, roles.APPROVER, roles.PRIVACY_OFFICER, roles.ADMINISTRATOR})


def dialog(title: str, words: str, form: type[forms.Form], button_words: str) -> dict[str, Any]:
    """Return what unfold needs to know about a button's dialog."""
    return {"title": title, "description": words, "form_class": form, "form_submit_text": button_words}


class Buttons(VerbAdmin):
    """What moves a document on."""

    actions_detail = (
        "submit", "impact", "approve", "activate", "sign", "take_back", "reject", "withdraw", "correct", "terminate",
    )  # fmt: skip

    def _do(
        self, request: HttpRequest, object_id: str, verb: Callable[..., object], done: str, **given: Any
    ) -> HttpResponse:
        row = self.get_queryset(request).get(pk=object_id)
        return perform(self, request, lambda by: verb(row, by=by, **given), done=done, object_id=object_id)

    def _may(self, request: HttpRequest, object_id: Any, verb: str, role_names: set[str]) -> bool:
        row = self.get_queryset(request).filter(pk=object_id).first() if str(object_id).isdigit() else None
        starts = states.TRANSITIONS[verb][0] if verb in states.TRANSITIONS else {State.ACTIVATED}
        return row is not None and row.state in starts and bool(actors.of(request.user).roles & role_names)

    @button(
        description="Submit for approval",
        icon="send",
        variant=ActionVariant.PRIMARY,
        permissions=["submit"],
        dialog=dialog("Submit for approval?", "The text is frozen; a second person reads it.", Confirm, "Submit"),
    )
    def submit(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Ask a second person."""
        return self._do(request, object_id, documents.submit, "Submitted: a second person can approve it now.")

    @button(description="What would change", icon="difference", permissions=["impact"])
    def impact(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the page that says what activating it, or ending it, would change."""
        row = self.get_queryset(request).get(pk=object_id)
        return HttpResponseRedirect(reverse("document-impact", args=[row.ref]))

    @button(
        description="Approve",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permissions=["approve"],
        dialog=dialog(
            "Approve this document?", "You confirm that each clause says what the signed text says.", Confirm, "Approve"
        ),
    )
    def approve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Approve it as the second person."""
        return self._do(request, object_id, documents.approve, "Approved. It counts once it is signed and activated.")

    @button(
        description="Activate",
        icon="play_arrow",
        variant=ActionVariant.SUCCESS,
        permissions=["activate"],
        dialog=dialog(
            "Activate this document?",
            "It counts from now on for the dates it states, and cannot change any more.",
            Confirm,
            "Activate",
        ),
    )
    def activate(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Make it count."""
        return self._do(request, object_id, documents.activate, "Activated: it counts from now on.", at=timezone.now())

    @button(
        description="Record signature",
        icon="draw",
        permissions=["sign"],
        dialog=dialog(
            "Record the signature", "When it was signed, and the SHA-256 of the signed file.", SignForm, "Record"
        ),
    )
    def sign(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Record the signature."""
        given = {name: form.cleaned_data[name] for name in ("signed_on", "file_name", "file_digest")}
        return self._do(request, object_id, documents.sign, "The signature is recorded.", **given)

    @button(
        description="Take back",
        icon="undo",
        permissions=["take_back"],
        dialog=dialog("Take it back?", "It becomes a draft again and can be edited.", Confirm, "Take back"),
    )
    def take_back(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Make it a draft again."""
        return self._do(request, object_id, documents.take_back, "It is a draft again.")

    @button(
        description="Reject",
        icon="close",
        variant=ActionVariant.DANGER,
        permissions=["approve"],
        dialog=dialog("Reject this document?", "For good: its authors would draft another one.", ReasonForm, "Reject"),
    )
    def reject(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Say no."""
        return self._do(request, object_id, documents.reject, "Rejected.", reason=form.cleaned_data["reason"])

    @button(
        description="Withdraw",
        icon="delete",
        variant=ActionVariant.DANGER,
        permissions=["withdraw"],
        dialog=dialog(
            "Withdraw this document?", "It will never count. What was written stays readable.", ReasonForm, "Withdraw"
        ),
    )
    def withdraw(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Give it up."""
        return self._do(request, object_id, documents.withdraw, "Withdrawn.", reason=form.cleaned_data["reason"])

    @button(
        description="Terminate",
        icon="event_busy",
        variant=ActionVariant.DANGER,
        permissions=["terminate"],
        dialog=dialog(
            "Terminate this document",
            "Its permissions and offers fall on that day; bans stay. A deletion is proposed.",
            EndForm,
            "Terminate",
        ),
    )
    def terminate(self, request: HttpRequest, form: EndForm, object_id: str) -> HttpResponse:
        """Record its end."""
        done = "The end is recorded. What must be deleted is proposed under Deletion."
        return self._do(request, object_id, terminations.terminate, done, **form.said())

    @button(
        description="Correct our encoding",
        icon="edit_note",
        permissions=["correct"],
        dialog=dialog(
            "Correct what we typed",
            "For our typing errors only: what the parties change is a new document. A second person applies it.",
            CorrectForm,
            "Start the correction",
        ),
    )
    def correct(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Start a correction and go to its page."""
        row = self.get_queryset(request).get(pk=object_id)
        begun: list[Correction] = []
        return perform(
            self,
            request,
            lambda by: begun.append(corrections.draft(row, reason=form.cleaned_data["reason"], by=by)),
            done="Type what the signed text says, then submit the correction.",
            object_id=object_id,
            onwards=lambda: reverse("admin:contracts_correction_change", args=[begun[0].pk]),
        )

    def has_submit_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, on a draft."""
        return self._may(request, object_id, "submit", {roles.LAWYER})

    def has_impact_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Who answers for contracts or privacy, unless it was given up."""
        row = self.get_queryset(request).filter(pk=object_id).first() if str(object_id).isdigit() else None
        open_ = row is not None and row.state not in (State.REJECTED, State.WITHDRAWN)
        return open_ and bool(actors.of(request.user).roles & IMPACT_READERS)

    def has_approve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Approvers, on what was submitted by somebody else."""
        row = self.get_queryset(request).filter(pk=object_id).first() if str(object_id).isdigit() else None
        written = row is not None and actors.of(request.user).ref in row.authors
        return not written and self._may(request, object_id, "approve", {roles.APPROVER})

    def has_activate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers and approvers, on what is approved."""
        return self._may(request, object_id, "activate", {roles.LAWYER, roles.APPROVER})

    def has_sign_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, while it is not activated."""
        return self._may(request, object_id, "withdraw", {roles.LAWYER})

    def has_take_back_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, on what is submitted."""
        return self._may(request, object_id, "take_back", {roles.LAWYER})

    def has_withdraw_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, while it is not activated."""
        return self._may(request, object_id, "withdraw", {roles.LAWYER})

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, on what is activated."""
        return self._may(request, object_id, "correct", {roles.LAWYER})

    def has_terminate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers, on what is activated."""
        return self._may(request, object_id, "terminate", {roles.LAWYER})
