"""The numbered rules of LINEAGE.md, each as a small story."""

from dataclasses import replace

import pytest

from lineage.values import SECOND, Rules, Trust
from tests.graph.worlds import (
    ANYBODY,
    DBT,
    NO_SKEW,
    NS,
    SPARK,
    cells,
    change,
    codes,
    columns,
    dbt,
    derived,
    did,
    event,
    exposed,
    facet,
    job,
    moment,
    ns,
    run_id,
    say,
    schema,
    source,
    sources,
    symlink,
    world,
)

SKEWED = Rules(skew=5 * SECOND)


def one(events, **given):  # type: ignore[no-untyped-def]
    (found,) = derived(events, **given).values()
    return found


# -- time and runs ------------------------------------------------------------------------------------------------------------


def test_rule_01_two_events_of_one_run_and_type_are_united() -> None:
    events = [event("r", "START", 0, reads=["s"]), event("r", "START", 0, reads=["t"], writes=["d"])]
    found = world(events, source("s"), source("t"))
    assert sources(found, "d", 10) == {"s", "t"}


def test_rule_02_a_window_reaches_from_the_first_event_to_the_last_terminal_one() -> None:
    run = one([event("r", "RUNNING", 3), event("r", "START", 5), event("r", "FAIL", 9), event("r", "COMPLETE", 8)])
    assert run.window == (ns(3), ns(9))
    assert run.state == "failed"


def test_rule_02_an_event_without_type_is_other() -> None:
    run = one([event("r", None, 1), event("r", "START", 2), event("r", "COMPLETE", 3)])
    assert run.window == (ns(1), ns(3))


def test_rule_03_an_open_run_reads_every_later_write_of_its_inputs() -> None:
    events = [*did("r", 0, None, reads=["t"], writes=["d"]), *did("late", 5000, 5001, reads=["s"], writes=["t"])]
    assert "s" in sources(world(events, source("s")), "d", 6000)


def test_rule_03_a_named_person_may_close_a_dead_run() -> None:
    events = [*did("r", 0, None, reads=["t"], writes=["d"]), *did("late", 5000, 5001, reads=["s"], writes=["t"])]
    closed = say("run-closed", "d", run=run_id("r"), at=moment(100).isoformat())
    found = world(events, source("s"), source("t"), closed)
    assert "s" not in sources(found, "d", 6000)
    assert "not-finished" not in codes(exposed(found, "d", 6000).partial)


def test_rule_03_a_closing_whose_time_cannot_be_read_counts_from_its_own() -> None:
    events = did("r", 0, None, reads=["t"], writes=["d"])
    for at in ("soon", None):
        run = one(events, statements=[say("run-closed", "d", since=100, run=run_id("r"), at=at)])
        assert (run.state, run.window.end) == ("closed", ns(100))
    run = one(events, statements=[say("run-closed", "d", since=100, run=run_id("r"), at="2026-03-01T00:00:50")])
    assert run.window.end == ns(50)


def test_rule_04_without_start_the_window_begins_an_assumed_while_earlier() -> None:
    run = one([event("r", "COMPLETE", 4000, writes=["d"])])
    assert run.window == (ns(400), ns(4000))
    assert "start-missing" in run.reasons


def test_rule_05_a_time_without_offset_is_utc_and_says_so() -> None:
    message = event("r", "START", 0) | {"eventTime": "2026-03-01T00:00:01.123456789"}
    run = one([message])
    assert run.window.start == ns(1) + 123_456_789
    assert "time-assumed-utc" in run.reasons


def test_rule_05_skew_widens_every_comparison() -> None:
    events = [*did("w", 0, 1, reads=["s"], writes=["t"]), *did("r", -5, -3, reads=["t"], writes=["d"])]
    assert "s" in sources(world(events, source("s"), rules=SKEWED), "d", 60)
    assert "s" not in sources(world(events, source("s")), "d", 60)


