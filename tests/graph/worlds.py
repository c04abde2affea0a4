"""Short ways to say what runs did: events as dictionaries, instants as whole seconds, graphs from a list of them."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lineage import atoms, closure, graph, openlineage, runs
from lineage.graph import Graph
from lineage.runs import Derived, Statement
from lineage.values import FOREVER, Name, Rules, Window, nanoseconds

NS = "postgres://plane:5432"
DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
SPARK = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/spark"
ANYBODY = "https://pipelines.example/etl"
DAY = datetime(2026, 3, 1, tzinfo=UTC)
NO_SKEW = Rules(skew=0)


def moment(seconds: float) -> datetime:
    """A moment on the day of the tests."""
    return DAY + timedelta(seconds=seconds)


def ns(seconds: float) -> int:
    """The same as nanoseconds."""
    return nanoseconds(moment(seconds))


def facet(**members: Any) -> dict[str, Any]:
    """A facet with the members that every facet has."""
    return {"_producer": ANYBODY, "_schemaURL": "https://openlineage.io/spec/1-0-0/Facet.json", **members}


def columns(dataset: Iterable[tuple[str, ...]] = (), **fields: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """A columnLineage facet: column = [(source, field), (source, field, "INDIRECT/JOIN"), (…, "DIRECT/masked")]."""
    lineage = facet(
        fields={name: {"inputFields": [_field(*source) for source in each]} for name, each in fields.items()}
    )
    return {"columnLineage": lineage | {"dataset": [_field(*source) for source in dataset]}}


def _field(source: str, field: str, how: str = "") -> dict[str, Any]:
    kind, _, subtype = how.partition("/")
    ways = [] if not how else [{"type": kind, "subtype": subtype, "masking": subtype == "masked"}]
    return {"namespace": NS, "name": source, "field": field, "transformations": ways}


def schema(*names: str) -> dict[str, Any]:
    """A schema facet."""
    return {"schema": facet(fields=[{"name": name} for name in names])}


def change(what: str, previous: str = "") -> dict[str, Any]:
    """A lifecycleStateChange facet."""
    old = {"previousIdentifier": {"namespace": NS, "name": previous}} if previous else {}
    return {"lifecycleStateChange": facet(lifecycleStateChange=what, **old)}


def dbt(materialized: str) -> dict[str, Any]:
    """dbt's own facet."""
    return {"dbt_model": facet(config={"materialized": materialized})}


def symlink(*others: str) -> dict[str, Any]:
    """A symlinks facet."""
    return {"symlinks": facet(identifiers=[{"namespace": NS, "name": other, "type": "TABLE"} for other in others])}


def run_id(name: str) -> str:
    """The runId of a run called so."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def event(
    run: str,
    type_: str | None,
    at: float,
    *,
    reads: Sequence[str] = (),
    writes: Sequence[str] | Mapping[str, Mapping[str, Any]] = (),
    job: str = "",
    producer: str = ANYBODY,
    job_facets: Mapping[str, Any] | None = None,
    run_facets: Mapping[str, Any] | None = None,
    input_facets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A RunEvent at a second of the day; `writes` with facets per dataset where given."""
    facets = writes if isinstance(writes, Mapping) else {}
    found = {
        "eventTime": moment(at).isoformat(),
        "producer": producer,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id(run), "facets": dict(run_facets or {})},
        "job": {"namespace": "jobs", "name": job or run, "facets": dict(job_facets or {})},
        "inputs": [{"namespace": NS, "name": name, "facets": dict(input_facets or {})} for name in reads],
        "outputs": [{"namespace": NS, "name": name, "facets": dict(facets.get(name, {}))} for name in writes],
    }
    return found | ({"eventType": type_} if type_ else {})


def did(run: str, start: float, end: float | None, *, ending: str = "COMPLETE", **said: Any) -> list[dict[str, Any]]:
    """A run with a START and a last event; `end=None`: it never ended."""
    last = [] if end is None else [event(run, ending, end, **said)]
    return [event(run, "START", start, **said), *last]


def body(message: Mapping[str, Any]) -> bytes:
    """An event as it is sent."""
    return json.dumps(message).encode()


def report(message: Mapping[str, Any]) -> openlineage.Report:
    """An event as it is read."""
    return openlineage.read(openlineage.decode(body(message)))


def derived(
    events: Iterable[Mapping[str, Any]], rules: Rules = NO_SKEW, statements: Sequence[Statement] = ()
) -> dict[str, Derived]:
    """Runs derived from events, in whatever order they come."""
    found: dict[str, atoms.Atoms] = {}
    about: dict[str, tuple[str, int]] = {}
    for each in (report(message) for message in events):
        found[each.key] = atoms.united(found.get(each.key, ()), atoms.of(each))
        if each.kind != "run":
            about[each.key] = (each.run, each.at)
    for each in statements:
        if each.kind == "node-kind":
            found[f"model {each.ref}"] = runs.model_atoms(each.payload, each.place, each.valid.start)
    return {
        key: runs.derive(key, each, rules, statements=statements, until=_until(key, about))
        for key, each in found.items()
    }


def _until(key: str, about: Mapping[str, tuple[str, int]]) -> int:
    if key not in about:
        return FOREVER
    thing, at = about[key]
    return min((other for what, other in about.values() if what == thing and other > at), default=FOREVER)


def world(events: Iterable[Mapping[str, Any]], *said: Statement, rules: Rules = NO_SKEW) -> Graph:
    """The graph of some events and declarations."""
    return Graph(graph.assemble(derived(events, rules, said).values(), said, rules), rules)


def say(
    kind: str, name: str, /, *, since: float = -86400, until: float | None = None, ref: str = "", **payload: Any
) -> Statement:
    """A declaration about a dataset; a name with `*` is a pattern."""
    valid = Window(ns(since), FOREVER if until is None else ns(until))
    ref = ref or f"{kind}:{name}"
    return Statement(kind, ref, Name(NS, name), "*" in name, payload, valid)


def source(name: str, customer: str = "cus_a", **payload: Any) -> Statement:
    """A source declaration."""
    return say("source", name, ref=name, customer=customer, **payload)


def job(name: str) -> dict[str, str]:
    """A job as declarations name it."""
    return {"namespace": "jobs", "name": name}


def sources(found: Graph, name: str, at: float, column: str = "*") -> set[str]:
    """The declared datasets that reach a column."""
    return {origin.dataset for origin in exposed(found, name, at).origins.get(column, frozenset())} if column == "*" else {
        origin.dataset for origin in closure.exposure(found, Name(NS, name), ns(at), [column]).origins[column]
    }  # fmt: skip


def exposed(found: Graph, name: str, at: float, *asked: str) -> Any:
    """The exposure of a dataset."""
    return closure.exposure(found, Name(NS, name), ns(at), asked or None)


def cells(found: Graph, name: str, at: float, column: str) -> set[tuple[str, str, str, bool]]:
    """(dataset, column, path, masked) of what reaches a column."""
    return {(o.dataset, o.column, o.path, o.masked) for o in exposed(found, name, at, column).origins[column]}


def codes(findings: Iterable[Any]) -> set[str]:
    """The codes of findings."""
    return {finding.code for finding in findings}
