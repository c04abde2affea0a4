"""Purges, absences, ended keys: what cuts a customer's data from a way, and what brings it back."""

import pytest

from lineage import closure, descent
from lineage.values import Name
from tests.graph.worlds import DBT, NS, columns, dbt, did, exposed, job, moment, ns, run_id, say, source, world

CHAIN = [
    *did("load", 0, 1, reads=["s"], writes=["t"]),
    *did("before", 10, 11, reads=["t"], writes=["early"]),
    *did("after", 30, 31, reads=["t"], writes=["late"]),
]
PURGE = say("purge", "t", since=20, customer="cus_a")


def without(found, name: str, at: float = 100, column: str = "*") -> set[frozenset[str]]:  # type: ignore[no-untyped-def]
    return {origin.without for origin in exposed(found, name, at, column).origins[column]}


def reached(found, name: str, party: str | None = None, at: float = 100) -> set[str]:  # type: ignore[no-untyped-def]
    return {each.version.name for each in descent.descendants(found, Name(NS, name), ns(at), party)}


def test_a_purge_is_a_barrier_for_reads_that_start_after_it_and_for_that_customer_only() -> None:
    found = world(CHAIN, source("s"), PURGE)
    assert without(found, "early") == {frozenset()}
    assert without(found, "late") == {frozenset({"cus_a"})}
    assert without(found, "t") == {frozenset({"cus_a"})}
    assert without(found, "t", at=15) == {frozenset()}


def test_a_purge_does_not_reach_what_was_written_after_it() -> None:
    found = world([*CHAIN, *did("again", 25, 26, reads=["s"], writes=["t"])], source("s"), PURGE)
    assert without(found, "late") == {frozenset()}


def test_a_party_is_absent_only_when_it_is_on_every_way() -> None:
    events = [*CHAIN, *did("both", 40, 41, reads=["late", "early"], writes=["d"])]
    assert without(world(events, source("s"), PURGE), "d") == {frozenset()}


def test_descendants_of_a_party_stop_at_the_purge() -> None:
    found = world(CHAIN, source("s"), PURGE)
    assert reached(found, "s") == {"s", "t", "early", "late"}
    assert reached(found, "s", "cus_a") == {"s", "t", "early"}
    assert reached(found, "s", "cus_b") == set()  # the declaration is of another customer


def test_data_of_no_customer_carry_none() -> None:
    found = world(CHAIN, say("source", "s", no_customer_data=True))
    assert reached(found, "s") == {"s", "t", "early", "late"}
    assert reached(found, "s", "cus_a") == set()


def test_a_run_does_not_read_what_it_writes_itself() -> None:
    """What it found there was purged before: the rows that it adds are not in the other thing that it writes."""
    events = [*did("w", 0, 1, writes=["t"]), *did("r", 30, 31, reads=["t"], writes=["t", "other"])]
    found = world(events, source("t"), PURGE)
    assert reached(found, "t") == {"t", "other"}
    assert reached(found, "t", "cus_a") == {"t"}


def test_nothing_is_reached_that_starts_later() -> None:
    found = world(CHAIN, source("s"))
    assert reached(found, "s", at=15) == {"s", "t", "early"}


def test_descendants_come_with_a_shortest_way() -> None:
    found = world(CHAIN, source("s"))
    (early,) = [d for d in descent.descendants(found, Name(NS, "s"), ns(100)) if d.version.name == "early"]
    assert [step.name for step in early.path] == ["s", "t", "early"]
    assert [step.name for step in closure.path(found, Name(NS, "early"), Name(NS, "s"), ns(100))] == ["early", "t", "s"]


def test_a_view_shows_a_purged_customer_no_longer() -> None:
    events = [
        *did("load", 0, 1, reads=["s"], writes=["t"]),
        *did("v", 2, 3, producer=DBT, reads=["t"], writes={"v": dbt("view")}),
        *did("then", 10, 11, reads=["v"], writes=["early"]),
        *did("now", 30, 31, reads=["v"], writes=["late"]),
    ]
    found = world(events, source("s"), PURGE)
    assert without(found, "v", at=15) == {frozenset()}
    assert without(found, "v") == {frozenset({"cus_a"})}
    assert without(found, "late") == {frozenset({"cus_a"})}
    assert reached(found, "s", "cus_a") == {"s", "t", "v", "early"}


def test_a_view_holds_nothing_that_could_be_purged_from_it() -> None:
    """A purge of a view cleans neither what is read through it nor through a view of it."""
    events = [
        *did("load", 0, 1, reads=["s"], writes=["t"]),
        *did("v", 2, 3, producer=DBT, reads=["t"], writes={"v": dbt("view")}),
        *did("w", 4, 5, producer=DBT, reads=["v"], writes={"w": dbt("view")}),
        *did("now", 30, 31, reads=["w"], writes=["late"]),
    ]
    found = world(events, source("s"), say("purge", "v", since=20, customer="cus_a"))
    assert without(found, "late") == {frozenset()}
    assert reached(found, "s", "cus_a") == {"s", "t", "v", "w", "late"}


@pytest.mark.parametrize("how", ["run", "job"])
def test_an_absence_cuts_from_that_version_on(how: str) -> None:
    told = {"run": run_id("after")} if how == "run" else {"job": job("after")}
    absent = say("absence", "late", customer="cus_a", **told)
    events = [*CHAIN, *did("next", 40, 41, reads=["late"], writes=["d"])]
    found = world(events, source("s"), absent)
    assert without(found, "d") == {frozenset({"cus_a"})}
    assert without(found, "early") == {frozenset()}
    assert "d" not in reached(found, "s", "cus_a")


