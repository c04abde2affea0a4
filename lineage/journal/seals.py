"""Keyed seals on rows. The signed roots prove *that* something was changed; a seal tells *which row*, to whoever has the keystore.

They are no evidence for outsiders (whoever holds the key can make them) and nothing outside `manage.py verify` rests on them.
"""

import hmac
from hashlib import sha256

from lineage.journal import keystore


def entry(body: bytes) -> bytes:
    """Put on an entry when it is recorded: it did not come from someone who only owns the tables."""
    return _seal(b"entry", body)


def leaf(index: int, ref: str, leaf_hash: bytes) -> bytes:
    """Put on a leaf: this entry at this place."""
    return _seal(b"leaf", index.to_bytes(8) + leaf_hash + ref.encode())


def checkpoint(previous: int, note: str) -> bytes:
    """Put on a checkpoint: the one signed before it had `previous` entries."""
    return _seal(b"checkpoint", previous.to_bytes(8) + note.encode())


def matches(seal: bytes, expected: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(seal, expected)


def _seal(kind: bytes, content: bytes) -> bytes:
    return hmac.digest(keystore.secret("seal"), kind + b"\x00" + content, sha256)
