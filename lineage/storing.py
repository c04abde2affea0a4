"""The rows of runs, made equal to what their atoms say: only the difference is written, and the lives of writes are mended.

Locks follow an order, so that a replacer and a writer cannot miss each other and nobody waits in a circle: run rows by key (the
caller), new names in sorted order, touched names by id (LINEAGE.md *Maintenance*).
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from lineage import runs
from lineage.models import Column, Dataset, Ending, Flow, Read, Run, RunJob, Symlink, Write
from lineage.runs import Derived
from lineage.values import FOREVER, Name, Window

type Ids = dict[Name, int]


def store(found: Sequence[tuple[Run, Derived]], old: set[int], *, skew: int) -> None:
    """Make the rows of runs equal to what was derived. `old`: runs (ids) of which rows may be stored already. Call in a transaction."""
    if not found:
        return
    ids = names_of({name for _, each in found for name in _mentioned(each)})
    touched = {ids[w.name] for _, each in found for w in each.writes} | {
        ids[e.name] for _, each in found for e in each.endings
    }
    touched |= set(Ending.objects.filter(run__in=old).values_list("dataset_id", flat=True)) if old else set()
    if touched:
        list(Dataset.objects.select_for_update(no_key=True).filter(pk__in=touched).order_by("pk").values_list("pk"))
    _runs([row for row, _ in found], [each for _, each in found])
    changed = _endings(found, ids, old)
    _writes(found, ids, old, skew)
    _reads(found, ids, old)
    _mend(changed, skew)
    _loose_facts(found, ids)


def _mentioned(found: Derived) -> Iterable[Name]:
    yield from found.reads
    yield from (write.name for write in found.writes)
    yield from (ending.name for ending in found.endings)
    yield from (name for link in found.symlinks for name in link)
    yield from (name for name, _ in found.columns)
    yield from found.whole


def names_of(names: set[Name]) -> Ids:
    """Return the row ids of names, which are made where they are new."""
    known = _known(names)
    missing = sorted(names - known.keys())
    if missing:
        new = [Dataset(namespace=name.namespace, name=name.name) for name in missing]
        Dataset.objects.bulk_create(new, ignore_conflicts=True)
        known |= _known(set(missing))
    return known


def _known(names: set[Name]) -> Ids:
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.namespace, d.name, d.id FROM lineage_dataset d"
            " JOIN unnest(%s::text[], %s::text[]) AS n(namespace, name) USING (namespace, name)",
            [[name.namespace for name in names], [name.name for name in names]],
        )
        return {Name(namespace, name): pk for namespace, name, pk in cursor.fetchall()}


_SET_RUNS = """
UPDATE lineage_run r SET atoms = n.atoms, jobs = n.jobs, started = n.started, ended = n.ended, state = n.state, reasons = n.reasons
FROM unnest(%s::bigint[], %s::jsonb[], %s::jsonb[], %s::bigint[], %s::bigint[], %s::text[], %s::jsonb[])
    AS n(id, atoms, jobs, started, ended, state, reasons) WHERE r.id = n.id"""


def _runs(rows: Sequence[Run], found: Sequence[Derived]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _SET_RUNS,
            [
                [row.pk for row in rows],
                [json.dumps(row.atoms) for row in rows],
                [json.dumps(sorted(each.jobs)) for each in found],
                [each.window.start for each in found],
                [each.window.end for each in found],
                [each.state for each in found],
                [json.dumps(sorted(each.reasons)) for each in found],
            ],
        )
    jobs = sorted((job, row.pk) for row, each in zip(rows, found, strict=True) for job in each.jobs)
    new = [RunJob(run_id=pk, namespace=job.namespace, name=job.name) for job, pk in jobs]
    RunJob.objects.bulk_create(new, ignore_conflicts=True)


def _endings(found: Sequence[tuple[Run, Derived]], ids: Ids, known: set[int]) -> set[tuple[int, int, int]]:
    """Store endings; return (dataset, latest start, earliest end) of each that came, went or moved."""
    old = {(e.dataset_id, e.run_id): e for e in (Ending.objects.filter(run__in=known) if known else ())}
    new = {(ids[e.name], row.pk): e.window for row, each in found for e in each.endings}
    changed = set()
    for key in old.keys() | new.keys():
        before = Window(old[key].started, old[key].ended) if key in old else None
        if before != new.get(key):
            windows = [window for window in (before, new.get(key)) if window]
            changed.add((key[0], max(w.start for w in windows), min(w.end for w in windows)))
    stale = [old[key].pk for key in old if key not in new or Window(old[key].started, old[key].ended) != new[key]]
    if stale:
        Ending.objects.filter(pk__in=stale).delete()
    Ending.objects.bulk_create(
        [Ending(dataset_id=d, run_id=r, started=w.start, ended=w.end) for (d, r), w in sorted(new.items())], ignore_conflicts=True
    )  # fmt: skip
    return changed


def _writes(found: Sequence[tuple[Run, Derived]], ids: Ids, known: set[int], skew: int) -> None:
    old = {(w.dataset_id, w.run_id): w for w in (Write.objects.filter(run__in=known) if known else ())}
    create, update, flows = [], [], {}
    for row, each in found:
        for write in each.writes:
            key = (ids[write.name], row.pk)
            values: dict[str, Any] = {
                "started": write.window.start, "ended": write.window.end, "view": write.view, "gaps": sorted(write.gaps)
            }  # fmt: skip
            flows[key] = write.flows
            kept = old.get(key)
            if kept is None:
                create.append(Write(dataset_id=key[0], run_id=key[1], **values))
            elif any(getattr(kept, name) != value for name, value in values.items()):
                vars(kept).update(values)
                update.append(kept)
    Write.objects.bulk_create(create)
    if update:
        Write.objects.bulk_update(update, ["started", "ended", "view", "gaps"])
    everyone = {**old, **{(w.dataset_id, w.run_id): w for w in create}}
    stale = [write.pk for key, write in old.items() if key not in flows]
    if stale:
        Write.objects.filter(pk__in=stale).delete()
    _flows({everyone[key].pk: each for key, each in flows.items()}, ids, fresh={write.pk for write in create})
    _lives([write.pk for key, write in everyone.items() if key in flows], skew)


def _flows(wanted: dict[int, tuple[runs.Flow, ...]], ids: Ids, *, fresh: set[int]) -> None:
    new = {
        (pk, ids[flow.source], flow.kind, flow.pin): (flow.unnamed, [list(edge) for edge in flow.columns])
        for pk, flows in wanted.items()
        for flow in flows
    }
    old = {
        (flow.write_id, flow.source_id, flow.kind, flow.pin): flow
        for flow in (Flow.objects.filter(write_id__in=wanted.keys() - fresh) if wanted.keys() - fresh else ())
    }
    stale = [flow.pk for key, flow in old.items() if new.get(key) != (flow.unnamed, flow.columns)]
    if stale:
        Flow.objects.filter(pk__in=stale).delete()
    kept = {key for key, flow in old.items() if new.get(key) == (flow.unnamed, flow.columns)}
    Flow.objects.bulk_create(
        [
            Flow(write_id=key[0], source_id=key[1], kind=key[2], pin=key[3], unnamed=value[0], columns=value[1])
            for key, value in new.items()
            if key not in kept
        ]
    )


_GONE = """
UPDATE lineage_write w SET gone = least(%(forever)s, coalesce((
    SELECT min(e.ended) FROM lineage_ending e
    WHERE e.dataset_id = w.dataset_id AND e.run_id <> w.run_id AND e.started - %(skew)s > w.ended), %(forever)s))
