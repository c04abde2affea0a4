"""Opaque external references: what leaves the house instead of row ids."""

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new(prefix: str) -> str:
    """Return a fresh reference such as `cus_7k2m...`: a prefix and 80 random bits in Crockford base 32."""
    bits = secrets.randbits(80)
    return f"{prefix}_" + "".join(ALPHABET[bits >> shift & 31] for shift in range(75, -5, -5))
