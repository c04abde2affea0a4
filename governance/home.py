"""The admin's home page: what waits for this person, and what each topic is for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from governance.access import navigation
from governance.access.models import User
from governance.contracts import documents
from governance.contracts.states import State
from governance.obligations.models import Obligation
from governance.parties import customers
from governance.releases import overrides
from governance.releases.models import Override

ABOUT = {
    "Contracts": "What was agreed, clause by clause: drafted, approved by a second person, activated.",
    "Parties": "Customers with the keys that their rows carry, counterparties, groups such as competitors.",
    "Consent": "What people gave, refused and withdrew, and on which basis their data may be used at all.",
    "Catalogue": "Whose data a dataset holds, what its columns are, and how strictly each namespace is gated.",
    "Lineage": "What pipelines reported: datasets, jobs, runs, and the columns that flowed between them.",
    "Releases": "What was asked, what was answered and why, and the permits that are out.",
    "Deletion": "What must go, by when, what was done about it, and the certificates.",
    "Ledger": "The record of every change, in order, with its proof.",
    "Access": "People and their roles, service keys, failed sign-ins.",
}


@dataclass(frozen=True)
class Waiting:
    """Something that waits for this person."""

    count: int
    words: str
    link: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the home page (unfold's DASHBOARD_CALLBACK)."""
    topics = [group for group in navigation.sidebar(request) if "title" in group]
    return {
        **context,
        "title": "Home",
        "waiting": [each for each in _waiting(request) if each.count],
        "topics": [
            {"title": group["title"], "about": ABOUT[group["title"]], "items": group["items"]} for group in topics
        ],
    }


def _waiting(request: HttpRequest) -> Iterator[Waiting]:
    user = request.user
    if not isinstance(user, User):
        return
    seen = documents.visible_to(user)
    page = _page("contracts_document")
    if "approver" in user.roles:
        to_read = seen.filter(state=State.SUBMITTED).exclude(authors__contains=[user.ref])
        yield Waiting(to_read.count(), "to read and approve", f"{page}?state__exact={State.SUBMITTED}")
    if user.roles & {"lawyer", "approver"}:
        yield Waiting(
            seen.filter(state=State.APPROVED).count(),
            "approved, to activate once signed",
            f"{page}?state__exact={State.APPROVED}",
        )
    if "lawyer" in user.roles:
        mine = seen.filter(state=State.DRAFT, authors__contains=[user.ref])
        yield Waiting(mine.count(), "in draft, with words of yours", f"{page}?state__exact={State.DRAFT}")
    if user.roles & {"lawyer", "privacy_officer"}:
        proposed = Obligation.objects.filter(state="proposed")
        proposed = proposed.filter(customer__in=customers.visible_to(user))
        yield Waiting(
            proposed.count(), "deletions proposed, to confirm or to say why not", _page("obligations_obligation")
        )
    if user.roles & set(overrides.REVIEWERS):
        waiting = Override.objects.filter(reviewed_at=None, withdrawn_at=None, review_by__gt=timezone.now())
        waiting = waiting.exclude(granted_by=user.ref)
        yield Waiting(
            waiting.count(),
            "overrides to review before they lapse",
            f"{_page('releases_override')}?reviewed_at__isempty=1",
        )


def _page(name: str) -> str:
    try:
        return reverse(f"admin:{name}_changelist")
    except NoReverseMatch:
        return reverse("admin:index")
