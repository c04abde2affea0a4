"""Bearer service keys for DRF: the form that OpenLineage's HTTP transport sends."""

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from governance.access import keys
from governance.access.models import ServiceKey

SCHEME = "bearer"


class ServiceKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer cc_...`; other schemes are left to the next authentication."""

    def authenticate(self, request: Request) -> tuple[ServiceKey, None] | None:
        """Return the key as `request.user`; a wrong key is refused, not passed on as nobody."""
        scheme, _, text = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != SCHEME:
            return None
        try:
            return keys.find(text.strip(), at=timezone.now()), None
        except keys.UnknownKey as error:
            raise AuthenticationFailed(error.detail, code=error.code) from error

    def authenticate_header(self, request: Request) -> str:
        """Make a missing credential a 401 that says how to ask."""
        return 'Bearer realm="api"'


class ServiceKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes it."""

    target_class = "governance.access.authentication.ServiceKeyAuthentication"
    name = "serviceKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        return {"type": "http", "scheme": SCHEME, "description": "a service key; scopes are given with it"}
