"""C2SP `.tlog-proof` files (c2sp.org/tlog-proof@v1): one entry, its place in the ledger, and the checkpoint that holds it.

Our `extra` line is base64 of canonical JSON: `entry` (base64 of the stored bytes), and, as long as they exist, `payload` and `salt`
(base64) that the entry committed to.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lineage.ledger import canonical, checkpoints, commitments, entries, hashing, notes, proofs, text
from lineage.ledger.errors import BadForm

FIRST_LINE = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Bundle:
    """What one `.tlog-proof` file says. `payload` and `salt` are None once erased."""

    entry: bytes
    payload: bytes | None
    salt: bytes | None
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str


def without_payload(bundle: Bundle) -> Bundle:
    """The same proof for a reader who may know that the entry is there, and not what it committed to."""
    return replace(bundle, payload=None, salt=None)


def write(bundle: Bundle) -> str:
    """The text of the file."""
    extra = {"entry": bundle.entry, "payload": bundle.payload, "salt": bundle.salt}
    packed = canonical.encode({name: text.encode(value) for name, value in extra.items() if value is not None})
    lines = [FIRST_LINE, f"extra {text.encode(packed)}", f"index {bundle.index}", *map(text.encode, bundle.hashes)]
    return "\n".join(lines) + "\n\n" + bundle.checkpoint


def read(value: str) -> Bundle:
    """Read the file; raise `BadForm` for any other spelling. Nothing is verified yet."""
    head, gap, checkpoint = value.partition("\n\n")
    lines = head.split("\n")
    if not gap or len(lines) < 3 or lines[0] != FIRST_LINE:
        raise BadForm(f"a proof begins with the line {FIRST_LINE}")
    if not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise BadForm("a proof of this ledger has an extra line and an index line")
    extra = _extra(text.decode(lines[1].removeprefix("extra ")))
    hashes = tuple(text.decode(line, size=hashing.SIZE) for line in lines[3:])
    index = text.number(lines[2].removeprefix("index "))
    return Bundle(extra["entry"], extra.get("payload"), extra.get("salt"), index, hashes, checkpoint)


def verify(bundle: Bundle, trusted: Sequence[notes.Verifier], *, origin: str) -> checkpoints.TreeHead:
    """Show that the entry stands in the ledger at its index, and the payload (if any) is the one it committed to; return the head."""
    head = checkpoints.verify(bundle.checkpoint, trusted, origin=origin)
    proofs.verify_inclusion(hashing.leaf(bundle.entry), bundle.index, head.size, bundle.hashes, head.root)
    statement = entries.parse(bundle.entry)
    if bundle.payload is not None and bundle.salt is not None:
        commitments.verify(statement.commitment, bundle.salt, bundle.payload)
    return head


def _extra(packed: bytes) -> dict[str, bytes]:
    try:
        found = json.loads(packed)
        extra = {name: text.decode(value) for name, value in found.items()}
    except (ValueError, AttributeError, TypeError):
        raise BadForm("the extra line does not hold what this ledger writes there") from None
    if set(extra) not in ({"entry"}, {"entry", "payload", "salt"}) or canonical.encode(found) != packed:
        raise BadForm("the extra line does not hold what this ledger writes there")
    return extra
