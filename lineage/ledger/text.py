"""Strict readings of base64 and decimals: one value has one spelling, so that no byte of a proof can change unseen."""

import base64
import binascii

from lineage.ledger.errors import BadForm


def encode(value: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(value).decode()


def decode(value: str, *, size: int | None = None) -> bytes:
    """Read it back; raise `BadForm` for any other spelling of the same bytes, or another length than `size`."""
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise BadForm("this is not base64") from None
    if encode(found) != value:
        raise BadForm("this base64 is not in its only proper spelling")
    if size is not None and len(found) != size:
        raise BadForm(f"expected {size} bytes, found {len(found)}")
    return found


def number(value: str) -> int:
    """An ASCII decimal without leading zeroes, below 2^63."""
    if not (value.isascii() and value.isdigit()) or (value[0] == "0" and value != "0") or len(value) > 19:
        raise BadForm(f"{value[:30]!r} is not a plain decimal number")
    found = int(value)
    if found >= 1 << 63:
        raise BadForm(f"{value} is larger than any ledger")
    return found
