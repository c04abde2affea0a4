"""RFC 9457 problem details: the one table that maps our errors to HTTP, and the handler that DRF calls."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from lineage import errors

STATUS: Mapping[type[errors.Problem], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unprocessable: 422,
}
CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "The request is malformed",
    401: "Authentication is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "In conflict with the present state",
    413: "Too large",
    415: "Unsupported media type",
    422: "Cannot be accepted",
    429: "Too many requests",
}


def status_of(problem: errors.Problem) -> int:
    """The HTTP status of `problem`: that of its nearest class in the table, 422 for one that nobody mapped."""
    return next((STATUS[kind] for kind in type(problem).__mro__ if kind in STATUS), 422)


def body(status: int, detail: str, *, code: str, where: str = "", remedy: str = "", **extra: object) -> dict[str, Any]:
    """The members of an RFC 9457 body: `type`, `title`, `status`, `detail`, and ours: `code`, `where`, `remedy`."""
    members = {
        "type": f"{settings.SITE_URL}/problems/{code}",
        "title": TITLES.get(status, "The request cannot be served"),
        "status": status,
        "detail": detail,
        "code": code,
        "where": where,
        "remedy": remedy,
        **extra,
    }
    return {name: value for name, value in members.items() if value not in ("", None)}


def of(problem: errors.Problem) -> dict[str, Any]:
    """The body for one of our own errors."""
    return body(
        status_of(problem),
        problem.detail,
        code=problem.code,
        where=problem.where,
        remedy=problem.remedy,
        **problem.extra,
    )


def response(problem: errors.Problem) -> JsonResponse:
    """The same for a plain Django view."""
    return JsonResponse(of(problem), status=status_of(problem), content_type=CONTENT_TYPE)


def handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's `EXCEPTION_HANDLER`: ours and DRF's own errors become problem+json; anything else stays a bug (500, logged)."""
    headers: dict[str, str] = {}
    match exc:
        case errors.Problem():
            status, members = status_of(exc), of(exc)
        case Http404():
            status = 404
            members = body(404, "no such thing, or none that you may see", code="not-found")
        case PermissionDenied():
            status = 403
            members = body(403, str(exc) or "you may not do this", code="forbidden")
        case exceptions.APIException():
            status, headers = exc.status_code, _headers(exc)
            members = _from_drf(exc)
        case _:
            return None
    if status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="governance"')
    return Response(members, status=status, headers=headers, content_type=CONTENT_TYPE)


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    names = {"auth_header": "WWW-Authenticate", "wait": "Retry-After"}
    values = {name: getattr(exc, attribute, None) for attribute, name in names.items()}
    return {name: str(int(value) if isinstance(value, float) else value) for name, value in values.items() if value}


def _from_drf(exc: exceptions.APIException) -> dict[str, Any]:
    """A serializer's errors come as a tree of fields: the first is named in `where`, all of them stand in `errors`."""
    code = str(getattr(exc, "default_code", "error")).replace("_", "-")
    if not isinstance(exc, exceptions.ValidationError):
        return body(exc.status_code, str(exc.detail), code=code)
    found = [{"where": where, "detail": detail} for where, detail in _leaves(exc.detail)]
    first = found[0] if found else {"where": "", "detail": "the body cannot be accepted"}
    return body(400, first["detail"], code="malformed", where=first["where"], errors=found)


def _leaves(detail: object, path: str = "") -> list[tuple[str, str]]:
    match detail:
        case Mapping():
            return [leaf for name, inner in detail.items() for leaf in _leaves(inner, f"{path}/{name}")]
        case list() if any(isinstance(inner, (dict, list)) for inner in detail):
            return [leaf for index, inner in enumerate(detail) for leaf in _leaves(inner, f"{path}/{index}")]
        case list():
            return [(path, str(inner)) for inner in detail]
        case _:
            return [(path, str(detail))]


def page_404(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's `handler404` for addresses below /api/ and elsewhere alike."""
    return JsonResponse(
        body(404, f"there is nothing at {request.path}", code="not-found"), status=404, content_type=CONTENT_TYPE
    )
