"""Make a planned version in its own database, measure it, report it, and ask for the release permit.

Order, and what a crash means: (1) the attempt and its START are committed; (2) the table is made in one transaction of the data plane,
measured before that commits; (3) COMPLETE, absences, measurements and the release decision are committed here. A failure in (2) leaves
nothing; in (3) the table is dropped again. After a crash between (2) and (3) the attempt still stands as running and lineage knows of
the write; the next attempt at the same output clears it away.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone
from psycopg.sql import SQL, Composed, Identifier

from governance.access import actors
from governance.access.actors import Actor
from governance.building import compiler, lists, planes, planning, reporting, results
from governance.building.models import Build
from governance.building.planning import Planned
from governance.building.reporting import Report
from governance.building.results import Made
from governance.policy import answers, values
from governance.releases import decisions, permits, rechecks
from governance.releases.models import Decision, Permit
from lineage import errors
from lineage.journal import entries

STALE = timedelta(hours=1)
State = Build.State


class NothingToBuild(errors.Conflict):
    """The decision has no live build permit."""

    code = "nothing-to-build"


class OutputTaken(errors.Conflict):
    """Something that the builder did not make stands where the release should be written."""

    code = "output-taken"


@dataclass(frozen=True)
class Job:
    """Everything a build needs, read before anything is touched."""

    decision: Decision
    answer: answers.Decision
    question: values.Question
    planned: Planned
    permit: Permit
    output: Mapping[str, str]
    table: planes.Table


def build(decision: Decision, *, output: Mapping[str, str] | None = None, by: Actor, at: datetime) -> Build:
    """Build a decision's plan under its build permit and return the attempt: released, refused (with why) or failed (with why).

    Asked again for the same decision and output, the attempt that went through is returned. Must not be called inside a transaction:
    two databases take part. Raises `Problem` when the build cannot begin.
    """
    by.needs(decisions.SCOPE)
    done = _earlier(decision, output or decisions.default_output(decision))
    if done is not None:
        return done
    job = _job(decision, output or decisions.default_output(decision), at=at, by=by)
    attempt, report = _begin(job, by=by, at=at)
    try:
        made = _make(job, report)
    except Exception as error:
        return _failed(attempt, report, error)
    try:
        return results.keep(attempt, report, made, by=by)
    except BaseException as error:
        attempt = _failed(attempt, report, error, left=_drop(job))
        if not isinstance(error, Exception):
            raise
        return attempt


def statement(decision: Decision, *, output: Mapping[str, str] | None = None) -> str:
    """Return the PostgreSQL statement of a decision's plan: CREATE TABLE AS for an output, else the SELECT."""
    answer, facts = decisions.answer_of(decision), decisions.facts_of(decision)
    planned = planning.plan(answer, facts, at=decision.valid_at, known=decision.as_known_at)
    if output is None:
        return compiler.select(planned.recipe)
    table = planes.table(output["name"])
    return compiler.create(planned.recipe, schema=table.schema, name=table.name)


def _earlier(decision: Decision, output: Mapping[str, str]) -> Build | None:
    """An attempt that reached an end; a failed one may be tried again. Raises `Conflict` while one is running."""
    found = (
        decision.builds.filter(namespace=output["namespace"], name=output["name"]).exclude(state=State.FAILED).first()
    )
    if found is not None and found.state == State.RUNNING and found.started_at > timezone.now() - STALE:
        return found
    return found if found is not None and found.state != State.RUNNING else None


def _job(decision: Decision, output: Mapping[str, str], *, at: datetime, by: Actor) -> Job:
    if output["namespace"] != decision.namespace:
        raise planes.NoPlane("a release is built in the database where its data lies", where="output/namespace")
    if output["name"] == decision.name:
        raise OutputTaken("a release is not written over its own source", where="output/name")
    table = planes.table(output["name"])
    planes.of(output["namespace"])
    permit = _permit(decision, output, at=at, by=by)
    answer, question = _current(permit, at=at), decisions.question_of(decision)
    planned = planning.plan(answer, decisions.facts_of(decision), at=decision.valid_at, known=decision.as_known_at)
    moment = max(at, question.at)
    question = replace(question, at=moment, as_known_at=max(moment, question.as_known_at))
    return Job(decision, answer, question, planned, permit, output, table)


def _permit(decision: Decision, output: Mapping[str, str], *, at: datetime, by: Actor) -> Permit:
    """A live build permit that names this output; for another output than was asked for, one is signed that ends with the first."""
    found = [
        each for each in decision.permits.filter(kind=Permit.Kind.BUILD).order_by("pk") if permits.is_live(each, at=at)
    ]
    if not found:
        raise NothingToBuild("there is no live build permit for this decision", remedy="ask for the release again")
    named = [each for each in found if dict(output) in each.outputs]
    return named[0] if named else permits.reissue(found[0], outputs=[output], at=at, by=by)


