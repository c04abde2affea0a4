"""Laws of the graph, over simulated and random worlds."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage import closure, descent
from lineage.values import SECOND, Name, Rules
from tests.graph import simulator
from tests.graph.simulator import ALIASES, SOURCES, TABLES, VIEWS
from tests.graph.worlds import NO_SKEW, NS, columns, derived, event, exposed, ns, source, sources, world

SEEDS = st.integers(0, 2**40)
DECLARED = [source(name) for name in SOURCES]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG = settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _misses_nothing(seed: int, rules: Rules) -> None:
    played = simulator.play(seed)
    found = world(played.events, *DECLARED, rules=rules)
    for at, truth in played.seen:
        for name, tokens in truth.items():
            assert tokens <= sources(found, name, at), (seed, name, at)


@QUICK
@given(SEEDS)
def test_no_true_source_is_missed(seed: int) -> None:
    _misses_nothing(seed, NO_SKEW)
    _misses_nothing(seed, Rules(skew=5 * SECOND))


@pytest.mark.prove
@LONG
@given(SEEDS)
def test_no_true_source_is_missed_in_many_worlds(seed: int) -> None:
    _misses_nothing(seed, NO_SKEW)


@pytest.mark.thrown
def test_the_window_rule_costs_little_where_runs_do_not_overlap() -> None:
    """Sources named beyond the truth, in worlds without other names: the answers are not just everything."""
    extra = wrong = 0
    for seed in range(60):
        played = simulator.play(seed)
        found = world(played.events, *DECLARED)
        at, truth = played.seen[-1]
        for name, tokens in truth.items():
            extra += len(sources(found, name, at) - tokens)
            wrong += len(SOURCES) - len(tokens)
    assert extra < wrong * 0.4


@QUICK
@given(SEEDS, SEEDS)
def test_order_repetition_and_batching_do_not_matter(seed: int, shuffle: int) -> None:
    events = simulator.play(seed).events
    other = list(events)
    random.Random(shuffle).shuffle(other)
    assert derived(events) == derived([*other, *other[:5]])


@QUICK
@given(SEEDS)
def test_descendants_are_the_other_side_of_sources(seed: int) -> None:
    """Whatever a source reaches by the end is among its descendants, and nothing it never reached is."""
    found = world(simulator.play(seed).events, *DECLARED)
    for token in SOURCES:
        reached = {d.version.name for d in descent.descendants(found, Name(NS, token), ns(simulator.LAST))}
        for name in (*TABLES, *VIEWS):
            if token in sources(found, name, simulator.LAST):
                assert reached & {name, *(a for a, t in ALIASES.items() if t == name)}, (token, name)


@QUICK
@given(SEEDS)
def test_every_source_has_a_way_and_every_way_ends_at_its_source(seed: int) -> None:
    found = world(simulator.play(seed).events, *DECLARED)
    for name in TABLES:
        for token in sources(found, name, simulator.LAST):
            steps = closure.path(found, Name(NS, name), Name(NS, token), ns(simulator.LAST))
            assert steps[-1].name == token


NARROWING = {"dbt_model", "lifecycleStateChange", "columnLineage", "lineage", "schema", "datasetType"}


def _may_narrow(message: dict[str, Any]) -> bool:
    """The list in LINEAGE.md *Narrowing*: terminal events and claims about whole replacement; nothing else."""
    claims = any(NARROWING & output["facets"].keys() for output in message["outputs"])
    return claims or message.get("eventType") in ("COMPLETE", "FAIL", "ABORT")


@QUICK
@given(SEEDS)
def test_an_event_that_may_not_narrow_removes_no_source(seed: int) -> None:
    events = simulator.play(seed, shuffled=False).events
    for index, message in enumerate(events):
        if _may_narrow(message) or message.get("eventType") == "START":
            continue
        before, after = world(events[:index] + events[index + 1 :], *DECLARED), world(events, *DECLARED)
        for name in TABLES:
            assert sources(before, name, simulator.LAST) <= sources(after, name, simulator.LAST)


@QUICK
@given(SEEDS)
def test_one_more_reported_input_removes_no_source(seed: int) -> None:
    chance = random.Random(seed)
    events = simulator.play(seed).events
    extra = dict(chance.choice(events))
    more = event("x", "OTHER", 0, reads=[chance.choice([*SOURCES, *TABLES])], producer=extra["producer"])
    extra = {**more, "run": extra["run"], "job": extra["job"], "eventTime": extra["eventTime"]}
    before, after = world(events, *DECLARED), world([*events, extra], *DECLARED)
    for name in (*TABLES, *VIEWS):
        assert sources(before, name, simulator.LAST) <= sources(after, name, simulator.LAST)


FIELD = st.tuples(
    st.sampled_from([*SOURCES, *TABLES]), st.sampled_from("xy"), st.sampled_from(["", "INDIRECT/JOIN", "DIRECT/masked"])
)
FACET = st.dictionaries(st.sampled_from("abc"), st.lists(FIELD, max_size=3), max_size=3)
STEP = st.tuples(
    st.sampled_from(TABLES),
    st.lists(st.sampled_from([*SOURCES, *TABLES]), max_size=2),
    FACET,
    st.lists(FIELD, max_size=1),
)


@QUICK
@given(st.lists(STEP, max_size=6))
def test_column_sources_are_among_dataset_sources(steps: list[Any]) -> None:
    events = [
        event(f"r{i}", kind, i * 10 + at, reads=reads, writes={name: columns(wide, **fields)})
        for i, (name, reads, fields, wide) in enumerate(steps)
        for kind, at in (("START", 0), ("COMPLETE", 5))
    ]
    found = world(events, *DECLARED)
    for name in TABLES:
        answer = exposed(found, name, 1000, "a", "b", "c")
        whole = {(o.dataset, o.path) for o in answer.origins["*"]}
        for column in "abc":
            mine = {(o.dataset, o.path) for o in answer.origins[column]}
            assert {dataset for dataset, _ in mine} <= {dataset for dataset, _ in whole}
            assert {dataset for dataset, path in mine if path == "content"} <= {
                d for d, path in whole if path == "content"
            }
