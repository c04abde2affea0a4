"""Load the part of the graph that a question needs: from the derived rows, or, as it was known at a moment, from the events.

The rows are walked by one recursive statement per direction; it never relies on the graph having no cycles (UNION).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Min, Q

from lineage import atoms, derivation, graph, noted, openlineage, runs
from lineage.graph import Graph, Part
from lineage.models import Column, Dataset, Declaration, Ending, LineageEvent, Read, Run, Symlink, Write
from lineage.runs import Edge, Flow, Statement
from lineage.values import FOREVER, Name, Window, nanoseconds

UP, DOWN = "up", "down"

_STEP = {
    UP: "SELECT f.source_id FROM lineage_write w JOIN lineage_flow f ON f.write_id = w.id WHERE w.dataset_id = near.id",
    DOWN: "SELECT w.dataset_id FROM lineage_flow f JOIN lineage_write w ON w.id = f.write_id WHERE f.source_id = near.id",
}
_NEAR = """
WITH RECURSIVE near(id) AS (
    SELECT unnest(%s::bigint[])
    UNION
    SELECT next.id FROM near CROSS JOIN LATERAL (
        {step} UNION ALL SELECT s.other_id FROM lineage_symlink s WHERE s.one_id = near.id
    ) AS next(id)
) SELECT id FROM near"""


def load(names: Iterable[Name], *, direction: str, as_known_at: datetime | None = None) -> Graph:
    """Return the graph upstream or downstream of names, all their writes included."""
    found = frozenset(names)
    note = noted.current()
    key = (found, direction, as_known_at)
    if note is not None and key in note.loaded:
        known: Graph = note.loaded[key]
        return known
    part = _known_part(set(found), direction, as_known_at) if as_known_at else _part(set(found), direction)
    made = Graph(part, derivation.rules())
    if note is not None:
        note.loaded[key] = made
        note.looked_at({*found, *part.names()})
        note.turns_at(part.instants(), skew=made.rules.skew)
    return made


# -- from rows ----------------------------------------------------------------------------------------------------------------


def near(names: set[Name], direction: str) -> set[Name]:
    """Return the names upstream or downstream of names, whatever the time, their other names included."""
    rows = Dataset.objects.filter(pk__in=_near_ids(names, direction))
    return {Name(*row) for row in rows.values_list("namespace", "name")}


def _near_ids(names: set[Name], direction: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_NEAR.format(step=_STEP[direction]), [_ids(names)])
        return [row[0] for row in cursor.fetchall()]


def _part(names: set[Name], direction: str) -> Part:
    ids = _near_ids(names, direction)
    datasets = {row.pk: row for row in Dataset.objects.filter(pk__in=ids)}
    by_id = {pk: Name(row.namespace, row.name) for pk, row in datasets.items()}
    reads = Read.objects.filter(dataset__in=ids).values_list("dataset_id").annotate(Min("run__started"))
    return Part(
        writes=_writes(ids, by_id),
        endings=tuple(
            runs.Ending(by_id[row.dataset_id], row.run.key, Window(row.started, row.ended))
            for row in Ending.objects.filter(dataset__in=ids).select_related("run")
        ),
        first_reads={by_id[pk]: start for pk, start in reads},
        symlinks=frozenset(
            (min(one, other), max(one, other))
            for row in Symlink.objects.filter(one__in=ids, other__in=ids)
            for one, other in [(by_id[row.one_id], by_id[row.other_id])]
        ),
        columns=frozenset((by_id[row.dataset_id], row.column) for row in Column.objects.filter(dataset__in=ids)),
        whole=frozenset(by_id[pk] for pk, row in datasets.items() if row.whole),
        statements=statements({*by_id.values(), *names}),
    )


def _ids(names: set[Name]) -> list[int]:
    query = Q(pk=None)
    for name in names:
        query |= Q(namespace=name.namespace, name=name.name)
    return list(Dataset.objects.filter(query).values_list("pk", flat=True))


def _writes(ids: Sequence[int], by_id: Mapping[int, Name]) -> tuple[runs.Write, ...]:
    rows = Write.objects.filter(dataset__in=ids).select_related("run").prefetch_related("flows__source")
    return tuple(
        runs.Write(
            name=by_id[row.dataset_id], run=row.run.key, window=Window(row.started, row.ended), gone=row.gone, view=row.view,
            gaps=frozenset(row.gaps), reasons=frozenset(row.run.reasons), jobs=frozenset(Name(*job) for job in row.run.jobs),
            flows=tuple(
                sorted(
                    (
                        Flow(
                            Name(flow.source.namespace, flow.source.name), flow.kind, flow.unnamed, flow.pin,
                            tuple(Edge(*edge) for edge in flow.columns),
                        )
                        for flow in row.flows.all()
                    ),
                    key=lambda flow: (flow.kind == "renamed", flow.source, flow.pin),
                )
            ),
        )
        for row in rows
    )  # fmt: skip


def statements(names: Iterable[Name], *, as_known_at: datetime | None = None) -> tuple[Statement, ...]:
    """Return the declarations about names, those with patterns, and ended keys; as they were known at a moment."""
    found = set(names)
    query = Q(is_pattern=True) | Q(kind="key-ended")
    query |= Q(namespace__in={name.namespace for name in found}, name__in={name.name for name in found})
    rows = Declaration.objects.filter(query)
    if as_known_at is None:
        return tuple(derivation.statement(row) for row in rows)
    known = rows.filter(recorded_at__lte=as_known_at)
    return tuple(
        derivation.statement(row, with_end=row.end_recorded_at is not None and row.end_recorded_at <= as_known_at)
        for row in known
    )


# -- as it was known ----------------------------------------------------------------------------------------------------------


def _known_part(names: set[Name], direction: str, known_at: datetime) -> Part:
    """Derive from the events recorded by a moment. Names ever written or read are rows, so they lead to every run of interest."""
    seen: set[Name] = set()
    wanted, keys = set(names), dict[str, runs.Derived]()
    while wanted - seen:
        new = wanted - seen
        seen |= new
        keys |= _derived_then(_keys_of(new) - keys.keys(), known_at)
        wanted |= {name for each in keys.values() for name in _next(each, seen, direction)}
    return graph.assemble(keys.values(), statements(seen, as_known_at=known_at), derivation.rules())


def _next(found: runs.Derived, seen: set[Name], direction: str) -> Iterable[Name]:
    for one, other in found.symlinks:
        if {one, other} & seen:
            yield from (one, other)
    writes = [write for write in found.writes if write.name in seen]
    if direction == UP:
        yield from (flow.source for write in writes for flow in write.flows)
    else:
        yield from (write.name for write in found.writes if any(flow.source in seen for flow in write.flows))


def _keys_of(names: set[Name]) -> set[str]:
    ids = _ids(names)
    linked = Symlink.objects.filter(one__in=ids).values_list("other_id", flat=True)
    every = [*ids, *linked]
    runs_of = Run.objects.filter(Q(writes__dataset__in=every) | Q(reads__dataset__in=every))
    ended = Ending.objects.filter(dataset__in=every).values("run_id")
    return set(runs_of.values_list("key", flat=True)) | set(
        Run.objects.filter(pk__in=ended).values_list("key", flat=True)
    )


def _derived_then(keys: set[str], known_at: datetime) -> dict[str, runs.Derived]:
    abouts = set(Run.objects.filter(key__in=keys).exclude(about="").values_list("about", flat=True))
    siblings = set(Run.objects.filter(about__in=abouts).values_list("key", flat=True))
    found: dict[str, atoms.Atoms] = _model_atoms(keys, known_at)
    about: dict[str, str] = {}
    events = LineageEvent.objects.filter(run_key__in=keys | siblings, recorded_at__lte=known_at)
    for body, key in events.values_list("body", "run_key"):
        report = openlineage.read(openlineage.decode(bytes(body)))
        found[key] = atoms.united(found.get(key, frozenset()), atoms.of(report))
        if report.kind != "run":
            about[key] = report.run
    ours = derivation.rules()
    said = _run_statements(known_at, found)
    return {
        key: runs.derive(key, each, ours, statements=said, until=_until(key, about, found))
        for key, each in found.items()
        if key in keys
    }


def _until(key: str, about: Mapping[str, str], found: Mapping[str, atoms.Atoms]) -> int:
    if key not in about:
        return FOREVER
    starts = {
        other: min(int(a[2]) for a in found[other] if a[0] == "time") for other in about if about[other] == about[key]
    }
    return min((start for start in starts.values() if start > starts[key]), default=FOREVER)


def _model_atoms(keys: set[str], known_at: datetime) -> dict[str, atoms.Atoms]:
    refs = [key.removeprefix("model ") for key in keys if key.startswith("model ")]
    rows = Declaration.objects.filter(ref__in=refs, recorded_at__lte=known_at)
    return {
        f"model {row.ref}": runs.model_atoms(row.payload, Name(row.namespace, row.name), nanoseconds(row.valid_from))
        for row in rows
    }


def _run_statements(known_at: datetime, found: Mapping[str, atoms.Atoms]) -> tuple[Statement, ...]:
    outputs = {Name(str(a[1]), str(a[2])) for each in found.values() for a in each if a[0] == "output"}
    closed = Declaration.objects.filter(kind="run-closed", payload__run__in=list(found), recorded_at__lte=known_at)
    return (
        *(s for s in statements(outputs, as_known_at=known_at) if s.kind in ("replaces-whole", "column-map")),
        *(
            derivation.statement(row, with_end=row.end_recorded_at is not None and row.end_recorded_at <= known_at)
            for row in closed
        ),
    )
