"""OpenLineage intake: reading beside bare JSON parsing, and durable intake one by one and in batches."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from lineage import atoms, ingest, openlineage

JOB = "lineage intake"
BY = "system"
AT = datetime(2026, 12, 1, tzinfo=UTC)


class _Undone(Exception):
    """Ends the transaction of the measurement: a benchmark leaves no rows behind."""


def rows() -> list[dict[str, Any]]:
    """Measure and return result rows; events of about 5 KB, nothing stays in the database."""
    bodies = [_event(number) for number in range(260)]
    bare = _rate(bodies, json.loads)
    read = _rate(bodies, lambda raw: atoms.of(openlineage.read(openlineage.decode(raw))))
    found = [
        _row(
            "read and understand an event",
            read,
            bare,
            "json.loads",
            goal="at most 4 times bare parsing",
            met=read * 4 >= bare,
        )
    ]
    one_by_one, batch = _durable(bodies)
    found.append(_row("stored one by one", one_by_one, bare, "json.loads", goal="400 events/s", met=one_by_one >= 400))
    found.append(_row("stored in batches of 200", batch, bare, "json.loads", goal="4000 events/s", met=batch >= 4000))
    return found


def _row(case: str, value: float, baseline: float, name: str, *, goal: str, met: bool) -> dict[str, Any]:
    return {
        "job": JOB, "case": case, "value": round(value), "unit": "events/s", "baseline": name, "baseline_value": round(baseline),
        "ratio": round(value / baseline, 4), "goal": goal, "met": met,
    }  # fmt: skip


def _rate(bodies: list[bytes], work: Callable[[bytes], object]) -> float:
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < 0.5:
        for body in bodies:
            work(body)
        done += len(bodies)
    return done / (time.perf_counter() - started)


def _durable(bodies: list[bytes]) -> tuple[float, float]:
    """Inside one transaction that is undone: the commit itself is not measured."""
    try:
        with transaction.atomic():
            started = time.perf_counter()
            for body in bodies[:60]:
                ingest.accept(body, by=BY, at=AT)
            one_by_one = 60 / (time.perf_counter() - started)
            started = time.perf_counter()
            ingest.accept_many(bodies[60:], by=BY, at=AT)
            batch = (len(bodies) - 60) / (time.perf_counter() - started)
            raise _Undone
    except _Undone:
        return one_by_one, batch


def _event(number: int) -> bytes:
    """An event of about 5 KB as a warehouse integration sends it: one output of twenty columns from two inputs."""
    base = {"_producer": "https://bench.example/etl", "_schemaURL": "https://openlineage.io/spec/1-0-0/Facet.json"}
    names = [f"column_{index}" for index in range(20)]
    field = {"namespace": "postgres://bench:5432", "name": f"raw.t{number % 20}"}
    fields = {
        n: {"inputFields": [{**field, "field": n, "transformations": [{"type": "DIRECT", "subtype": "IDENTITY"}]}]}
        for n in names
    }
    message = {
        "eventType": ("START", "COMPLETE")[number % 2],
        "eventTime": f"2026-03-01T{number // 60 % 24:02}:{number % 60:02}:00.123456Z",
        "producer": base["_producer"],
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "bench", "name": f"job {number % 20}", "facets": {"sql": {**base, "query": "select 1 from raw.t1"}}},
        "inputs": [
            {"namespace": field["namespace"], "name": name, "facets": {"schema": {**base, "fields": [{"name": n, "type": "text"} for n in names]}}}
            for name in (f"raw.t{number % 20}", f"raw.t{(number + 1) % 20}")
        ],
        "outputs": [
            {"namespace": field["namespace"], "name": f"mart.t{number % 20}", "facets": {"columnLineage": {**base, "fields": fields}}}
        ],
    }  # fmt: skip
    return json.dumps(message).encode()