def test_rule_06_ties_count_as_seen() -> None:
    events = [*did("w", 10, 11, reads=["s"], writes=["t"]), *did("r", 0, 10, reads=["t"], writes=["d"])]
    assert "s" in sources(world(events, source("s")), "d", 60)


def test_rule_06_runs_that_read_each_other_form_a_cycle_and_the_walk_ends() -> None:
    events = [
        *did("p", 0, 100, reads=["a", "s"], writes=["b"]),
        *did("q", 0, 100, reads=["b"], writes=["a"]),
    ]
    assert sources(world(events, source("s")), "a", 200) == {"s"}


def test_rule_06_a_run_does_not_read_its_own_write() -> None:
    found = world(did("r", 0, 1, reads=["d", "s"], writes=["d"]), source("s"), source("d"))
    steps = {(o.dataset, o.column) for o in exposed(found, "d", 2).origins["*"]}
    assert ("s", "*") in steps
    # What was there before is an ancestor, its own write is not.
    assert "write-mode-unknown" not in codes(exposed(found, "d", 2).notes)


# -- writes -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["FAIL", "ABORT", None])
def test_rule_07_what_failed_and_unfinished_runs_wrote_counts(ending: str | None) -> None:
    events = did("r", 0, None if ending is None else 5, ending=ending or "", reads=["s"], writes=["d"])
    found = world(events, source("s"))
    assert sources(found, "d", 1) == {"s"}
    assert exposed(found, "d", 1).completeness == "partial"


def test_rule_08_a_completed_whole_replacement_ends_what_was_there() -> None:
    events = [
        *did("old", 0, 1, reads=["s"], writes=["d"]),
        *did("new", 10, 11, producer=DBT, reads=["t"], writes={"d": dbt("table")}),
    ]
    found = world(events, source("s"), source("t"))
    assert sources(found, "d", 10.5) == {"s", "t"}
    assert sources(found, "d", 12) == {"t"}


@pytest.mark.parametrize("spoiled", ["failed", "overlapping", "other name"])
def test_rule_08_what_failed_overlapped_or_wrote_elsewhere_ends_nothing(spoiled: str) -> None:
    start, ending, name = 10.0, "COMPLETE", "d"
    match spoiled:
        case "failed":
            ending = "FAIL"
        case "overlapping":
            start = 1.0
        case _:
            name = "elsewhere"
    events = [
        *did("old", 0, 1, reads=["s"], writes=["d"]),
        *did("new", start, 11, ending=ending, producer=DBT, reads=["t"], writes={name: dbt("table")}),
    ]
    assert "s" in sources(world(events, source("s"), source("t")), "d", 12)


@pytest.mark.parametrize(
    ("producer", "facets", "replaces"),
    [
        (DBT, dbt("table"), True),
        (DBT, dbt("view"), True),
        (DBT, dbt("incremental"), False),
        (ANYBODY, dbt("table"), False),
        (SPARK, change("DROP"), True),
        (SPARK, change("TRUNCATE"), True),
        (SPARK, change("OVERWRITE"), False),
        (SPARK, change("CREATE"), False),
        (SPARK, change("ALTER"), False),
        (ANYBODY, change("DROP"), False),
    ],
)
def test_rule_09_what_replaces_a_dataset_whole(producer: str, facets: dict[str, object], replaces: bool) -> None:
    events = [
        *did("old", 0, 1, reads=["s"], writes=["d"]),
        *did("new", 10, 11, producer=producer, writes={"d": facets}),
    ]
    assert ("s" not in sources(world(events, source("s")), "d", 20)) is replaces


def test_rule_09_overwrite_is_believed_from_a_trusted_producer() -> None:
    rules = replace(NO_SKEW, trusted=(Trust("https://warehouse.example/*"),))
    new = did("new", 10, 11, producer="https://warehouse.example/sync", reads=["t"], writes={"d": change("OVERWRITE")})
    found = world([*did("old", 0, 1, reads=["s"], writes=["d"]), *new], source("s"), source("t"), rules=rules)
    assert sources(found, "d", 20) == {"t"}


