"""The page on which people see, per namespace, what enforcing would have refused, before they switch it on."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from governance.access.pages import VerbAdmin
from governance.releases import enforcing
from governance.releases.models import Decision

TAGS = {"observe": "own-shifts", "warn": "own-shifts", "enforce": "own-opens"}


class ModesShown(VerbAdmin):
    """Adds the page to the admin of decisions."""

    def get_urls(self) -> list[Any]:
        """`modes/`."""
        shown = path("modes/", self.admin_site.admin_view(self.modes_page), name="releases_decision_modes")
        return [shown, *super().get_urls()]

    def modes_page(self, request: HttpRequest) -> HttpResponse:
        """Show every namespace's mode with what it let through; `?namespace=` narrows it to one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("namespace", "")
        found = [each for each in enforcing.overview(at=timezone.now()) if wanted in ("", each.name)]
        context = {
            **self.admin_site.each_context(request),
            "title": "Enforcement by namespace",
            "found": [(each, TAGS[each.mode]) for each in found],
            "wanted": wanted,
            "days": enforcing.DAYS,
            "decisions": reverse("admin:releases_decision_changelist"),
            "refused": Decision.Verdict.DENY.value,
        }
        return TemplateResponse(request, "releases/modes.html", context)