WHERE """


def _lives(writes: Sequence[int], skew: int) -> None:
    """Rule 8 for the writes of the runs at hand."""
    if writes:
        _update_gone("w.id = ANY(%(writes)s)", skew=skew, writes=list(writes))


def _mend(changed: Iterable[tuple[int, int, int]], skew: int) -> None:
    """Rule 8 for writes of others, where an ending came, went or moved: those between it and the ending before."""
    for dataset, start, end in changed:
        _update_gone(
            "w.dataset_id = %(dataset)s AND w.gone >= %(end)s AND w.ended < %(start)s - %(skew)s",
            skew=skew, dataset=dataset, start=start, end=end,
        )  # fmt: skip


def _update_gone(where: str, **values: int | list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_GONE + where, {"forever": FOREVER, **values})


def _reads(found: Sequence[tuple[Run, Derived]], ids: Ids, known: set[int]) -> None:
    wanted = {(ids[name], row.pk) for row, each in found for name in each.reads}
    old = {(r.dataset_id, r.run_id): r.pk for r in (Read.objects.filter(run__in=known) if known else ())}
    stale = [pk for key, pk in old.items() if key not in wanted]
    if stale:
        Read.objects.filter(pk__in=stale).delete()
    Read.objects.bulk_create(
        [Read(dataset_id=d, run_id=r) for d, r in sorted(wanted - old.keys())], ignore_conflicts=True
    )


def _loose_facts(found: Sequence[tuple[Run, Derived]], ids: Ids) -> None:
    """What only ever grows: columns, other names, which lists of columns are whole."""
    columns = sorted({(ids[name], column) for _, each in found for name, column in each.columns})
    if columns:
        Column.objects.bulk_create([Column(dataset_id=d, column=c) for d, c in columns], ignore_conflicts=True)
    links = {(ids[a], ids[b]) for _, each in found for a, b in each.symlinks}
    if links:
        both = sorted(links | {(b, a) for a, b in links})
        Symlink.objects.bulk_create([Symlink(one_id=a, other_id=b) for a, b in both], ignore_conflicts=True)
    whole = {ids[name] for _, each in found for name in each.whole}
    if whole:
        Dataset.objects.filter(pk__in=whole, whole=False).update(whole=True)
