"""`GET /api/v1/documents/{ref}/impact`, and the page behind the button beside the approve button: what a document would change."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_GET
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors
from governance.access.actors import Actor
from governance.access.pages import sentence
from governance.contracts import documents, optins, readings
from governance.contracts.models import Clause, Document, FamilyCustomer
from governance.contracts.states import State
from governance.parties import customers, epoch
from governance.reports import changes, impact_shown, impacts
from governance.reports.changes import Change
from governance.reports.impacts import Impact
from lineage import errors

KEPT_SECONDS = 600
MOST_CUSTOMERS = 500
WEIGHED = ("ends_at", "offer", "customer")
PARAMETERS = [
    OpenApiParameter("ends_at", OpenApiTypes.STR, description="of an activated document: the day or moment from which it would end"),
    OpenApiParameter("offer", OpenApiTypes.STR, description="of an activated document: the opt-in offer that would be taken up"),
    OpenApiParameter("customer", OpenApiTypes.STR, description="with offer: by whom"),
    OpenApiParameter("fresh", OpenApiTypes.BOOL, description="compute anew, whatever was computed lately"),
]  # fmt: skip


class DocumentImpact(APIView):
    """What a document would change."""

    required_scopes: ClassVar = {"GET": "contracts:read"}

    @extend_schema(operation_id="document_impact", parameters=PARAMETERS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """Say what activating it (or ending it, or taking up its offer) would change. For people; privileged."""
        by = actors.of(request.user)
        impacts.must_read(by)
        document = documents.get(ref, by=by)
        found = _impact(document, request.query_params, by=by, at=timezone.now())
        return Response({"document": document.ref, **impact_shown.shown(found)})


@csp_override(settings.SECURE_CSP_ADMIN)  # type: ignore[arg-type]  # as `access.csp` does for the admin's own pages
@require_GET
def page(request: HttpRequest, ref: str) -> HttpResponse:
    """Show the same to people, in sentences and tables, with a way to compute it anew."""
    by = actors.of(request.user)
    try:
        impacts.must_read(by)
        document = documents.get(ref, by=by)
    except errors.NotFound as problem:
        raise Http404(problem.detail) from None
    except errors.Forbidden as problem:
        raise PermissionDenied(problem.detail) from None
    context = {
        **admin.site.each_context(request),
        "title": "What would change",
        "document": document,
        **_choices(document, by),
    }
    if document.state != State.ACTIVATED or any(request.GET.get(name) for name in WEIGHED):
        try:
            context["found"] = impact_shown.shown(_impact(document, request.GET, by=by, at=timezone.now()))
        except errors.Problem as problem:
            messages.error(request, sentence(problem))
    context["again"] = _again(request)
    return render(request, "admin/reports/impact.html", context)


def _impact(document: Document, given: Mapping[str, str], *, by: Actor, at: datetime) -> Impact:
    """Return what was computed lately from the same contracts, or compute it."""
    asked = "|".join(given.get(name, "") for name in WEIGHED)
    said = f"{documents.digest(document)}|{document.state}|{epoch.current()}|{asked}"
    key = f"impact-{hashlib.sha256(said.encode()).hexdigest()}"
    kept: Impact | None = None if given.get("fresh") else cache.get(key)
    if kept is not None:
        return kept
    found = impacts.of(_change(document, given, by=by, at=at), by=by, at=at)
    if found.steady:
        cache.set(key, found, KEPT_SECONDS)
    return found


def _change(document: Document, given: Mapping[str, str], *, by: Actor, at: datetime) -> Change:
    if given.get("ends_at"):
        return changes.termination(document, ends_at=_moment(given["ends_at"]), at=at)
    if given.get("offer") or given.get("customer"):
        return changes.opt_in(
            _offer(document, given.get("offer", "")), customers.get(given.get("customer", ""), by=by), at=at
        )
    return changes.activation(document, at=at)


def _offer(document: Document, ref: str) -> Clause:
    found = readings.of_kind(Clause.Kind.OPT_IN_OFFER).filter(document=document, ref=ref).first()
    if found is None:
        raise errors.NotFound("this document makes no such offer", where="offer")
    return found


def _moment(text: str) -> datetime:
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time.min, tzinfo=UTC) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise errors.Malformed("say from when it would end, such as 2027-01-01", where="ends_at")
    return moment


def _choices(document: Document, by: Actor) -> dict[str, Any]:
    """What can be weighed about a document that counts: its end, and its offers for the customers it covers."""
    if document.state != State.ACTIVATED:
        return {}
    offers = readings.of_kind(Clause.Kind.OPT_IN_OFFER).filter(document=document).order_by("position", "id")
    coverage = FamilyCustomer.objects.filter(optins.made_to(offers[0])) if offers else FamilyCustomer.objects.none()
    covered = customers.visible_to(by).filter(coverage__in=coverage).distinct()
    return {"activated": True, "offers": offers, "covered": covered.order_by("name")[:MOST_CUSTOMERS]}


def _again(request: HttpRequest) -> str:
    query = request.GET.copy()
    query["fresh"] = "1"
    return f"?{query.urlencode()}"
