"""HTTP of releases: ask, read, replay, and the open status list."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, idempotency
from governance.access.actors import Actor
from governance.access.idempotency import Once
from governance.releases import answering, bulk, decisions, explaining, permits, proofs, requests, statuses
from governance.releases.models import Decision, Permit
from lineage import errors, receiving
from lineage.negotiation import AnyAccept

READERS = frozenset({"explanation:read", "audit:read"})
OBJECT = {200: OpenApiTypes.OBJECT}
MOST_BYTES = 50_000_000


class TextRenderer(BaseRenderer):
    """Plain text for people at a terminal."""

    media_type = "text/plain"
    format = "text"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return the text; a problem comes as its sentence."""
        if isinstance(data, str):
            return data.encode()
        return f"{data.get('detail', data) if isinstance(data, dict) else data}\n".encode()


def visible(ref: str, *, by: Actor) -> Decision:
    """Return a decision that the caller asked for, or may read as a person or auditor; raises `NotFound` for any other."""
    row = decisions.find(ref) if "\0" not in ref else None
    if row is None or (row.by != by.ref and not READERS & by.scopes):
        raise decisions.NoSuchDecision("no decision of that reference, or none that you may see")
    return row


class Releases(Once, APIView):
    """Ask whether a dataset may be used."""

    required_scopes: ClassVar = {"POST": decisions.SCOPE}

    @extend_schema(operation_id="releases_ask", request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Decide a question; the answer says what may be done next and carries the permit."""
        by = actors.of(request.user)
        found = decisions.request(requests.parse(request.data), by=by, at=timezone.now())
        location = f"/api/v1/releases/{found.decision.ref}"
        return Response(answering.answered(found, by=by), status=201, headers={"Location": location})


class Bulk(APIView):
    """Ask thousands of questions in one call."""

    required_scopes: ClassVar = {"POST": decisions.SCOPE}
    content_negotiation_class = AnyAccept

    @extend_schema(
        operation_id="releases_bulk",
        request={"application/x-ndjson": OpenApiTypes.STR},
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def post(self, request: Request) -> StreamingHttpResponse:
        """Answer one question per line, in order, as a stream; what is wrong with one line does not touch the others."""
        encoding, key = request.headers.get("Content-Encoding", ""), request.headers.get(idempotency.HEADER, "")
        found = bulk.lines(receiving.read(request._request, encoding=encoding, limit=MOST_BYTES))
        answers = bulk.answered(found, by=actors.of(request.user), now=timezone.now, key=bulk.check_key(key))
        return StreamingHttpResponse(answers, content_type="application/x-ndjson", headers={"X-Accel-Buffering": "no"})


class Release(APIView):
    """One decision."""

    required_scopes: ClassVar = {"GET": decisions.SCOPE}

    @extend_schema(operation_id="releases_read", responses=OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """Return the decision as it was answered, with the permit that counts now."""
        by = actors.of(request.user)
        return Response(answering.again(visible(ref, by=by), by=by))


class Explanation(APIView):
    """Why: names, clause numbers, quotes, paths. JSON, or text with `Accept: text/plain` or `?format=text`."""

    required_scopes: ClassVar = {"GET": explaining.SCOPE}
    renderer_classes = (JSONRenderer, TextRenderer)

    @extend_schema(operation_id="releases_explain", responses=OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """Explain the decision."""
        by = actors.of(request.user)
        found = explaining.reader(visible(ref, by=by), by=by)
        as_text = getattr(request.accepted_renderer, "format", "json") == "text"
        return Response(explaining.text(found) if as_text else explaining.whole(found))


class ProofTree(APIView):
    """The same as a proof: a tree of `all`, `any` and `none` over facts, from which the verdict follows."""

    required_scopes: ClassVar = {"GET": explaining.SCOPE}

    @extend_schema(
        operation_id="releases_prove",
        responses={
            (200, "application/json"): {
                "type": "object",
                "required": [
                    "form",
                    "decision",
                    "question",
                    "rules",
                    "facts",
                    "verdict",
                    "mode",
                    "usable",
                    "plain",
                    "beside",
                ],
                "properties": {
                    "form": {"type": "string", "enum": ["proof-tree-v1"]},
                    "verdict": {"type": "string", "enum": ["permit", "permit_with_plan", "deny"]},
                    "usable": {"type": "object", "description": "holds where something may be used"},
                    "plain": {"type": "object", "description": "holds where all of it may be used as it is"},
                    "beside": {"type": "array", "items": {"type": "object"}},
                },
                "externalDocs": {
                    "url": proofs.SCHEMA,
                    "description": "JSON Schema of the tree, and how the verdict follows",
                },
            }
        },
    )
    def get(self, request: Request, ref: str) -> Response:
        """Prove the decision from its stored facts, by the rules of its time; 409 where these rules are no longer run."""
        by = actors.of(request.user)
        return Response(proofs.tree(explaining.reader(visible(ref, by=by), by=by)))


class Plan(APIView):
    """What is included, class by class."""

    required_scopes: ClassVar = {"GET": decisions.SCOPE}

    @extend_schema(operation_id="releases_plan", responses=OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """Return the plan; 404 where nothing may be used."""
        plan = answering.plan_whole(visible(ref, by=actors.of(request.user)))
        if plan is None:
            raise errors.NotFound("this decision has no plan: nothing may be used", code="no-plan")
        return Response(plan)


class PermitView(APIView):
    """The signed permit."""

    required_scopes: ClassVar = {"GET": decisions.SCOPE}
    renderer_classes = (JSONRenderer, TextRenderer)

    @extend_schema(operation_id="releases_permit", responses=OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """Return the release permit (of the built version, where one was built), else the build permit, else the advisory."""
        row = visible(ref, by=actors.of(request.user))
        found = _best(row)
        if found is None:
            raise errors.NotFound("no permit was given for this decision", code="no-permit")
        as_text = getattr(request.accepted_renderer, "format", "json") == "text"
        return Response(found.token if as_text else permits.shown(found))


class Replay(APIView):
    """Decide the stored facts again."""

    required_scopes: ClassVar = {"POST": decisions.SCOPE}

    @extend_schema(operation_id="releases_replay", request=None, responses=OBJECT)
    def post(self, request: Request, ref: str) -> Response:
        """Say that the same bytes came out; 409 where they did not."""
        row = visible(ref, by=actors.of(request.user))
        decisions.replay(row)
        return Response(
            {"ref": row.ref, "identical": True, "digest": row.digest, "facts": row.facts_id, "rules": row.rules_version}
        )


@require_safe
def status_list(request: HttpRequest) -> HttpResponse:
    """The signed list of revoked permits: open to everybody, nothing in it but bits."""
    return HttpResponse(
        statuses.token(at=timezone.now()),
        content_type="application/statuslist+jwt",
        headers={"Cache-Control": "public, max-age=15"},
    )


def _best(row: Decision) -> Permit | None:
    order = [Permit.Kind.RELEASE, Permit.Kind.OVERRIDE, Permit.Kind.STANDING, Permit.Kind.BUILD, Permit.Kind.ADVISORY]
    found = Permit.objects.filter(decision__in=[row, *row.releases.all()])
    return min(found, key=lambda permit: (order.index(Permit.Kind(permit.kind)), -permit.pk), default=None)
