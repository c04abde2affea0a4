"""May this caller use this view: scopes, declared per method, and nothing undeclared."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # DRF imports this module while it makes `views`
    from rest_framework.views import APIView


class Scoped(BasePermission):
    """Reads `view.required_scopes: dict[method, scope]`. A view that declares none is refused to everyone.

    People carry the scopes of their roles, keys their own.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Refuse with the scope that is missing."""
        if not getattr(request.user, "is_authenticated", False):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if getattr(view, method.lower(), None) is None:
            return True  # nothing answers: DRF says 405
        wanted = getattr(view, "required_scopes", {}).get(method)
        if wanted is None:
            self.message = "this address is not open to callers"
            return False
        self.message = f"this takes the scope {wanted}"
        return wanted in request.user.actor.scopes  # type: ignore[union-attr]
