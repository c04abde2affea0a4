"""Salted commitments: the entry says nothing of its payload to who has not the salt, and nothing at all once the salt is gone."""

import hmac
from hashlib import sha256

from lineage.ledger.errors import BadForm, BadProof

SALT_SIZE = 32


def commit(salt: bytes, payload: bytes) -> str:
    """`sha256(salt || payload)` in hex; the salt has a fixed size, so that the border between the two is known."""
    if len(salt) != SALT_SIZE:
        raise BadForm(f"a salt has {SALT_SIZE} bytes")
    return sha256(salt + payload).hexdigest()


def verify(commitment: str, salt: bytes, payload: bytes) -> None:
    """Raise `BadProof` unless `commitment` was made from this salt and payload."""
    if not hmac.compare_digest(commit(salt, payload), commitment):
        raise BadProof("the payload is not the one that was committed to")
