"""When an answer is known, partial or unknown, and what a person can do about it."""

import pytest

from lineage.graph import Part
from lineage.runs import Ending, Flow, Statement, Write
from lineage.values import Name, Window
from tests.graph.worlds import (
    DBT,
    NS,
    SPARK,
    change,
    codes,
    did,
    event,
    exposed,
    facet,
    say,
    schema,
    source,
    sources,
    symlink,
    world,
)


def test_a_chain_from_a_declared_root_is_known() -> None:
    found = world([*did("a", 0, 1, reads=["s"], writes=["t"]), *did("b", 2, 3, reads=["t"], writes=["d"])], source("s"))
    answer = exposed(found, "d", 10)
    assert (answer.completeness, answer.unknown, answer.partial) == ("known", (), ())
    assert answer.ancestors == ((NS, "s", 2), (NS, "t", 1))


def test_a_root_that_nobody_declared_is_unknown() -> None:
    answer = exposed(world(did("a", 0, 1, reads=["s"], writes=["d"])), "d", 10)
    assert (answer.completeness, codes(answer.unknown)) == ("unknown", {"base"})
    assert answer.unknown[0].remedy


def test_a_write_that_names_no_source_is_unknown_unless_its_dataset_is_declared() -> None:
    events = did("crm", 0, 1, writes=["s"])
    assert codes(exposed(world(events), "s", 10).unknown) == {"no-source-named"}
    assert exposed(world(events, source("s")), "s", 10).completeness == "known"


def test_a_declaration_may_stand_in_the_middle_and_its_own_sources_still_count() -> None:
    events = [*did("a", 0, 1, reads=["s"], writes=["t"]), *did("b", 2, 3, reads=["t"], writes=["d"])]
    found = world(events, source("t"))
    assert sources(found, "d", 10) == {"t"}
    assert codes(exposed(found, "d", 10).unknown) == {"base"}


def test_a_pattern_declares_every_dataset_that_it_names() -> None:
    found = world(did("a", 0, 1, reads=["crm.people"], writes=["d"]), say("source", "crm.*", customer="cus_a"))
    assert sources(found, "d", 10) == {"crm.people"}
    assert exposed(found, "d", 10).completeness == "known"


def test_an_unknown_dataset_is_unknown() -> None:
    answer = exposed(world([]), "nowhere", 10)
    assert "unknown-dataset" in codes(answer.unknown)
    assert answer.completeness == "unknown"


def test_a_dataset_that_was_dropped_is_known_to_hold_nothing() -> None:
    events = [
        *did("w", 0, 1, reads=["s"], writes=["d"]),
        *did("x", 10, 11, producer=SPARK, writes={"d": change("DROP")}),
    ]
    found = world(events, source("s"))
    assert exposed(found, "d", 20).completeness == "known"
    assert sources(found, "d", 20) == set()


@pytest.mark.parametrize(
    ("code", "events"),
    [
        ("start-missing", [event("r", "COMPLETE", 1, reads=["s"], writes=["d"])]),
        ("not-finished", did("r", 0, None, reads=["s"], writes=["d"])),
        ("failed", did("r", 0, 1, ending="FAIL", reads=["s"], writes=["d"])),
        ("run-id-shared", [*did("r", 0, 1, reads=["s"], writes=["d"]), event("r", "OTHER", 1, job="another")]),
        (
            "sql-names-more",
            did(
                "r",
                0,
                1,
                reads=["s"],
                writes=["d"],
                job_facets={"sql": facet(query="select 1 from s join hidden h using (id)")},
            ),
        ),
        (
            "unknown-source-attribute",
            did("r", 0, 1, reads=["s"], writes=["d"], run_facets={"unknownSourceAttribute": facet(unknownItems=[])}),
        ),
    ],
)
def test_a_reason_makes_the_answer_partial(code: str, events: list[dict[str, object]]) -> None:
    answer = exposed(world(events, source("s")), "d", 5000)
    assert (answer.completeness, codes(answer.partial)) == ("partial", {code})


