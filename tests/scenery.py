"""A world that was built once with the product's verbs is put up again from the rows that it left: hundreds of statements less per test.

Each is made in a transaction that is rolled back, once per process; a test that puts one up gets the same rows under the same keys.
"""

import copy
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, cast

from django.db import connection, transaction
from django.test import override_settings

from lineage.journal import entries
from tests import emptying


@dataclass(frozen=True)
class Scenery[W]:
    """What a world is called by, and what it left in the database, by table (COPY's text)."""

    world: W
    rows: dict[str, bytes]

    def put_up(self) -> W:
        """Put the rows into an empty database (but for sceneries that this one stands on), and return the world."""
        with transaction.atomic(), connection.cursor() as cursor:
            # What was deferred comes first: no table with a check to come can be altered.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("; ".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in self.rows))
            for table, rows in self.rows.items():
                with cast(Any, cursor).copy(f"COPY {table} FROM STDIN") as into:
                    into.write(rows)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("; ".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in self.rows))
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            entries.sequence_after_commit()
        return copy.deepcopy(self.world)


def made[W](make: Callable[[], W], *, on: Collection[str] = (), **settings: Any) -> Scenery[W]:
    """Make a world, keep what it left in all tables but those it stands `on`, and take everything back."""
    with override_settings(**settings), transaction.atomic():
        world = make()
        with connection.cursor() as cursor:
            rows = {table: _rows(cursor, table) for table in emptying.filled(cursor) if table not in on}
        transaction.set_rollback(True)
    return Scenery(world, rows)


def _rows(cursor: Any, table: str) -> bytes:
    with cursor.copy(f"COPY {table} TO STDOUT") as out:
        return b"".join(bytes(part) for part in out)
