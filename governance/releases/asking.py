"""`POST /api/v1/releases` and `/access/v1/evaluation` for machines, as plain views: DRF's machinery costs as much as the decision itself.

Only the ordinary goes this way: a service key, a JSON body, a question that can be decided. Everything else (people's sessions, other
methods, whatever is wrong with a request) is answered by the DRF view, which stores nothing twice: an error has stored nothing.
"""

import hashlib
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from governance.access import idempotency
from governance.access.actors import Actor
from governance.access.idempotency import Made
from governance.releases import answering, api, authzen, authzen_api, decisions, requests
from governance.releases.kept import Asking
from governance.releases.requests import Ask
from lineage import errors

_drf = api.Releases.as_view()
_drf_evaluation = authzen_api.EvaluationView.as_view()
LARGEST = 1_000_000  # bytes; what is larger, or comes in pieces, goes the way of all others


class Answer(HttpResponse):
    """A JSON answer. `data` is what DRF's answers have: the body, decoded."""

    def __init__(self, body: bytes, *, status: int, location: str = "", replayed: bool = False) -> None:
        super().__init__(body, status=status, content_type="application/json")
        if location:
            self["Location"] = location
        if replayed:
            self[idempotency.REPLAYED] = "true"

    @property
    def data(self) -> Any:
        """Return the decoded body."""
        return msgspec.json.decode(self.content)


@csrf_exempt
def ask(request: HttpRequest) -> HttpResponseBase:
    """Decide a question of a machine; the answer says what may be done next and carries the permit."""
    if not _ordinary(request):
        return _drf(request)
    try:
        return _asked(request)
    except (errors.Problem, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _drf(request)


@csrf_exempt
def evaluate(request: HttpRequest) -> HttpResponseBase:
    """Evaluate one AuthZEN request of a machine."""
    if not _ordinary(request) or "Content-Encoding" in request.headers:
        return _drf_evaluation(request)
    try:
        return _evaluated(request)
    except (errors.Problem, UnicodeDecodeError, RecursionError):
        return _drf_evaluation(request)


# What the schema is made from, and what Django's own checks look at.
for _view, _kind in ((ask, api.Releases), (evaluate, authzen_api.EvaluationView)):
    _view.cls, _view.initkwargs, _view.view_class = _kind, {}, _kind  # type: ignore[attr-defined]


def _ordinary(request: HttpRequest) -> bool:
    return (
        request.method == "POST"
        and request.headers.get("Authorization", "")[:7].lower() == "bearer "
        and request.content_type == "application/json"
        and int(request.META.get("CONTENT_LENGTH") or LARGEST) < LARGEST
        and ("Accept" not in request.headers or "*/*" in request.headers["Accept"] or "application/json" in request.headers["Accept"])
        and not request.GET
    )  # fmt: skip


def _asked(request: HttpRequest) -> Answer:
    body, now = request.body, timezone.now()
    question = requests.parse(msgspec.json.decode(body))
    asking = Asking(question, _secret(request), at=now)
    asking.by.needs(decisions.SCOPE)
    key = request.headers.get(idempotency.HEADER, "")
    if key:
        return _once(request, question, asking.by, idempotency.check(key))
    found = decisions.request(question, by=asking.by, at=now, asking=asking)
    return Answer(answering.encoded(found, by=asking.by), status=201, location=_location(found))


def _secret(request: HttpRequest) -> str:
    return request.headers["Authorization"][7:].strip()


def _evaluated(request: HttpRequest) -> Answer:
    evaluation = authzen.parse(authzen.decode(request.body))
    asking = Asking(authzen.ask(evaluation), _secret(request), at=timezone.now())
    said = authzen_api.evaluated(evaluation, by=asking.by, asking=asking)
    found = Answer(msgspec.json.encode(said), status=200)
    return authzen_api.repeated(found, request.headers.get(authzen_api.REQUEST_ID, ""))


def _once(request: HttpRequest, question: Ask, by: Actor, key: str) -> Answer:
    decisions.ready(
        question, at=timezone.now()
    )  # outside the transaction, in which nothing that is gathered could be kept

    def work() -> Made:
        found = decisions.request(question, by=by, at=timezone.now())
        return Made(201, msgspec.json.decode(answering.encoded(found, by=by)), _location(found))

    digest = hashlib.sha256(b"\0".join([b"POST", request.path.encode(), request.body])).hexdigest()
    made = idempotency.once_for(by.ref, key, digest, work)
    return Answer(msgspec.json.encode(made.body), status=made.status, location=made.location, replayed=made.replayed)


def _location(found: decisions.Answered) -> str:
    return f"/api/v1/releases/{found.decision.ref}"
