"""`/verify`: the address in a document's QR code. It says whether a paper was issued here and still stands.

Open to the world, so it answers only who holds the paper: reference *and* digest of its facts must match, or the bytes of the file.
Nothing of an unknown file is parsed, and a wrong guess learns no more than that it is not known.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from governance.deletions.models import Certificate
from governance.reports.models import Report

MOST_BYTES = 30_000_000
A_MINUTE = 30
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Paper:
    """What may be said of a paper to whoever holds it."""

    kind: str
    ref: str
    issued_at: datetime
    standing: bool
    because: str = ""
    superseded_at: datetime | None = None


@csrf_exempt  # it changes nothing and asks for no session
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show the form, or what is known of the document named in the address or of the file sent."""
    if _too_often(request):
        return HttpResponse(
            "Too many questions from your address; wait a minute.\n", status=429, content_type="text/plain"
        )
    if request.method == "POST":
        file = request.FILES.get("file")
        too_large = file is not None and (file.size or 0) > MOST_BYTES
        found = of_file(file.chunks()) if file and not too_large else None
        return _answer(request, found, asked=True)
    ref = request.GET.get("document", "")
    digest = request.GET.get("statement", "") or request.GET.get("facts", "")
    return _answer(request, of_facts(ref, digest), asked=bool(ref or digest), by_file=False)


def of_file(chunks: Iterable[bytes]) -> Paper | None:
    """Return the paper whose finished file has these very bytes."""
    hashed = hashlib.sha256()
    for chunk in chunks:
        hashed.update(chunk)
    digest = hashed.hexdigest()
    certificate = _light().filter(pdf_digest=digest).first()
    if certificate is not None:
        return _certificate(certificate)
    report = Report.objects.defer("pdf", "facts").filter(pdf_digest=digest).first()
    return _report(report) if report else None


def of_facts(ref: str, digest: str) -> Paper | None:
    """Return the paper of this reference whose facts have this digest; None where either is wrong."""
    if not DIGEST.fullmatch(digest) or "\0" in ref:
        return None
    certificate = Certificate.objects.defer("pdf", "envelope").filter(ref=ref).first()
    if certificate is not None and _sha256(certificate.statement) == digest:
        return _certificate(certificate)
    report = Report.objects.defer("pdf").filter(ref=ref).first()
    return _report(report) if report is not None and _sha256(report.facts) == digest else None


def _too_often(request: HttpRequest) -> bool:
    # Per process and address: no more than a brake on guessing, which 256 bits do not invite anyway.
    key = f"verify:{request.META.get('REMOTE_ADDR', '')}"
    cache.add(key, 0, timeout=60)
    try:
        return cache.incr(key) > A_MINUTE
    except ValueError:  # it ran out between the two lines
        return False


def _answer(request: HttpRequest, found: Paper | None, *, asked: bool, by_file: bool = True) -> HttpResponse:
    status = 404 if asked and found is None else 200
    return render(request, "audit/verify.html", {"paper": found, "asked": asked, "by_file": by_file}, status=status)


def _light() -> QuerySet[Certificate]:
    return Certificate.objects.defer("pdf", "envelope", "statement")


def _certificate(row: Certificate) -> Paper:
    return Paper(
        "certificate of deletion", row.ref, row.issued_at, row.standing, row.superseded_because, row.superseded_at
    )


def _report(row: Report) -> Paper:
    return Paper("audit report", row.ref, row.made_at, True)


def _sha256(content: bytes | memoryview) -> str:
    return hashlib.sha256(bytes(content)).hexdigest()
