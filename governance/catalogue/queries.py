"""What the catalogue knows about datasets at an instant, as known at another: what `releases.gathering` turns into facts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.catalogue import places
from governance.catalogue.declared import Declared
from governance.catalogue.models import (
    CategoryDeclaration,
    Generalisation,
    KeyColumn,
    Model,
    OwnerRelease,
    QuasiIdentifiers,
    SafeguardDeclaration,
    Service,
    SourceDeclaration,
)

type Dataset = tuple[str, str]  # namespace, name


@dataclass(frozen=True, slots=True)
class Identity:
    """A column of a dataset says which customer (`tenant`) or person (`person`) a row of one source declaration is of."""

    column: str
    kind: str
    source_ref: str
    space: str  # key of the tenant-key space, or reference of the identifier space
    declared_by_ref: str  # the declaration that says so


def sources(refs: Iterable[str], *, at: datetime, as_known_at: datetime | None = None) -> dict[str, SourceDeclaration]:
    """Return the source declarations of these references that count, by reference."""
    rows = SourceDeclaration.objects.filter(ref__in=list(refs)).counting(at=at, as_known_at=as_known_at)
    return {row.ref: row for row in rows.select_related("customer", "tenant_space", "subject_space")}


def sources_on(
    datasets: Iterable[Dataset], *, at: datetime, as_known_at: datetime | None = None
) -> dict[Dataset, list[SourceDeclaration]]:
    """Return the source declarations that stand on each of these datasets, by name or by pattern."""
    return _placed(SourceDeclaration, datasets, at, as_known_at, "customer", "tenant_space", "subject_space")


def categories(
    datasets: Iterable[Dataset], *, at: datetime, as_known_at: datetime | None = None
) -> dict[Dataset, list[CategoryDeclaration]]:
    """Return the category declarations of each dataset; a column bears all of its own."""
    return _placed(CategoryDeclaration, datasets, at, as_known_at)


def key_columns(
    datasets: Iterable[Dataset], *, at: datetime, as_known_at: datetime | None = None
) -> dict[Dataset, list[KeyColumn]]:
    """Return the declared key columns of each dataset."""
    return _placed(KeyColumn, datasets, at, as_known_at, "tenant_space", "subject_space", "source")


def identities(
    dataset: Dataset, source_refs: Iterable[str], *, at: datetime, as_known_at: datetime | None = None
) -> list[Identity]:
    """Return what separates the rows of each of these source declarations in a dataset.

    On the dataset that a declaration stands on its own columns do; elsewhere only a key column that somebody declared there, for
    that declaration or for the whole of its space. Nothing is taken from lineage: a pipeline cannot make its own data separable.
    """
    reaching = sources(source_refs, at=at, as_known_at=as_known_at)
    keys = key_columns([dataset], at=at, as_known_at=as_known_at)[dataset]
    found = [identity for source in reaching.values() for identity in _own(source, dataset)]
    found += [identity for source in reaching.values() for key in keys if (identity := _by_key(source, key))]
    return sorted(set(found), key=lambda i: (i.source_ref, i.kind, i.column, i.declared_by_ref))


def quasi_identifiers(dataset: Dataset, *, at: datetime, as_known_at: datetime | None = None) -> tuple[str, ...] | None:
    """Return the columns over which k of a dataset is measured: all that any counting declaration names, None when none counts."""
    rows = _placed(QuasiIdentifiers, [dataset], at, as_known_at)[dataset]
    return tuple(sorted({column for row in rows for column in row.columns})) if rows else None


def generalisations(
    dataset: Dataset, *, at: datetime, as_known_at: datetime | None = None
) -> dict[str, Generalisation]:
    """Return how each column of a dataset is made coarser; of several declarations the one known last."""
    rows = _placed(Generalisation, [dataset], at, as_known_at)[dataset]
    return {row.column: row for row in sorted(rows, key=lambda row: (row.known_at or row.declared_at, row.ref))}


def safeguards(
    dataset: Dataset, runs: Iterable[str] | None = None, *, at: datetime, as_known_at: datetime | None = None
) -> list[SafeguardDeclaration]:
    """Return the safeguards that two persons vouched for, of the versions that these runs wrote (all versions when None)."""
    rows = SafeguardDeclaration.objects.filter(namespace=dataset[0], name=dataset[1])
    rows = rows if runs is None else rows.filter(run__in=list(runs))
    return list(rows.counting(at=at, as_known_at=as_known_at).order_by("ref"))


def model_at(dataset: Dataset, *, as_known_at: datetime | None = None) -> Model | None:
    """Return the model that is registered as this node of lineage, if any."""
    rows = Model.objects.filter(namespace=dataset[0], name=dataset[1])
    return rows.filter(recorded_at__lte=as_known_at).first() if as_known_at else rows.first()


def services(
    nodes: Iterable[Dataset], *, as_known_at: datetime | None = None, not_over_at: datetime | None = None
) -> list[Service]:
    """Return whom the models at these nodes serve, over which periods, as known then; without those over by `not_over_at`."""
    wanted = set(nodes)
    rows = Service.objects.filter(model__namespace__in={n for n, _ in wanted}, model__name__in={n for _, n in wanted})
    known = rows.known(as_known_at).select_related("model").order_by("party_ref", "valid_from", "ref")
    return [
        row
        for row in known
        if (row.model.namespace, row.model.name) in wanted
        and (not_over_at is None or (end := row.until(as_known_at)) is None or end > not_over_at)
    ]


def owner_releases(model: Model, action: str, *, as_known_at: datetime | None = None) -> list[OwnerRelease]:
    """Return what owners have released the model for, over which periods, as known then. Of this model: its descendants are models of their own."""
    rows = OwnerRelease.objects.filter(model=model, action=action).known(as_known_at)
    return list(rows.select_related("customer").order_by("ref"))


def _placed[M: Declared](
    kind: type[M], datasets: Iterable[Dataset], at: datetime, as_known_at: datetime | None, *related: str
) -> dict[Dataset, list[M]]:
    wanted = list(dict.fromkeys(datasets))
    rows: Any = kind._default_manager.filter(places.candidates(wanted))
    rows = rows.counting(at=at, as_known_at=as_known_at).order_by("ref")
    rows = list(rows.select_related(*related) if related else rows)
    return {dataset: [row for row in rows if places.covers(row, *dataset)] for dataset in wanted}


def _own(source: SourceDeclaration, dataset: Dataset) -> list[Identity]:
    if not places.covers(source, *dataset):
        return []
    found = []
    if source.tenant_space:
        found.append(Identity(source.tenant_column, "tenant", source.ref, source.tenant_space.key, source.ref))
    if source.subject_space:
        found.append(Identity(source.subject_column, "person", source.ref, source.subject_space.ref, source.ref))
    return found


def _by_key(source: SourceDeclaration, key: KeyColumn) -> Identity | None:
    if key.source_id is not None and key.source_id != source.pk:
        return None
    match key.kind:
        case "tenant" if key.tenant_space and key.tenant_space_id == source.tenant_space_id:
            return Identity(key.column, "tenant", source.ref, key.tenant_space.key, key.ref)
        case "tenant" if key.tenant_space and key.source_id == source.pk and source.customer_id:
            return Identity(key.column, "tenant", source.ref, key.tenant_space.key, key.ref)
        case "person" if key.subject_space and key.subject_space_id == source.subject_space_id:
            return Identity(key.column, "person", source.ref, key.subject_space.ref, key.ref)
        case _:
            return None
