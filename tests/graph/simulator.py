"""Tables that hold tokens, moved by real operations, beside the events that such operations send.

Truth: which source tables' tokens are in a table at a moment. Runs read and write at any instant of their window, in any order with
others; they append, replace, drop, rename, make views, use other names of a table, fail half-way or never end.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.graph.worlds import ANYBODY, DBT, SPARK, change, dbt, event, symlink

SOURCES = ("s1", "s2", "s3")
TABLES = ("t1", "t2", "t3")
VIEWS = ("v1", "v2")
ALIASES = {"lake/t1": "t1", "lake/t2": "t2"}
LAST = 1000.0


@dataclass
class World:
    """What is in the tables now, what was in them at moments asked about, and the events sent."""

    content: dict[str, set[str]] = field(default_factory=lambda: {name: {name} for name in SOURCES})
    views: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seen: list[tuple[float, dict[str, set[str]]]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def read(self, name: str, depth: int = 0) -> set[str]:
        """The tokens that a reader gets from a name now."""
        name = ALIASES.get(name, name)
        if name in self.views and depth < 5:
            return set().union(*(self.read(each, depth + 1) for each in self.views[name]))
        return set(self.content.get(name, ()))

    def snapshot(self, at: float) -> None:
        """Remember the truth."""
        self.seen.append((at, {name: self.read(name) for name in (*TABLES, *VIEWS)}))


def play(seed: int, *, runs: int = 12, shuffled: bool = True) -> World:
    """Let some runs happen and return the world afterwards; the same seed plays the same."""
    chance = random.Random(seed)
    world = World()
    acts: list[tuple[float, int, Callable[[], None]]] = []
    for number in range(runs):
        acts.extend((at, number, act) for at, act in _run(f"r{number}", chance, world))
    asked = [LAST, *(round(chance.uniform(0, LAST), 1) for _ in range(3))]
    acts.extend((at, runs, lambda at=at: world.snapshot(at)) for at in asked)  # type: ignore[misc]
    for _, _, act in sorted(acts, key=lambda act: act[:2]):
        act()
    if shuffled:
        chance.shuffle(world.events)
        world.events.extend(chance.choices(world.events, k=3))
    return world


def _run(name: str, chance: random.Random, world: World) -> list[tuple[float, Callable[[], None]]]:
    start = round(chance.uniform(0, LAST - 400), 1)
    end = round(start + chance.choice([5, 100, 400]) * chance.uniform(0.1, 1), 1)
    reads_at, writes_at = sorted(round(chance.uniform(start, end), 2) for _ in range(2))
    what = chance.choice(["append", "append", "replace", "replace", "drop", "rename", "view", "alias"])
    ending = chance.choice(["COMPLETE"] * 5 + ["FAIL", "never"])
    reads = chance.sample([*SOURCES, *TABLES, *VIEWS, *ALIASES], k=chance.randint(1, 3))
    target = chance.choice(VIEWS if what == "view" else list(ALIASES) if what == "alias" else TABLES)
    if what == "view":
        reads = [each for each in reads if each not in VIEWS or each < target] or ["s1"]
    producer, facets = _said(what, target, chance)
    happens = ending == "COMPLETE" or chance.random() < 0.5
    got: set[str] = set()
    other = chance.choice([each for each in TABLES if each != target])
    if what in ("drop", "rename"):
        reads = []
    if what == "rename":
        facets = {target: change("RENAME", other)}
    world.events.extend(_events(name, start, end, ending, reads, facets, producer, chance))

    def read() -> None:
        for each in reads:
            got.update(world.read(each))

    def write() -> None:
        if happens:
            _write(what, ALIASES.get(target, target), other, got, tuple(reads), world)

    return [(reads_at, read), (writes_at, write)]


def _said(what: str, target: str, chance: random.Random) -> tuple[str, dict[str, dict[str, Any]]]:
    match what:
        case "replace":
            return DBT, {target: dbt("table")}
        case "view":
            return DBT, {target: dbt("view")}
        case "drop":
            return SPARK, {target: change(chance.choice(["DROP", "TRUNCATE"]))}
        case "rename":
            return SPARK, {}
        case "alias":
            return ANYBODY, {target: symlink(ALIASES[target])}
        case _:
            return ANYBODY, {target: {}}


def _events(
    name: str, start: float, end: float, ending: str, reads: list[str], facets: dict[str, Any], producer: str,
    chance: random.Random,
) -> list[dict[str, Any]]:  # fmt: skip
    """START and an end; sometimes START is lost, sometimes what was read stands in one of them only."""
    said = {"reads": reads, "writes": facets, "producer": producer}
    less = {"producer": producer} if chance.random() < 0.3 else said
    found = [
        event(name, "START", start, **(said if less is not said or ending == "never" else chance.choice([said, less])))
    ]
    if ending != "never":
        found.append(event(name, ending, end, **less))
        if less is said and chance.random() < 0.2:
            found = found[1:]
    for alias in {*reads, *facets} & ALIASES.keys():
        found.append(
            event(
                name, "OTHER", start, writes=[], reads=[alias], input_facets=symlink(ALIASES[alias]), producer=producer
            )
        )
    return found


def _write(what: str, target: str, other: str, got: set[str], reads: tuple[str, ...], world: World) -> None:
    match what:
        case "append" | "alias":
            world.content.setdefault(target, set()).update(got)
        case "replace":
            world.content[target] = set(got)
        case "drop":
            world.content[target] = set()
        case "rename":
            world.content.setdefault(target, set()).update(world.content.get(other, ()))
            world.content[other] = set()
        case "view":
            world.views[target] = reads
