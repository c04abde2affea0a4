"""One round over an obligation's tasks: have the executor (or the checker) do each that it can, and say what became of the others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from governance.access.actors import Actor
from governance.deletions import checker, executor
from governance.deletions.machine import State
from governance.deletions.models import Task
from governance.obligations.models import Obligation
from lineage.errors import Problem


@dataclass(frozen=True)
class Line:
    """What became of one task in a round; `ok` False: it stays open, or could not be looked at."""

    task: Task
    said: str
    ok: bool


def dry(duty: Obligation, *, by: Actor, at: datetime) -> list[Line]:
    """Count what would go; nothing is changed."""
    return _round(duty, State.OPEN, lambda task: (f"{executor.dry_run(task, by=by, at=at)} rows would go", True))


def execute(duty: Obligation, *, by: Actor, at: datetime) -> list[Line]:
    """Delete whatever the executor can, sources first, so that nothing is made anew from what is still there."""
    return _round(duty, State.OPEN, lambda task: (f"{executor.run(task, by=by, at=at).affected} rows deleted", True))


def check(duty: Obligation, *, by: Actor, at: datetime) -> list[Line]:
    """Look at everything that was executed by the executor; survivors open their task again."""
    return _round(duty, State.EXECUTED, lambda task: _seen(checker.run(task, by=by, at=at).remaining))


def _seen(remaining: int) -> tuple[str, bool]:
    return (f"{remaining} rows left: open again", False) if remaining else ("none left", True)


def _round(duty: Obligation, state: State, work: Callable[[Task], tuple[str, bool]]) -> list[Line]:
    tasks = duty.tasks.filter(state=state).select_related("obligation__customer", "obligation__subject_space")
    return [_line(task, work) for task in sorted(tasks, key=lambda task: (len(task.path), task.name))]


def _line(task: Task, work: Callable[[Task], tuple[str, bool]]) -> Line:
    try:
        return Line(task, *work(task))
    except Problem as problem:
        return Line(task, f"left as it is: {problem.detail}", False)
