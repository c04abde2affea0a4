"""One migrated database that every test process copies: migrating takes longer than most tests, copying a second."""

import fcntl
import hashlib
import tempfile
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connections

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "governance_tests_"


def name() -> str:
    """Name the template after everything that it is made from."""
    made_from = hashlib.sha256(django.__version__.encode())
    for path in sorted(ROOT.glob("*/**/migrations/*.py")):
        if not path.relative_to(ROOT).parts[0].startswith("."):
            made_from.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return PREFIX + made_from.hexdigest()[:16]


def prepare() -> str:
    """Return the template's name, made if it is not there yet. Several processes may ask at once: one makes it."""
    wanted = name()
    with open(Path(tempfile.gettempdir()) / f"{wanted}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted not in _present():
            _make(wanted)
    return wanted


def _present() -> set[str]:
    with connections["default"]._nodb_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [PREFIX + "%"])
        return {row[0] for row in cursor.fetchall()}


def _make(wanted: str) -> None:
    """Migrate under another name first: a template that was left half made is never copied."""
    connection, unfinished = connections["default"], f"{wanted}_new"
    with connection._nodb_cursor() as cursor:
        for old in _present():
            cursor.execute(f'DROP DATABASE IF EXISTS "{old}"')
        cursor.execute(f'CREATE DATABASE "{unfinished}"')
    connection.close()
    usual, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], unfinished
    try:
        call_command("migrate", verbosity=0, run_syncdb=True)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{wanted}"')
