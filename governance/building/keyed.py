"""HMAC-SHA256 in plain PostgreSQL (RFC 2104), with the key in session settings so that neither key nor person stands in SQL text.

`sha256(outer || sha256(inner || message))`, where inner and outer are the key padded to a block and xored with 0x36 and 0x5c. The server
needs no extension. `governance.<name>_inner` and `_outer` hold the two blocks in hexadecimal, for one transaction.
"""

import hashlib
from collections.abc import Mapping

import sqlglot.expressions as exp
from psycopg import Connection

from governance.building import sql

BLOCK = 64


def settings(keys: Mapping[str, bytes]) -> dict[str, str]:
    """Return the session settings for these keys, by name."""
    return {
        f"governance.{name}_{side}": _padded(key, pad)
        for name, key in keys.items()
        for side, pad in (("inner", 0x36), ("outer", 0x5C))
    }


def load(connection: Connection, keys: Mapping[str, bytes]) -> None:
    """Put the keys into the running transaction; they are gone at its end."""
    for name, value in settings(keys).items():
        connection.execute("SELECT set_config(%s, %s, true)", [name, value])


def hashed(value: exp.Expr, name: str) -> exp.Expr:
    """Return the expression of the keyed hash of a value's text, 64 hexadecimal digits; null stays null."""
    message = sql.call("convert_to", exp.cast(value, "text"), sql.text("UTF8"))
    inner = sql.call("sha256", exp.DPipe(this=_setting(name, "inner"), expression=message))
    outer = sql.call("sha256", exp.DPipe(this=_setting(name, "outer"), expression=inner))
    return sql.call("encode", outer, sql.text("hex"))


def _setting(name: str, side: str) -> exp.Expr:
    return sql.call("decode", sql.call("current_setting", sql.text(f"governance.{name}_{side}")), sql.text("hex"))


def _padded(key: bytes, pad: int) -> str:
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    return bytes(byte ^ pad for byte in block).hex()
