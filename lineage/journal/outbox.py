"""Writing entries, their payloads and the outbox: one statement, so that it is one round trip and never a part of it."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from lineage.journal.models import Entry, Payload

type Row = tuple[Entry, Payload]

_PARTS = """
entry AS (INSERT INTO journal_entry (ref, kind, "by", at, about, body, seal) VALUES {entries} RETURNING id, ref),
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


def write(rows: Sequence[Row]) -> None:
    """Write these rows in the caller's transaction. A crash before its commit leaves none of them, a crash after it all."""
    if not rows:
        return
    sql, values = parts(rows)
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {sql} SELECT id, ref FROM entry", values)  # noqa: S608 - only our own fragments
        found = {ref: number for number, ref in cursor.fetchall()}
    for entry, _ in rows:
        entry.pk = found[entry.ref]
        entry._state.adding = False


def _places(count: int, one: str) -> str:
    return ", ".join([one] * count)