def test_an_absence_from_a_column_leaves_the_others() -> None:
    said = {"d": columns(a=[("s", "x")], b=[("s", "x")])}
    absent = say("absence", "d", customer="cus_a", run=run_id("r"), columns=["a"])
    found = world(did("r", 0, 1, reads=["s"], writes=said), source("s"), absent)
    assert without(found, "d", column="a") == {frozenset({"cus_a"})}
    assert without(found, "d", column="b") == {frozenset()}


def test_after_its_keys_ended_a_customer_is_not_in_later_writes_of_declared_sources() -> None:
    space = source("t", customer="", tenant_space="crm")
    ended = say("key-ended", "*", since=20, customer="cus_a", tenant_space="crm")
    events = [*did("mon", 0, 1, writes=["t"]), *did("tue", 30, 31, writes=["t"])]
    both = world(events, space, ended)
    assert without(both, "t") == {frozenset()}
    later = world(events[2:], space, ended)
    assert without(later, "t") == {frozenset({"cus_a"})}


def test_a_resurrection_is_a_write_after_the_purge_that_still_reaches_the_party() -> None:
    quiet = world(CHAIN, source("s"), PURGE)
    assert descent.resurrections(quiet, ns(100)) == ()
    found = world([*CHAIN, *did("restore", 50, 51, reads=["early"], writes=["t"])], source("s"), PURGE)
    (back,) = descent.resurrections(found, ns(100))
    assert (back.version.run, back.party, back.declarations) == (run_id("restore"), "cus_a", ("s",))
    assert back.version.started == moment(50)
    assert descent.resurrections(found, ns(40)) == ()


def test_appends_to_a_declared_source_are_no_resurrection_once_the_keys_ended() -> None:
    space = source("t", customer="", tenant_space="crm")
    purge = say("purge", "t", since=20, customer="cus_a", tenant_spaces=["crm"])
    ended = say("key-ended", "*", since=15, customer="cus_a", tenant_space="crm")
    events = [*did("mon", 0, 1, writes=["t"]), *did("tue", 30, 31, writes=["t"])]
    assert descent.resurrections(world(events, space, purge, ended), ns(100)) == ()
    assert [r.version.run for r in descent.resurrections(world(events, space, purge), ns(100))] == [run_id("tue")]


def test_the_run_that_deleted_brings_nothing_back() -> None:
    deleting = did("delete", 18, 20, writes=["t"])
    named = say("purge", "t", since=20, customer="cus_a", runs=[run_id("delete")])
    space = source("t", customer="", tenant_space="crm")
    assert descent.resurrections(world([*CHAIN[:2], *deleting], space, named), ns(100)) == ()


def test_a_model_passes_on_presence_and_no_content() -> None:
    model = say("node-kind", "m", kind="model", trained_on=[{"namespace": NS, "name": "t", "run": run_id("load")}])
    found = world([*CHAIN, *did("write", 40, 41, reads=["m"], writes=["out"])], source("s"), model)
    assert {o.path for o in exposed(found, "m", 100).origins["*"]} == {"presence"}
    assert {o.path for o in exposed(found, "out", 100).origins["*"]} == {"presence"}
    assert {"m", "out"} <= reached(found, "s")


def test_a_model_is_trained_on_the_version_that_was_named() -> None:
    events = [
        *did("one", 0, 1, reads=["s"], writes=["t"]),
        *did("two", 5, 6, reads=["u"], writes=["t"]),
    ]
    pinned = say(
        "node-kind", "m", since=50, kind="model", trained_on=[{"namespace": NS, "name": "t", "run": run_id("two")}]
    )
    found = world(events, source("s"), source("u"), pinned)
    assert {o.dataset for o in exposed(found, "m", 100).origins["*"]} == {"u"}
    assert "m" in reached(found, "u") and "m" not in reached(found, "s")
    unknown = say(
        "node-kind", "m", since=50, kind="model", trained_on=[{"namespace": NS, "name": "t", "run": "nobody"}]
    )
    found = world(events, source("s"), source("u"), unknown)
    assert {o.dataset for o in exposed(found, "m", 100).origins["*"]} == {"s", "u"}
    assert "version-unresolved" in {f.code for f in exposed(found, "m", 100).partial}
    assert "m" in reached(found, "u") and "m" in reached(found, "s")


def test_a_model_without_a_named_version_is_trained_on_all_that_was_there() -> None:
    events = [*did("one", 0, 1, reads=["s"], writes=["t"]), *did("two", 5, 6, reads=["u"], writes=["t"])]
    model = say("node-kind", "m", since=50, kind="model", trained_on=[{"namespace": NS, "name": "t"}])
    found = world(events, source("s"), source("u"), model)
    assert {o.dataset for o in exposed(found, "m", 100).origins["*"]} == {"s", "u"}
    untold = world(events, source("s"), say("node-kind", "m", since=50, kind="model"))
    assert exposed(untold, "m", 100).completeness == "unknown"


def test_versions_are_what_a_reader_may_see_then() -> None:
    events = [
        *did("one", 0, 1, reads=["s"], writes=["t"]),
        *did("two", 5, 6, reads=["s"], writes=["t"]),
        *did("whole", 10, 11, producer=DBT, reads=["s"], writes={"t": dbt("table")}),
    ]
    found = world(events)

    def seen(at: float) -> list[str]:
        return [version.run for version in descent.versions(found, Name(NS, "t"), ns(at))]

    assert seen(-1) == [""]  # whatever was there before
    assert seen(3) == [run_id("one")]
    assert seen(10.5) == [run_id("one"), run_id("two"), run_id("whole")]
    assert seen(20) == [run_id("whole")]
