"""Whose data is in D, of which categories, under which safeguards: lineage and catalogue as the engine takes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from consent import trees, vocabulary
from governance.catalogue import queries as catalogue
from governance.catalogue.models import SafeguardDeclaration, SourceDeclaration
from governance.parties.models import Party, TenantKey
from governance.policy import canonical, values
from governance.releases import planned
from governance.releases.models import BuiltVersion, RowCount
from lineage import answers, queries

type Place = tuple[str, str]


@dataclass(frozen=True)
class Provenance:
    """What lineage and catalogue say of D; `built` where the product's builder made what is there."""

    exposure: answers.Exposure
    versions: tuple[answers.Version, ...]
    sources: Mapping[str, SourceDeclaration]
    built: BuiltVersion | None
    counted: RowCount | None
    gaps: tuple[values.Gap, ...]

    @property
    def place(self) -> Place:
        """D."""
        return self.exposure.namespace, self.exposure.name

    @property
    def places(self) -> list[Place]:
        """D, and for a built version the dataset that it was built from: what was declared there still says what a column is."""
        return [self.place, *([(self.built.decision.namespace, self.built.decision.name)] if self.built else [])]


def read(question: values.Question) -> Provenance:
    """Ask lineage and the catalogue about the question's dataset."""
    at, known, place = question.at, question.as_known_at, (question.namespace, question.dataset)
    exposure = planned.exposure(question) if question.sources else queries.exposure(*place, at=at, as_known_at=known)
    versions = () if question.sources else queries.versions(*place, at=at, as_known_at=known)
    wanted = {origin.declaration for origins in exposure.origins.values() for origin in origins}
    on_d = catalogue.sources_on([place], at=at, as_known_at=known)[place]
    sources = catalogue.sources(wanted | {row.ref for row in on_d}, at=at, as_known_at=known)
    lost = sorted(wanted - set(sources))
    return Provenance(
        exposure=exposure,
        versions=versions,
        sources=sources,
        built=_built(place, versions, known),
        counted=_counted(place, versions, known),
        gaps=tuple(values.Gap(f"source declaration {ref} is no longer to be found") for ref in lost),
    )


def dataset(found: Provenance, question: values.Question, *, kind: str) -> values.Dataset:
    """Return D itself."""
    exposure = found.exposure
    undeclared = [f for f in exposure.unknown if f.code in UNDECLARED]
    return values.Dataset(
        namespace=exposure.namespace,
        name=exposure.name,
        kind=kind,
        known=_known(found),
        columns=tuple(values.Column(name) for name in exposure.columns),
        versions=tuple(_version(version, question.at) for version in found.versions),
        completeness=values.Completeness(exposure.completeness),
        reasons=tuple(sorted({finding.code for finding in (*exposure.unknown, *exposure.partial)})),
        undeclared=tuple(sorted({f"{finding.namespace} {finding.name}" for finding in undeclared})),
        ancestors=_separable_ancestors(found, question),
    )


UNDECLARED = frozenset({"base", "no-source-named"})  # of lineage's findings: a declaration would help


def origins(found: Provenance, question: values.Question) -> tuple[values.Origin, ...]:
    """Return every (column of D, source column) that lineage connects; a way through all columns of a source is one of `*`.

    The row `*` speaks of columns that nobody listed: it is a fact only where one of those is asked for.
    """
    listed = set(question.columns) <= set(found.exposure.columns) and bool(question.columns)
    made = {
        values.Origin(
            column=column,
            declaration=origin.declaration,
            namespace=origin.namespace,
            dataset=origin.dataset,
            source_column="*" if origin.through else origin.column,
            path=values.Path(origin.path),
            masked=origin.masked,
            without=tuple(sorted(ref for ref in origin.without if ref.startswith("cus_"))),
        )
        for column, reached in found.exposure.origins.items()
        if column != "*" or not listed
        for origin in reached
    }
    return tuple(sorted(made, key=canonical.value_bytes))


def declarations(
    found: Provenance, customers: Mapping[str, tuple[str, ...]], question: values.Question
) -> tuple[values.Declaration, ...]:
    """Return the source declarations that reach D, each with its customers."""
    ours = Party.objects.filter(kind=Party.Kind.VENDOR, created_at__lte=question.as_known_at)
    vendors = set(ours.values_list("ref", flat=True))
    return tuple(_declaration(found, row, customers[ref], vendors) for ref, row in sorted(found.sources.items()))


