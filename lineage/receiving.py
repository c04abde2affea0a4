"""Bytes from a request, never more than the limit: what is said to be small may unpack to be large."""

import zlib
from typing import Protocol

from lineage import errors

_PIECE = 65_536


class BadEncoding(errors.Malformed):
    """The body is not what its Content-Encoding says."""

    code = "bad-content-encoding"


class Stream(Protocol):
    """What a body is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


def read(stream: Stream, *, encoding: str, limit: int) -> bytes:
    """Return a body, unpacked when its encoding is gzip, of at most `limit` bytes; raises `TooLarge`, `BadEncoding`.

    Unpacking stops at the limit, so that a decompression bomb costs no more than an honest body.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return _plain(stream, limit)
        case "gzip" | "x-gzip":
            return _unpacked(stream, limit)
        case other:
            raise BadEncoding(
                f"a body encoded as {other[:40]!r} cannot be read", where="Content-Encoding", remedy="send gzip or none"
            )


def _plain(stream: Stream, limit: int) -> bytes:
    found = bytearray()
    while piece := stream.read(_PIECE):
        found += piece
        if len(found) > limit:
            raise _too_large(limit)
    return bytes(found)


def _unpacked(stream: Stream, limit: int) -> bytes:
    found, unpacker = bytearray(), zlib.decompressobj(wbits=31)
    try:
        while piece := stream.read(_PIECE):
            found += unpacker.decompress(piece, limit + 1 - len(found))
            if len(found) > limit or unpacker.unconsumed_tail:
                raise _too_large(limit)
            if unpacker.unused_data:
                raise BadEncoding("something follows the gzip data", where="Content-Encoding")
    except zlib.error as error:
        raise BadEncoding(f"the body is no gzip data: {error}", where="Content-Encoding") from None
    if not unpacker.eof:
        raise BadEncoding("the gzip data end too early", where="Content-Encoding")
    return bytes(found)


def _too_large(limit: int) -> errors.TooLarge:
    return errors.TooLarge(f"the body is larger than {limit} bytes", remedy="send less at once")
