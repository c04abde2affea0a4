"""PURE. The graph that runs make together: lives of writes, one dataset under several names, what a window sees (rules 5-13)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from lineage.runs import Derived, Ending, Statement, Write
from lineage.values import ALWAYS, FOREVER, Name, Rules, Window


@dataclass(frozen=True, slots=True)
class Part:
    """What a question needs of the graph: writes with their lives, who read first, other names, columns, declarations."""

    writes: tuple[Write, ...] = ()
    endings: tuple[Ending, ...] = ()
    first_reads: Mapping[Name, int] = field(default_factory=dict)
    symlinks: frozenset[tuple[Name, Name]] = frozenset()
    columns: frozenset[tuple[Name, str]] = frozenset()
    whole: frozenset[Name] = frozenset()
    statements: tuple[Statement, ...] = ()

    def names(self) -> Iterator[Name]:
        """Yield every dataset that is mentioned, some of them often."""
        for write in self.writes:
            yield write.name
            yield from (flow.source for flow in write.flows)
        yield from (ending.name for ending in self.endings)
        yield from self.first_reads
        yield from (name for link in self.symlinks for name in link)
        yield from (name for name, _ in self.columns)
        yield from self.whole

    def instants(self) -> Iterator[int]:
        """Yield every instant that a question's own is held against: all that there are, so that none is forgotten."""
        for write in self.writes:
            yield from (*write.window, write.gone)
        for ending in self.endings:
            yield from ending.window
        yield from self.first_reads.values()
        for statement in self.statements:
            yield from statement.valid


def assemble(runs: Iterable[Derived], statements: Sequence[Statement], rules: Rules) -> Part:
    """Return the graph that runs make together: a function of their set."""
    found = sorted(runs, key=lambda run: run.key)
    endings = tuple(ending for run in found for ending in run.endings)
    by_name: dict[Name, list[Ending]] = {}
    for ending in endings:
        by_name.setdefault(ending.name, []).append(ending)
    first: dict[Name, int] = {}
    for run in found:
        for name in run.reads:
            first[name] = min(first.get(name, FOREVER), run.window.start)
    return Part(
        writes=tuple(
            replace(write, gone=gone(write.run, write.window.end, by_name.get(write.name, ()), rules.skew))
            for run in found
            for write in run.writes
        ),
        endings=endings,
        first_reads=first,
        symlinks=frozenset().union(*(run.symlinks for run in found)),
        columns=frozenset().union(*(run.columns for run in found)),
        whole=frozenset().union(*(run.whole for run in found)),
        statements=tuple(statements),
    )


def gone(run: str, ended: int, endings: Iterable[Ending], skew: int) -> int:
    """Rule 8: when a run that replaced the whole name, and started after the write's run had ended, has completed."""
    later = (e.window.end for e in endings if e.run != run and e.window.start > ended + skew and ended != FOREVER)
    return min(later, default=FOREVER)


def base(name: Name, endings: Iterable[Ending]) -> Write:
    """Return what a name held before its first known write."""
    return Write(
        name, "", Window(ALWAYS, ALWAYS), gone("", ALWAYS, endings, 0), gaps=frozenset({"base"}), reasons=frozenset()
    )


class Graph:
    """A part of the graph, indexed for walking."""

    def __init__(self, part: Part, rules: Rules) -> None:
        self.part, self.rules = part, rules
        self._roots = _roots(part.symlinks)

    def root(self, name: Name) -> Name:
        """Return the name that stands for a dataset: names joined by symlinks have the same (rule 13)."""
        return self._roots.get(name, name)

    def names(self, root: Name) -> frozenset[Name]:
        """Return the names that a dataset has."""
        return self._members.get(root, frozenset({root}))

    @cached_property
    def _members(self) -> Mapping[Name, frozenset[Name]]:
        found: dict[Name, set[Name]] = {}
        for name, root in self._roots.items():
            found.setdefault(root, set()).add(name)
        return {root: frozenset(each) for root, each in found.items()}

    @cached_property
    def writes(self) -> Mapping[Name, tuple[Write, ...]]:
        """Writes per dataset, oldest first."""
        found: dict[Name, list[Write]] = {}
        for write in self.part.writes:
            found.setdefault(self.root(write.name), []).append(write)
        return {root: tuple(sorted(each, key=lambda w: (w.window, w.name, w.run))) for root, each in found.items()}

    @cached_property
    def columns(self) -> Mapping[Name, frozenset[str]]:
        """The columns that each dataset is known to have."""
        found: dict[Name, set[str]] = {}
        for name, column in self.part.columns:
            found.setdefault(self.root(name), set()).add(column)
        return {root: frozenset(each) for root, each in found.items()}

    @cached_property
    def whole(self) -> frozenset[Name]:
        """Datasets all of whose columns are known."""
        return frozenset(self.root(name) for name in self.part.whole)

    @cached_property
    def models(self) -> frozenset[Name]:
        """Datasets that are models."""
        kinds = (s for s in self.part.statements if s.kind == "node-kind" and s.payload.get("kind") == "model")
        return frozenset(self.root(statement.place) for statement in kinds)

    @cached_property
    def _endings(self) -> Mapping[Name, list[Ending]]:
        found: dict[Name, list[Ending]] = {}
        for ending in self.part.endings:
            found.setdefault(ending.name, []).append(ending)
        return found

    @cached_property
    def _readers(self) -> Mapping[Name, dict[Name, int]]:
        found: dict[Name, dict[Name, int]] = {}
        for name, start in self.part.first_reads.items():
            found.setdefault(self.root(name), {})[name] = start
        return found

    def bases(self, name: Name, window: Window) -> tuple[Write, ...]:
        """Return what a dataset held before its first known write, if somebody may have read it earlier; who asks reads too."""
        root = self.root(name)
        first = min((w.window.start for w in self.writes.get(root, ())), default=FOREVER)
        readers = {name: window.start, **self._readers.get(root, {})}
        readers[name] = min(readers[name], window.start)
        read = (each for each, start in sorted(readers.items()) if start <= first + self.rules.skew)
        return tuple(base(each, self._endings.get(each, ())) for each in read)

    def sees(self, window: Window, write: Write, reader: str) -> bool:
        """Rules 5 and 6: say whether a run that read over `window` may have seen a write; never its own. A question has no run."""
        return (
            (not write.run or write.run != reader)
            and write.window.start <= window.end + self.rules.skew
            and window.start <= write.gone + self.rules.skew
        )

    def statements(self, kind: str) -> tuple[Statement, ...]:
        """Return the declarations of a kind."""
        return self._by_kind.get(kind, ())

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Statement, ...]]:
        found: dict[str, list[Statement]] = {}
        for statement in sorted(self.part.statements, key=lambda s: s.ref):
            found.setdefault(statement.kind, []).append(statement)
        return {kind: tuple(each) for kind, each in found.items()}


def _roots(symlinks: Iterable[tuple[Name, Name]]) -> dict[Name, Name]:
    """Return, for each name in a symlink, the least name of its connected component."""
    parent: dict[Name, Name] = {}

    def find(name: Name) -> Name:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, other in symlinks:
        least, most = sorted((find(one), find(other)))
        parent[most] = least
    return {name: find(name) for name in parent}