def test_rule_09_a_person_may_declare_that_a_job_replaces_a_dataset_whole() -> None:
    events = [
        *did("mon", 0, 1, job="etl", reads=["s"], writes=["d"]),
        *did("tue", 10, 11, job="etl", reads=["t"], writes=["d"]),
    ]
    whole = say("replaces-whole", "d", job=job("etl"))
    assert sources(world(events, source("s"), source("t")), "d", 20) == {"s", "t"}
    assert sources(world(events, source("s"), source("t"), whole), "d", 20) == {"t"}
    ended = say("replaces-whole", "d", until=5, job=job("etl"))
    assert sources(world(events, source("s"), source("t"), ended), "d", 20) == {"s", "t"}


def test_rule_10_output_statistics_say_nothing_about_the_mode() -> None:
    stats = {"outputStatistics": facet(rowCount=1, size=1)}
    events = [
        *did("old", 0, 1, reads=["s"], writes=["d"]),
        *did("new", 10, 11, producer=DBT, reads=["t"], writes={"d": stats}),
    ]
    assert sources(world(events, source("s"), source("t")), "d", 20) == {"s", "t"}


def test_rule_11_a_late_old_write_is_gone_after_the_drop_but_was_read_in_between() -> None:
    events = [
        *did("drop", 10, 11, producer=SPARK, writes={"d": change("DROP")}),
        *did("reader", 5, 6, reads=["d"], writes=["e"]),
        *did("late", 0, 1, reads=["s"], writes=["d"]),
    ]
    found = world(events, source("s"))
    assert sources(found, "d", 20) == set()
    assert sources(found, "e", 20) == {"s"}


def test_rule_12_rename_moves_and_ends_the_old_name() -> None:
    events = [
        *did("w", 0, 1, reads=["s"], writes=["old"]),
        *did("mv", 10, 11, producer=SPARK, writes={"new": change("RENAME", "old")}),
    ]
    found = world(events, source("s"))
    assert sources(found, "new", 20) == {"s"}
    assert sources(found, "old", 20) == set()
    untrusted = [*events[:2], *did("mv", 10, 11, writes={"new": change("RENAME", "old")})]
    found = world(untrusted, source("s"))
    assert sources(found, "new", 20) == {"s"}
    assert sources(found, "old", 20) == {"s"}


def test_rule_12_rename_keeps_columns() -> None:
    events = [
        *did("w", 0, 1, reads=["s"], writes={"old": columns(a=[("s", "x")], b=[("s", "y")])}),
        *did("mv", 10, 11, producer=SPARK, writes={"new": change("RENAME", "old")}),
    ]
    assert cells(world(events, source("s")), "new", 20, "a") == {("s", "x", "content", False)}


def test_rule_12_rename_without_previous_name_is_a_gap() -> None:
    found = world(did("mv", 10, 11, producer=SPARK, writes={"new": change("RENAME")}))
    assert codes(exposed(found, "new", 20).unknown) == {"rename-without-previous"}


def test_rule_13_symlinks_are_timeless_for_reading() -> None:
    events = [
        *did("w", 0, 1, reads=["s"], writes=["/warehouse/t"]),
        *did("r", 10, 11, reads=["db.t"], writes=["d"]),
        event("later", "START", 50, reads=["db.t"], input_facets=symlink("/warehouse/t")),
    ]
    assert sources(world(events, source("s")), "d", 60) == {"s"}


def test_rule_13_a_wrong_symlink_cleans_nothing() -> None:
    events = [
        *did("w", 0, 1, reads=["s"], writes=["a"]),
        *did("x", 10, 11, producer=DBT, reads=["t"], writes={"b": dbt("table") | symlink("a")}),
    ]
    found = world(events, source("s"), source("t"))
    assert sources(found, "a", 20) == {"s", "t"}


# -- sources ------------------------------------------------------------------------------------------------------------------


