"""What changed, for pipelines that follow: entries of the ledger in its order, by a cursor that is a position there (so nothing is skipped or doubled).

References only. Customers that the reader does not see are not named, and what concerns nobody but them is not told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from governance.access.actors import Actor
from governance.parties import customers
from lineage import errors
from lineage.journal import entries, sequencer
from lineage.journal.models import Entry

SCOPE = "feed:read"
MOST, LIMIT = 500, 100
SCANNED = 2_000  # entries looked at in one answer, told or not
# Of the whole installation: nobody's data stands behind these references.
OPEN = frozenset(
    {
        "alert-raised", "decision", "mode-approved", "override-granted", "override-reviewed", "override-withdrawn", "permit-issued",
        "permit-revoked", "violation-found",
    }
)  # fmt: skip
# Of customers: told to those who see one of them.
THEIRS = frozenset(
    {
        "certificate-superseded", "contract-ended", "deletion-certificate", "document-activated", "document-corrected",
        "document-terminated", "obligation-closed", "obligation-dismissed", "obligation-open", "obligation-proposed",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """Some of what changed; `next` is where to go on, `head` how far the ledger goes."""

    results: list[dict[str, Any]]
    next: int
    head: int


def read(*, after: int, limit: int, by: Actor) -> Page:
    """Return at most `limit` changes behind the cursor `after` (0: from the beginning); raises `Malformed` for one that lies ahead."""
    by.needs(SCOPE)
    head = sequencer.head()
    size = head.size if head else 0
    if after > size:
        raise errors.Malformed(f"the ledger ends at {size}", code="bad-cursor", where="after")
    seen = None if by.every_customer else frozenset(customers.visible_to(by).values_list("ref", flat=True))
    results: list[dict[str, Any]] = []
    cursor = after
    for position, entry in _entries(after):
        cursor = position
        if _tells(entry, seen):
            results.append(_shown(position, entry, seen))
        if len(results) == limit:
            break
    return Page(results, cursor, size)


def _entries(after: int) -> Iterator[tuple[int, Entry]]:
    for _ in range(SCANNED // 200):
        batch = entries.feed(after, 200)
        yield from batch
        if len(batch) < 200:
            return
        after = batch[-1][0]


def _tells(entry: Entry, seen: frozenset[str] | None) -> bool:
    if entry.kind in OPEN:
        return True
    return entry.kind in THEIRS and (seen is None or not seen.isdisjoint(entry.about))


def _shown(position: int, entry: Entry, seen: frozenset[str] | None) -> dict[str, Any]:
    named = [ref for ref in entry.about if seen is None or not ref.startswith("cus_") or ref in seen]
    return {"cursor": position, "kind": entry.kind, "at": entry.at, "about": named, "entry": entry.ref}
