"""Keep a list of people from missing what is being written while it is made.

An event carries the moment of its statement but is seen only after its commit. A list made in between would say "as known at" a
moment by which a withdrawal was recorded, and yet not hold it: asked again later, the same question would answer differently.
So writers hold a shared advisory lock until they commit, and whoever makes a list first waits for those that are under way.
"""

from django.db import connection

LOCK = 0x636F6E73656E74  # "consent"


def enter() -> None:
    """Called in the transaction of a writer, before it inserts: its moment is then later than any list made without it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])


def settle() -> None:
    """Wait until every writer under way has committed. Taken and given back in one statement: nobody waits longer than for that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s), pg_advisory_unlock(%s)", [LOCK, LOCK])
