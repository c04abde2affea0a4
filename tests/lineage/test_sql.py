"""Rows say what the pure graph says, however and in whatever order events arrive; and as it was known at a moment."""

import random
import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage import closure, declarations, derivation, descent, graph, queries
from lineage.graph import Graph
from lineage.values import SECOND, Name, Rules
from tests.graph import simulator, worlds
from tests.graph.simulator import SOURCES, TABLES, VIEWS
from tests.graph.worlds import DBT, NS, dbt, did, event, job, moment, ns, run_id, say, source, symlink
from tests.lineage.worlds import rows, same, state, stored, take, take_all

SKEWED = Rules(skew=5 * SECOND)
IN_DATABASE = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _empty(db: None) -> None:
    """Each test in a transaction; each example of a property empties the tables itself."""


def _clean() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'lineage\\_%'")
        names = ", ".join(row[0] for row in cursor.fetchall())
        for name in names.split(", "):
            cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {names} CASCADE")
        for name in names.split(", "):
            cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")


@IN_DATABASE
@given(st.integers(0, 2**40))
def test_rows_are_the_pure_graph_and_queries_its_answers(seed: int) -> None:
    _clean()
    events = simulator.play(seed, runs=8).events
    take(*events)
    declared = [source(name) for name in SOURCES]
    state(*declared)
    pure = graph.assemble(worlds.derived(events, SKEWED).values(), declared, SKEWED)
    same(stored(SKEWED), pure)
    whole = Graph(pure, SKEWED)
    for name in (*TABLES, *VIEWS):
        at = moment(simulator.LAST)
        assert queries.exposure(NS, name, at=at) == closure.exposure(whole, Name(NS, name), ns(simulator.LAST))
        assert queries.versions(NS, name, at=at) == descent.versions(whole, Name(NS, name), ns(simulator.LAST))
    for name in SOURCES:
        mine = queries.descendants(NS, name, at=moment(simulator.LAST))
        assert {d.version for d in mine} == {
            d.version for d in descent.descendants(whole, Name(NS, name), ns(simulator.LAST))
        }


@IN_DATABASE
@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_one_by_one_in_batches_in_any_order_and_from_scratch_give_the_same_rows(seed: int, shuffle: int) -> None:
    _clean()
    events = simulator.play(seed, runs=8).events
    whole = say("replaces-whole", "t1", job=job("r1"))
    state(whole)
    take(*events)
    one_by_one = rows()
    derivation.rederive_all()
    assert rows() == one_by_one
    _clean()
    random.Random(shuffle).shuffle(events)
    cut = len(events) // 3
    take_all(events[:cut])
    state(whole)
    take_all(events[cut:])
    take_all(events)
    assert rows() == one_by_one


def test_declarations_derive_the_runs_again_that_they_are_about() -> None:
    take(
        *did("mon", 0, 1, job="etl", reads=["s"], writes=["d"]),
        *did("tue", 60, 61, job="etl", reads=["t"], writes=["d"]),
        *did("dead", 100, None, reads=["d"], writes=["e"]),
        *did("late", 5000, 5001, reads=["u"], writes=["d"]),
    )
    state(*(source(name) for name in "stu"))

    def found(name: str) -> set[str]:
        return {origin.dataset for origin in queries.exposure(NS, name, at=moment(9000)).origins["*"]}

    assert (found("d"), found("e")) == ({"s", "t", "u"}, {"s", "t", "u"})
    state(say("run-closed", "d", run=run_id("dead"), at=moment(200).isoformat()))
    assert found("e") == {"s", "t"}
    state(say("replaces-whole", "d", job=job("etl")))
    assert (found("d"), found("e")) == ({"t", "u"}, {"t"})
    declarations.end("replaces-whole:d", at=moment(-86400 + 1), by="user:usr_test")
    assert found("d") == {"s", "t", "u"}


def test_a_model_is_a_node_and_its_training_data_its_ancestors() -> None:
    take(*did("one", 0, 1, reads=["s"], writes=["t"]), *did("two", 60, 61, reads=["u"], writes=["t"]))
    trained = [{"namespace": NS, "name": "t", "run": run_id("two")}]
    state(source("s"), source("u"), say("node-kind", "m", kind="model", trained_on=trained))
    answer = queries.exposure(NS, "m", at=moment(9000))
    assert {(o.dataset, o.path) for o in answer.origins["*"]} == {("u", "presence")}
    assert ("m", "u") in {
        (d.version.name, d.path[0].name) for d in queries.descendants(NS, "u", at=moment(9000), party="cus_a")
    }


def test_a_late_replacement_mends_the_lives_of_what_was_between_it_and_the_one_before() -> None:
    replacement = {"producer": DBT, "writes": {"d": dbt("table")}}
    take(*did("a", 0, 1, reads=["s"], writes=["d"]), *did("z", 1000, 1001, **replacement))
    assert [v.run for v in queries.versions(NS, "d", at=moment(500))] == [run_id("a")]
    take(*did("m", 300, 301, **replacement))
    assert [v.run for v in queries.versions(NS, "d", at=moment(500))] == [run_id("m")]
    take(event("m", "FAIL", 302, producer=DBT))
    assert [v.run for v in queries.versions(NS, "d", at=moment(500))] == [run_id("a"), run_id("m")]


def test_the_answer_as_it_was_known_is_given_from_what_was_recorded_then(transactional_db: None) -> None:
    def now() -> datetime:
        time.sleep(0.005)
        found = datetime.now(UTC)
        time.sleep(0.005)
        return found

    state(source("s"), source("u"))
    take(*did("w", 0, 1, reads=["s"], writes=["t"]), *did("r", 60, 61, reads=["t"], writes=["d"]))
    first = now()
    take(
        *did("x", 30, 31, reads=["u"], writes=["lake/t"]),
        event("y", "START", 0, reads=["t"], input_facets=symlink("lake/t")),
    )
    second = now()
    state(say("run-closed", "d", run=run_id("y"), at=moment(9).isoformat()), source("t", customer="cus_b"))
    take(*did("z", 500, 501, producer=DBT, reads=["u"], writes={"d": dbt("table")}))

    def known(at: datetime | None) -> set[str]:
        answer = queries.exposure(NS, "d", at=moment(9000), as_known_at=at)
        return {origin.dataset for origin in answer.origins["*"]}

    assert known(first) == {"s"}
    assert known(second) == {"s", "u"}
    assert known(None) == known(now()) == {"u"}
    then = queries.descendants(NS, "u", at=moment(9000), as_known_at=second)
    assert "d" in {d.version.name for d in then}
    assert "d" not in {d.version.name for d in queries.descendants(NS, "u", at=moment(9000), as_known_at=first)}
