"""Facts and a template become a PDF that can be archived: PDF/A-3, tagged, with its own fonts and its attachments."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import segno
import weasyprint
from django.template.loader import render_to_string

from governance.publishing import assets, text

VARIANT = "pdf/a-3a"  # ISO 19005-3, level A: tagged, with Unicode text and embedded fonts
Relationship = Literal[
    "Source", "Data", "Alternative", "Supplement", "Unspecified"
]  # ISO 32000-2, 7.11.3, AFRelationship


@dataclass(frozen=True)
class Attachment:
    """One file inside the PDF. `relationship` says what it is to the page: `Data` behind it, `Supplement` to it, ..."""

    name: str
    content: bytes = field(repr=False)
    mime: str
    relationship: Relationship
    description: str


def render(
    template: str,
    context: Mapping[str, Any],
    *,
    title: str,
    at: datetime,
    verify: str = "",
    attachments: Sequence[Attachment] = (),
    language: str = "en",
) -> bytes:
    """Return the PDF/A-3 of a template. `verify` is the text of the QR code, drawn where the template shows `asset:verify.svg`.

    Nothing but our own assets is ever loaded: `assets.ForeignAsset` stops the rendering otherwise.
    """
    made = {"verify.svg": _qr(verify)} if verify else {}
    document = _laid_out(html(template, {**context, "title": title, "verify": verify}, language=language), made)
    document.metadata.title = text.visible(title)
    document.metadata.created = document.metadata.modified = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    document.metadata.lang = language
    return bytes(document.write_pdf(pdf_variant=VARIANT, attachments=[_attached(file, at=at) for file in attachments]))


def drawing(template: str, context: Mapping[str, Any]) -> bytes:
    """Return a small untagged PDF of a template, to be drawn inside another (a stamp)."""
    return bytes(_laid_out(html(template, context), {}).write_pdf())


def html(template: str, context: Mapping[str, Any], *, language: str = "en") -> str:
    """Return the page behind the PDF, with hidden and undrawable characters made visible."""
    return text.visible(render_to_string(template, {**context, "language": language}))


def digest(pdf: bytes) -> str:
    """Return the SHA-256 of finished bytes, in hex: what the ledger is told about a file."""
    return hashlib.sha256(pdf).hexdigest()


def _laid_out(page: str, made: Mapping[str, bytes]) -> weasyprint.Document:
    return weasyprint.HTML(string=page, base_url=assets.SCHEME, url_fetcher=assets.OwnAssets(made)).render()


def _qr(content: str) -> bytes:
    out = io.BytesIO()
    segno.make(content, error="m", micro=False).save(out, kind="svg", border=0, dark="#1b2a3a", xmldecl=False, scale=4)
    return out.getvalue()


def _attached(file: Attachment, *, at: datetime) -> weasyprint.Attachment:
    attachment = weasyprint.Attachment(
        string=file.content,
        name=file.name,
        description=file.description,
        relationship=file.relationship,
        created=at,
        modified=at,
        url_fetcher=assets.OwnAssets({}),
    )
    attachment.source = _source(file)  # the constructor takes no media type, and guesses one from the name
    return attachment


@contextmanager
def _source(file: Attachment) -> Iterator[tuple[io.BytesIO, None, None, str]]:
    yield io.BytesIO(file.content), None, None, file.mime
