"""Really deleting: DELETE on the tables of a data plane, under the executor's account, counted before and after, in one transaction."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from governance.access.actors import Actor
from governance.building import planes
from governance.deletions import evidence, tables, targets
from governance.deletions.machine import Action, Method, State
from governance.deletions.models import Task
from governance.deletions.tables import Relation
from governance.deletions.targets import Rows
from lineage import errors

TOOL = "governance.deletions.executor"
VERSION = "1"


class NotGone(errors.Conflict):
    """The database did not delete what it was told to: nothing was kept of the attempt."""

    code = "rows-survived"


class TableMissing(errors.Conflict):
    """There is no such table, and lineage does not know how it went."""

    code = "table-missing"


@dataclass(frozen=True)
class Outcome:
    """What a run found (`expected`, before) and removed (`affected`), as which account of which database."""

    expected: int
    affected: int
    account: str
    relation: str


def dry_run(task: Task, *, by: Actor, at: datetime) -> int:
    """Return how many rows would go; nothing is changed."""
    evidence.may_work(by)
    found = targets.of(task, at=at)
    with planes.connect(task.namespace, account="executor") as connection:
        return sum(_expected(connection, rows, task)[1] for rows in found)


def run(task: Task, *, by: Actor, at: datetime) -> Outcome:
    """Delete a task's rows and record it as executed. Any error leaves the table and the task as they were.

    The rows are gone when the data plane commits; should we die before our own record commits, the task stays open and a second
    run finds nothing to delete: late, but never a false "done".
    """
    evidence.may_work(by)
    evidence.locked_now(task, expects=State.OPEN, at=at)
    found = targets.of(task, at=at)
    with planes.connect(task.namespace, account="executor") as connection:
        happened_at = _clock(connection)
        outcomes = [_delete(connection, rows, task) for rows in found]
    outcome = Outcome(
        sum(o.expected for o in outcomes), sum(o.affected for o in outcomes), outcomes[0].account, outcomes[0].relation
    )
    evidence.executed(task, _given(found, outcome, task, min(happened_at, at)), by=by, at=at)
    return outcome


def _delete(connection: tables.Connection, rows: Rows, task: Task) -> Outcome:
    relation, expected = _expected(connection, rows, task)
    account = account_of(relation, rows)
    if relation.missing or relation.kind == tables.VIEW:
        return Outcome(0, 0, account, relation.kind)
    try:
        affected = tables.delete(connection, rows)
        left = tables.count(connection, rows)
    except psycopg.Error as error:
        raise tables.problem(rows, error) from error
    if left:
        raise NotGone(
            f"{left} rows of {task.name} survived the DELETE (a trigger or a rule?): nothing was kept of the attempt"
        )
    return Outcome(expected, affected, account, relation.kind)


def _expected(connection: tables.Connection, rows: Rows, task: Task) -> tuple[Relation, int]:
    try:
        relation = tables.look(connection, rows)
        if relation.missing:
            _must_be_known_to_be_gone(task)
            return relation, 0
        if relation.kind != tables.VIEW and relation.kind not in tables.TABLE_KINDS:
            raise errors.Conflict(
                f"{task.name} is not a table of its own (pg_class.relkind {relation.kind})",
                code="not-a-table",
                remedy="delete or rebuild it where it is kept, and hand in evidence",
            )
        return relation, tables.count(connection, rows) if relation.kind != tables.VIEW else 0
    except psycopg.Error as error:
        raise tables.problem(rows, error) from error


def _must_be_known_to_be_gone(task: Task) -> None:
    # A table that was renamed by hand is missing too. Only where lineage saw every version end is missing as good as deleted.
    if not task.versions or any(not version.get("gone") for version in task.versions):
        raise TableMissing(
            f"the database has no table {task.name}, and lineage has not seen it go",
            remedy="find out whether it was dropped or renamed, and hand in evidence",
        )


def account_of(relation: Relation, rows: Rows) -> str:
    """Name the account that worked: the role that the server saw, in which database of which namespace."""
    return f"postgresql:{relation.account}@{relation.database} ({rows.namespace})"[:200]


def _given(found: list[Rows], outcome: Outcome, task: Task, happened_at: datetime) -> evidence.Given:
    by_key = any(not rows.whole for rows in found)
    dropped = not outcome.relation
    facts = {
        "columns": [rows.column or "*" for rows in found],
        "keys": sum(len(rows.keys) for rows in found),
        "counted_before": outcome.expected,
        "relation": outcome.relation or "missing",
    }
    what = (
        "the table is gone from the database"
        if dropped
        else "a view, which holds no rows of its own"
        if outcome.relation == tables.VIEW
        else f"deleted {outcome.affected} rows " + ("by key" if by_key else "(every row)")
    )
    return evidence.Given(
        happened_at=happened_at,
        action=Action.DELETED,
        method=Method.TABLE_DROPPED if dropped else Method.ROWS,
        account=outcome.account,
        tool=TOOL,
        tool_version=VERSION,
        statement=what,
        affected=outcome.affected,
        facts=facts,
    )


def _clock(connection: tables.Connection) -> datetime:
    row = connection.execute("SELECT transaction_timestamp()").fetchone()
    if row is None:
        raise tables.Unreadable("the data plane did not tell the time")
    moment: datetime = row[0]
    return moment
