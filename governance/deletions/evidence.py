"""Evidence on a task: somebody did something, somebody else looked. Each step is an evidence row, a state and a ledger entry.

Accepted and checked evidence reaches the ground floor: lineage is told that the data is gone from that moment on, so that a later
write which still carries it is found, and stops carrying it downstream.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from governance.access.actors import Actor
from governance.deletions import aftermath, machine
from governance.deletions.machine import Action, State
from governance.deletions.models import Evidence, Task
from governance.obligations import queries
from governance.obligations.duties import DECIDERS
from governance.obligations.machine import State as Duty
from lineage import errors
from lineage.journal import entries
from lineage.ledger import canonical

SCOPE = "deletion:evidence"
AHEAD = timedelta(minutes=5)  # SEMANTICS §2: callers' times are claims, and not of the future
CLAIMED = {Action.UNLEARNED, Action.RETRAINED}  # actions that nobody can see from outside: they need a report


class TaskClosed(errors.Conflict):
    """The task does not wait for this."""

    code = "task-closed"


class SameAccount(errors.Forbidden):
    """Whoever did it cannot be the one who looks."""

    code = "same-account"


class Held(errors.Conflict):
    """A legal hold keeps the data."""

    code = "legal-hold"


@dataclass(frozen=True)
class Given:
    """What is handed in. `account` is the one that did it: a database account, or empty for the caller's own."""

    happened_at: datetime
    digest: str = ""  # SHA-256 of the report, log or record; empty: of `facts`
    action: str = ""
    method: str = ""
    account: str = ""
    tool: str = ""
    tool_version: str = ""
    statement: str = ""
    affected: int | None = None
    remaining: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def executed(task: Task, given: Given, *, by: Actor, at: datetime) -> Task:
    """Take evidence that an item was dealt with; it counts once somebody else has looked (`checked`)."""
    may_work(by)
    with transaction.atomic():
        task = locked(task, expects=State.OPEN, at=at)
        _must_fit(task, given, at)
        row = _keep(task, Evidence.Role.EXECUTION, given, by)
        _move(task, State.EXECUTED, action=given.action, method=given.method, executed_by=by.ref,
              executed_account=row.account, executed_at=given.happened_at)  # fmt: skip
        _enter(task, row, "deletion-executed", by)
    return task


def checked(task: Task, given: Given, *, by: Actor, at: datetime) -> Task:
    """Take the word of another account on what is left. Nothing left: verified. Anything left: open again, and both are kept."""
    may_work(by)
    with transaction.atomic():
        task = locked(task, expects=State.EXECUTED, at=at)
        if given.remaining is None or given.remaining < 0:
            raise errors.Unprocessable("say how many rows or copies are left; none is 0", where="remaining")
        _must_be_timely(given, at)
        if task.executed_at and given.happened_at < task.executed_at:
            raise errors.Unprocessable("the check is older than what it checks", where="happened_at")
        _must_be_another(task, given, by)
        row = _keep(task, Evidence.Role.CHECK, given, by)
        if given.remaining:
            back_to_open(task)
            _enter(task, row, "deletion-survivors-found", by)
            return task
        _move(task, State.VERIFIED, verified_by=by.ref, verified_account=row.account, verified_at=given.happened_at)
        _enter(task, row, "deletion-verified", by)
        aftermath.settle(task, row, by=by)
    return task


def excepted(task: Task, *, ground: str, text: str, until: datetime | None = None, by: Actor, at: datetime) -> Task:
    """Keep an item with a ground, as a named person: a backup until it expires, a legal duty, a term that allows it."""
    if not by.is_person and by.ref != "system":
        raise errors.Forbidden("this takes a named person, not a key", code="person-needed")
    by.must(DECIDERS)
    if ground not in set(machine.Ground) or not text.strip():
        raise errors.Unprocessable("name the ground, and say in words what it rests on", where="ground")
    if ground == machine.Ground.BACKUP_EXPIRY and (until is None or until <= at):
        raise errors.Unprocessable("a backup is kept until a day that lies ahead: say which", where="until")
    with transaction.atomic():
        task = locked(task, expects=State.OPEN, at=at, held=True)
        facts = {"ground": ground, "until": until.isoformat() if until else ""}
        row = _keep(task, Evidence.Role.EXCEPTION, Given(at, action=Action.RETAINED, statement=text, facts=facts), by)
        _move(task, State.EXCEPTED, action=Action.RETAINED, ground=ground, ground_text=text, ground_until=until)
        _enter(task, row, "deletion-excepted", by)
    return task


def reopened(task: Task, *, because: str, by: Actor, at: datetime) -> Task:
    """Open a settled item again: the data came back, or the ground for keeping it fell away."""
    with transaction.atomic():
        task = Task.objects.select_for_update(of=("self",)).select_related("obligation__customer").get(pk=task.pk)
        if task.state == State.OPEN:
            return task
        row = _keep(task, Evidence.Role.REOPENED, Given(at, statement=because), by)
        back_to_open(task)
        _enter(task, row, "deletion-reopened", by)
    return task


