"""Move the rows from the sources to the training set by SQL, and report each step while it happens."""

from pathlib import Path

import psycopg
from openlineage.client.event_v2 import RunState

from demo import reporting

STEPS = Path(__file__).parent / "steps"
DESCRIBE = """
SELECT table_schema || '.' || table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY table_schema, table_name, ordinal_position
"""
Connection = psycopg.Connection[tuple[object, ...]]


def run(connection: Connection, reporter: reporting.Reporter) -> int:
    """Run every step in order; return how many there were."""
    steps = sorted(STEPS.glob("*.sql"))
    for step in steps:
        _step(connection, reporter, step.stem, step.read_text())
    connection.execute("ANALYZE")
    return len(steps)


def schema(connection: Connection) -> dict[str, dict[str, str]]:
    """Return the columns of every table with their types."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(DESCRIBE).fetchall():
        tables.setdefault(str(table), {})[str(column)] = str(kind)
    return tables


def _step(connection: Connection, reporter: reporting.Reporter, job: str, text: str) -> None:
    statement, number = reporting.read(text, schema(connection)), reporting.new_run()
    facets = {"sql": reporting.query(text)}
    inputs, outputs = reporting.datasets(reporter, statement, schema(connection))
    reporter.emit(RunState.START, job=job, run=number, inputs=inputs, outputs=outputs, job_facets=facets)
    try:
        connection.execute(text.encode())
    except psycopg.Error:
        reporter.emit(RunState.FAIL, job=job, run=number, inputs=inputs, outputs=outputs, job_facets=facets)
        raise
    inputs, outputs = reporting.datasets(reporter, statement, schema(connection))
    reporter.emit(RunState.COMPLETE, job=job, run=number, inputs=inputs, outputs=outputs, job_facets=facets)
