"""Keeping what a correction changed: the whole list, once, with its digest in the ledger."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import batched

from django.db import transaction
from django.db.models import QuerySet

from governance.access.actors import Actor
from governance.contracts.correction_states import State
from governance.contracts.models import Correction
from governance.policy import canonical
from governance.reports import mended
from governance.reports.mended import Effect, Tally
from governance.reports.models import CorrectionLine, CorrectionRecord
from lineage import errors, refs
from lineage.journal import entries

BATCH = 500


def keep(correction: Correction, *, by: Actor, at: datetime) -> CorrectionRecord:
    """Make the list for an applied correction and keep it; what is kept already is returned as it is."""
    if correction.state != State.APPLIED:
        raise errors.Conflict("only what an applied correction changed is kept", code="not-applied", where="correction")
    known = of(correction)
    if known is not None:
        return known
    ref, tally, digest = refs.new("cre"), Tally(), hashlib.sha256()
    with transaction.atomic():
        for batch in batched(_lines(ref, mended.effects_of(correction, tally, at=at), digest), BATCH):
            CorrectionLine.objects.bulk_create(batch)
        said = {"correction": correction.ref, "document": correction.document.ref, "looked_at": tally.decisions}
        said |= {"counts": dict(tally.counts), "digest": digest.hexdigest()}
        about = [ref, correction.ref, correction.document.ref]
        entry = entries.record("correction-effects", {"record": ref, **said}, by=by.ref, about=about)
        return CorrectionRecord.objects.create(
            ref=ref,
            correction_ref=correction.ref,
            document_ref=correction.document.ref,
            looked_at=tally.decisions,
            counts=dict(tally.counts),
            digest=digest.hexdigest(),
            entry_ref=entry.ref,
        )


def of(correction: Correction) -> CorrectionRecord | None:
    """Return what was kept about a correction."""
    return CorrectionRecord.objects.filter(correction_ref=correction.ref).first()


def owed() -> "QuerySet[Correction]":
    """Return the applied corrections of which nothing was kept yet, the oldest first."""
    kept = CorrectionRecord.objects.values("correction_ref")
    return Correction.objects.filter(state=State.APPLIED).exclude(ref__in=kept).order_by("recorded_at", "pk")


def line_bytes(kind: str, subject: str, said: object) -> bytes:
    """Return the bytes of which the record's digest is taken, line by line (canonical JSON, RFC 8785, and a line feed)."""
    return canonical.to_bytes({"kind": kind, "subject": subject, "said": said}) + b"\n"


def _lines(record: str, found: Iterator[Effect], digest: "hashlib._Hash") -> Iterator[CorrectionLine]:
    for each in found:
        digest.update(line_bytes(each.kind, each.subject, each.said))
        yield CorrectionLine(record_id=record, kind=each.kind, subject=each.subject, said=each.said)
