"""The vendor's warehouse: source tables with rows in them, and one account per job with just the rights it needs."""

from collections.abc import Iterable
from typing import LiteralString

import psycopg
from psycopg import sql

from demo import people, places

NAMESPACE = "postgres://warehouse.lumen.example:5432"
SCHEMAS = ("crm", "support", "telemetry", "staging", "features", "training", "released")

TABLES: LiteralString = """
CREATE TABLE crm.accounts (tenant_key text PRIMARY KEY, name text NOT NULL, segment text NOT NULL);
CREATE TABLE crm.contacts (person_key text PRIMARY KEY, tenant_key text NOT NULL, full_name text NOT NULL, email text NOT NULL,
    birth_year int NOT NULL, postcode text NOT NULL, job_title text NOT NULL);
CREATE TABLE support.tickets (ticket_id int PRIMARY KEY, tenant_key text NOT NULL, person_key text NOT NULL, opened_on date NOT NULL,
    channel text NOT NULL, body text NOT NULL, rating int NOT NULL);
CREATE TABLE telemetry.events (tenant_key text NOT NULL, person_key text NOT NULL, day date NOT NULL, function text NOT NULL,
    seconds int NOT NULL);
"""
# The pipeline owns the tables. The builder reads everything and writes releases; the executor deletes rows and the checker looks
# afterwards; who trains sees releases only.
RIGHTS: LiteralString = """
GRANT USAGE ON SCHEMA {schema} TO demo_builder, demo_executor, demo_checker;
ALTER DEFAULT PRIVILEGES FOR ROLE demo_pipeline IN SCHEMA {schema} GRANT SELECT ON TABLES TO demo_builder, demo_executor, demo_checker;
ALTER DEFAULT PRIVILEGES FOR ROLE demo_pipeline IN SCHEMA {schema} GRANT DELETE ON TABLES TO demo_executor;
"""
RELEASES: LiteralString = """
GRANT USAGE, CREATE ON SCHEMA released TO demo_builder;
GRANT USAGE ON SCHEMA released TO demo_trainer;
ALTER DEFAULT PRIVILEGES FOR ROLE demo_builder IN SCHEMA released GRANT SELECT ON TABLES TO demo_executor, demo_checker, demo_trainer;
ALTER DEFAULT PRIVILEGES FOR ROLE demo_builder IN SCHEMA released GRANT DELETE ON TABLES TO demo_executor;
"""


def make(server: places.Server) -> list[people.Person]:
    """Create the warehouse with its source rows; return the people in it."""
    places.rebuild(server, places.WAREHOUSE, owner="pipeline")
    with server.admin_connect(places.WAREHOUSE) as admin:
        for schema in SCHEMAS:
            name = sql.Identifier(schema)
            admin.execute(sql.SQL("CREATE SCHEMA {schema} AUTHORIZATION demo_pipeline").format(schema=name))
            admin.execute(sql.SQL(RIGHTS).format(schema=name))
        admin.execute(RELEASES)
    persons = list(people.people())
    with server.connect("pipeline", places.WAREHOUSE) as connection:
        connection.execute(TABLES)
        _fill(connection, persons)
    return persons


def _fill(connection: psycopg.Connection[tuple[object, ...]], persons: list[people.Person]) -> None:
    columns = ("person_key", "tenant_key", "full_name", "email", "birth_year", "postcode", "job_title")
    _copy(connection, "COPY crm.accounts FROM STDIN", ((a.tenant_key, a.name, a.segment) for a in people.ACCOUNTS))
    _copy(connection, "COPY crm.contacts FROM STDIN", (tuple(person[c] for c in columns) for person in persons))
    _copy(connection, "COPY support.tickets FROM STDIN", people.tickets(persons))
    _copy(connection, "COPY telemetry.events FROM STDIN", people.events(persons))
    connection.execute("ANALYZE")


def _copy(
    connection: psycopg.Connection[tuple[object, ...]], statement: LiteralString, rows: Iterable[tuple[object, ...]]
) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
