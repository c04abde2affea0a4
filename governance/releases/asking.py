"""`POST /api/v1/releases` for machines, as a plain view: DRF's machinery costs as much as the decision itself.

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

from governance.access import idempotency, keys
from governance.access.actors import Actor
from governance.access.idempotency import Made
from governance.releases import answering, api, decisions, requests
from governance.releases.requests import Ask
from lineage import errors

_drf = api.Releases.as_view()


class Answer(HttpResponse):
    """A JSON answer. `data` is what DRF's answers have: the body, decoded."""

    def __init__(self, body: bytes, *, status: int, location: str, replayed: bool = False) -> None:
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


# What the schema is made from, and what Django's own checks look at.
ask.cls, ask.initkwargs, ask.view_class = api.Releases, {}, api.Releases  # type: ignore[attr-defined]


def _ordinary(request: HttpRequest) -> bool:
    return (
        request.method == "POST"
        and request.headers.get("Authorization", "")[:7].lower() == "bearer "
        and request.content_type == "application/json"
        and ("Accept" not in request.headers or "*/*" in request.headers["Accept"] or "application/json" in request.headers["Accept"])
        and not request.GET
    )  # fmt: skip


def _asked(request: HttpRequest) -> Answer:
    body, now = request.body, timezone.now()
    by = keys.actor(request.headers["Authorization"][7:].strip(), at=now)
    by.needs(decisions.SCOPE)
    question = requests.parse(msgspec.json.decode(body))
    key = request.headers.get(idempotency.HEADER, "")
    if key:
        return _once(request, question, by, idempotency.check(key))
    found = decisions.request(question, by=by, at=now)
    return Answer(answering.encoded(found, by=by), status=201, location=_location(found))


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
