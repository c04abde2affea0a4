"""Dead Simple Signing Envelope v1: what is signed of a typed payload."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding (DSSE v1.0.2, protocol.md): type and body with their lengths."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
