"""`Idempotency-Key` on creating POSTs (IETF draft-ietf-httpapi-idempotency-key-header): the same request twice creates once.

The key's row is written first, in the transaction of the work itself: a second request with the same key waits on the unique index,
then finds the answer; if the work fails, the row goes with it and the key is free again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from governance.access.models import Idempotency
from lineage import errors

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
MAX_LENGTH = 255


class KeyReused(errors.Unprocessable):
    """The key was used before with another request (422, as the draft says)."""

    code = "idempotency-key-reused"


@dataclass(frozen=True)
class Made:
    """What some work answered: status, plain JSON, where the created thing is. `replayed`: it had been done before."""

    status: int
    body: Any
    location: str = ""
    replayed: bool = False


def once(request: Request, work: Callable[[], Response]) -> Response:
    """Run `work` at most once per caller and key, inside one transaction, and answer repetitions from the stored answer.

    Without the header the work simply runs. Only answers below 300 are kept. Raises `KeyReused` for another body or address.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        with transaction.atomic():
            return work()
    answered: list[Response] = []

    def made() -> Made:
        answered.append(work())
        first = answered[0]
        return Made(first.status_code, first.data, first.get("Location", ""))

    actor = request.user.actor.ref  # type: ignore[union-attr]
    found = once_for(actor, check(key), _digest(request), made)
    if answered:
        return answered[0]
    headers = {REPLAYED: "true"} | ({"Location": found.location} if found.location else {})
    return Response(found.body, status=found.status, headers=headers)


def check(key: str) -> str:
    """Return the key a caller sent; raises `Malformed` for one that cannot be kept."""
    if len(key) > MAX_LENGTH or not key.isprintable():
        raise errors.Malformed(f"{HEADER} takes up to {MAX_LENGTH} printable characters", where=HEADER)
    return key


def once_for(actor: str, key: str, digest: str, work: Callable[[], Made]) -> Made:
    """The same without HTTP: `digest` (SHA-256, hex) says what is asked for. Raises `KeyReused` where that is another than before."""
    with transaction.atomic():
        row = _reserve(actor, key, digest)
        if row is None:
            return _replay(actor, key, digest)
        made = work()
        if made.status >= 300:
            row.delete()
            return made
        row.status, row.body, row.location = made.status, _plain(made.body), made.location
        row.save()
        return made


def _reserve(actor: str, key: str, digest: str) -> Idempotency | None:
    try:
        with transaction.atomic():
            return Idempotency.objects.create(actor=actor, key=key, request_digest=digest)
    except IntegrityError:
        return None


def _replay(actor: str, key: str, digest: str) -> Made:
    row = Idempotency.objects.get(actor=actor, key=key)
    if row.request_digest != digest:
        raise KeyReused(
            "this key was used before with another request", where=HEADER, remedy="use a new key for a new request"
        )
    return Made(row.status, row.body, row.location, replayed=True)


def _plain(data: object) -> object:
    return json.loads(json.dumps(data, cls=JSONEncoder))


def _digest(request: Request) -> str:
    # DRF may have read the stream already; Django keeps the bytes once `body` was asked for, which `Once.initial` does first.
    return hashlib.sha256(
        b"\0".join([str(request.method).encode(), request.path.encode(), request._request.body])
    ).hexdigest()


class Once(APIView):
    """Mixin for DRF views: POST goes through `once`. Put it first among the bases; set `creates = False` to switch it off."""

    creates = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Keep the raw bytes before a parser takes the stream, then let `post` run once."""
        if self._applies(request):
            request._request.body  # noqa: B018  (reading it is what keeps it)
        super().initial(request, *args, **kwargs)
        if self._applies(request):
            self._wrap()

    def _applies(self, request: Request) -> bool:
        return self.creates and request.method == "POST" and getattr(self, "post", None) is not None

    def _wrap(self) -> None:
        inner: Callable[..., Response] = getattr(self, "post")  # noqa: B009  (the mixin itself has none)

        def post(request: Request, *args: Any, **kwargs: Any) -> Response:
            return once(request, lambda: inner(request, *args, **kwargs))

        setattr(self, "post", post)  # noqa: B010
