"""The SQL that counts and deletes `targets.Rows`, with the catalogue's names as identifiers and every value as a parameter."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from consent import subjects
from governance.building import keyed, planes
from governance.deletions.targets import Rows
from lineage import errors

Connection = psycopg.Connection[Any]
TABLE_KINDS = {"r", "p"}  # pg_class.relkind: ordinary and partitioned tables
VIEW = "v"


class Unreadable(errors.Conflict):
    """The table could not be looked at, or worked on, as the account we were given."""

    code = "table-unreadable"


@dataclass(frozen=True)
class Relation:
    """What stands behind a name: `kind` is pg_class.relkind, empty where nothing does."""

    kind: str
    database: str
    account: str
    server: str

    @property
    def missing(self) -> bool:
        """Say whether the database has no relation of that name."""
        return not self.kind


def look(connection: Connection, rows: Rows) -> Relation:
    """Say what stands behind the name, in which database, as whom. Row security must not hide rows: with it on, reading fails."""
    connection.execute("SET LOCAL row_security = off")
    connection.execute("SET LOCAL statement_timeout = '10min'")
    connection.execute("SET LOCAL lock_timeout = '30s'")
    database, account, server = _one(
        connection, sql.SQL("SELECT current_database(), current_user, current_setting('server_version')"), []
    )
    if rows.table.database and rows.table.database != database:
        raise Unreadable(
            f"the table lies in the database {rows.table.database}, but the data plane of its namespace leads to {database}",
            remedy="name the right database in the file of DATA_PLANES_FILE",
        )
    found = connection.execute(
        "SELECT c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
        [rows.table.schema, rows.table.name],
    ).fetchone()
    return Relation(found[0] if found else "", database, account, server)


def count(connection: Connection, rows: Rows) -> int:
    """Return how many of the rows there are."""
    where, values = _where(connection, rows)
    statement = sql.SQL("SELECT count(*) FROM {} WHERE ").format(_name(rows)) + where
    return int(_one(connection, statement, values)[0])


def delete(connection: Connection, rows: Rows) -> int:
    """Delete the rows in the running transaction; return how many went."""
    where, values = _where(connection, rows)
    return connection.execute(sql.SQL("DELETE FROM {} WHERE ").format(_name(rows)) + where, values).rowcount


def _where(connection: Connection, rows: Rows) -> tuple[sql.Composed, list[Any]]:
    if rows.whole:
        return sql.SQL("{}").format(True), []
    column = sql.Identifier(rows.column)
    if not rows.space:
        return sql.SQL("{}::text = ANY(%s)").format(column), [list(rows.keys)]
    keyed.load(connection, {"subject": subjects.key(subjects.space(rows.space))})
    return _hash(column) + sql.SQL(" = ANY(%s)"), [list(rows.keys)]


def _hash(column: sql.Identifier) -> sql.Composed:
    return sql.SQL(
        "encode(sha256(decode(current_setting('governance.subject_outer'), 'hex')"
        " || sha256(decode(current_setting('governance.subject_inner'), 'hex') || convert_to({}::text, 'UTF8'))), 'hex')"
    ).format(column)


def _name(rows: Rows) -> sql.Identifier:
    return sql.Identifier(rows.table.schema, rows.table.name)


def _one(connection: Connection, statement: sql.SQL | sql.Composed, values: list[Any]) -> Any:
    return connection.execute(statement, values).fetchone()


def problem(rows: Rows, error: psycopg.Error) -> Unreadable:
    """Return a database error as ours; the first line only, because the rest may quote data."""
    return Unreadable(f"{rows.table.schema}.{rows.table.name} could not be worked on: {planes.first_line(error)}")
