"""PURE. What cuts a party's (customer's or subject's) data from a way: purges, absences, ended keys (LINEAGE.md *Purge*)."""

from collections.abc import Iterable

from lineage.graph import Graph
from lineage.runs import Statement, Write
from lineage.values import Name, Window

type Parties = frozenset[str]
NOBODY: Parties = frozenset()


class Barriers:
    """The declarations of a graph that cut ways, by the name they stand on."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._skew = graph, graph.rules.skew
        self._purges = _by_name(graph.statements("purge"))
        self._absences = _by_name(graph.statements("absence"))
        self._ended = graph.statements("key-ended")
        self._sources = graph.statements("source")

    def purged(self, write: Write, window: Window) -> Parties:
        """Return who a read over `window` does not see in a write: purged before the read started, after the write had ended.

        A view holds nothing itself, so nothing is purged from it.
        """
        if write.view:
            return NOBODY
        past = (s for s in self._purges.get(write.name, ()) if s.valid.start < window.start - self._skew)
        return _parties(s for s in past if write.window.end < s.valid.start - self._skew)

    def purge_instant(self, write: Write, party: str) -> int | None:
        """Return when a party was first purged from what a write left, or None."""
        if write.view:
            return None
        mine = (s.valid.start for s in self._purges.get(write.name, ()) if party in s.parties())
        return min((at for at in mine if write.window.end < at - self._skew), default=None)

    def absent(self, write: Write, column: str) -> Parties:
        """Return who is attested to be in nothing that a write holds, or not in one of its columns."""
        return _parties(s for s in self._absences.get(write.name, ()) if _about(s, write) and _about_column(s, column))

    def sources(self, write: Write) -> tuple[Statement, ...]:
        """Return the source declarations that say whose data a write holds: about its dataset, over a time at which it was there."""
        names = self._graph.names(self._graph.root(write.name))
        return tuple(s for s in self._sources if _overlaps(s, write) and any(s.covers(name) for name in names))

    def declared(self, write: Write) -> bool:
        """Say whether a source declaration covers the very name that was written: a wrong symlink must clean nothing."""
        return any(_overlaps(s, write) and s.covers(write.name) for s in self._sources)

    def keys_ended(self, source: Statement, write: Write) -> Parties:
        """Return whose keys had ended, in the declaration's tenant-key space, before a write started."""
        space = source.payload.get("tenant_space")
        if not space or write.view:
            return NOBODY
        mine = (s for s in self._ended if s.payload.get("tenant_space") == space)
        return _parties(s for s in mine if write.window.start > s.valid.start + self._skew)

    def carried(self, write: Write, party: str, spaces: frozenset[str] | None = None) -> tuple[Statement, ...]:
        """Return the source declarations by which a write may hold a party's data; `spaces`: where it has keys (None = anywhere)."""
        return tuple(
            source
            for source in self.sources(write)
            if may_hold(source, party, spaces) and party not in self.keys_ended(source, write)
        )


def may_hold(source: Statement, party: str, spaces: frozenset[str] | None) -> bool:
    """Say whether a source declaration may mean a party: its own data, or a tenant-key space in which it may have keys."""
    if source.payload.get("no_customer_data"):
        return False
    customer, space = source.payload.get("customer"), source.payload.get("tenant_space")
    if customer:
        return bool(customer == party) or not party.startswith("cus_")
    return spaces is None or space in spaces


def _by_name(statements: tuple[Statement, ...]) -> dict[Name, list[Statement]]:
    found: dict[Name, list[Statement]] = {}
    for statement in statements:
        found.setdefault(statement.place, []).append(statement)
    return found


def _parties(statements: Iterable[Statement]) -> Parties:
    return NOBODY.union(*(s.parties() for s in statements))


def _overlaps(statement: Statement, write: Write) -> bool:
    return statement.valid.start <= write.gone and write.window.start < statement.valid.end


def _about(absence: Statement, write: Write) -> bool:
    run = absence.payload.get("run")
    if run:
        return bool(run == write.run)
    return absence.about_job(write.jobs) and absence.valid.start <= write.window.start < absence.valid.end


def _about_column(absence: Statement, column: str) -> bool:
    columns = absence.payload.get("columns")
    return not columns or column in columns