def holders(sources: Mapping[str, SourceDeclaration], *, at: datetime, known: datetime) -> dict[str, tuple[str, ...]]:
    """Return the customers of each source declaration: everybody who ever had a key in its space, for old rows are still theirs."""
    spaces = {row.tenant_space_id for row in sources.values() if row.tenant_space_id}
    by_space: dict[int, set[str]] = {}
    rows = TenantKey.objects.filter(space__in=spaces, recorded_at__lte=known, valid_from__lte=at)
    for space, customer in rows.values_list("space_id", "customer__ref"):
        by_space.setdefault(space, set()).add(customer)
    found: dict[str, tuple[str, ...]] = {}
    for ref, row in sources.items():
        mine = (
            by_space.get(row.tenant_space_id, set())
            if row.tenant_space_id
            else ({row.customer.ref} if row.customer else set())
        )
        found[ref] = tuple(sorted(mine))
    return found


def schemas(found: Provenance) -> tuple[values.Schema, ...]:
    """Return the columns of the sources that are reached through all of their columns, where those were known."""
    reached: dict[Place, set[str]] = {}
    for origin in (origin for origins in found.exposure.origins.values() for origin in origins if origin.through):
        reached.setdefault((origin.namespace, origin.dataset), set()).add(origin.column)
    return tuple(
        values.Schema(*place, tuple(sorted(columns)))
        for place, columns in sorted(reached.items())
        if "*" not in columns
    )


def categories(found: Provenance, question: values.Question) -> tuple[values.ColumnCategory, ...]:
    """Return the categories declared on D and on its sources."""
    rows = catalogue.categories(
        [*found.places, *_source_places(found)], at=question.at, as_known_at=question.as_known_at
    )
    named = trees.renames(question.as_known_at)
    made = {
        values.ColumnCategory(
            *(found.place if place in found.places else place), row.column, vocabulary.current(row.category, named)
        )
        for place, declared in rows.items()
        for row in declared
    }
    return tuple(sorted(made, key=lambda c: (c.namespace, c.dataset, c.column, c.category)))


def source_keys(found: Provenance, question: values.Question) -> tuple[values.KeyColumn, ...]:
    """Return the columns of the sources that are keys: named by the source declaration itself, or declared as such."""
    rows = catalogue.key_columns(_source_places(found), at=question.at, as_known_at=question.as_known_at)
    made = {values.KeyColumn(*place, row.column) for place, declared in rows.items() for row in declared}
    by_ref = {(o.namespace, o.dataset, o.declaration) for reached in found.exposure.origins.values() for o in reached}
    for namespace, name, ref in by_ref:
        source = found.sources.get(ref)
        columns = (source.tenant_column, source.subject_column) if source else ()
        made |= {values.KeyColumn(namespace, name, column) for column in columns if column}
    return tuple(sorted(made, key=lambda k: (k.namespace, k.dataset, k.column)))


def identities(found: Provenance, question: values.Question) -> tuple[values.Identity, ...]:
    """Return the columns of D that tell customers or persons apart; in a built version those that were written untouched."""
    made: set[values.Identity] = set()
    for place in found.places:
        rows = catalogue.identities(place, found.sources, at=question.at, as_known_at=question.as_known_at)
        kept = None if place == found.place or found.built is None else set(found.built.untouched)
        made |= {
            values.Identity(column=row.column, kind=row.kind, space=row.space, declaration=row.source_ref)
            for row in rows
            if kept is None or row.column in kept
        }
    return tuple(sorted(made, key=lambda i: (i.column, i.kind, i.space, i.declaration)))


def safeguards(found: Provenance, question: values.Question) -> tuple[values.InPlace, ...]:
    """Return what two persons vouch for, and what the builder measured, on the versions that are there."""
    runs = [version.run for version in found.versions]
    rows = catalogue.safeguards(found.place, runs, at=question.at, as_known_at=question.as_known_at)
    measured = found.built.safeguards if found.built else []
    return (*(_in_place(row) for row in rows), *(canonical.from_json(values.InPlace, each) for each in measured))


