"""PURE. The walk upstream: which declared source columns reach a column, on which kind of path, masked, and without whom.

A node is a column of a write (a view, also with the window in which it is read, for it shows its sources as they are then). Each
node keeps what holds on *every* way to it found so far; when that shrinks, the node is walked again. Cycles end because it can
shrink only so often.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lineage.answers import CONTENT, PRESENCE, Completeness, Exposure, Finding, Origin, Step
from lineage.barriers import NOBODY, Barriers, Parties
from lineage.graph import Graph
from lineage.runs import Flow, Write
from lineage.values import Name, Window

ANY = "*"
UNKNOWN_GAPS = {
    "base": "declare the source, or whose data was there before",
    "no-source-named": "declare the source, or have the job name what it reads",
    "job-source": "have the job name datasets instead of a job",
    "rename-without-previous": "have the rename name the previous dataset",
    "no-live-version": "ask about a moment at which the dataset holds something",
    "unknown-dataset": "send the lineage of the dataset, or declare it a source",
}
PARTIAL_REMEDIES = {"not-finished": "close the run", "sql-names-more": "declare the column map"}
UNCLEARED = {"job-source"}  # a declaration about the dataset does not say what the job brought


class Label(NamedTuple):
    """What holds on every way to a node: masked somewhere, and whose data it is without."""

    masked: bool
    without: Parties

    def meet(self, other: "Label") -> "Label":
        """Return what holds on both ways."""
        return Label(self.masked and other.masked, self.without & other.without)


FULL = Label(False, NOBODY)


class Node(NamedTuple):
    """A column of a write as it is reached; `window` and `reader` only of a view, which is read through."""

    write: Write
    column: str
    path: str
    window: Window | None
    reader: str


class Hop(NamedTuple):
    """One edge upstream from a node."""

    flow: Flow
    field: str
    path: str
    masked: bool


@dataclass(slots=True)
class Walk:
    """What a walk found: nodes with their label, how each was first reached, and findings on the way."""

    labels: dict[Node, Label]
    parents: dict[Node, Node | None]
    unresolved: set[Write]


def walk(graph: Graph, barriers: Barriers, start: Mapping[Node, Label]) -> Walk:
    """Walk upstream from nodes."""
    return _Walker(graph, barriers).run(start)


def entry(graph: Graph, barriers: Barriers, name: Name, window: Window, column: str) -> dict[Node, Label]:
    """Return the nodes at which a reader of one column begins."""
    walker = _Walker(graph, barriers)
    return dict(walker.reached(name, window, "", column, CONTENT, FULL))


class _Walker:
    def __init__(self, graph: Graph, barriers: Barriers) -> None:
        self.graph, self.barriers = graph, barriers
        self.found = Walk({}, {}, set())
        # Writes of a dataset's column that may still change by another read: those not yet known to hold everything.
        self._open: dict[tuple[Name, str, str], list[Write]] = {}
        self._reads: set[tuple[Name, str, str, Window, str, str, Label]] = set()

    def run(self, start: Mapping[Node, Label]) -> Walk:
        queue = deque(self._merged(None, start.items()))
        while queue:
            node = queue.popleft()
            label = self.found.labels[node]
            queue.extend(self._merged(node, self._upstream(node, label)))
        return self.found

    def _merged(self, parent: Node | None, found: Iterable[tuple[Node, Label]]) -> Iterator[Node]:
        """Meet what was found with what is known; yield the nodes that must be walked (again)."""
        for node, label in found:
            known = self.found.labels.get(node)
            met = label if known is None else known.meet(label)
            if known is None:
                self.found.parents[node] = parent
            if met != known:
                self.found.labels[node] = met
                yield node

    def _upstream(self, node: Node, label: Label) -> Iterator[tuple[Node, Label]]:
        write = node.write
        here = label.without | self.barriers.absent(write, node.column)
        for window, reader in windows(node):
            for hop in hops(self.graph, write, node.column):
                path = PRESENCE if PRESENCE in (node.path, hop.path) else CONTENT
                next_label = Label(label.masked or hop.masked, here)
                if hop.flow.pin:
                    yield from self._pinned(write, hop, path, next_label)
                else:
                    yield from self.reached(hop.flow.source, window, reader, hop.field, path, next_label)

    def reached(
        self, name: Name, window: Window, reader: str, column: str, path: str, label: Label
    ) -> Iterator[tuple[Node, Label]]:
        """Yield what a read of a name's column reaches."""
        root = self.graph.root(name)
        asked = (root, column, path, window, reader, "", label)
        if asked in self._reads:
            return
        self._reads.add(asked)
        still_open = self._open.setdefault((root, column, path), list(self.graph.writes.get(root, ())))
        settled = set()
        for write in [*still_open, *self.graph.bases(name, window)]:
            if not self.graph.sees(window, write, reader):
                continue
            cut = self.barriers.purged(write, window)
            seen = Label(label.masked, label.without | cut)
            if write.view:
                yield Node(write, column, path, window, reader), seen
            else:
                node = Node(write, column, path, None, "")
                yield node, seen
                if self.found.labels.get(node) == FULL:
                    settled.add(id(write))
        if settled:
            self._open[root, column, path] = [
                each for each in self._open[root, column, path] if id(each) not in settled
            ]

    def _pinned(self, write: Write, hop: Hop, path: str, label: Label) -> Iterator[tuple[Node, Label]]:
        """Reach exactly the version that a declaration names; an unknown one stands for all that ever were."""
        versions = self.graph.writes.get(self.graph.root(hop.flow.source), ())
        exact = [each for each in versions if each.run == hop.flow.pin]
        if not exact:
            self.found.unresolved.add(write)
        for each in exact or [
            *versions,
            *self.graph.bases(hop.flow.source, Window(write.window.start, write.window.start)),
        ]:
            at = Window(each.window.start, each.gone) if each.view else None
            yield Node(each, hop.field, path, at, write.run if each.view else ""), label


