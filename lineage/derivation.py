"""Rows of runs, kept equal to what their atoms say: derive the runs at hand, store the difference, mend the lives of writes.

Locks, in this order, so that a replacer and a writer cannot miss each other and nobody waits in a circle: what declared runs are
about, run rows by key, new names in sorted order, touched names by id (LINEAGE.md *Maintenance*).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from lineage import atoms as atoms_of
from lineage import runs
from lineage.atoms import Atoms
from lineage.models import Column, Dataset, Declaration, Ending, Flow, Read, Run, RunJob, Symlink, Write
from lineage.runs import Derived, Statement
from lineage.values import FOREVER, SECOND, TRUSTED, Name, Rules, Trust, Window, nanoseconds

type Ids = dict[Name, int]


def rules() -> Rules:
    """Return what this installation has set."""
    trusted = settings.LINEAGE_TRUSTED_PRODUCERS
    return Rules(
        skew=settings.LINEAGE_SKEW_SECONDS * SECOND,
        assumed_run=settings.LINEAGE_ASSUMED_RUN_SECONDS * SECOND,
        trusted=tuple(Trust(producer) for producer in trusted) or TRUSTED,
    )


def statement(row: Declaration, *, with_end: bool = True) -> Statement:
    """Return a declaration as the pure functions see it; `with_end=False` as it was known before its end was recorded."""
    ends = [moment for moment in (row.valid_to, row.ended_on if with_end else None) if moment]
    end = min((nanoseconds(moment) for moment in ends), default=FOREVER)
    place = Name(row.namespace, row.name)
    return Statement(row.kind, row.ref, place, row.is_pattern, row.payload, Window(nanoseconds(row.valid_from), end))


def declared(row: Declaration) -> None:
    """Derive again what a new or ended declaration is about. Call in its transaction."""
    match row.kind:
        case "replaces-whole" | "column-map":
            job = row.payload.get("job") or {}
            keys = RunJob.objects.filter(namespace=job.get("namespace", ""), name=job.get("name", ""))
            again(Run.objects.filter(pk__in=keys.values("run_id")).values_list("key", flat=True))
        case "run-closed":
            again([str(row.payload.get("run", ""))])
        case "node-kind" if not row.is_pattern:
            place = Name(row.namespace, row.name)
            found = runs.model_atoms(row.payload, place, nanoseconds(row.valid_from))
            unite({f"model {row.ref}": found}, about={f"model {row.ref}": f"model {row.ref}"})
        case _:
            pass  # read when a question is asked


def again(keys: Iterable[str]) -> None:
    """Derive runs again from the atoms that are stored."""
    unite({key: frozenset() for key in keys}, create=False)


def unite(found: dict[str, Atoms], *, about: dict[str, str] | None = None, create: bool = True) -> None:
    """Unite atoms into runs (by key) and store what follows. `about`: what declared runs are about. Call in a transaction."""
    about = about or {}
    for subject in sorted(set(about.values())):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [subject])
    if create:
        new = [Run(key=key, about=about.get(key, "")) for key in sorted(found)]
        Run.objects.bulk_create(new, ignore_conflicts=True)
    wanted = Q(key__in=list(found)) | Q(about__in=set(about.values()) - {""})
    rows = list(Run.objects.select_for_update(no_key=True).filter(wanted).order_by("key"))
    derived = []
    for row in rows:
        united = atoms_of.united(atoms_of.parsed(row.atoms), found.get(row.key, ()))
        row.atoms = atoms_of.plain(united)
        derived.append((row, united))
    _store(_derived(derived))


def _derived(rows: Sequence[tuple[Run, Atoms]]) -> list[tuple[Run, Derived]]:
    ours, statements = rules(), _statements(rows)
    starts: dict[str, list[int]] = {}
    for row, found in rows:
        if row.about:
            starts.setdefault(row.about, []).append(min(int(atom[2]) for atom in found if atom[0] == "time"))
    result = []
    for row, found in rows:
        until = FOREVER
        if row.about:
            mine = min(int(atom[2]) for atom in found if atom[0] == "time")
            until = min((start for start in starts[row.about] if start > mine), default=FOREVER)
        result.append((row, runs.derive(row.key, found, ours, statements=statements, until=until)))
    return result


def _statements(rows: Sequence[tuple[Run, Atoms]]) -> list[Statement]:
    names = {Name(str(atom[1]), str(atom[2])) for _, found in rows for atom in found if atom[0] == "output"}
    about_jobs = Q(
        kind__in=("replaces-whole", "column-map"),
        namespace__in={name.namespace for name in names},
        name__in={name.name for name in names},
    )
    closed = Q(kind="run-closed", payload__run__in=[row.key for row, _ in rows])
    return [statement(row) for row in Declaration.objects.filter(about_jobs | closed)]


# -- rows ---------------------------------------------------------------------------------------------------------------------


def _store(found: Sequence[tuple[Run, Derived]]) -> None:
    if not found:
        return
    ids = names_of({name for _, each in found for name in _mentioned(each)})
    touched = {ids[w.name] for _, each in found for w in each.writes} | {
        ids[e.name] for _, each in found for e in each.endings
    }
    held = Ending.objects.filter(run__in=[row for row, _ in found]).values_list("dataset_id", flat=True)
    touched |= set(held)
    list(Dataset.objects.select_for_update(no_key=True).filter(pk__in=touched).order_by("pk").values_list("pk"))
    _runs(found)
    changed = _endings(found, ids)
    _writes(found, ids)
    _reads(found, ids)
    _mend(changed)
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


def _runs(found: Sequence[tuple[Run, Derived]]) -> None:
    for row, each in found:
        row.started, row.ended, row.state = each.window.start, each.window.end, each.state
        row.jobs, row.reasons = sorted(each.jobs), sorted(each.reasons)
    Run.objects.bulk_update([row for row, _ in found], ["atoms", "jobs", "started", "ended", "state", "reasons"])
    jobs = sorted((job, row.pk) for row, each in found for job in each.jobs)
    new = [RunJob(run_id=pk, namespace=job.namespace, name=job.name) for job, pk in jobs]
    RunJob.objects.bulk_create(new, ignore_conflicts=True)


def _endings(found: Sequence[tuple[Run, Derived]], ids: Ids) -> set[tuple[int, int, int]]:
    """Store endings; return (dataset, latest start, earliest end) of each that came, went or moved."""
    old = {(e.dataset_id, e.run_id): e for e in Ending.objects.filter(run__in=[row for row, _ in found])}
    new = {(ids[e.name], row.pk): e.window for row, each in found for e in each.endings}
    changed = set()
    for key in old.keys() | new.keys():
        before = Window(old[key].started, old[key].ended) if key in old else None
        if before != new.get(key):
            windows = [window for window in (before, new.get(key)) if window]
            changed.add((key[0], max(w.start for w in windows), min(w.end for w in windows)))
    stale = [old[key].pk for key in old if key not in new or Window(old[key].started, old[key].ended) != new[key]]
    Ending.objects.filter(pk__in=stale).delete()
    Ending.objects.bulk_create(
        [Ending(dataset_id=d, run_id=r, started=w.start, ended=w.end) for (d, r), w in sorted(new.items())], ignore_conflicts=True
    )  # fmt: skip
    return changed


def _writes(found: Sequence[tuple[Run, Derived]], ids: Ids) -> None:
    old = {(w.dataset_id, w.run_id): w for w in Write.objects.filter(run__in=[row for row, _ in found])}
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
    Write.objects.filter(pk__in=stale).delete()
    _flows({everyone[key].pk: each for key, each in flows.items()}, ids, fresh={write.pk for write in create})
    _lives([write.pk for key, write in everyone.items() if key in flows])


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


def _lives(writes: Sequence[int]) -> None:
    """Rule 8 for the writes of the runs at hand."""
    if writes:
        _update_gone("w.id = ANY(%(writes)s)", writes=list(writes))


def _mend(changed: Iterable[tuple[int, int, int]]) -> None:
    """Rule 8 for writes of others, where an ending came, went or moved: those between it and the ending before."""
    for dataset, start, end in changed:
        _update_gone(
            "w.dataset_id = %(dataset)s AND w.gone >= %(end)s AND w.ended < %(start)s - %(skew)s",
            dataset=dataset, start=start, end=end,
        )  # fmt: skip


def _update_gone(where: str, **values: int | list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_GONE + where, {"forever": FOREVER, "skew": rules().skew, **values})


def _reads(found: Sequence[tuple[Run, Derived]], ids: Ids) -> None:
    wanted = {(ids[name], row.pk) for row, each in found for name in each.reads}
    old = {(r.dataset_id, r.run_id): r.pk for r in Read.objects.filter(run__in=[row for row, _ in found])}
    Read.objects.filter(pk__in=[pk for key, pk in old.items() if key not in wanted]).delete()
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


def rederive_all() -> int:
    """Make every derived row again from the atoms, as after a change of skew or trust; return how many runs there are."""
    with transaction.atomic():
        for model in (Flow, Ending, Read, Write, Symlink, Column):
            model._default_manager.all().delete()
        Dataset.objects.update(whole=False)
        keys = list(Run.objects.order_by("key").values_list("key", flat=True))
        for index in range(0, len(keys), 500):
            again(keys[index : index + 500])
    return len(keys)