def quasi_identifiers(found: Provenance, question: values.Question) -> tuple[str, ...]:
    """Return the columns over which k is measured, where two persons declared them."""
    for place in found.places:
        declared = catalogue.quasi_identifiers(place, at=question.at, as_known_at=question.as_known_at)
        if declared is not None:
            return declared
    return ()


def generalisations(found: Provenance, question: values.Question) -> tuple[values.Generalisation, ...]:
    """Return how columns of D are made coarser."""
    rows = catalogue.generalisations(found.place, at=question.at, as_known_at=question.as_known_at)
    return tuple(
        values.Generalisation(name, row.method, canonical.text(row.parameters)) for name, row in sorted(rows.items())
    )


def _source_places(found: Provenance) -> list[Place]:
    return [
        *sorted(
            {(o.namespace, o.dataset) for reached in found.exposure.origins.values() for o in reached} - {found.place}
        ),
        found.place,
    ]


def _known(found: Provenance) -> bool:
    """Lineage has heard of D, or somebody declared it."""
    unheard = {(f.namespace, f.name) for f in found.exposure.unknown if f.code == "unknown-dataset"}
    return bool(found.sources) or found.place not in unheard


def _version(version: answers.Version, at: datetime) -> values.Version:
    return values.Version(name=version.name, run=version.run, started=version.started or at, gone=version.gone)


def _declaration(
    found: Provenance, row: SourceDeclaration, customers: tuple[str, ...], vendors: set[str]
) -> values.Declaration:
    return values.Declaration(
        ref=row.ref,
        namespace=row.namespace,
        name=row.name,
        customers=customers,
        tenant_space=row.tenant_space.key if row.tenant_space else "",
        tenant_column=row.tenant_column,
        unmapped_rows=_unmapped(found, row),
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


def _unmapped(found: Provenance, row: SourceDeclaration) -> int | None:
    """Rows of nobody: none in what the builder made, else as counted, and only for a space that was counted."""
    if found.built is not None:
        return 0
    if found.counted is not None and row.tenant_space and found.counted.space == row.tenant_space.key:
        return found.counted.unmapped
    return None


def _built(place: Place, versions: Sequence[answers.Version], known: datetime) -> BuiltVersion | None:
    """The builder's version, if nothing else is there to read."""
    if len(versions) != 1:
        return None
    rows = BuiltVersion.objects.filter(namespace=place[0], name=place[1], run=versions[0].run, recorded_at__lte=known)
    return rows.select_related("decision").first()


def _counted(place: Place, versions: Sequence[answers.Version], known: datetime) -> RowCount | None:
    """The last count, if the same versions are there and none is still being written."""
    runs = sorted(version.run for version in versions)
    last = (
        RowCount.objects.filter(namespace=place[0], name=place[1], recorded_at__lte=known)
        .order_by("-recorded_at", "-pk")
        .first()
    )
    finished = all(version.ended is not None for version in versions)
    return last if last is not None and finished and last.runs == runs else None


def _separable_ancestors(found: Provenance, question: values.Question) -> tuple[str, ...]:
    """Upstream datasets, nearest first, in which every declaration that reaches D has its tenant key."""
    needed = {ref for ref, row in found.sources.items() if row.tenant_space_id}
    if not needed:
        return ()
    near = [
        (namespace, name) for namespace, name, _ in sorted(found.exposure.ancestors, key=lambda a: (a[2], a[0], a[1]))
    ]
    separable = [place for place in near if needed <= _keyed(place, needed, question)]
    return tuple(f"{namespace} {name}" for namespace, name in separable[:3])


def _keyed(place: Place, sources: Iterable[str], question: values.Question) -> set[str]:
    rows = catalogue.identities(place, sources, at=question.at, as_known_at=question.as_known_at)
    return {row.source_ref for row in rows if row.kind == "tenant"}


def _in_place(row: SafeguardDeclaration) -> values.InPlace:
    bounds = row.bounds if isinstance(row.bounds, dict) else {}
    return values.InPlace(
        run=row.run,
        safeguard=row.safeguard,
        known=values.Known.DECLARED,
        columns=tuple(sorted(row.columns)),
        standard=row.standard,
        bounds=values.Bounds(**{name: bounds.get(name) for name in ("k", "n", "c", "epsilon")}),
        quasi_identifiers=tuple(sorted(bounds.get("quasi_identifiers") or ())),
        evidence=row.evidence_digest,
    )
