"""What is read from an event, what is refused and where, and what is left out before it is kept; see `test_rules` for what it means."""

import json
from typing import Any

import pytest

from lineage import atoms, openlineage, refs
from lineage.errors import Unprocessable
from lineage.openlineage import FromTheFuture, NotAnEvent
from lineage.values import SECOND, Name
from tests.graph.worlds import (
    NS,
    change,
    columns,
    event,
    facet,
    moment,
    ns,
    report,
    run_id,
    schema,
    symlink,
)


def sent(**members: Any) -> dict[str, Any]:
    """A good event with some members changed; None leaves one out."""
    message = event("r", "START", 0, reads=["s"], writes=["d"]) | members
    return {name: value for name, value in message.items() if value is not None}


def refused(message: dict[str, Any]) -> NotAnEvent:
    with pytest.raises(NotAnEvent) as caught:
        report(message)
    return caught.value


@pytest.mark.parametrize("raw", [b"", b"nonsense", b'{"a": "\xff"}', b"[" * 100_000, b'{"a": 1}{'])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(NotAnEvent, match="cannot be read as JSON"):
        openlineage.decode(raw)


def test_an_event_is_one_object() -> None:
    with pytest.raises(NotAnEvent, match="one JSON object") as caught:
        openlineage.decode(b"[{}]")
    assert "batch" in caught.value.remedy


def dataset(**facets: Any) -> list[dict[str, Any]]:
    return [{"namespace": NS, "name": "d", "facets": facets}]


def sources(**one: Any) -> dict[str, Any]:
    """A lineage facet with one source."""
    return facet(inputs=[one])


@pytest.mark.parametrize(
    ("message", "where", "why"),
    [
        (sent(job=None), "/job", "needs its job"),
        (sent(run=None, dataset={"namespace": NS, "name": "d"}), "/dataset", "send two"),
        (sent(run=None, job=None), "/run", "names none"),
        (sent(eventTime="yesterday"), "/eventTime", "no RFC 3339 time"),
        (sent(eventTime="2026-02-30T00:00:00Z"), "/eventTime", "day"),
        (sent(eventTime="2026-02-01T00:00:61Z"), "/eventTime", "between 1970 and 2200"),
        (sent(eventTime="1969-12-31T23:59:59Z"), "/eventTime", "between 1970 and 2200"),
        (sent(eventTime="2201-01-01T00:00:00Z"), "/eventTime", "between 1970 and 2200"),
        (sent(eventTime="2026-02-01T00:00:00+24:00"), "/eventTime", "no such offset"),
        (sent(eventTime="2026-02-01T00:00:00+00:60"), "/eventTime", "no such offset"),
        (sent(run={"runId": "seven"}), "/run/runId", "UUID"),
        (sent(inputs=[{"namespace": NS}]), "/inputs/0", "name"),
        (sent(producer="no address"), "/producer", "regex"),
        (sent(outputs=dataset(schema=["x"])), "/outputs/0/facets/schema", "a facet is an object"),
        (sent(run={"runId": run_id("r"), "facets": {"a/b~c": 1}}), "/run/facets/a~1b~0c", "a facet is an object"),
        (sent(outputs=dataset(lineage=sources(type="DATASET", name="s"))), "/outputs/0/facets/lineage/inputs", "namespace and name"),
        (sent(outputs=dataset(lineage=sources(type="JOB", name="j"))), "/outputs/0/facets/lineage/inputs", "by neither"),
        (sent(outputs=dataset(**schema("*"))), "/outputs/0/facets/schema/fields", "cannot be called *"),
        (sent(outputs=dataset(**columns(c=[("s", "*")]))), "/outputs/0/facets/columnLineage/fields/c/field", "cannot be called *"),
        (sent(outputs=dataset(lineage=sources(type="DATASET", namespace=NS, name="s", field="*"))), "/outputs/0/facets/lineage/inputs", "cannot be called *"),
        (sent(outputs=[{"namespace": NS, "name": "\ud800"}]), "/outputs/0/name", "surrogate"),
    ],
)  # fmt: skip
def test_a_bad_event_is_refused_with_its_place(message: dict[str, Any], where: str, why: str) -> None:
    with pytest.raises(NotAnEvent) as caught:
        openlineage.read(message)
    assert (caught.value.where, why in caught.value.detail) == (where, True), caught.value.detail


