"""Addresses that no row can have: a null character in path or query is refused before any view asks the database."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from governance import problems
from lineage import errors


class PlainAddress:
    """Middleware: PostgreSQL's text holds no null character, so that such an address could only end in an error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 404 for a path and 400 for a query with a null character."""
        if "\0" in request.path_info:
            return problems.response(errors.NotFound("there is nothing at this address"))
        if "%00" in request.META.get("QUERY_STRING", ""):
            return problems.response(errors.Malformed("a query holds no null character", code="null-character"))
        return self.get_response(request)
