"""HTTP of the feed."""

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors
from governance.reactions import feed
from lineage import errors


class Feed(APIView):
    """What changed."""

    required_scopes: ClassVar = {"GET": feed.SCOPE}

    @extend_schema(
        operation_id="feed_read",
        parameters=[
            OpenApiParameter("after", int, description="the `next` of the answer before; 0 to begin"),
            OpenApiParameter("limit", int, description=f"how many, at most {feed.MOST}; {feed.LIMIT} unless told"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Return what changed behind a cursor, in the order of the ledger; go on from `next`."""
        after, limit = _number(request, "after", 0, least=0), _number(request, "limit", feed.LIMIT, least=1)
        if limit > feed.MOST:
            raise errors.Malformed(f"limit is at most {feed.MOST}", code="bad-limit", where="limit")
        page = feed.read(after=after, limit=limit, by=actors.of(request.user))
        return Response({"results": page.results, "next": page.next, "head": page.head})


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise errors.Malformed(f"{name} is a whole number from {least}", code=f"bad-{name}", where=name)
    return int(text)
