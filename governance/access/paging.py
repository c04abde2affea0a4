"""Lists over HTTP: in the order of creation, a page at a time, by a cursor that is a reference."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from lineage import errors

LIMIT = 100
MOST = 500

PARAMETERS = [
    OpenApiParameter("after", str, description="the `next` of the page before"),
    OpenApiParameter("limit", int, description=f"how many, at most {MOST}; {LIMIT} unless told"),
]


def respond(request: Request, rows: QuerySet[Any], show: Callable[[Any], Any]) -> Response:
    """Answer `{"results": [...], "next": ref or null}`; raises `Malformed` for a bad cursor or limit."""
    limit = _limit(request.query_params.get("limit", str(LIMIT)))
    after = request.query_params.get("after")
    ordered = rows.order_by("pk")
    if after is not None:
        start = rows.filter(ref=after).values_list("pk", flat=True).first() if "\0" not in after else None
        if start is None:
            raise errors.Malformed("there is no such place in this list", code="bad-cursor", where="after")
        ordered = ordered.filter(pk__gt=start)
    found = list(ordered[: limit + 1])
    following = found[limit - 1].ref if len(found) > limit else None
    return Response({"results": [show(row) for row in found[:limit]], "next": following})


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise errors.Malformed(f"limit is a whole number from 1 to {MOST}", code="bad-limit", where="limit")
    return int(text)
