"""What a build made: counted and measured before it commits, then reported, vouched for and put to the question of release."""

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from governance.access import actors
from governance.access.actors import Actor
from governance.building import compiler, planes, reporting
from governance.building.lists import Applied
from governance.building.models import Build
from governance.building.planning import Planned
from governance.building.recipes import Blank, Keep
from governance.building.reporting import Report
from governance.policy import answers, canonical, reasons, values
from governance.releases import decisions, permits
from governance.releases.models import BuiltVersion, Decision, Permit
from governance.releases.requests import Ask, DatasetName
from lineage import declarations, refs
from lineage.journal import entries
from lineage.models import Declaration

State = Build.State


@dataclass(frozen=True)
class Made:
    """A table that stands in the data plane, with what was seen while it was made."""

    planned: Planned
    rows: int
    counts: dict[str, Any]
    smallest: int | None  # the smallest group over the quasi-identifiers; None when there is no row
    evidence: str
    applied: tuple[Applied, ...]


def measure(plane: psycopg.Connection[Any], planned: Planned, table: planes.Table, applied: Iterable[Applied]) -> Made:
    """Count and measure in the transaction that made the table."""
    written = _one(plane, compiler.count_rows(table.schema, table.name))
    sql = compiler.smallest_group(table.schema, table.name, planned.recipe.quasi_identifiers)
    smallest = _one(plane, sql) if written else None
    tally = plane.execute(compiler.counts(planned.recipe)).fetchall()
    evidence = hashlib.sha256(
        canonical.to_bytes({"statement": sql, "smallest_group": smallest, "rows": written})
    ).hexdigest()
    return Made(planned, written, _counts(tally, written), smallest, evidence, tuple(applied))


def keep(attempt: Build, report: Report, made: Made, *, by: Actor) -> Build:
    """Report the build, vouch for what it left out and measured, and decide on the finished version."""
    with transaction.atomic():
        reporting.send(report, "COMPLETE", at=timezone.now(), rows=made.rows, by=actors.SYSTEM.ref)
        _attest_absences(attempt, made)
        _vouch(attempt, made)
        _revoke_replaced(attempt)
    if not made.rows:
        return finish(attempt, State.REFUSED, made=made, detail="no row is left that may be used")
    # Until then a reader with a slower clock may still see what was there before, and the answer would have to count it in.
    time.sleep(settings.LINEAGE_SKEW_SECONDS)
    with transaction.atomic():
        answered = decisions.request(_ask(attempt, made), by=by, at=timezone.now(), built_from=attempt.decision)
        granted = answered.permit if answered.permit and answered.permit.kind == Permit.Kind.RELEASE else None
        state, why = (State.RELEASED, "") if granted else (State.REFUSED, _why(answered.answer, made))
        payload = {"build": attempt.ref, "rows": made.rows, "state": str(state), "release": answered.decision.ref}
        entries.record(
            "build-finished", payload, by=by.ref, about=[attempt.ref, attempt.decision.ref, answered.decision.ref]
        )
        return finish(attempt, state, made=made, detail=why, release=answered.decision, permit=granted)


def finish(
    attempt: Build, state: str, *, detail: str = "", made: Made | None = None, release: Decision | None = None, permit: Permit | None = None
) -> Build:  # fmt: skip
    """Write the end of an attempt, once."""
    with transaction.atomic():
        row = Build.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
        row.state, row.detail, row.release, row.release_permit = state, detail, release, permit
        row.finished_at = Now()
        if made is not None:
            row.counts, row.measured = made.counts, [canonical.to_json(each) for each in _safeguards(attempt, made)]
            row.allow_lists = [each.plain() for each in made.applied]
        row.save()
        row.refresh_from_db()
        if state == State.FAILED:
            entries.record(
                "build-failed",
                {"build": row.ref, "why": detail},
                by=actors.SYSTEM.ref,
                about=[row.ref, row.decision.ref],
            )
    return row


def will_replace(output: Mapping[str, str], *, at: datetime) -> None:
    """Tell lineage, once per output, that each build replaces what was there: the builder drops the old table first."""
    job = {"namespace": output["namespace"], "name": reporting.JOB}
    known = Declaration.objects.filter(
        kind="replaces-whole", namespace=output["namespace"], name=output["name"], ended_on=None
    )
    if not any(row.payload.get("job") == job for row in known):
        declarations.declare(
            "replaces-whole",
            ref=refs.new("rls"),
            payload={"job": job},
            namespace=output["namespace"],
            name=output["name"],
            valid_from=at,
            by=actors.SYSTEM.ref,
        )


def _counts(tally: Iterable[tuple[Any, ...]], written: int) -> dict[str, Any]:
    """What became of every row, and the four counts, in rows and in people, exact."""
    rows = {(mapped, contract, consent): (count, people) for mapped, contract, consent, count, people in tally}

    def total(index: int, **wanted: bool) -> int:
        names = ("mapped", "contract", "consent")
        return sum(
            v[index] or 0
            for k, v in rows.items()
            if all(dict(zip(names, k, strict=True))[n] is w for n, w in wanted.items())
        )

    allowed = total(0, mapped=True, contract=True, consent=True)
    return {
        "rows_read": total(0),
        "rows_written": written,
        "left_out_unmapped": total(0, mapped=False),
        "left_out_by_contract": total(0, mapped=True, contract=False),
        "left_out_by_consent": total(0, mapped=True, contract=True, consent=False),
        "left_out_small_groups": allowed - written,
        "four": {
            unit: {
                "both": total(index, mapped=True, contract=True, consent=True),
                "contract_alone": total(index, mapped=True, contract=True, consent=False),
                "consent_alone": total(index, mapped=True, contract=False, consent=True),
                "neither": total(index, mapped=True, contract=False, consent=False),
            }
            for index, unit in enumerate(("rows", "people"))
        },
        "exact": True,
    }


