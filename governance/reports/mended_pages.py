"""What a correction would change (or changed): `GET /api/v1/corrections/{ref}/effects`, and the page beside the second person's button."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_GET
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors
from governance.contracts import corrections
from governance.contracts.models import Correction
from governance.releases.comparing import Kind
from governance.reports import impact_shown, impacts, mended, mended_records
from governance.reports.mended import Line, Tally
from governance.reports.models import CorrectionRecord
from lineage import errors

SECONDS_AT_MOST = 20.0
SHOWN = 500  # of each kind; the counts say how many there are
PLURALS = {
    Line.DECISION: "decisions",
    Line.PERMIT: "permits",
    Line.OBLIGATION: "obligations",
    Line.CERTIFICATE: "certificates",
    Line.UNDECIDED: "undecided",
}
PARAMETERS = [
    OpenApiParameter("offset", OpenApiTypes.INT, description=f"of a record: begin with this line of each kind; {SHOWN} are shown"),
]  # fmt: skip


@dataclass(frozen=True)
class _Row:
    kind: str
    subject: str
    said: dict[str, Any]


class CorrectionEffects(APIView):
    """What a correction would change, or changed."""

    required_scopes: ClassVar = {"GET": "contracts:read"}

    @extend_schema(operation_id="correction_effects", parameters=PARAMETERS, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """List decisions, permits, duties and certificates: computed now, or as kept when it was applied. For people; privileged."""
        by = actors.of(request.user)
        impacts.must_read(by)
        return Response(
            shown(
                corrections.get(ref, by=by), at=timezone.now(), offset=_offset(request.query_params.get("offset", "0"))
            )
        )


@csp_override(settings.SECURE_CSP_ADMIN)  # type: ignore[arg-type]  # as `access.csp` does for the admin's own pages
@require_GET
def page(request: HttpRequest, ref: str) -> HttpResponse:
    """Show the same to people."""
    by = actors.of(request.user)
    try:
        impacts.must_read(by)
        correction = corrections.get(ref, by=by)
    except errors.NotFound as problem:
        raise Http404(problem.detail) from None
    except errors.Forbidden as problem:
        raise PermissionDenied(problem.detail) from None
    context = {
        **admin.site.each_context(request),
        "correction": correction,
        "found": _for_page(shown(correction, at=timezone.now())),
    }
    applied = correction.recorded_at is not None
    context["title"] = "What it changed" if applied else "What it would have changed"
    return render(request, "admin/reports/mended.html", context)


def shown(correction: Correction, *, at: datetime, offset: int = 0) -> dict[str, Any]:
    """Return the list: from the record where the correction was applied, else computed now within bounds."""
    record = mended_records.of(correction)
    if record is not None:
        return _head(correction, record.counts, looked=record.looked_at) | _kept(record, offset)
    tally = Tally()
    found = [
        _Row(each.kind, each.subject, each.said)
        for each in mended.effects_of(correction, tally, at=at, seconds=SECONDS_AT_MOST)
    ]
    return _head(correction, tally.counts, looked=tally.decisions, left=tally.left) | {
        "kept": False,
        "computed_at": at,
        "pending": correction.recorded_at is not None,
        **_lists(found[offset:] if offset else found),
    }


def _head(correction: Correction, counts: dict[str, int], *, looked: int, left: int = 0) -> dict[str, Any]:
    return {
        "correction": correction.ref,
        "document": correction.document.ref,
        "state": correction.state,
        "counts": {PLURALS[kind]: counts.get(kind, 0) for kind in Line},
        "looked_at": looked,
        "left": left,
        "summary": _summary(counts, looked, left, applied=correction.recorded_at is not None),
    }


def _kept(record: CorrectionRecord, offset: int) -> dict[str, Any]:
    rows = [line for kind in Line for line in record.lines.filter(kind=kind).order_by("pk")[offset : offset + SHOWN]]
    return {
        "kept": True,
        "record": record.ref,
        "digest": record.digest,
        "ledger_entry": record.entry_ref,
        "computed_at": record.recorded_at,
        "pending": False,
        **_lists(rows),
    }


def _lists(rows: "Iterable[Any]") -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if len(found[row.kind]) < SHOWN:
            found[row.kind].append({"ref": row.subject, **row.said})
    return {PLURALS[kind]: found[kind] for kind in Line}


def _summary(counts: dict[str, int], looked: int, left: int, *, applied: bool) -> list[str]:
    changed = "came out otherwise than the signed text says" if applied else "would have come out otherwise"
    said = [
        f"{impact_shown.counted(looked, 'stored decision')} {'rests' if looked == 1 else 'rest'} on this document; "
        f"{counts.get(Line.DECISION, 0):,} of them {changed}."
    ]
    if counts.get(Line.PERMIT):
        said.append(f"{impact_shown.counted(counts[Line.PERMIT], 'permit')} rest on those decisions.")
    if counts.get(Line.OBLIGATION):
        said.append(
            f"{impact_shown.counted(counts[Line.OBLIGATION], 'obligation')} to delete rest on a term that reads otherwise."
        )
    if counts.get(Line.CERTIFICATE):
        said.append(
            f"{impact_shown.counted(counts[Line.CERTIFICATE], 'certificate')} say that such an obligation was met."
        )
    if counts.get(Line.UNDECIDED):
        said.append(f"{impact_shown.counted(counts[Line.UNDECIDED], 'decision')} could not be decided again.")
    return said + (
        [f"{left:,} more were not looked at: the time was up. The record that is kept will have all."] if left else []
    )


def _for_page(found: dict[str, Any]) -> dict[str, Any]:
    """Times as times, and words beside codes."""
    for each in (*found["decisions"], *found["permits"], *found["obligations"], *found["certificates"]):
        for name in ("at", "decided_at", "issued_at", "expires_at", "triggered_on", "due_on"):
            if each.get(name):
                each[name] = parse_datetime(each[name])
    for each in found["decisions"]:
        each["words"] = impact_shown.WORDS[Kind(each["kind"])].replace("now", "then")
        each["before_words"], each["after_words"] = (impact_shown.VERDICTS[each[name]] for name in ("before", "after"))
        for moved in (*each["gained"], *each["lost"]):
            moved["name"] = each["names"].get(moved["customer"], moved["customer"]) or "our own data"
    return found


def _offset(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise errors.Malformed("an offset is a whole number from 0 on", where="offset")
    return int(text)