def _current(permit: Permit, *, at: datetime) -> answers.Decision:
    """The plan as it was decided, if it still holds: what has been forbidden since is not built, permit or not."""
    answer = decisions.answer_of(permit.decision)
    now = rechecks.again(permit, at=at)
    if not rechecks.covers(now, answer):
        raise NothingToBuild("less is allowed now than when this was decided", remedy="ask for the release again")
    if rechecks.adds_lists(now, answer):
        raise NothingToBuild(
            "people must be left out whom the plan does not know of", remedy="ask for the release again"
        )
    return answer


def _begin(job: Job, *, by: Actor, at: datetime) -> tuple[Build, Report]:
    run = str(uuid.uuid4())
    source = {"namespace": job.decision.namespace, "name": job.decision.name}
    report = Report(run, job.permit, source, job.output, job.planned.recipe)
    with transaction.atomic(durable=True):
        _clear_stale(job)
        attempt = Build.objects.create(
            decision=job.decision,
            permit=job.permit,
            namespace=job.output["namespace"],
            name=job.output["name"],
            run=run,
            by=by.ref,
        )
        payload = {
            "build": attempt.ref,
            "decision": job.decision.ref,
            "permit": job.permit.ref,
            "output": dict(job.output),
            "run": run,
        }
        entries.record("build-started", payload, by=by.ref, about=[attempt.ref, job.decision.ref])
        results.will_replace(job.output, at=at)
        reporting.send(report, "START", at=at, by=actors.SYSTEM.ref)
    return attempt, report


def _clear_stale(job: Job) -> None:
    """Attempts at this output that never ended: the service was killed. What they made, if anything, is replaced."""
    running = Build.objects.filter(namespace=job.output["namespace"], name=job.output["name"], state=State.RUNNING)
    for attempt in running.select_for_update():
        if attempt.started_at > timezone.now() - STALE:
            raise errors.Conflict(
                "this output is being built right now",
                code="build-running",
                remedy="wait for it, or name another output",
            )
        results.finish(attempt, State.FAILED, detail="the service stopped while it was being built")


def _make(job: Job, report: Report) -> Made:
    """The whole build in one transaction of the data plane: tables, counts and measurements see the same rows."""
    with planes.connect(job.output["namespace"], account="builder") as plane:
        plane.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        _make_room(job, plane)
        _check_columns(job, plane)
        applied = lists.load(plane, job.planned, job.question, _customers(job))
        lists.prepare(plane, job.planned, release=job.decision.ref)
        recipe, table = job.planned.recipe, job.table
        plane.execute(compiler.create(recipe, schema=table.schema, name=table.name))
        return results.measure(plane, job.planned, table, applied)


def _customers(job: Job) -> list[str]:
    return [customer for members in job.answer.members.values() for customer in members]


def _make_room(job: Job, plane: psycopg.Connection[Any]) -> None:
    """Replace what the builder itself made there before; refuse to touch anything else."""
    if not _exists(plane, job.table):
        return
    ours = (
        Build.objects.filter(namespace=job.output["namespace"], name=job.output["name"])
        .exclude(run="")
        .exclude(state=State.RUNNING)
    )
    if not ours.exists():
        raise OutputTaken(
            f"there is a table {job.output['name']} that the builder did not make",
            where="output",
            remedy="name another output",
        )
    plane.execute(_dropping(job.table))


def _check_columns(job: Job, plane: psycopg.Connection[Any]) -> None:
    """Names that are no columns would fail later with less to read."""
    recipe = job.planned.recipe
    people = {one.column for each in recipe.classes for one in each.people}
    rows = plane.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND attnum > 0 AND NOT attisdropped",
        [recipe.schema, recipe.table],
    ).fetchall()
    missing = sorted(({*recipe.columns} | people | {key.column for key in recipe.keys}) - {row[0] for row in rows})
    if missing:
        raise planning.CannotBuild(f"{job.decision.name} has no column {', '.join(missing)}", where="columns")


def _exists(plane: psycopg.Connection[Any], table: planes.Table) -> bool:
    row = plane.execute(
        "SELECT to_regclass(format('%%I.%%I', %s::text, %s::text)) IS NOT NULL", [table.schema, table.name]
    ).fetchone()
    return bool(row and row[0])


def _dropping(table: planes.Table) -> Composed:
    return SQL("DROP TABLE {}").format(Identifier(table.schema, table.name))


def _drop(job: Job) -> str:
    """Take the table away again; return what could not be done about it."""
    try:
        with planes.connect(job.output["namespace"], account="builder") as plane:
            if _exists(plane, job.table):
                plane.execute(_dropping(job.table))
    except (errors.Problem, psycopg.Error) as error:
        return f"; the table {job.output['name']} could not be removed, drop it: {_said(error)}"
    return ""


def _failed(attempt: Build, report: Report, error: BaseException, *, left: str = "") -> Build:
    with transaction.atomic():
        reporting.send(report, "FAIL", at=timezone.now(), by=actors.SYSTEM.ref)
        return results.finish(attempt, State.FAILED, detail=f"nothing was built: {_said(error)}{left}")


def _said(error: BaseException) -> str:
    return error.detail if isinstance(error, errors.Problem) else planes.first_line(error)
