"""Proofs of stored entries, as C2SP `.tlog-proof` files and as lists of hashes."""

from collections.abc import Sequence
from pathlib import Path

from django.db import connection

from lineage import errors
from lineage.journal import sequencer, stored
from lineage.journal.models import Checkpoint, Entry, Leaf, Payload
from lineage.ledger import bundles, canonical, text, tree
from lineage.ledger.checkpoints import TreeHead


def bundle(entry: Entry, head: TreeHead | None = None) -> bundles.Bundle:
    """The entry's place under `head` (the last checkpoint); payload and salt are in it as long as they exist.

    Without `head` the entry is sequenced now where it waits. Raise `Conflict` where that cannot be (inside a transaction), or for an
    entry that `head` does not cover.
    """
    leaf = Leaf.objects.filter(entry_ref=entry.ref).first()
    if head is None and leaf is None and not connection.in_atomic_block:
        sequencer.run()
        leaf = Leaf.objects.filter(entry_ref=entry.ref).first()
    head = head or sequencer.head()
    if head is None or leaf is None or leaf.index >= head.size:
        raise errors.Conflict(
            "this entry is not in the ledger's tree yet", code="not-sequenced", remedy="ask again in a moment"
        )
    payload = Payload.objects.filter(entry_ref=entry.ref).first()
    return bundles.Bundle(
        entry=bytes(entry.body),
        payload=bytes(payload.body) if payload else None,
        salt=bytes(payload.salt) if payload else None,
        index=leaf.index,
        hashes=tuple(tree.inclusion(leaf.index, head.size, stored.nodes(head.size))),
        checkpoint=head.note,
    )


def tlog_proof(entry: Entry, head: TreeHead | None = None) -> str:
    """The text of a `.tlog-proof` file for `entry`."""
    return bundles.write(bundle(entry, head))


def write_proof_file(path: Path | str, entry: Entry, head: TreeHead | None = None) -> Path:
    """Write `<path>.tlog-proof` beside a finished file that `entries.record_file` recorded; return where."""
    target = Path(f"{path}.tlog-proof")
    target.write_text(tlog_proof(entry, head), encoding="utf-8", newline="\n")
    return target


def consistency(first: int, second: int) -> list[bytes]:
    """That the first `first` entries are a prefix of the first `second`; raise `NotFound` beyond the head or below 1."""
    head = sequencer.head()
    if head is None or not 0 < first <= second <= head.size:
        raise errors.NotFound(f"the ledger has no heads at {first} and {second} entries")
    return tree.consistency(first, second, stored.nodes(second))


def consistency_file(pairs: Sequence[tuple[int, int]]) -> bytes:
    """Consistency proofs as canonical JSON: what `clients/verify.py --consistency` and `consistency.json` hold."""
    shown = [
        {"first": first, "second": second, "hashes": _encoded(consistency(first, second))} for first, second in pairs
    ]
    return canonical.encode({"proofs": shown})


def _encoded(hashes: Sequence[bytes]) -> list[str]:
    return [text.encode(each) for each in hashes]


def checkpoint_at(size: int) -> TreeHead | None:
    """The signed head of this size, if one was signed at just this size."""
    row = Checkpoint.objects.filter(size=size).first()
    return TreeHead(row.note.split("\n", 1)[0], row.size, bytes(row.root), row.note) if row else None