def test_rule_14_every_way_of_naming_a_source_counts() -> None:
    entry = {"type": "DATASET", "namespace": NS, "name": "d", "fields": {"c": {"inputs": [_named("in_job_field")]}}}
    said = {
        "lineage": facet(inputs=[_named("in_facet")], fields={"c": {"inputs": [_named("in_facet_field")]}}),
        **columns([("in_dataset", "k", "INDIRECT/JOIN")], c=[("in_fields", "x")]),
    }
    events = [
        event("r", "START", 0, writes={"d": said}),
        event("r", "COMPLETE", 1, job_facets={"lineage": facet(entries=[entry])}),
    ]
    names = ["in_job_field", "in_facet", "in_facet_field", "in_dataset", "in_fields"]
    assert sources(world(events, *map(source, names)), "d", 5) == set(names)


def test_rule_14_lineage_of_a_dataset_that_is_no_output_is_a_write_of_it() -> None:
    entry = {"type": "DATASET", "namespace": NS, "name": "d", "inputs": [_named("s")]}
    events = [event("r", "COMPLETE", 1, job_facets={"lineage": facet(entries=[entry])})]
    assert sources(world(events, source("s")), "d", 5) == {"s"}


def test_rule_15_every_input_of_any_event_is_a_source_of_every_output() -> None:
    events = [
        event("r", "START", 0, reads=["s"]),
        event("r", "RUNNING", 1, reads=["t"]),
        event("r", "COMPLETE", 2, writes=["d"]),
    ]
    assert sources(world(events, source("s"), source("t")), "d", 5) == {"s", "t"}


def test_rule_15_a_lineage_facet_that_lists_inputs_replaces_the_product() -> None:
    facets = {"d": {"lineage": facet(inputs=[_named("s")])}, "e": {}}
    found = world(did("r", 0, 1, reads=["s", "t"], writes=facets), source("s"), source("t"))
    assert sources(found, "d", 5) == {"s"}
    assert sources(found, "e", 5) == {"s", "t"}


def test_rule_15_an_empty_list_is_believed_from_trusted_producers_only() -> None:
    facets = {"d": {"lineage": facet(inputs=[])}}
    assert sources(world(did("r", 0, 1, reads=["s"], writes=facets), source("s")), "d", 5) == {"s"}
    believed = world(did("r", 0, 1, producer=DBT, reads=["s"], writes=facets), source("s"))
    assert sources(believed, "d", 5) == set()
    assert codes(exposed(believed, "d", 5).unknown) == {"no-source-named"}


def test_rule_16_a_source_that_is_a_job_is_not_resolved_and_makes_the_answer_unknown() -> None:
    facets = {"d": {"lineage": facet(inputs=[{"type": "JOB", "namespace": "jobs", "name": "other"}])}}
    found = world(did("r", 0, 1, reads=["s"], writes=facets), source("s"), source("d"))
    assert codes(exposed(found, "d", 5).unknown) == {"job-source"}


def test_rule_17_a_job_event_declares_until_the_next_about_the_same_job() -> None:
    def declares(at: float, read: str) -> dict[str, object]:
        message = event("r", None, at, job="etl", reads=[read], writes=["d"])
        return {key: value for key, value in message.items() if key != "run"}

    events = [declares(0, "s"), declares(10, "t")]
    found = world(events, source("s"), source("t"))
    assert "declared-not-run" in codes(exposed(found, "d", 5).partial)
    first, second = sorted(derived(events).values(), key=lambda run: run.window)
    assert (first.window.end, first.state) == (ns(10), "declared")
    assert second.window.end > ns(10**6)


def test_rule_17_a_dataset_event_without_lineage_describes_and_writes_nothing() -> None:
    message = {
        "eventTime": moment(0).isoformat(), "producer": ANYBODY, "schemaURL": "x:y",
        "dataset": {"namespace": NS, "name": "s", "facets": schema("a", "b")},
    }  # fmt: skip
    run = one([message])
    assert not run.writes
    assert {column for _, column in run.columns} == {"a", "b"}


