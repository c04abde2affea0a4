"""Empty the database after a test that committed: delete what is there, with what refuses that switched off for a moment.

Django would truncate a hundred tables, mostly empty ones, and make content types and permissions anew: for most tests that takes longer
than the test.
"""

import functools
from typing import Any

from django.db import connection, transaction

STAYS = ("auth_group", "auth_permission", "django_content_type", "django_migrations")  # what migrating made


@functools.cache
def _tables() -> tuple[str, ...]:
    return tuple(f'"{name}"' for name in connection.introspection.table_names() if name not in STAYS)


def filled(cursor: Any) -> list[str]:
    """Return the tables in which there is something, by their quoted names."""
    cursor.execute(" UNION ALL ".join(f"SELECT '{each}' WHERE EXISTS (SELECT FROM {each})" for each in _tables()))
    return [row[0] for row in cursor.fetchall()]


def empty() -> None:
    """Delete every row that a test left."""
    with transaction.atomic(), connection.cursor() as cursor:
        if found := filled(cursor):
            cursor.execute("; ".join(f"ALTER TABLE {each} DISABLE TRIGGER USER" for each in found))
            # One statement: what points at each other goes at once, whatever the order.
            cursor.execute(
                f"WITH {', '.join(f't{n} AS (DELETE FROM {each})' for n, each in enumerate(found))} SELECT 1"
            )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("; ".join(f"ALTER TABLE {each} ENABLE TRIGGER USER" for each in found))
