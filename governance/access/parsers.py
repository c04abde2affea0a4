"""JSON bodies: what DRF reads, and a 400 instead of a fault for what is nested beyond reason."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class JSON(JSONParser):
    """DRF's parser, which lets a deeply nested body through as an error of our own."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the decoded body; raises `ParseError`."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("the body is nested too deeply") from None
