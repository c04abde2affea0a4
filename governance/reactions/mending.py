"""A correction was applied: the list of everything that it would have changed is made and kept (SEMANTICS §3)."""

import json

from governance.access.actors import SYSTEM
from governance.contracts import corrections
from governance.reports import mended_records
from lineage.journal import clock, entries
from lineage.journal.models import Entry


def document_corrected(entry: Entry) -> None:
    """Keep what the correction changed; once."""
    body = entries.payload(entry)
    if body is None:
        raise LookupError(f"the payload of {entry.ref} was erased before it was worked through")
    correction = corrections.get(str(json.loads(body)["correction"]), by=SYSTEM)
    mended_records.keep(correction, by=SYSTEM, at=max(entry.at, clock.now()))
