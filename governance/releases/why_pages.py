"""The page on which a decision is explained: who stays and who goes, and each thing that decided, with its quote."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from governance.access import actors
from governance.access.pages import VerbAdmin
from governance.policy import statements
from governance.releases import decisions, explaining, why
from governance.releases.models import Decision

PER_PAGE = 40


class Explained(VerbAdmin):
    """Adds the page to the admin of decisions."""

    def get_urls(self) -> list[Any]:
        """`<decision>/why/`."""
        shown = path("<int:pk>/why/", self.admin_site.admin_view(self.why_page), name="releases_decision_why")
        return [shown, *super().get_urls()]

    def why_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Explain a decision to somebody who may read names and quotes; `?customer=` narrows it to one, `?page=` turns the page."""
        by = actors.of(request.user)
        row = Decision.objects.select_related("facts").filter(pk=pk).first()
        if row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        if explaining.SCOPE not in by.scopes:
            raise PermissionDenied
        found = explaining.reader(row, by=by)
        told = why.Why(found, request.GET.get("customer", ""))
        page = Paginator(told.statements, PER_PAGE).get_page(request.GET.get("page"))
        question = decisions.question_of(row)
        context = {
            **self.admin_site.each_context(request),
            "title": "Why",
            "row": row,
            "question": statements.title(question),
            "sentence": statements.verdict(found.answer),
            "answer": found.answer,
            "groups": why.outcomes(found.answer, told.names),
            "people": found.answer.counts,
            "page": page,
            "blocks": told.blocks(page.object_list),
            "helps": explaining.remedies(found)[:10],
            "customer": told.customer,
            "customer_name": told.names.get(told.customer, told.customer),
        }
        return TemplateResponse(request, "releases/why.html", context)
