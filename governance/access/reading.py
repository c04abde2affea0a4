"""Reading a request's body with a DRF serializer."""

from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer


def body(serializer: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the validated members; raises DRF's `ValidationError`, which `governance.problems` answers with 400 and the place."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