def windows(node: Node) -> list[tuple[Window, str]]:
    """Return over which windows, and as which run, a node's sources are read: rule 18 for views, the writing run's otherwise."""
    own = (node.write.window, node.write.run)
    if node.window is None:
        return [own]
    through = (node.window, node.reader)
    return [through] if node.write.view == 2 else [through, own]


def hops(graph: Graph, write: Write, column: str) -> Iterator[Hop]:
    """Yield the edges upstream from a column (rules 12, 21-23); of a model all carry presence only."""
    model = graph.root(write.name) in graph.models
    covered = column in write.covered()
    for flow in write.flows:
        for field, path, masked in _edges(flow, column, covered):
            if not model:
                yield Hop(flow, field, path, masked)
        if model:
            for field in {field for field, _, _ in _edges(flow, column, covered)}:
                yield Hop(flow, field, PRESENCE, False)


def _edges(flow: Flow, column: str, covered: bool) -> Iterator[tuple[str, str, bool]]:
    if flow.kind == "renamed":
        yield column, CONTENT, False
        return
    if not covered:  # rule 22: all columns of all sources, as content and as presence
        yield ANY, CONTENT, False
        yield ANY, PRESENCE, False
        return
    for edge in flow.columns:
        if edge.column in (column, ""):
            yield edge.field, edge.path, edge.masked
            if edge.field == ANY:
                yield ANY, PRESENCE, False
    if flow.unnamed == CONTENT:
        yield ANY, CONTENT, False
    if flow.unnamed:
        yield ANY, PRESENCE, False


# -- exposure -----------------------------------------------------------------------------------------------------------------


def exposure(graph: Graph, name: Name, at: int, columns: Sequence[str] | None = None) -> Exposure:
    """Say whose data a dataset holds when it is read at an instant."""
    barriers, window, root = Barriers(graph), Window(at, at), graph.root(name)
    known = tuple(sorted(graph.columns.get(root, frozenset())))
    asked = [*(each for each in dict.fromkeys(known if columns is None else columns) if each != ANY), ANY]
    origins = {}
    whole = Walk({}, {}, set())
    for column in asked:
        whole = walk(graph, barriers, entry(graph, barriers, name, window, column))
        origins[column] = origins_of(graph, barriers, whole)
    unknown, partial = findings(barriers, whole)  # `*` comes last and reaches all that any column reaches
    unknown |= _missing(graph, name, whole)
    state: Completeness = "unknown" if unknown else "partial" if partial else "known"
    return Exposure(
        namespace=name.namespace, name=name.name, completeness=state, unknown=tuple(sorted(unknown)), partial=tuple(sorted(partial)),
        notes=tuple(sorted(_notes(whole))), columns=known, origins=origins, keys=_keys(graph, name),
        ancestors=tuple((each.namespace, each.name, steps) for each, steps in sorted(_distances(whole).items()) if each != name),
    )  # fmt: skip


def origins_of(graph: Graph, barriers: Barriers, found: Walk) -> frozenset[Origin]:
    """Return the declared source columns among the nodes of a walk."""
    met: dict[tuple[str, Name, str, str, bool], Label] = {}
    for node, label in found.labels.items():
        here = label.without | barriers.absent(node.write, node.column)
        for source in barriers.sources(node.write):
            mine = Label(label.masked, here | barriers.keys_ended(source, node.write))
            for column in _expanded(graph, node):
                key = (source.ref, node.write.name, column, node.path, node.column == ANY)
                met[key] = mine if key not in met else met[key].meet(mine)
    return frozenset(
        Origin(ref, name.namespace, name.name, column, path, label.masked, label.without, through)  # type: ignore[arg-type]
        for (ref, name, column, path, through), label in met.items()
    )


