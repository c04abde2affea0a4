"""Lineage over HTTP: what any OpenLineage client sends, and the graph in the shape that Marquez clients read."""

from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lineage import errors, ingest, nodes, receiving
from lineage.ingest import Accepted
from lineage.negotiation import AnyAccept


class EventsView(APIView):
    """Take one OpenLineage event, or show the graph around a node."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "lineage:write", "GET": "lineage:read"}
    content_negotiation_class = AnyAccept

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT, 201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Store an event: 201 when it is new, 200 when these very bytes are known."""
        body = _received(request, settings.LINEAGE_MAX_EVENT_BYTES)
        accepted = ingest.accept(body, by=_by(request), at=timezone.now())
        return Response(_shown(accepted), status=200 if accepted.duplicate else 201)

    @extend_schema(
        parameters=[OpenApiParameter("nodeId", str, required=True), OpenApiParameter("depth", int)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Return the nodes and edges around a node, `depth` hops far (20 unless said)."""
        return Response(nodes.lineage(_text(request, "nodeId"), _number(request, "depth", 20, most=nodes.MAX_DEPTH)))


class BatchView(APIView):
    """Take many events at once, one per line (NDJSON)."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "lineage:write"}
    content_negotiation_class = AnyAccept

    @extend_schema(request={"application/x-ndjson": OpenApiTypes.STR}, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Store the good events; return a verdict per line. 200 when all lines are good, else 207 with what is wrong with each."""
        lines = [line for line in _received(request, settings.LINEAGE_MAX_BATCH_BYTES).split(b"\n") if line.strip()]
        if not lines:
            raise errors.Malformed("the body holds no event", remedy="send one event per line")
        verdicts = ingest.accept_many(lines, by=_by(request), at=timezone.now())
        shown = [_verdict(number, verdict) for number, verdict in enumerate(verdicts, start=1)]
        failed = sum(isinstance(verdict, errors.Problem) for verdict in verdicts)
        body = {"accepted": len(lines) - failed, "rejected": failed, "verdicts": shown}
        return Response(body, status=207 if failed else 200)


class DatasetsView(APIView):
    """The datasets that lineage knows."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "lineage:read"}

    @extend_schema(
        parameters=[
            OpenApiParameter("namespace", str),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Return a page of datasets, by namespace and name."""
        limit, offset = _number(request, "limit", 100, most=1000), _number(request, "offset", 0, most=10**9)
        return Response(nodes.datasets(limit=limit, offset=offset, namespace=_text(request, "namespace", "")))


class RunView(APIView):
    """One run."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "lineage:read"}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, run: str) -> Response:
        """Return a run with what it read and wrote."""
        return Response(nodes.run(run))


def _body(request: Request, limit: int) -> bytes:
    """Read the stream itself: DRF's parsers and Django's form limits do not apply to what we read piece by piece."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdigit() and int(declared) > limit:
        raise errors.TooLarge(f"the body is larger than {limit} bytes", remedy="send less at once")
    return receiving.read(request._request, encoding=request.headers.get("Content-Encoding", ""), limit=limit)


def _received(request: Request, limit: int) -> bytes:
    """The body; what could not even be read is kept as a refusal too."""
    try:
        return _body(request, limit)
    except errors.Problem as problem:
        ingest.keep_refusal(b"", problem, by=_by(request))
        raise


def _by(request: Request) -> str:
    return str(request.user.actor.ref)  # type: ignore[union-attr]


def _shown(accepted: Accepted) -> dict[str, Any]:
    return {
        "event": accepted.event_ref,
        "digest": f"sha256:{accepted.digest}",
        "duplicate": accepted.duplicate,
        "notes": list(accepted.notes),
    }


def _verdict(number: int, verdict: Accepted | errors.Problem) -> dict[str, Any]:
    if isinstance(verdict, Accepted):
        return {"line": number, "status": 200 if verdict.duplicate else 201, **_shown(verdict)}
    status = 413 if isinstance(verdict, errors.TooLarge) else 422 if isinstance(verdict, errors.Unprocessable) else 400
    shown = {"line": number, "status": status, "code": verdict.code, "detail": verdict.detail}
    return shown | {name: value for name, value in (("where", verdict.where), ("remedy", verdict.remedy)) if value}


def _text(request: Request, name: str, default: str | None = None) -> str:
    value = request.query_params.get(name, default)
    if value is None:
        raise errors.Malformed(f"say {name}", where=name)
    if "\x00" in value or len(value) > 4000:
        raise errors.Malformed(f"this is no {name}", where=name)
    return value


def _number(request: Request, name: str, default: int, *, most: int) -> int:
    value = request.query_params.get(name, str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 12):
        raise errors.Malformed(f"{name} is a whole number, 0 or more", where=name)
    return min(int(value), most)
