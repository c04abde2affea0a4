"""All edges of derived runs, column by column, as the golden file lists them."""

from collections.abc import Iterable

from lineage import closure
from lineage.graph import Graph, Part
from lineage.runs import Derived
from lineage.values import Rules

type Row = tuple[str, str, str, str, str, str, str]


def of(runs: Iterable[Derived]) -> set[Row]:
    """Return (output namespace, output, column, source namespace, source, column, kind) of each edge."""
    empty = Graph(Part(), Rules())
    found: set[Row] = set()
    for run in runs:
        for write in run.writes:
            for column in [*write.covered(), closure.ANY]:
                for hop in closure.hops(empty, write, column):
                    found.add((*write.name, column, *hop.flow.source, hop.field, hop.flow.kind))
    return found