@pytest.mark.parametrize(
    "query",
    [
        "with x as (select * from s) select * from x",
        'select * from "db"."public"."s" -- from hidden',
        "select extract(dow from placed_on) from s where a = 'from hidden'",
        "insert into d select a, b from public.s /* join hidden */",
        "select * from (select * from s) q",
    ],
)
def test_sql_that_reads_only_what_the_event_names_is_no_reason(query: str) -> None:
    found = world(did("r", 0, 1, reads=["s"], writes=["d"], job_facets={"sql": facet(query=query)}), source("s"))
    assert exposed(found, "d", 10).completeness == "known"


def test_what_somebody_read_before_the_first_known_write_is_an_ancestor() -> None:
    events = [
        *did("early", -10, -9, reads=["t"], writes=["e"]),
        *did("first", 0, 1, reads=["s"], writes=["t"]),
        *did("r", 5, 6, reads=["t"], writes=["d"]),
    ]
    assert codes(exposed(world(events, source("s")), "d", 10).unknown) == {"base"}
    assert exposed(world(events[2:], source("s")), "d", 10).completeness == "known"


def test_a_replacement_ends_what_was_there_before_too() -> None:
    table = {"t": {"dbt_model": facet(config={"materialized": "table"})}}
    events = [
        *did("early", -10, -9, reads=["t"], writes=["e"]),
        *did("first", 0, 1, producer=DBT, reads=["s"], writes=table),
        *did("r", 5, 6, reads=["t"], writes=["d"]),
    ]
    assert exposed(world(events, source("s")), "d", 10).completeness == "known"


def test_notes_say_where_a_person_could_be_more_precise() -> None:
    events = [*did("a", 0, 1, reads=["s"], writes=["d"]), *did("b", 2, 3, reads=["s"], writes=["d"])]
    answer = exposed(world(events, source("s")), "d", 10)
    assert codes(answer.notes) == {"product", "write-mode-unknown"}
    assert answer.completeness == "known"


def test_a_declaration_clears_the_gap_of_the_very_name_only() -> None:
    events = [*did("a", 0, 1, writes={"/lake/t": symlink("db.t")})]
    found = world(events, source("db.t"))
    assert sources(found, "/lake/t", 10) == {"/lake/t"}
    assert codes(exposed(found, "/lake/t", 10).unknown) == {"no-source-named"}


def test_key_columns_are_passed_through() -> None:
    keys = say("hidden-keys", "d", ref="key_1", columns=["tenant"])
    found = world(did("a", 0, 1, reads=["s"], writes={"d": schema("x")}), source("s"), keys)
    assert exposed(found, "d", 10).keys == (("key_1", {"columns": ["tenant"]}),)
    assert exposed(found, "d", 10).columns == ("x",)


def test_a_declared_source_that_no_event_names_is_known() -> None:
    found = world([], source("s"))
    assert exposed(found, "s", 10).completeness == "known"
    assert sources(found, "s", 10) == {"s"}


def test_every_name_and_every_instant_of_a_part_is_found_in_it() -> None:
    """What was looked at says when an answer must be given anew: none may be forgotten."""
    write, flow, ended, read, one, other, columns, whole = (Name(NS, each) for each in "wfernocx")
    part = Part(
        writes=(Write(write, "r", Window(1, 2), gone=3, flows=(Flow(flow, "named"),)),),
        endings=(Ending(ended, "r", Window(4, 5)),),
        first_reads={read: 6},
        symlinks=frozenset({(one, other)}),
        columns=frozenset({(columns, "x")}),
        whole=frozenset({whole}),
        statements=(Statement("source", "src", Name(NS, "said"), False, {}, Window(7, 8)),),
    )
    assert sorted(part.names()) == sorted((write, flow, ended, read, one, other, columns, whole))
    assert sorted(part.instants()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (list(Part().names()), list(Part().instants())) == ([], [])