def test_rule_18_a_view_shows_its_sources_as_they_are_when_it_is_read() -> None:
    events = [
        *did("t1", 0, 1, producer=DBT, reads=["old"], writes={"t": dbt("table")}),
        *did("v", 2, 3, producer=DBT, reads=["t"], writes={"v": dbt("view")}),
        *did("t2", 10, 11, producer=DBT, reads=["new"], writes={"t": dbt("table")}),
        *did("r", 20, 21, reads=["v"], writes=["d"]),
    ]
    found = world(events, source("old"), source("new"))
    assert sources(found, "v", 5) == {"old"}
    assert sources(found, "v", 15) == {"new"}
    assert sources(found, "d", 30) == {"new"}


def test_rule_18_whoever_may_not_narrow_may_not_turn_a_table_into_a_view() -> None:
    claims = {"v": {"datasetType": facet(datasetType="VIEW")}}
    events = [
        *did("t1", 0, 1, producer=DBT, reads=["old"], writes={"t": dbt("table")}),
        *did("v", 2, 3, reads=["t"], writes=claims),
        *did("t2", 10, 11, producer=DBT, reads=["new"], writes={"t": dbt("table")}),
    ]
    assert sources(world(events, source("old"), source("new")), "v", 15) == {"old", "new"}


def test_rule_18_views_of_views() -> None:
    events = [
        *did("v", 0, 1, producer=DBT, reads=["t"], writes={"v": dbt("view")}),
        *did("w", 2, 3, producer=DBT, reads=["v"], writes={"w": dbt("view")}),
        *did("late", 10, 11, reads=["s"], writes=["t"]),
    ]
    assert sources(world(events, source("s"), source("t")), "w", 20) == {"s", "t"}
    assert sources(world(events, source("s"), source("t")), "w", 5) == {"t"}


def test_rule_19_a_version_facet_keeps_the_window_rule_with_a_reason() -> None:
    facets = {"version": facet(datasetVersion="7")}
    found = world(did("r", 0, 1, reads=["s"], writes=["d"], input_facets=facets), source("s"))
    assert "version-unresolved" in codes(exposed(found, "d", 5).partial)


def test_rule_20_a_wrapper_that_names_no_source_is_not_excused_yet() -> None:
    found = world([*did("wrap", 0, 9, writes=["d"]), *did("child", 1, 2, reads=["s"], writes=["d"])], source("s"))
    assert codes(exposed(found, "d", 20).unknown) == {"no-source-named"}


# -- columns ------------------------------------------------------------------------------------------------------------------


def test_rule_21_a_covered_column_is_the_union_over_all_events() -> None:
    events = [
        event("r", "START", 0, writes={"d": columns(c=[("s", "x")])}),
        event("r", "COMPLETE", 1, writes={"d": columns(c=[("s", "y")])}),
    ]
    assert {c[1] for c in cells(world(events, source("s")), "d", 5, "c")} == {"x", "y"}


def test_rule_21_empty_input_fields_cover_nothing() -> None:
    found = world(did("r", 0, 1, reads=["s"], writes={"d": columns(c=[])}), source("s"))
    assert cells(found, "d", 5, "c") == {("s", "*", "content", False), ("s", "*", "presence", False)}


@pytest.mark.parametrize(
    ("how", "path"),
    [
        ("", "content"),
        ("DIRECT/IDENTITY", "content"),
        ("SOMETHING/ELSE", "content"),
        ("INDIRECT/CONDITIONAL", "content"),
        ("INDIRECT/GROUP_BY", "content"),
        ("INDIRECT/WINDOW", "content"),
        ("INDIRECT/", "content"),
        ("INDIRECT/JOIN", "presence"),
        ("INDIRECT/FILTER", "presence"),
        ("INDIRECT/SORT", "presence"),
    ],
)
def test_rule_21_what_an_edge_carries(how: str, path: str) -> None:
    found = world(did("r", 0, 1, reads=["s"], writes={"d": columns(c=[("s", "x", how)])}), source("s"))
    assert cells(found, "d", 5, "c") == {("s", "x", path, False)}