def _attest_absences(attempt: Build, made: Made) -> None:
    """The builder left these customers out, whole or column by column: their exposure ends with this version."""
    answer, facts = decisions.answer_of(attempt.decision), decisions.facts_of(attempt.decision)
    inside = {customer for members in answer.members.values() for customer in members}
    everybody = {customer for declaration in facts.declarations for customer in declaration.customers}
    _attest(attempt, sorted(everybody - inside), ())
    for each in answer.plan.classes if answer.plan else ():
        blank = tuple(column.column for column in each.columns if column.treatment is answers.Treatment.BLANK)
        if blank:
            _attest(attempt, sorted(answer.members[each.ref]), blank)


def _attest(attempt: Build, customers: list[str], columns: tuple[str, ...]) -> None:
    if not customers:
        return
    payload: dict[str, Any] = {"customers": customers, "run": attempt.run, "build": attempt.ref}
    payload |= {"columns": list(columns)} if columns else {}
    declarations.declare(
        "absence",
        ref=refs.new("abs"),
        payload=payload,
        namespace=attempt.namespace,
        name=attempt.name,
        valid_from=attempt.started_at,
        by=actors.SYSTEM.ref,
    )


def _vouch(attempt: Build, made: Made) -> BuiltVersion:
    safeguards = [canonical.to_json(each) for each in _safeguards(attempt, made)]
    payload = {
        "build": attempt.ref,
        "run": attempt.run,
        "plan": attempt.decision.plan_digest,
        "rows": made.rows,
        "safeguards": safeguards,
        "lists": [{"digest": each.digest, "count": each.count, "position": each.position} for each in made.applied],
    }
    entry = entries.record("build-measured", payload, by=actors.SYSTEM.ref, about=[attempt.ref, attempt.decision.ref])
    applied = [each.plain() for each in made.applied]
    return BuiltVersion.objects.create(
        namespace=attempt.namespace,
        name=attempt.name,
        run=attempt.run,
        decision=attempt.decision,
        plan_digest=attempt.decision.plan_digest,
        columns=list(made.planned.recipe.columns),
        untouched=[
            name for name in made.planned.recipe.columns if reporting.treatments(made.planned.recipe, name) == {Keep()}
        ],
        safeguards=safeguards,
        quasi_identifiers=list(made.planned.quasi_identifiers),
        lists=[each for each in applied if each["need"]],
        erased=[each for each in applied if not each["need"]],
        row_count=made.rows,
        entry_ref=entry.ref,
    )


def _safeguards(attempt: Build, made: Made) -> list[values.InPlace]:
    """What was done to every row of a column that is not blank, and k as it was measured."""
    recipe = made.planned.recipe
    treated = {name for name in recipe.columns if Keep() not in reporting.treatments(recipe, name) - {Blank()}}
    pseudonymised = tuple(name for name in made.planned.pseudonymised if name in treated)
    found = []
    if pseudonymised:
        found.append(
            values.InPlace(attempt.run, "pseudonymised", values.Known.MEASURED, pseudonymised, evidence=made.evidence)
        )
    if made.planned.deidentified:
        found.append(
            values.InPlace(
                attempt.run,
                "deidentified",
                values.Known.MEASURED,
                made.planned.deidentified,
                bounds=values.Bounds(k=made.smallest),
                quasi_identifiers=made.planned.quasi_identifiers,
                evidence=made.evidence,
            )
        )
    return found


def _revoke_replaced(attempt: Build) -> None:
    """The table that earlier builds released is gone."""
    earlier = Build.objects.filter(
        namespace=attempt.namespace, name=attempt.name, release_permit__isnull=False
    ).exclude(pk=attempt.pk)
    for each in earlier.select_related("release_permit"):
        if each.release_permit is not None and each.release_permit.revoked_at is None:
            permits.revoke(each.release_permit, why=f"replaced by {attempt.ref}", by=actors.SYSTEM)


def _ask(attempt: Build, made: Made) -> Ask:
    question = decisions.question_of(attempt.decision)
    return Ask(
        dataset=DatasetName(attempt.namespace, attempt.name),
        action=question.action,
        purpose=question.purpose,
        columns=made.planned.recipe.columns,
        required=question.required,
        recipient=question.recipient,
        model=question.model,
        environment=question.environment,
        region=question.region,
        writes=tuple(DatasetName(**each) for each in attempt.decision.asked.get("writes", ())),
    )


def _why(answer: answers.Decision, made: Made) -> str:
    """Why the finished version may not be used, with what was measured and what the builder could not do."""
    parts = [f"left to people: {', '.join(made.planned.recipe.undone)}"] if made.planned.recipe.undone else []
    needed = made.planned.recipe.k
    if needed is not None:
        parts.append(f"k was measured as {made.smallest}, {needed} needed")
    codes = sorted({reason.code for reason in answer.reasons if reasons.refuses(reason.code)})
    return "; ".join([*parts, *codes]) or str(answer.verdict)


def _one(plane: psycopg.Connection[Any], sql: str) -> int:
    row = plane.execute(sql).fetchone()
    return int(row[0]) if row else 0
