"""PURE. The walk downstream: every version that something reached; and what came back after a purge."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lineage import closure
from lineage.answers import Descendant, Resurrection, Step, Version
from lineage.barriers import Barriers
from lineage.graph import Graph
from lineage.runs import Flow, Statement, Write
from lineage.values import FOREVER, Name, Window, moment


class Held(NamedTuple):
    """A write, and the span in which a reader of it may have seen what we follow: its life; shorter in a view of something older."""

    write: Write
    span: Window


def descendants(graph: Graph, name: Name, at: int, party: str | None = None) -> tuple[Descendant, ...]:
    """Return every version started by `at` that a dataset's data reached, its own first, each with a shortest way to it."""
    return _Descent(graph, at, party).run(name)


class _Descent:
    def __init__(self, graph: Graph, at: int, party: str | None) -> None:
        self.graph, self.at, self.party = graph, at, party
        self.barriers = Barriers(graph)
        self._readers = _readers(graph)
        self._parents: dict[Held, Held | None] = {}

    def run(self, name: Name) -> tuple[Descendant, ...]:
        queue = deque(self._new(None, self._first(name)))
        while queue:
            held = queue.popleft()
            queue.extend(self._new(held, self._next(held)))
        found: dict[Write, Descendant] = {}
        for held in self._parents:
            found.setdefault(held.write, Descendant(version(held.write), tuple(self._steps(held))))
        return tuple(found.values())

    def _new(self, parent: Held | None, found: Iterator[Held]) -> Iterator[Held]:
        for held in found:
            if held not in self._parents and not self._absent(held.write):
                self._parents[held] = parent
                yield held

    def _first(self, name: Name) -> Iterator[Held]:
        now = Window(self.at, self.at)
        for write in [*self.graph.writes.get(self.graph.root(name), ()), *self.graph.bases(name, now)]:
            if write.window.start <= self.at and self._carried(write):
                yield Held(write, Window(write.window.start, write.gone))

    def _next(self, held: Held) -> Iterator[Held]:
        root = self.graph.root(held.write.name)
        for write, flow in self._readers.get(root, ()):
            if write.window.start > self.at or (
                flow.pin and flow.pin != held.write.run and self._known(root, flow.pin)
            ):
                continue
            for window, span in self._reads(write):
                if self._seen(held, write, window, pinned=flow.pin == held.write.run != ""):
                    yield Held(write, self._through(held, span) if window != write.window else span)

    def _reads(self, write: Write) -> Iterator[tuple[Window, Window]]:
        """Over which window a write reads its sources, and when what it read can be seen in it (rule 18)."""
        life = Window(write.window.start, write.gone)
        if write.view != 2:
            yield write.window, life
        if write.view:
            yield Window(write.window.start, FOREVER if write.gone == FOREVER else write.gone + 1), life

    def _seen(self, held: Held, reader: Write, window: Window, *, pinned: bool) -> bool:
        if held.write.run == reader.run != "":
            return False
        skew = self.graph.rules.skew
        if not pinned and not (held.span.start <= window.end + skew and window.start <= held.span.end + skew):
            return False
        return self.party is None or self.party not in self.barriers.purged(held.write, window)

    def _through(self, held: Held, life: Window) -> Window:
        """When what a view shows of a write can be read: while both are there, and not after the party was purged."""
        purged = self.barriers.purge_instant(held.write, self.party) if self.party else None
        ends = [held.span.end, life.end, *([] if purged is None else [purged + self.graph.rules.skew])]
        return Window(max(held.span.start, life.start), max(min(ends), held.span.start, life.start))

    def _known(self, root: Name, run: str) -> bool:
        return any(write.run == run for write in self.graph.writes.get(root, ()))

    def _absent(self, write: Write) -> bool:
        return self.party is not None and self.party in self.barriers.absent(write, closure.ANY)

    def _carried(self, write: Write) -> bool:
        if self.party is None or not self.barriers.sources(write):
            return True
        return bool(self.barriers.carried(write, self.party))

    def _steps(self, held: Held | None) -> list[Step]:
        steps = []
        while held is not None:
            steps.append(Step(held.write.name.namespace, held.write.name.name, held.write.run))
            held = self._parents[held]
        return steps[::-1]


def _readers(graph: Graph) -> Mapping[Name, list[tuple[Write, Flow]]]:
    found: dict[Name, list[tuple[Write, Flow]]] = {}
    for writes in graph.writes.values():
        for write in writes:
            for flow in write.flows:
                found.setdefault(graph.root(flow.source), []).append((write, flow))
    return found


def version(write: Write) -> Version:
    """Return a write as callers see it."""
    return Version(
        write.name.namespace, write.name.name, write.run, moment(write.window.start), moment(write.window.end),
        moment(write.gone), bool(write.view),
    )  # fmt: skip


def versions(graph: Graph, name: Name, at: int) -> tuple[Version, ...]:
    """Return the versions that a reader at an instant may see, oldest first; what was there before them too."""
    window = Window(at, at)
    found = [*graph.bases(name, window), *graph.writes.get(graph.root(name), ())]
    return tuple(version(write) for write in found if graph.sees(window, write, ""))


def resurrections(graph: Graph, at: int) -> tuple[Resurrection, ...]:
    """Return writes ending at or after a purge of their dataset (clock skew counts against us) that still reach the party."""
    barriers, found = Barriers(graph), []
    for purge in graph.statements("purge"):
        for party in sorted(purge.parties()):
            for write in graph.writes.get(graph.root(purge.place), ()):
                if _after(purge, write, at, graph.rules.skew):
                    reached = closure.reaching(graph, barriers, write, party, _spaces(purge))
                    if reached:
                        found.append(Resurrection(purge.ref, party, version(write), tuple(sorted(reached))))
    return tuple(found)


def _after(purge: Statement, write: Write, at: int, skew: int) -> bool:
    """Runs that the purge names (`runs`) did the deleting and bring nothing back."""
    if write.view or write.name != purge.place or write.run in purge.payload.get("runs", ()):
        return False
    return write.window.end >= purge.valid.start - skew and write.window.start <= at and purge.valid.start <= at


def _spaces(purge: Statement) -> frozenset[str] | None:
    spaces = purge.payload.get("tenant_spaces")
    return None if spaces is None else frozenset(spaces)
