"""The same stories with a database: events taken in, declarations made, rows compared with the pure graph."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lineage import declarations, graph, ingest, loading
from lineage.graph import Part
from lineage.ingest import Accepted
from lineage.models import Column, Dataset, Ending, Flow, Read, Run, Symlink, Write
from lineage.values import FOREVER, Name, Rules, moment
from tests.graph import worlds

NOW = datetime(2026, 12, 1, tzinfo=UTC)
BY = "key:key_test"


def take(*messages: Mapping[str, Any]) -> list[Accepted]:
    """Take events in, one by one."""
    return [ingest.accept(worlds.body(message), by=BY, at=NOW) for message in messages]


def take_all(messages: Iterable[Mapping[str, Any]]) -> None:
    """Take events in as one batch."""
    assert all(isinstance(v, Accepted) for v in ingest.accept_many([worlds.body(m) for m in messages], by=BY, at=NOW))


def state(*statements: Any) -> None:
    """Make declarations as they are said in pure tests."""
    for each in statements:
        place = {"pattern": each.place.name} if each.is_pattern else {"name": each.place.name}
        until = None if each.valid.end == FOREVER else moment(each.valid.end)
        since = moment(each.valid.start)
        assert since is not None
        declarations.declare(
            each.kind, ref=each.ref, payload=each.payload, namespace=each.place.namespace, **place, valid_from=since,
            valid_to=until, by="user:usr_test",
        )  # fmt: skip


def rows() -> dict[str, list[Any]]:
    """Every derived row, by names instead of ids."""
    return {
        "runs": sorted(Run.objects.values_list("key", "atoms", "started", "ended", "state", "reasons"), key=repr),
        "writes": sorted(
            Write.objects.values_list("dataset__name", "run__key", "started", "ended", "gone", "view", "gaps"), key=repr
        ),
        "flows": sorted(
            Flow.objects.values_list(
                "write__dataset__name", "write__run__key", "source__name", "kind", "unnamed", "pin", "columns"
            ),
            key=repr,
        ),
        "reads": sorted(Read.objects.values_list("dataset__name", "run__key")),
        "endings": sorted(Ending.objects.values_list("dataset__name", "run__key", "started", "ended")),
        "symlinks": sorted(Symlink.objects.values_list("one__name", "other__name")),
        "columns": sorted(Column.objects.values_list("dataset__name", "column")),
        "whole": sorted(Dataset.objects.filter(whole=True).values_list("name")),
    }


def stored(rules: Rules) -> Part:
    """The whole stored graph as the pure functions take it."""
    names = {Name(*name) for name in Dataset.objects.values_list("namespace", "name")}
    return loading.load(names, direction=loading.UP).part if names else graph.assemble([], (), rules)


def same(one: Part, other: Part) -> None:
    """Two parts say the same."""
    assert sorted(one.writes, key=lambda w: (w.name, w.run)) == sorted(other.writes, key=lambda w: (w.name, w.run))
    assert set(one.endings) == set(other.endings)
    assert dict(one.first_reads) == dict(other.first_reads)
    assert (one.symlinks, one.columns, one.whole) == (other.symlinks, other.columns, other.whole)
