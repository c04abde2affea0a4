"""Content Security Policy of the admin site, which needs inline scripts and Alpine's `eval`; everything else has the strict one."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class AdminPolicy:
    """Middleware below Django's own: marks answers of the admin with the relaxed policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Relax nothing but what lies below the admin's address."""
        response = self.get_response(request)
        if request.resolver_match is not None and "admin" in request.resolver_match.namespaces:
            # What `django.views.decorators.csp.csp_override` sets, and Django's middleware reads.
            response._csp_config = settings.SECURE_CSP_ADMIN  # type: ignore[attr-defined]
        return response
