"""Statements that every request sends: prepared by the database once per connection, their values bound there."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from django.db import OperationalError, connection
from psycopg import RawCursor


def rows(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run one statement on Django's connection and return its rows. Raises what Django raises.

    Where somebody looks at the statements (tests, `DEBUG`), it goes the way of all others.
    """
    if connection.execute_wrappers or connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, RawCursor(connection.connection) as cursor:
        cursor.execute(_numbered(sql), values, prepare=True)
        found = cursor.fetchall()
    connection.health_check_done = True  # type: ignore[attr-defined] # it has just answered: no need to ask it whether it does
    return found


def first(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The same for a statement that changes nothing, before any other: a connection that was lost since the last request is replaced."""
    try:
        return rows(sql, values)
    except OperationalError:
        if connection.in_atomic_block:
            raise
        connection.close()
        return rows(sql, values)


@lru_cache(maxsize=256)
def _numbered(sql: str) -> bytes:
    """With the placeholders of the database: psycopg would look for its own in a long statement every time."""
    parts, number = sql.split("%s"), count(1)
    return "".join([parts[0], *(f"${next(number)}{part}" for part in parts[1:])]).encode()
