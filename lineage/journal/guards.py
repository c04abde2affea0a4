"""Whether the database still refuses to forget: the append-only triggers, and what the application's role may do."""

from collections.abc import Iterator

from django.conf import settings
from django.db import connection

from lineage.journal.findings import Finding

APPEND_ONLY = ("journal_entry", "journal_leaf", "journal_node", "journal_checkpoint")
TRIGGERS = {
    **{f"{table}_append_only": table for table in APPEND_ONLY},
    "journal_payload_fixed": "journal_payload",
    "journal_payload_erase": "journal_payload",
    "journal_head_kept": "journal_head",
    "journal_head_grows": "journal_head",
}
# Everything else the application may do on each ledger table. Whatever is not named is revoked.
RIGHTS = {
    **dict.fromkeys(APPEND_ONLY, ("SELECT", "INSERT")),
    "journal_payload": ("SELECT", "INSERT", "DELETE"),
    "journal_pending": ("SELECT", "INSERT", "DELETE"),
    "journal_head": ("SELECT", "INSERT", "UPDATE"),
    "django_migrations": ("SELECT",),
}


def check() -> Iterator[Finding]:
    """Yield what was switched off or given away."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE tgname = ANY(%s)", [list(TRIGGERS)])
        found = dict(cursor.fetchall())
    for name, table in TRIGGERS.items():
        if found.get(name) not in ("O", "A"):
            yield Finding(
                table, f"the trigger {name}, which makes it append-only, is {'off' if name in found else 'gone'}"
            )
    yield from _check_rights()


def grant(role: str) -> bool:
    """Give `role` what the application needs and take the rest; return False where the database has no such role. Idempotent."""
    if not _exists(role):
        return False
    name = connection.ops.quote_name(role)
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {name}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
        cursor.execute(f"REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA public FROM {name}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}")
        for table, rights in RIGHTS.items():
            cursor.execute(f"REVOKE ALL ON {table} FROM {name}")
            cursor.execute(f"GRANT {', '.join(rights)} ON {table} TO {name}")
    return True


def _check_rights() -> Iterator[Finding]:
    role = settings.APP_ROLE
    if not _exists(role):
        return
    for table, rights in RIGHTS.items():
        given = [
            right for right in ("UPDATE", "DELETE", "TRUNCATE") if right not in rights and _may(role, right, table)
        ]
        if given:
            yield Finding(table, f"the role {role} may {', '.join(given)}: run manage.py grant_app_role")


def _may(role: str, right: str, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [role, table, right])
        return bool(cursor.fetchone()[0])


def _exists(role: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
        return bool(cursor.fetchone()[0])
