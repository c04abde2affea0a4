"""Taking events in: once, whole, with a ledger entry, or refused with a place; and kept for the operator when refused."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import Error, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage import errors, ingest
from lineage.journal import entries
from lineage.journal.models import Entry
from lineage.models import Dataset, LineageEvent, RejectedEvent, Run, Write
from tests.graph.worlds import body, columns, did, event, facet, moment
from tests.lineage.worlds import BY, NOW, take

pytestmark = pytest.mark.django_db
EVENTS = Path(__file__).parent.parent / "golden" / "events"


def refused(raw: bytes, **given):  # type: ignore[no-untyped-def]
    with pytest.raises(errors.Problem) as caught:
        ingest.accept(raw, by=BY, **{"at": NOW, **given})
    return caught.value


def test_all_recorded_events_are_accepted_and_known_the_second_time() -> None:
    lines = [line for file in sorted(EVENTS.glob("*.ndjson")) for line in file.read_bytes().splitlines()]
    first = [ingest.accept(line, by=BY, at=NOW) for line in lines]
    second = [ingest.accept(line, by=BY, at=NOW) for line in lines]
    assert len(lines) == 41
    assert not any(each.duplicate for each in first)
    assert all(each.duplicate for each in second)
    assert [each.event_ref for each in first] == [each.event_ref for each in second]
    assert LineageEvent.objects.count() == 41


def test_the_ledger_commits_to_the_bytes_that_were_stored() -> None:
    raw = body(event("r", "START", 0, reads=["s"], writes=["d"]))
    accepted = ingest.accept(raw, by=BY, at=NOW)
    row = LineageEvent.objects.get(ref=accepted.event_ref)
    entry = entries.read(row.entry_ref)
    assert bytes(row.body) == raw
    assert entries.payload(entry) == raw
    assert (entry.kind, entry.about, entry.by) == ("lineage.event", [accepted.event_ref], BY)


def test_what_may_hold_secrets_is_dropped_before_it_is_stored_and_the_answer_says_so() -> None:
    message = event(
        "r", "FAIL", 0,
        run_facets={
            "errorMessage": facet(message="password=hunter2", programmingLanguage="python"),
            "environmentVariables": facet(environmentVariables=[{"name": "TOKEN", "value": "hunter2"}]),
            "extractionError": facet(totalTasks=1, failedTasks=1, errors=[{"errorMessage": "hunter2"}]),
        },
        job_facets={"sourceCode": facet(language="python", sourceCode="key = 'hunter2'")},
    )  # fmt: skip
    (accepted,) = take(message)
    row = LineageEvent.objects.get(ref=accepted.event_ref)
    assert b"hunter2" not in bytes(row.body)
    assert b"hunter2" not in (entries.payload(entries.read(row.entry_ref)) or b"")
    assert {note for note in accepted.notes if note.startswith("dropped:")} == {
        "dropped:/run/facets/errorMessage",
        "dropped:/run/facets/environmentVariables",
        "dropped:/run/facets/extractionError/errors",
        "dropped:/job/facets/sourceCode",
    }
    (again,) = take(message)
    assert again.duplicate and again.notes == accepted.notes


def test_columns_called_like_secrets_stay() -> None:
    fields = {"errorMessage": {"inputFields": [{"namespace": "n", "name": "s", "field": "sourceCode"}]}}
    take(event("r", "COMPLETE", 0, writes={"d": {"columnLineage": facet(fields=fields)}}))
    assert b"sourceCode" in bytes(LineageEvent.objects.get().body)


def test_leniencies_are_told() -> None:
    message = event("r", None, 0)
    del message["schemaURL"]
    message["eventTime"] = "2026-03-01T00:00:00"
    (accepted,) = take(message)
    assert set(accepted.notes) == {"schema-url-missing", "event-type-missing", "time-assumed-utc"}


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"", ""),
        (b"not json", ""),
        (b"[]", ""),
        (b"\xff\xfe", ""),
        (b"[" * 50_000, ""),
        (b'{"a":' * 50_000, ""),
        (b"{}", "/eventTime"),
    ],
)
def test_what_is_no_event_is_malformed(raw: bytes, where: str) -> None:
    problem = refused(raw)
    assert isinstance(problem, errors.Malformed)
    assert problem.where.startswith(where) or problem.where == ""
    assert LineageEvent.objects.count() == Run.objects.count() == 0


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("job", "name"), 3, "/job/name"),
        (("job", "name"), "", "/job/name"),
        (("job", "name"), "a\x00b", "/job/name"),
        (("run", "runId"), "not-a-uuid", "/run/runId"),
        (("eventTime",), "yesterday", "/eventTime"),
        (("eventTime",), "2026-02-30T00:00:00Z", "/eventTime"),
        (("eventTime",), "0001-01-01T00:00:00Z", "/eventTime"),
        (("eventType",), "DONE", "/eventType"),
        (("producer",), "no uri", "/producer"),
        (("inputs",), {}, "/inputs"),
        (("inputs",), [{"namespace": "n"}], "/inputs/0"),
        (("outputs",), [{"namespace": "n", "name": "d", "facets": {"x": 3}}], "/outputs/0/facets/x"),
        (("job", "facets"), {"lineage": {"entries": [{"type": "TABLE"}]}}, "/job/facets/lineage/entries/0/type"),
        (("job", "facets"), {"lineage": {"entries": [{"type": "DATASET"}]}}, "/job/facets/lineage/entries/0"),
        (
            ("outputs",),
            [
                {
                    "namespace": "n",
                    "name": "d",
                    "facets": {"columnLineage": {"fields": {"c": {"inputFields": [{"name": "x"}]}}}},
                }
            ],
            "/outputs/0/facets/columnLineage/fields",
        ),
    ],
)
def test_a_bad_event_is_refused_with_the_place(path: tuple[str, ...], value: object, where: str) -> None:
    message = event("r", "START", 0)
    target = message
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    problem = refused(body(message))
    assert problem.where.startswith(where)
    assert isinstance(problem, errors.Malformed)


@pytest.mark.parametrize(("minutes", "fine"), [(4, True), (6, False)])
def test_times_more_than_five_minutes_ahead_are_refused(minutes: int, fine: bool) -> None:
    raw = body(event("r", "START", 0))
    at = moment(0) - timedelta(minutes=minutes)
    if fine:
        assert not ingest.accept(raw, by=BY, at=at).duplicate
    else:
        assert refused(raw, at=at).code == "event-time-in-the-future"


def test_names_too_long_for_an_index_are_refused() -> None:
    assert refused(body(event("r", "START", 0, reads=["x" * 3000]))).code == "name-too-long"
    assert not take(event("r", "START", 0, reads=["é" * 700]))[0].duplicate


def test_an_event_over_the_limit_is_too_large(settings: Any) -> None:
    settings.LINEAGE_MAX_EVENT_BYTES = 1000
    assert isinstance(refused(body(event("r", "START", 0, job="x" * 1000))), errors.TooLarge)


def test_what_was_refused_is_kept_once_with_its_count() -> None:
    for _ in range(3):
        refused(b"not json")
    refused(b"x" * 100_000)
    row = RejectedEvent.objects.get(size=8)
    assert (bytes(row.body), row.times, row.recorded_by) == (b"not json", 3, BY)
    assert len(RejectedEvent.objects.get(size=100_000).body) == ingest.KEPT_OF_REJECTED


def test_half_an_event_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineage.storing._reads", lambda *_: 1 / 0)
    before = Entry.objects.count()
    with pytest.raises(ZeroDivisionError):
        take(*did("r", 0, 1, reads=["s"], writes=["d"]))
    assert LineageEvent.objects.count() == Write.objects.count() == Dataset.objects.count() == 0
    assert Entry.objects.count() == before


def test_a_bad_line_does_not_hurt_the_others_of_a_batch() -> None:
    good, other = (body(event(name, "START", 0, writes=[name])) for name in ("a", "b"))
    verdicts = ingest.accept_many([good, b"nonsense", other, good], by=BY, at=NOW)
    assert [type(v).__name__ for v in verdicts] == ["Accepted", "NotAnEvent", "Accepted", "Accepted"]
    assert [getattr(v, "duplicate", None) for v in verdicts] == [False, None, False, True]


def test_stored_events_cannot_be_changed_or_deleted() -> None:
    take(event("r", "START", 0))
    for statement in ("UPDATE lineage_lineageevent SET producer = 'x'", "DELETE FROM lineage_lineageevent"):
        with pytest.raises(Error, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


NASTY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="a\x00\u2028é*.\"'", max_size=5) | st.just("x" * 5000),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(alphabet="a\x00/~", max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
PLACES = [
    ("eventTime",), ("eventType",), ("producer",), ("schemaURL",), ("run",), ("run", "runId"), ("run", "facets"), ("run", "facets", "x\x00"),
    ("job",), ("job", "name"), ("job", "facets", "sql"), ("job", "facets", "sql", "query"), ("job", "facets", "lineage"), ("inputs",),
    ("inputs", 0), ("inputs", 0, "name"), ("inputs", 0, "facets"), ("inputs", 0, "facets", "symlinks"), ("inputs", 0, "facets", "schema"),
    ("outputs", 0, "facets", "columnLineage"), ("outputs", 0, "facets", "columnLineage", "fields"),
    ("outputs", 0, "facets", "columnLineage", "fields", "c\x00"), ("outputs", 0, "facets", "lifecycleStateChange"), ("dataset",),
]  # fmt: skip


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from(PLACES), NASTY)
def test_whatever_is_sent_is_taken_or_refused_and_nothing_breaks(place: tuple[str | int, ...], value: object) -> None:
    message = event(
        "r",
        "START",
        0,
        reads=["s"],
        writes={"d": columns(c=[("s", "x")])},
        job_facets={"sql": facet(query='select 1 from "s\x00"')},
    )
    target: Any = message
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    (verdict,) = ingest.accept_many([json.dumps(message).encode()], by=BY, at=NOW)
    assert isinstance(verdict, ingest.Accepted | errors.Problem)


def test_unknown_members_and_facets_stay_as_they_came() -> None:
    message = event("r", "START", 0, run_facets={"ours": facet(anything=[1, {"deep": True}])}) | {"extra": {"x": 1}}
    take(message)
    assert json.loads(bytes(LineageEvent.objects.get().body)) == message