def test_rule_21_a_source_is_masked_only_if_every_path_is() -> None:
    masked = world(did("r", 0, 1, writes={"d": columns(c=[("s", "x", "DIRECT/masked")])}), source("s"))
    assert cells(masked, "d", 5, "c") == {("s", "x", "content", True)}
    both = did("r", 0, 1, writes={"d": columns(c=[("s", "x", "DIRECT/masked"), ("t", "x")])})
    between = did("t", -9, -8, writes={"t": columns(x=[("s", "x")])})
    assert cells(world([*both, *between], source("s")), "d", 5, "c") == {("s", "x", "content", False)}


def test_rule_21_dataset_wide_edges_reach_every_column() -> None:
    said = {"d": columns([("k", "id", "INDIRECT/JOIN")], c=[("s", "x")])}
    found = world(did("r", 0, 1, reads=["s", "k"], writes=said), source("s"), source("k"))
    assert cells(found, "d", 5, "c") == {("s", "x", "content", False), ("k", "id", "presence", False)}


def test_rule_22_an_uncovered_column_takes_all_columns_of_all_sources() -> None:
    said = {"d": columns(c=[("s", "x")]) | schema("c", "e")}
    events = [*did("s0", -9, -8, writes={"s": schema("x", "y")}), *did("r", 0, 1, reads=["s"], writes=said)]
    found = world(events, source("s"))
    assert {(c, p) for _, c, p, _ in cells(found, "d", 5, "e")} == {
        (c, p) for c in "xy" for p in ("content", "presence")
    }
    assert set(exposed(found, "d", 5).origins) == {"c", "e", "*"}


def test_rule_22_a_source_whose_columns_are_unknown_contributes_a_star() -> None:
    found = world(did("r", 0, 1, reads=["s"], writes=["d"]), source("s"))
    assert {c for _, c, _, _ in cells(found, "d", 5, "c")} == {"*"}


@pytest.mark.parametrize("whose", ["dbt", "a reader"])
def test_rule_22_a_list_of_columns_may_be_partial(whose: str) -> None:
    events = did("r", 0, 1, reads=["s"], writes=["d"], input_facets=schema("x") if whose == "a reader" else None)
    if whose == "dbt":
        events += did("s0", -9, -8, producer=DBT, writes={"s": schema("x")})
    found = world(events, source("s"))
    assert {c for _, c, _, _ in cells(found, "d", 5, "c")} == {"x", "*"}


def test_rule_23_sources_that_no_column_names_count_for_every_column() -> None:
    said = {"d": columns(c=[("s", "x")])}
    found = world(did("r", 0, 1, reads=["s", "t"], writes=said), source("s"), source("t"))
    assert cells(found, "d", 5, "c") == {
        ("s", "x", "content", False),
        ("t", "*", "content", False),
        ("t", "*", "presence", False),
    }


def test_rule_23_and_stay_as_presence_where_the_producer_lists_indirect_edges() -> None:
    said = {"d": columns(c=[("s", "x")])}
    found = world(did("r", 0, 1, producer=SPARK, reads=["s", "t"], writes=said), source("s"), source("t"))
    assert cells(found, "d", 5, "c") == {("s", "x", "content", False), ("t", "*", "presence", False)}


def test_rule_23_a_declared_column_map_covers_columns() -> None:
    fields = {"c": [{"namespace": NS, "name": "s", "field": "x"}]}
    mapped = say("column-map", "d", job=job("r"), fields=fields)
    found = world(did("r", 0, 1, reads=["s", "t"], writes=["d"]), source("s"), source("t"), mapped)
    assert cells(found, "d", 5, "c") == {("s", "x", "content", False), ("t", "*", "presence", False)}


def _named(name: str) -> dict[str, str]:
    return {"type": "DATASET", "namespace": NS, "name": name}
