"""Looking afterwards: counting what is left, in the real system, under the checker's account. Finding nothing is the only "done"."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from governance.access.actors import Actor
from governance.building import planes
from governance.deletions import evidence, executor, tables, targets
from governance.deletions.machine import State
from governance.deletions.models import Task
from governance.deletions.targets import Rows

TOOL = "governance.deletions.checker"
VERSION = "1"


@dataclass(frozen=True)
class Sight:
    """What a look found."""

    remaining: int
    account: str
    relation: str


def run(task: Task, *, by: Actor, at: datetime) -> Sight:
    """Count what is left of an executed task and record it. A database that cannot be read leaves the task as it is."""
    evidence.may_work(by)
    evidence.locked_now(task, expects=State.EXECUTED, at=at)
    found = targets.of(task, at=at)
    with planes.connect(task.namespace, account="checker") as connection:
        sights = [_look(connection, rows) for rows in found]
    sight = Sight(sum(s.remaining for s in sights), sights[0].account, sights[0].relation)
    evidence.checked(task, _given(found, sight, task, at), by=by, at=at)
    return sight


def _look(connection: tables.Connection, rows: Rows) -> Sight:
    try:
        relation = tables.look(connection, rows)
        # A missing table holds nothing; that it may be missing was settled when its execution was accepted.
        left = 0 if relation.missing else tables.count(connection, rows)
    except psycopg.Error as error:
        raise tables.problem(rows, error) from error
    return Sight(left, executor.account_of(relation, rows), relation.kind)


def _given(found: list[Rows], sight: Sight, task: Task, at: datetime) -> evidence.Given:
    facts = {
        "columns": [rows.column or "*" for rows in found],
        "keys": sum(len(rows.keys) for rows in found),
        "relation": sight.relation or "missing",
    }
    return evidence.Given(
        happened_at=max(at, task.executed_at or at),
        account=sight.account,
        tool=TOOL,
        tool_version=VERSION,
        statement=f"{sight.remaining} rows left" if sight.remaining else "no row left",
        remaining=sight.remaining,
        facts=facts,
    )
