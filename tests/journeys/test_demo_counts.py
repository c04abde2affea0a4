"""Counts that the product states, against what SQL written by hand counts in the same tables: a release, a deletion, two PDFs."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pypdf
import pytest

from demo import declared, people, places, stage, train, warehouse, world
from governance.access import actors
from governance.access.models import ServiceKey
from governance.building import builder
from governance.building.models import Build
from governance.contracts import families
from governance.deletions import certificates, checker, evidence, executor, worklists
from governance.deletions.models import Task
from governance.obligations.models import Obligation
from governance.reactions import reading
from governance.releases import decisions
from governance.releases.requests import Ask, DatasetName
from governance.reports import audits

TENANT = {account.name: account.tenant_key for account in people.ACCOUNTS}
# The plan in SQL by hand: four customers, people who said yes, ages and places made coarser, groups under twenty left out.
BY_HAND = """
WITH kept AS (
    SELECT t.tenant_key, age / 20 * 20 AS age, left(area, 1) AS area FROM training.triage_set t
    WHERE t.tenant_key = ANY(%s) AND t.person_key = ANY(%s)
), sized AS (SELECT tenant_key, count(*) OVER (PARTITION BY age, area) AS k FROM kept)
SELECT tenant_key, count(*) FROM sized WHERE k >= 20 GROUP BY tenant_key
"""


def built(ready: stage.Stage, name: str) -> Build:
    """Ask and build as the pipeline's key, and expect a release."""
    key = ServiceKey.objects.get(ref=ready.team.key_refs["pipeline_key"]).actor
    ask = Ask(
        dataset=DatasetName(warehouse.NAMESPACE, f"{places.WAREHOUSE}.{declared.TRAINING_SET}"),
        action="train",
        purpose=world.TRAINING,
        columns=train.COLUMNS,
        required=("unhappy",),
        output=DatasetName(warehouse.NAMESPACE, f"{places.WAREHOUSE}.released.{name}"),
    )
    answered = decisions.request(ask, by=key, at=datetime.now(UTC))
    attempt = builder.build(answered.decision, by=key, at=datetime.now(UTC))
    assert attempt.state == Build.State.RELEASED, attempt.detail
    return attempt


def by_hand(ready: stage.Stage) -> dict[str, int]:
    included = [TENANT[name] for name in ("Alder Logistics", "Cormorant Insurance", "Estuary Media", "Falk Retail")]
    willing = [str(person["person_key"]) for person in ready.persons if person["consent"] == "given"]
    with ready.server.connect("checker", places.WAREHOUSE) as connection:
        return {str(key): int(str(rows)) for key, rows in connection.execute(BY_HAND, [included, willing]).fetchall()}


@pytest.fixture
def keyed(played: stage.Stage) -> stage.Stage:
    """The stage with the key of the training set declared."""
    declared.tenant_key(played.team, played.world.space)
    return played


def test_a_release_holds_the_rows_that_sql_by_hand_keeps_and_a_deletion_those_it_counts(keyed: stage.Stage) -> None:
    attempt = built(keyed, "counted")
    expected = by_hand(keyed)
    assert keyed.count("released.counted") == attempt.counts["rows_written"] == sum(expected.values())
    assert keyed.count("released.counted", "segment = 'machinery'") == 0
    assert keyed.count("released.counted", "segment = 'media' AND text IS NOT NULL") == 0
    assert keyed.count("released.counted", "segment = 'logistics'") == expected[TENANT["Alder Logistics"]]

    duty = left(keyed)
    tasks = list(duty.tasks.order_by("id"))
    before = {task.name: counted(keyed, task) for task in tasks}
    for task in tasks:
        worked(keyed, task)
    assert {task.name: counted(keyed, task) for task in tasks} == dict.fromkeys(before, 0)

    made = certificates.issue(duty, by=keyed.team.actor("lawyer"), at=datetime.now(UTC))
    pages = text_of(bytes(made.pdf))
    assert spaced(sum(before.values())) in pages
    for name, rows in before.items():
        assert spaced(rows) in pages, name
    stated = json.loads(bytes(made.statement))
    assert set(before.values()) <= numbers(stated)

    report = audits.make(
        keyed.world.customers["Falk Retail"],
        start=datetime(2024, 12, 1, tzinfo=UTC),
        end=datetime.now(UTC),
        by=keyed.team.actor("auditor"),
        at=datetime.now(UTC),
    )
    assert spaced(
        sum(person["tenant_key"] == TENANT["Falk Retail"] and person["consent"] == "given" for person in keyed.persons)
    ) in text_of(bytes(report.pdf))


def left(ready: stage.Stage) -> Obligation:
    """Falk's contract ends; the reaction proposes the deletion, and the lawyer confirms it."""
    lawyer, now = ready.team.actor("lawyer"), datetime.now(UTC)
    families.end(ready.world.families["Falk Retail"], ends_at=now, reason="notice", by=lawyer)
    reading.run()
    duty = Obligation.objects.get(customer=ready.world.customers["Falk Retail"])
    return worklists.confirm(duty.ref, by=lawyer, at=datetime.now(UTC))


def counted(ready: stage.Stage, task: Task) -> int:
    table = task.name.removeprefix(f"{places.WAREHOUSE}.")
    return (
        ready.count(table) if task.kind == "release" else ready.count(table, "tenant_key = %s", TENANT["Falk Retail"])
    )


def worked(ready: stage.Stage, task: Task) -> None:
    """Delete under one account, look under another."""
    executor.run(task, by=actors.SYSTEM, at=datetime.now(UTC))
    checker.run(Task.objects.get(pk=task.pk), by=actors.SYSTEM, at=datetime.now(UTC))
    assert evidence.State(Task.objects.get(pk=task.pk).state) == evidence.State.VERIFIED


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def spaced(number: int) -> str:
    """A number as the papers print it: thousands apart by a thin space."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def numbers(value: Any) -> set[int]:
    match value:
        case bool():
            return set()
        case int():
            return {value}
        case dict():
            return set().union(*map(numbers, value.values())) if value else set()
        case list():
            return set().union(*map(numbers, value)) if value else set()
        case _:
            return set()
