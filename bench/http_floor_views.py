"""What the floor is measured with: a plain Django view with one query, and the same through DRF; no middleware, no authentication."""

from typing import Any

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


def query() -> dict[str, Any]:
    """One row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, kind, ref FROM journal_entry ORDER BY id DESC LIMIT 1")
        row = cursor.fetchone()
    return {"id": row[0], "kind": row[1], "ref": row[2]}


def plain(request: HttpRequest) -> JsonResponse:
    """A plain view."""
    return JsonResponse(query())


class ByDrf(APIView):
    """The same through DRF with its JSON renderer."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        """Answer."""
        return Response(query())


urlpatterns = [path("plain", plain), path("drf", ByDrf.as_view())]
