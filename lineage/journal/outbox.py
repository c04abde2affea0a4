"""Writing entries, their payloads and the outbox: one statement, so that it is one round trip and never a part of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.db import connection

from lineage import prepared
from lineage.journal.models import Entry, Payload
from lineage.rows import Part

type Row = tuple[Entry, Payload]

_PARTS = """
entry AS (INSERT INTO journal_entry (ref, kind, "by", at, about, body, seal) VALUES {entries} RETURNING id),
payload AS (INSERT INTO journal_payload (entry_ref, salt, body) VALUES {payloads}),
pending AS (INSERT INTO journal_pending (entry_ref) VALUES {pending})"""


def parts(rows: Sequence[Row]) -> tuple[str, list[Any]]:
    """Return the common table expressions that write these rows, and their values: a caller puts its own beside them.

    The values of an INSERT are taken in their order, so the outbox has the order of `rows`.
    """
    entries = [(e.ref, e.kind, e.by, e.at, list(e.about), e.body, e.seal) for e, _ in rows]
    payloads = [(p.entry_ref, p.salt, p.body) for _, p in rows]
    sql = _PARTS.format(
        entries=_places(len(rows), "(%s, %s, %s, %s, %s::text[], %s, %s)"),
        payloads=_places(len(rows), "(%s, %s, %s)"),
        pending=_places(len(rows), "(%s)"),
    )
    return sql, [value for row in (*entries, *payloads, *((e.ref,) for e, _ in rows)) for value in row]


def write(rows: Sequence[Row], *, beside: Sequence[Part] = ()) -> datetime | None:
    """Write these rows, and those of others beside them, with one statement; return the database's time of it.

    In a transaction they commit with it. Outside of one the statement is a transaction of its own: a crash before its end leaves
    nothing of it, a crash after it all.
    """
    if not rows:
        _alone(beside)
        return None
    sql, values = parts(rows)
    others = "".join(f",\nbeside_{number} AS ({each})" for number, (each, _) in enumerate(beside))
    more = [value for _, given in beside for value in given]
    [(found, at)] = prepared.rows(f"WITH {sql}{others} {_SHOWN}", [*values, *more])
    for number, (entry, _) in zip(found, rows, strict=True):
        entry.pk = number
        entry._state.adding = False
    return cast(datetime, at)


def _alone(beside: Sequence[Part]) -> None:
    with connection.cursor() as cursor:
        for sql, values in beside:
            cursor.execute(sql, values)


# Numbers are given in the order of the rows.
_SHOWN = "SELECT (SELECT array_agg(id ORDER BY id) FROM entry), statement_timestamp()"


def _places(count: int, one: str) -> str:
    return ", ".join([one] * count)
