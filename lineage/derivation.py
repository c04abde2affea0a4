"""Derive runs again when their atoms or the declarations about them change, and have the rows follow.

Whoever unites atoms holds, in this order: what declared runs are about, the run rows by key, and then what `storing` locks.
"""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from lineage import atoms as atoms_of
from lineage import runs, storing
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
    old = {row.pk for row in rows if row.atoms}  # the others are new: nothing of theirs is stored yet
    derived = []
    for row in rows:
        united = atoms_of.united(atoms_of.parsed(row.atoms), found.get(row.key, ()))
        row.atoms = atoms_of.plain(united)
        derived.append((row, united))
    storing.store(_derived(derived), old, skew=rules().skew)


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
