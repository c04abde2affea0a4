"""The catalogue's part of a decision's facts: rows turned into `governance.policy` values, in a stable order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from governance.catalogue import queries
from governance.catalogue.models import SafeguardDeclaration, SourceDeclaration
from governance.catalogue.queries import Dataset
from governance.parties.models import Party, TenantKey
from governance.policy import canonical, values


@dataclass(frozen=True, slots=True)
class Described:
    """The fields of `values.Facts` that the catalogue answers for, by the same names."""

    declarations: tuple[values.Declaration, ...]
    categories: tuple[values.ColumnCategory, ...]
    source_keys: tuple[values.KeyColumn, ...]
    identities: tuple[values.Identity, ...]
    safeguards: tuple[values.InPlace, ...]
    quasi_identifiers: tuple[str, ...]
    generalisations: tuple[values.Generalisation, ...]


def describe(
    dataset: Dataset,
    *,
    declarations: Iterable[str],
    sources: Iterable[Dataset] = (),
    runs: Iterable[str] | None = None,
    at: datetime,
    as_known_at: datetime | None = None,
) -> Described:
    """Return what the catalogue knows that matters to a dataset.

    `declarations` are the references that lineage says reach it, `sources` the datasets their origins lie in (a declaration by
    pattern covers many), `runs` the versions read. Safeguards here are the declared ones; measured ones are building's.
    """
    when = {"at": at, "as_known_at": as_known_at}
    rows = queries.sources(declarations, **when)
    places = sorted({dataset, *sources, *((row.namespace, row.name) for row in rows.values() if not row.is_pattern)})
    return Described(
        declarations=_declarations(rows, at, as_known_at),
        categories=_categories(places, at, as_known_at),
        source_keys=_source_keys(places, at, as_known_at),
        identities=_identities(dataset, rows.keys(), at, as_known_at),
        safeguards=tuple(_in_place(row) for row in queries.safeguards(dataset, runs, **when)),
        quasi_identifiers=queries.quasi_identifiers(dataset, **when) or (),
        generalisations=tuple(
            values.Generalisation(column, row.method, canonical.text(row.parameters))
            for column, row in sorted(queries.generalisations(dataset, **when).items())
        ),
    )


def models(
    nodes: Mapping[str, Iterable[Dataset]], *, at: datetime, as_known_at: datetime | None = None
) -> tuple[values.Model, ...]:
    """Return models (by reference) with every party that they serve, given for each the nodes of its descendants and its own."""
    found = []
    for ref, datasets in sorted(nodes.items()):
        services = queries.services(datasets, as_known_at=as_known_at, not_over_at=at)
        found.append(
            values.Model(ref, tuple(values.ServedTo(s.party_ref, s.valid_from, s.until(as_known_at)) for s in services))
        )
    return tuple(found)


def _declarations(
    rows: Mapping[str, SourceDeclaration], at: datetime, as_known_at: datetime | None
) -> tuple[values.Declaration, ...]:
    spaces = _customers({row.tenant_space_id for row in rows.values() if row.tenant_space_id}, at, as_known_at)
    vendors = _vendors({row.controller_ref for row in rows.values() if row.controller_ref})
    return tuple(
        values.Declaration(
            ref=row.ref,
            namespace=row.namespace,
            name=row.name,
            customers=(row.customer.ref,) if row.customer else spaces.get(row.tenant_space_id or 0, ()),
            tenant_space=row.tenant_space.key if row.tenant_space else "",
            tenant_column=row.tenant_column,
            no_customer_data=row.no_customer_data,
            subject_column=row.subject_column,
            subject_space=row.subject_space.ref if row.subject_space else "",
            controller=row.controller_ref,
            controller_is_vendor=row.controller_ref in vendors,
            product=row.product,
            environment=row.environment,
            region=row.region,
            recorded_at=row.known_at,
        )
        for _, row in sorted(rows.items())
    )


def _customers(spaces: set[int], at: datetime, as_known_at: datetime | None) -> dict[int, tuple[str, ...]]:
    """Everybody who has, or ever had, a key in these spaces: rows written under an old key are still that customer's."""
    keys = TenantKey.objects.filter(space__in=spaces, valid_from__lte=at)
    if as_known_at is not None:
        keys = keys.filter(recorded_at__lte=as_known_at)
    found: dict[int, set[str]] = {}
    for space, customer in keys.values_list("space_id", "customer__ref").distinct():
        found.setdefault(space, set()).add(customer)
    return {space: tuple(sorted(customers)) for space, customers in found.items()}


def _vendors(refs: set[str]) -> set[str]:
    return set(Party.objects.filter(ref__in=refs, kind=Party.Kind.VENDOR).values_list("ref", flat=True))


def _categories(places: list[Dataset], at: datetime, as_known_at: datetime | None) -> tuple[values.ColumnCategory, ...]:
    found = queries.categories(places, at=at, as_known_at=as_known_at)
    said = {(ns, name, row.column, row.category) for (ns, name), rows in found.items() for row in rows}
    return tuple(values.ColumnCategory(*each) for each in sorted(said))


def _source_keys(places: list[Dataset], at: datetime, as_known_at: datetime | None) -> tuple[values.KeyColumn, ...]:
    """Key columns of every dataset involved: those declared as such, and those that a source declaration itself names."""
    when = {"at": at, "as_known_at": as_known_at}
    said = {(*place, row.column) for place, rows in queries.key_columns(places, **when).items() for row in rows}
    for place, sources in queries.sources_on(places, **when).items():
        named = {column for source in sources for column in (source.tenant_column, source.subject_column) if column}
        said |= {(*place, column) for column in named}
    return tuple(values.KeyColumn(*each) for each in sorted(said))


def _identities(
    dataset: Dataset, refs: Iterable[str], at: datetime, as_known_at: datetime | None
) -> tuple[values.Identity, ...]:
    found = queries.identities(dataset, refs, at=at, as_known_at=as_known_at)
    said = {(each.column, each.kind, each.space, each.source_ref) for each in found}
    return tuple(values.Identity(*each) for each in sorted(said))


def _in_place(row: SafeguardDeclaration) -> values.InPlace:
    bounds = dict(row.bounds)
    quasi = tuple(sorted(bounds.pop("quasi_identifiers", [])))
    return values.InPlace(
        run=row.run,
        safeguard=row.safeguard,
        known=values.Known.DECLARED,
        columns=tuple(row.columns),
        standard=row.standard,
        bounds=values.Bounds(**bounds),
        quasi_identifiers=quasi,
        evidence=row.evidence_digest,
    )