def _must_be_another(task: Task, given: Given, by: Actor) -> None:
    # A machine's check counts for the account it looked under. A hand-made one counts for whoever makes it, and they may not have
    # done the work, nor have had it done.
    theirs = {task.executed_account} if given.account else {task.executed_account, task.executed_by}
    account = given.account or by.ref
    if account in theirs:
        raise SameAccount(
            f"{account} did this, so another account must look", remedy="have it checked by another person or key"
        )


def may_work(by: Actor) -> None:
    """Evidence comes from who carries `deletion:evidence`, or from those who decide on obligations."""
    if not by.roles.intersection(DECIDERS):
        by.needs(SCOPE)


def locked(task: Task, *, expects: State, at: datetime, held: bool = False) -> Task:
    """Return the task's row locked, if its obligation is open and it waits for this step; raises `TaskClosed`, `Held`."""
    task = Task.objects.select_for_update(of=("self",)).select_related("obligation__customer").get(pk=task.pk)
    duty = task.obligation
    if duty.state != Duty.OPEN:
        raise TaskClosed(f"the obligation {duty.ref} is {duty.state}: nothing is worked on it", where="obligation")
    if task.state != expects:
        raise TaskClosed(f"the task is {task.state}; this step needs it {expects}", where="state")
    if not held:
        _must_not_be_held(task, at)
    return task


def locked_now(task: Task, *, expects: State, at: datetime) -> None:
    """Ask the same without keeping the lock: before work outside the database that would be in vain."""
    with transaction.atomic():
        locked(task, expects=expects, at=at)


def back_to_open(task: Task) -> None:
    """Empty what the task says was done; the evidence rows keep it."""
    cleared: dict[str, Any] = dict.fromkeys(
        (
            "action",
            "method",
            "executed_by",
            "executed_account",
            "verified_by",
            "verified_account",
            "ground",
            "ground_text",
        ),
        "",
    )
    _move(task, State.OPEN, **cleared, executed_at=None, verified_at=None, ground_until=None)


def _must_not_be_held(task: Task, at: datetime) -> None:
    duty = task.obligation
    for hold in queries.holds([duty.customer.ref], at=at):
        if not hold.subject or not duty.subject or hold.subject == duty.subject:
            raise Held(
                f"the legal hold {hold.ref} keeps this data: {hold.ground}",
                remedy="wait until it is lifted, or record the hold as the ground of an exception",
            )


def _must_fit(task: Task, given: Given, at: datetime) -> None:
    fitting = machine.FITTING[machine.Kind(task.kind)]
    if given.action not in fitting:
        raise errors.Unprocessable(
            f"a {task.kind} is not {given.action or 'left as it is'}", where="action", known=sorted(map(str, fitting))
        )
    if given.method and given.method not in set(machine.Method):
        raise errors.Unprocessable("no method of that name", where="method", known=[str(m) for m in machine.Method])
    if given.action in CLAIMED and not (given.digest and given.statement.strip()):
        raise errors.Unprocessable(
            f"{given.action} is never claimed without evidence: send the digest of the report, and say what it shows",
            where="digest",
        )
    _must_be_timely(given, at)
    if given.happened_at < task.obligation.triggered_on:
        raise errors.Unprocessable("this happened before the obligation began", where="happened_at")


def _must_be_timely(given: Given, at: datetime) -> None:
    if given.happened_at > at + AHEAD:
        raise errors.Unprocessable("this lies in the future", where="happened_at")


def _keep(task: Task, role: str, given: Given, by: Actor) -> Evidence:
    digest = given.digest or hashlib.sha256(canonical.encode(_facts(given))).hexdigest()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise errors.Unprocessable("a digest is SHA-256 in 64 lower-case hexadecimal digits", where="digest")
    return Evidence.objects.create(
        task=task, role=role, action=given.action, method=given.method, by=by.ref, account=given.account or by.ref, tool=given.tool,
        tool_version=given.tool_version, affected=given.affected, remaining=given.remaining, statement=given.statement,
        digest=digest, facts=given.facts, happened_at=given.happened_at,
    )  # fmt: skip


def _facts(given: Given) -> dict[str, Any]:
    return {**given.facts, "statement": given.statement, "affected": given.affected, "remaining": given.remaining,
            "happened_at": given.happened_at.isoformat()}  # fmt: skip


def _move(task: Task, to: State, **filled: Any) -> None:
    for name, value in {"state": to, **filled}.items():
        setattr(task, name, value)
    task.save(update_fields=["state", *filled])


def _enter(task: Task, row: Evidence, kind: str, by: Actor) -> None:
    duty = task.obligation
    payload = {
        "obligation": duty.ref, "customer": duty.customer.ref, "task": task.ref, "kind": task.kind, "namespace": task.namespace,
        "name": task.name, "state": task.state, "evidence": row.ref, "role": row.role, "action": row.action, "method": row.method,
        "account": row.account, "tool": row.tool, "tool_version": row.tool_version, "affected": row.affected,
        "remaining": row.remaining, "digest": row.digest, "happened_at": row.happened_at.isoformat(), "statement": row.statement,
    }  # fmt: skip
    entries.record(kind, payload, by=by.ref, about=[duty.ref, task.ref, row.ref, duty.customer.ref])
