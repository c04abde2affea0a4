"""Content negotiation for machines that say nothing sensible about it."""

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class AnyAccept(BaseContentNegotiation):
    """Clients send any Accept and Content-Type; answers come as the view's first renderer makes them."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the view's first parser."""
        return parsers[0] if parsers else None

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the view's first renderer."""
        return renderers[0], renderers[0].media_type