def _expanded(graph: Graph, node: Node) -> list[str]:
    """All columns of a source: those that are known, and `*` unless the list is known to be whole."""
    root = graph.root(node.write.name)
    if node.column != ANY:
        return [node.column]
    known = sorted(graph.columns.get(root, frozenset()))
    return known if known and root in graph.whole else [*known, ANY]


def findings(barriers: Barriers, found: Walk) -> tuple[set[Finding], set[Finding]]:
    """Return gaps, and reasons why the answer is coarse, of all writes walked."""
    unknown, partial = set(), set()
    for write in {node.write for node in found.labels}:
        gaps = write.gaps & UNCLEARED if barriers.declared(write) else write.gaps
        unknown |= {_finding(gap, write, UNKNOWN_GAPS) for gap in gaps}
        partial |= {_finding(reason, write, PARTIAL_REMEDIES) for reason in write.reasons}
    partial |= {_finding("version-unresolved", write, PARTIAL_REMEDIES) for write in found.unresolved}
    return unknown, partial


def _finding(code: str, write: Write, remedies: Mapping[str, str]) -> Finding:
    return Finding(code, write.name.namespace, write.name.name, write.run, remedies.get(code, ""))


def _missing(graph: Graph, name: Name, found: Walk) -> set[Finding]:
    """Nobody ever wrote, read or declared it; or it holds nothing now."""
    root = graph.root(name)
    seen = root in graph.writes or any(graph.root(each) == root for each in graph.part.first_reads)
    declared = any(s.covers(each) for s in graph.statements("source") for each in graph.names(root))
    if seen and found.labels:
        return set()
    code = "no-live-version" if seen else "unknown-dataset"
    return set() if declared and not seen else {Finding(code, name.namespace, name.name, "", UNKNOWN_GAPS[code])}


def _notes(found: Walk) -> set[Finding]:
    """Where a person could make the answer more precise."""
    notes: set[Finding] = set()
    live: dict[Name, list[Write]] = {}
    for write in {node.write for node in found.labels if node.write.run}:
        live.setdefault(write.name, []).append(write)
        if any(flow.kind == "product" for flow in write.flows):
            notes.add(Finding("product", write.name.namespace, write.name.name, write.run, "declare the column map"))
    for name, writes in live.items():
        if len(writes) > 1:
            notes.add(
                Finding("write-mode-unknown", name.namespace, name.name, "", "declare that the job replaces it whole")
            )
    return notes


def _keys(graph: Graph, name: Name) -> tuple[tuple[str, dict[str, object]], ...]:
    return tuple((s.ref, dict(s.payload)) for s in graph.statements("hidden-keys") if s.covers(name))


def _distances(found: Walk) -> dict[Name, int]:
    """How many steps away each dataset was first met; parents stand before what they reached."""
    steps: dict[Name, int] = {}
    for node, parent in found.parents.items():
        steps.setdefault(node.write.name, steps[parent.write.name] + 1 if parent else 0)
    return steps


def trail(found: Walk, node: Node | None) -> Iterator[Node]:
    """Yield a node and by which nodes it was first reached, back to where the walk began."""
    while node is not None:
        yield node
        node = found.parents[node]


def path(graph: Graph, name: Name, source: Name, at: int, column: str = ANY) -> tuple[Step, ...]:
    """Return a shortest way from a dataset (one column of it) back to a source, both included; empty where there is none."""
    barriers, root = Barriers(graph), graph.root(source)
    found = walk(graph, barriers, entry(graph, barriers, name, Window(at, at), column))
    end = next((node for node in found.parents if graph.root(node.write.name) == root), None)
    steps = (Step(n.write.name.namespace, n.write.name.name, n.write.run, n.column) for n in trail(found, end))
    return tuple(reversed(tuple(steps)))


def reaching(graph: Graph, barriers: Barriers, write: Write, party: str, spaces: frozenset[str] | None) -> set[str]:
    """Return the source declarations (references) by which a party's data still reaches a write."""
    at = Window(write.window.start, write.gone) if write.view else None
    found = walk(graph, barriers, {Node(write, ANY, CONTENT, at, ""): FULL})
    return {
        source.ref
        for node, label in found.labels.items()
        if party not in label.without | barriers.absent(node.write, node.column)
        for source in barriers.carried(node.write, party, spaces)
    }
