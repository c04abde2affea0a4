"""HTTP of the AuthZEN Authorization API: one evaluation, many, and where they are."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import problems
from governance.access import actors
from governance.access.actors import Actor
from governance.policy import answers
from governance.releases import answering, authzen, decisions, explaining
from governance.releases.authzen import BadEvaluation, Evaluation
from governance.releases.kept import Asking, Kept
from lineage import errors, receiving
from lineage.negotiation import AnyAccept

REQUEST_ID = "X-Request-ID"
MOST_BYTES = 5_000_000
LONGEST_ID = 1_000


class AuthZen(APIView):
    """What both endpoints share: bytes in, the request's own id out, whatever the answer."""

    required_scopes: ClassVar = {"POST": decisions.SCOPE}
    content_negotiation_class = AnyAccept

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Repeat the caller's request id, on errors too."""
        found = super().finalize_response(request, response, *args, **kwargs)
        return repeated(found, request.headers.get(REQUEST_ID, ""))

    def _body(self, request: Request) -> dict[str, Any]:
        if request._request.content_type != "application/json":
            raise BadEvaluation("Content-Type is application/json", where="Content-Type")
        encoding = request.headers.get("Content-Encoding", "")
        return authzen.decode(receiving.read(request._request, encoding=encoding, limit=MOST_BYTES))


class EvaluationView(AuthZen):
    """May this be done? One question."""

    @extend_schema(operation_id="authzen_evaluation", request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Evaluate one request: 200 with the decision, 400 for what is no question."""
        found = authzen.parse(self._body(request))
        return Response(evaluated(found, by=actors.of(request.user)))


class EvaluationsView(AuthZen):
    """Many questions at once, with defaults and one of three semantics."""

    @extend_schema(
        operation_id="authzen_evaluations", request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT}
    )
    def post(self, request: Request) -> Response:
        """Evaluate in order; what is wrong with one item is a refusal of that item, the others are answered."""
        body, by = self._body(request), actors.of(request.user)
        options, items = authzen.options(body), authzen.batch(body)
        if items is None:
            return Response(evaluated(authzen.parse(body), by=by))
        found: list[dict[str, Any]] = []
        for item in items:
            found.append(_item(item, by=by))
            if options.stops_after(found[-1]["decision"]):
                break
        return Response({"evaluations": found})


def repeated[Answer: HttpResponseBase](answer: Answer, request_id: str) -> Answer:
    """Give a caller's request id back with an answer, unless it cannot stand in a header."""
    if request_id and request_id.isprintable() and len(request_id) <= LONGEST_ID:
        answer[REQUEST_ID] = request_id
    return answer


@require_safe
def configuration(request: HttpRequest) -> JsonResponse:
    """The metadata document: open to everybody."""
    return JsonResponse(authzen.metadata(settings.SITE_URL), headers={"Cache-Control": "public, max-age=3600"})


def evaluated(evaluation: Evaluation, *, by: Actor, asking: Asking | None = None) -> dict[str, Any]:
    """Decide an evaluation as of now and return AuthZEN's answer. The decision is stored like any other, unless it is a dry run.

    `asking`, where a key asks: what equal facts always say then comes as the JSON it was put into once.
    """
    with authzen.in_its_words():
        ask = asking.ask if asking else authzen.ask(evaluation)
        if evaluation.context.dry_run:
            answer, shared = decisions.evaluate(ask, by=by, at=timezone.now(), asking=asking)
            said = said_of(answer, shared) if asking else _said(answer)
            return {"decision": evaluation.permits(answer.verdict), "context": {"recorded": False, **said}}
        found = decisions.request(ask, by=by, at=timezone.now(), asking=asking)
    shown = answering.answered(found, by=by)
    told = {name: shown[name] for name in ("enforcement", "next", "permit", "advisory", "people", "remedies")}
    context = {
        "id": shown["ref"],
        "recorded": True,
        "ledger_entry": shown["ledger_entry"],
        **_said(found.answer),
        **told,
    }
    return {"decision": evaluation.permits(shown["verdict"]), "context": context}


def _item(item: Any, *, by: Actor) -> dict[str, Any]:
    try:
        if not isinstance(item, Mapping):
            raise BadEvaluation("an evaluation is an object")
        return evaluated(authzen.parse(item), by=by)
    except errors.Problem as problem:
        said = problems.of(problem)
        return {"decision": False, "context": {"error": {"message": said["detail"], **said}}}


def said_of(answer: answers.Decision, shared: Kept) -> dict[str, Any]:
    """Return `_said` as JSON; no names are in it, so that whoever asks next may share it."""
    if "authzen" not in shared.shown:
        shared.shown["authzen"] = {name: msgspec.Raw(msgspec.json.encode(each)) for name, each in _said(answer).items()}
    found: dict[str, Any] = shared.shown["authzen"]
    return found


def _said(answer: answers.Decision) -> dict[str, Any]:
    """Verdict, reasons and plan for a pipeline: codes, opaque references and counts, the sentences in AuthZEN's reason objects."""
    reasons = [
        {"id": each["code"], "reason_admin": {"en": each.pop("text")}, **each} for each in explaining.short(answer)
    ]
    return {
        "verdict": str(answer.verdict),
        "reasons": reasons[: answering.SHOWN],
        "reason_count": len(reasons),
        "plan": answering.plan_head(answer),
    }