@pytest.mark.parametrize("unit", ["x", "é", "😀"])
@pytest.mark.parametrize(
    ("member", "limit"), [("namespace", openlineage.MAX_NAMESPACE), ("name", openlineage.MAX_NAME)]
)
def test_a_name_is_as_long_as_the_index_takes(member: str, limit: int, unit: str) -> None:
    longest = unit * (limit // len(unit.encode()))
    good = {"namespace": NS, "name": "d", member: longest}
    assert report(sent(outputs=[good])).outputs[0].namespace == good["namespace"]
    with pytest.raises(Unprocessable) as caught:
        report(sent(outputs=[good | {member: longest + "x"}]))
    assert (caught.value.code, caught.value.where) == ("name-too-long", f"/outputs/0/{member}")


def test_an_unnamed_job_is_the_events_own() -> None:
    """Neither namespace nor name of a source that is a job: nothing to check."""
    assert report(sent(outputs=dataset(lineage=sources(type="JOB")))).outputs[0].facets is not None


def test_what_is_left_out_is_noted() -> None:
    message = sent(schemaURL=None, eventType=None, eventTime="2026-03-01T00:00:00")
    message["run"]["facets"] = {"plain": {}, "other": {}}
    assert report(message).notes == (
        "facet-without-producer", "time-assumed-utc", "schema-url-missing", "event-type-missing",
    )  # fmt: skip
    assert report(sent()).notes == ()


def test_facets_that_are_deleted_are_not_read() -> None:
    gone = {"_producer": "x:y", "_deleted": True}
    message = sent(
        outputs=dataset(**schema("a"), columnLineage=gone),
        inputs=dataset(schema=gone, symlinks={**gone, "_deleted": 1}),
    )
    (output,), (read,) = report(message).outputs, report(message).inputs
    assert output.facets is not None and read.facets is not None
    assert (output.facets.columnLineage, bool(output.facets.schema)) == (None, True)
    assert (read.facets.schema, bool(read.facets.symlinks)) == (None, True)


def test_an_event_may_be_five_minutes_ahead_and_no_more() -> None:
    found = report(sent())
    openlineage.must_not_be_ahead(found, now=found.at - 300 * SECOND)
    with pytest.raises(FromTheFuture) as caught:
        openlineage.must_not_be_ahead(found, now=found.at - 300 * SECOND - 1)
    assert caught.value.where == "/eventTime"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T00:00:01.5Z", ns(1) + 500_000_000),
        ("2026-03-01t00:00:01,123456789987z", ns(1) + 123_456_789),
        ("2026-03-01T02:30:01+02:30", ns(1)),
        ("2026-02-28T21:30:01-0230", ns(1)),
        ("2026-03-01T01:00:01+01:00[Europe/Berlin]", ns(1)),
        ("2026-02-28T23:59:60Z", ns(0)),  # a leap second
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, instant: int) -> None:
    assert openlineage.read_time(text, []) == instant


def test_what_may_hold_secrets_is_dropped_and_said() -> None:
    message = sent()
    message["run"]["facets"] = {
        "errorMessage": facet(message="password=1"),
        "environmentVariables": facet(environmentVariables=[]),
        "extractionError": facet(totalTasks=1, errors=[{"errorMessage": "secret"}]),
        "nominalTime": facet(nominalStartTime="x"),
    }
    message["job"]["facets"] = {"sourceCode": facet(sourceCode="secret"), "sql": facet(query="select 1")}
    kept, notes = openlineage.without_secrets(message)
    assert notes == [
        "dropped:/run/facets/environmentVariables",
        "dropped:/run/facets/errorMessage",
        "dropped:/job/facets/sourceCode",
        "dropped:/run/facets/extractionError/errors",
    ]
    assert "secret" not in json.dumps(kept) and "password" not in json.dumps(kept)
    assert set(kept["run"]["facets"]) == {"extractionError", "nominalTime"}
    assert kept["job"]["facets"] == {"sql": facet(query="select 1")}
    assert message["run"]["facets"]["extractionError"]["errors"], "what was sent is not touched"


