"""RFC 6962 section 2.1: SHA-256 with a first byte that keeps leaves and inner nodes apart."""

from hashlib import sha256

SIZE = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf(entry: bytes) -> bytes:
    """The hash of one entry's bytes as they are stored."""
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return sha256(b"\x01" + left + right).digest()


def largest_power_below(size: int) -> int:
    """The largest power of two smaller than `size` (> 1): where RFC 6962 splits a tree."""
    return 1 << (size - 1).bit_length() - 1
