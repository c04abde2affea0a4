"""What a document may load: our own files, and what the caller made for it. Nothing else, whatever the text says."""

import ssl
from collections.abc import Mapping
from pathlib import Path

from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SCHEME = "asset:"
FOLDER = Path(__file__).parent / "assets"
TYPES = {".ttf": "font/ttf", ".svg": "image/svg+xml", ".css": "text/css"}


class ForeignAsset(FatalURLFetchingError):  # type: ignore[misc]  # WeasyPrint ships no types
    """A document asked for something that is not ours: rendering stops, because no template of ours does that."""


def shipped() -> dict[str, Path]:
    """Return every shipped asset by name; a request is looked up here and never becomes a path."""
    return {path.name: path for path in FOLDER.iterdir() if path.suffix in TYPES}


class OwnAssets(URLFetcher):  # type: ignore[misc]  # WeasyPrint ships no types
    """Answers `asset:<name>` from the shipped files and from `made`; refuses every other address, of any scheme."""

    def __init__(self, made: Mapping[str, bytes]) -> None:
        # A context that trusts nobody: none is ever used, and the default one reads every certificate of the machine, 70 ms each time.
        super().__init__(ssl_context=NOBODY, allowed_protocols=(), allow_redirects=False, fail_on_errors=True)
        self._made = made
        self._shipped = shipped()

    def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:
        """Return the bytes of one asset; raise `ForeignAsset` for anything else."""
        name = url.removeprefix(SCHEME)
        if not url.startswith(SCHEME) or (name not in self._made and name not in self._shipped):
            raise ForeignAsset(f"documents load their own assets only, not {url[:200]!r}")
        body = self._made[name] if name in self._made else self._shipped[name].read_bytes()
        return URLFetcherResponse(url, body, {"Content-Type": TYPES[Path(name).suffix]})
