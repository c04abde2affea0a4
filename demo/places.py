"""Where the demo keeps things: its state folder, its outputs, and its two databases on one PostgreSQL server.

The server is the one of DATABASE_URL, or the embedded one. Both databases are made anew at every run and carry a mark; one of the same
name without the mark is somebody else's and is refused.
"""

import os
import secrets
import shutil
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg import conninfo, sql

from governance import localdb

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local" / "demo"
OUT = ROOT / "demo-output"
CLUSTER = ROOT / ".local" / "postgres"

GOVERNANCE = "governance_demo"
WAREHOUSE = "demo_warehouse"
ACCOUNTS = ("owner", "app", "pipeline", "builder", "executor", "checker", "trainer")
MARK = "made by the demo of the contract and consent ledger; made anew at every run"


class NotOurs(Exception):
    """The demo will not touch this database."""


class Server:
    """One PostgreSQL server, and the demo's accounts on it with passwords of this run."""

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self.passwords = {name: secrets.token_urlsafe(18) for name in ACCOUNTS}

    def url(self, account: str, database: str) -> str:
        """Return a libpq URL for one of the demo's accounts."""
        parts = conninfo.conninfo_to_dict(self.admin)
        host, port = str(parts.get("host", "")), str(parts.get("port", ""))
        user = f"demo_{account}"
        if host.startswith("/"):
            return (
                f"postgresql://{user}@/{database}?{urlencode({'host': host, 'port': port or '5432'}, quote_via=quote)}"
            )
        return f"postgresql://{user}:{self.passwords[account]}@{host or 'localhost'}:{port or 5432}/{database}"

    def connect(self, account: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection that commits each statement."""
        return psycopg.connect(self.url(account, database), autocommit=True)

    def admin_connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection as the one who may create databases and accounts."""
        return psycopg.connect(conninfo.make_conninfo(self.admin, dbname=database), autocommit=True)


def server() -> Server:
    """Find the server and give the demo's accounts fresh passwords."""
    given = os.environ.get("DATABASE_URL")
    found = Server(given or localdb.url(CLUSTER, role="superuser", database="postgres"))
    with found.admin_connect("postgres") as admin:
        for name, password in found.passwords.items():
            _account(admin, f"demo_{name}", password)
    return found


def rebuild(found: Server, database: str, *, owner: str) -> None:
    """Drop the demo's database of that name, if it is ours, and make it anew."""
    with found.admin_connect("postgres") as admin:
        row = admin.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database]
        ).fetchone()
        if row is not None and row[0] != MARK:
            raise NotOurs(f"the database {database} was not made by this demo: rename it, or use another server")
        name = sql.Identifier(database)
        for text in (
            "DROP DATABASE IF EXISTS {name} WITH (FORCE)",
            "CREATE DATABASE {name} OWNER {owner}",
            "COMMENT ON DATABASE {name} IS {mark}",
        ):
            admin.execute(_composed(text, name=name, owner=sql.Identifier(f"demo_{owner}"), mark=sql.Literal(MARK)))


def fresh_folders() -> None:
    """Empty the demo's state and output folders."""
    for folder in (STATE, OUT):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    STATE.chmod(0o700)


def _account(admin: psycopg.Connection[tuple[object, ...]], name: str, password: str) -> None:
    known = admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    text: LiteralString = (
        "ALTER ROLE {name} LOGIN PASSWORD {password}"
        if known is not None
        else "CREATE ROLE {name} LOGIN PASSWORD {password}"
    )
    admin.execute(_composed(text, name=sql.Identifier(name), password=sql.Literal(password)))


def _composed(text: LiteralString, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(**parts)