@pytest.mark.parametrize(
    "holder", ["seven", None, {}, {"facets": "none"}, {"facets": {"extractionError": {"errors": []}}}]
)
def test_where_nothing_can_be_dropped_the_event_stays_as_it_is(holder: Any) -> None:
    message = {"run": holder, "job": holder}
    assert openlineage.without_secrets(message) == (message, [])


# -- atoms --------------------------------------------------------------------------------------------------------------------


def said(message: dict[str, Any], *kinds: str) -> set[atoms.Atom]:
    return {atom for atom in atoms.of(report(message)) if atom[0] in kinds}


def test_what_the_lineage_of_an_input_names_is_read_too() -> None:
    """An input is no write of this run, so that its sources count as read: nothing named is lost."""
    facets = {
        **columns([("wide", "k")], c=[("narrow", "x")]),
        "lineage": facet(
            inputs=[{"type": "DATASET", "namespace": NS, "name": "listed"}, {"type": "JOB"}],
            fields={"c": {"inputs": [{"type": "DATASET", "namespace": NS, "name": "field"}]}},
        ),
        **change("RENAME", "old"),
    }
    found = said(event("r", "START", 0, reads=["s"], input_facets=facets), "input", "job-source", "output", "column")
    assert found == {("input", NS, each) for each in ("s", "wide", "narrow", "listed", "field", "old")} | {
        ("job-source", "", "")
    }


def test_a_change_of_an_input_without_a_former_name_adds_nothing() -> None:
    assert said(event("r", "START", 0, reads=["s"], input_facets=change("ALTER")), "input") == {("input", NS, "s")}


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_dataset_without_facets_is_read_or_written_all_the_same(side: str) -> None:
    message = {**event("r", "START", 0), side: [{"namespace": NS, "name": "d"}]}
    assert said(message, "input", "output", "plain") == (
        {("input", NS, "d")} if side == "inputs" else {("output", NS, "d"), ("plain", NS, "d")}
    )


def test_a_dataset_is_no_other_name_of_itself() -> None:
    assert said(event("r", "START", 0, writes={"d": symlink("d", "e")}), "symlink") == {("symlink", NS, "d", NS, "e")}


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        ({}, True),
        ({"namespace": "jobs", "name": "r"}, True),
        ({"namespace": "jobs", "name": "other"}, False),
    ],
    ids=["unnamed", "its own", "another"],
)
def test_what_flows_into_the_events_own_job_is_read(entry: dict[str, str], read: bool) -> None:
    inputs = [{"type": "DATASET", "namespace": NS, "name": "s"}, {"type": "JOB", "namespace": "jobs", "name": "x"}]
    entries = [{"type": "JOB", **entry, "inputs": inputs}, {"type": "JOB", **entry}]
    found = said(event("r", "START", 0, job_facets={"lineage": facet(entries=entries)}), "input", "job-source")
    assert found == ({("input", NS, "s"), ("job-source", "", "")} if read else set())


def test_atoms_are_stored_and_read_back() -> None:
    found = atoms.of(
        report(event("r", "START", 0, reads=["s"], writes={"d": columns(c=[("s", "x", "DIRECT/masked")])}))
    )
    stored = json.loads(json.dumps(atoms.plain(found)))
    assert atoms.parsed(stored) == found
    assert stored == sorted(stored, key=json.dumps)
    assert atoms.plain(frozenset(reversed(list(found)))) == stored


def test_a_declaration_tells_itself_apart_by_its_time() -> None:
    job = report(sent(run=None, eventTime=moment(7).isoformat()))
    assert (job.kind, job.job, job.key) == ("job", Name("jobs", "r"), f"{job.run} @{ns(7)}")
    assert report(sent()).key == run_id("r")


def test_references_are_opaque_and_never_twice_the_same() -> None:
    found = {refs.new("cus") for _ in range(500)}
    assert len(found) == 500
    assert all(ref[:4] == "cus_" and len(ref) == 20 and set(ref[4:]) <= set(refs.ALPHABET) for ref in found)
    assert {ref[at] for ref in found for at in (4, 19)} == set(refs.ALPHABET)
