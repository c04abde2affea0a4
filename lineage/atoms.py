"""PURE. From a report to *atoms*: flat tuples, each a small fact about one run. A run's atoms are a grow-only set.

| atom | says |
|---|---|
| `time, type, t` | an event of that type at t (only the first and the last per type are kept) |
| `job, ns, name` · `producer, uri` · `reason, code` | |
| `input, ds` · `output, ds` · `plain, ds` | read; written; written by an event that names no change of its life |
| `column, out, column, src, field, path, masked` | column "" = the whole dataset; path `content` or `presence` |
| `source, out, src` | named without columns |
| `listed, out, producer, n` | a lineage facet lists all inputs of an output (n of them) |
| `job-source, out` | a source that is a job (rule 16): a gap of that output, of all outputs where it is "" |
| `change, ds, what, producer` · `renamed, ds, old, producer` · `rename-gap, ds` | lifecycle |
| `view, ds, producer` · `model, ds` · `pin, out, src, run` | |
| `symlink, ds, ds` · `schema, ds, column` · `whole, ds, producer` | whole: the sender writes it and lists its columns |
| `sql, table` | the last part of a table that the SQL reads |

Datasets (`ds`, `out`, `src`) are two members: namespace, name.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from lineage.answers import CONTENT, PRESENCE
from lineage.facets import Dataset, DatasetFacets, DatasetLineage, Entry, InputField, Lifecycle, Source, Transformation
from lineage.openlineage import Report

type Atom = tuple[str | int | bool, ...]
type Atoms = frozenset[Atom]

_PRESENCE = {"JOIN", "FILTER", "SORT"}
TERMINAL = ("COMPLETE", "FAIL", "ABORT")


def of(report: Report) -> Atoms:
    """Return what a report says, as atoms."""
    return frozenset(_all(report))


def united(*sets: Iterable[Atom]) -> Atoms:
    """Return the union, with only the first and last time per type of event: order and repetition do not matter."""
    found = {atom for atoms in sets for atom in atoms}
    times: dict[str, list[int]] = {}
    for atom in found:
        if atom[0] == "time":
            times.setdefault(str(atom[1]), []).append(int(atom[2]))
    kept = {atom for atom in found if atom[0] != "time"}
    kept |= {("time", kind, edge) for kind, all_ in times.items() for edge in (min(all_), max(all_))}
    return frozenset(kept)


def plain(atoms: Atoms) -> list[list[str | int | bool]]:
    """Return atoms as sorted lists, to be stored as JSON."""
    return [list(atom) for atom in sorted(atoms, key=msgspec.json.encode)]


def parsed(stored: Iterable[Iterable[str | int | bool]]) -> Atoms:
    """Return stored atoms."""
    return frozenset(tuple(atom) for atom in stored)


def _all(report: Report) -> Iterator[Atom]:
    yield ("time", report.type or "DECLARED", report.at)
    yield ("producer", report.producer)
    if report.job:
        yield ("job", *report.job)
    for note in report.notes:
        if note == "time-assumed-utc":
            yield ("reason", note)
    if report.unknown_source:
        yield ("reason", "unknown-source-attribute")
    for dataset in report.inputs:
        yield from _input(dataset)
    for dataset in report.outputs:
        yield from _output(dataset, report)
    for entry in report.job_facets.lineage.entries if report.job_facets.lineage else ():
        yield from _entry(entry, report)
    if report.job_facets.sql and report.job_facets.sql.query:
        for table in read_tables(report.job_facets.sql.query):
            yield ("sql", table)


def _input(dataset: Dataset) -> Iterator[Atom]:
    yield ("input", dataset.namespace, dataset.name)
    yield from _about(dataset)
    facets = dataset.facets
    if facets is None:
        return
    if facets.version is not None:
        yield ("reason", "version-unresolved")
    # Lineage of an input is no write of this run; its sources count as read, so that nothing named is lost.
    if facets.columnLineage:
        columns = [field for sources in facets.columnLineage.fields.values() for field in sources.inputFields]
        for field in [*columns, *(facets.columnLineage.dataset or ())]:
            yield ("input", field.namespace, field.name)
    if facets.lineage:
        for source in _sources(facets.lineage):
            yield (
                ("input", str(source.namespace), str(source.name))
                if source.type == "DATASET"
                else ("job-source", "", "")
            )
    if facets.lifecycleStateChange and facets.lifecycleStateChange.previousIdentifier:
        old = facets.lifecycleStateChange.previousIdentifier
        yield ("input", old.namespace, old.name)


def _output(dataset: Dataset, report: Report) -> Iterator[Atom]:
    here = (dataset.namespace, dataset.name)
    yield from _about(dataset)
    facets = dataset.facets
    if facets is not None and facets.schema and facets.schema.fields:
        yield ("whole", *here, report.producer)
    if report.kind == "dataset" and not _names_sources(dataset):
        return  # a DatasetEvent without lineage describes; it does not write
    yield ("output", *here)
    if facets is None or facets.lifecycleStateChange is None:
        yield ("plain", *here)
    if facets is not None:
        yield from _named(here, facets, report)
        yield from _kind(here, facets, report)


def _named(here: tuple[str, str], facets: DatasetFacets, report: Report) -> Iterator[Atom]:
    if facets.columnLineage:
        for column, sources in facets.columnLineage.fields.items():
            for field in sources.inputFields:
                yield from _field(here, column, field)
        for field in facets.columnLineage.dataset or ():
            yield from _field(here, "", field)
    if facets.lineage:
        yield from _lineage(here, facets.lineage, report)
    if facets.lifecycleStateChange:
        yield from _change(here, facets.lifecycleStateChange, report)


def _kind(here: tuple[str, str], facets: DatasetFacets, report: Report) -> Iterator[Atom]:
    made = facets.dbt_model.config.materialized if facets.dbt_model and facets.dbt_model.config else None
    if made in ("table", "view"):
        yield ("change", *here, f"dbt-{made}", report.producer)
    if made == "view" or (facets.datasetType and facets.datasetType.datasetType.upper() == "VIEW"):
        yield ("view", *here, report.producer)


def _names_sources(dataset: Dataset) -> bool:
    facets = dataset.facets
    return facets is not None and bool(facets.columnLineage or facets.lineage or facets.lifecycleStateChange)


def _about(dataset: Dataset) -> Iterator[Atom]:
    here, facets = (dataset.namespace, dataset.name), dataset.facets
    for identifier in (facets and facets.symlinks and facets.symlinks.identifiers) or ():
        there = (identifier.namespace, identifier.name)
        if there != here:
            yield ("symlink", *min(here, there), *max(here, there))
    for field in (facets and facets.schema and facets.schema.fields) or ():
        yield ("schema", *here, field.name)


def _change(here: tuple[str, str], change: Lifecycle, report: Report) -> Iterator[Atom]:
    yield ("change", *here, change.lifecycleStateChange, report.producer)
    old = change.previousIdentifier
    if old is not None:
        yield ("renamed", *here, old.namespace, old.name, report.producer)
    elif change.lifecycleStateChange == "RENAME":
        yield ("rename-gap", *here)


def _entry(entry: Entry, report: Report) -> Iterator[Atom]:
    if entry.type == "DATASET":
        here = (str(entry.namespace), str(entry.name))
        yield ("output", *here)
        yield ("plain", *here)
        yield from _lineage(here, entry, report)
    elif entry.name is None or (entry.namespace, entry.name) == report.job:
        for source in entry.inputs or ():
            yield (
                ("input", str(source.namespace), str(source.name))
                if source.type == "DATASET"
                else ("job-source", "", "")
            )


def _lineage(here: tuple[str, str], lineage: DatasetLineage | Entry, report: Report) -> Iterator[Atom]:
    for source in lineage.inputs or ():
        yield from _source(here, "", source)
    for column, sources in (lineage.fields or {}).items():
        for source in sources.inputs:
            yield from _source(here, column, source)
    if lineage.inputs is not None:
        yield ("listed", *here, report.producer, len(lineage.inputs))


def _sources(lineage: DatasetLineage) -> list[Source]:
    return [*(lineage.inputs or ()), *(source for field in (lineage.fields or {}).values() for source in field.inputs)]


def _source(here: tuple[str, str], column: str, source: Source) -> Iterator[Atom]:
    if source.type == "JOB":
        yield ("job-source", *here)
        return
    there = (str(source.namespace), str(source.name))
    yield ("source", *here, *there)
    if source.field or column:
        for path, masked in _ways(source.transformations):
            yield ("column", *here, column, *there, source.field or "*", path, masked)


def _field(here: tuple[str, str], column: str, field: InputField) -> Iterator[Atom]:
    for path, masked in _ways(field.transformations):
        yield ("column", *here, column, field.namespace, field.name, field.field, path, masked)


def _ways(transformations: tuple[Transformation, ...] | None) -> set[tuple[str, bool]]:
    """Path and masking of each way that a source column takes; only JOIN, FILTER and SORT carry no content (SEMANTICS §4)."""
    return {(_path(each), each.masking is True) for each in transformations or ()} or {(CONTENT, False)}


def _path(transformation: Transformation) -> str:
    indirect = (transformation.type or "").upper() == "INDIRECT"
    return PRESENCE if indirect and (transformation.subtype or "").upper() in _PRESENCE else CONTENT


_PART = r"(?:\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|[\w$]+)"
_FROM = re.compile(rf"\b(?:from|join)\s+(?:only\s+|lateral\s+)?({_PART}(?:\s*\.\s*{_PART})*)(?!\s*\()", re.IGNORECASE)
_WITH = re.compile(
    rf"(?:\bwith\b(?:\s+recursive\b)?|,)\s*({_PART})\s*(?:\([^()]*\)\s*)?\bas\b\s*(?:(?:not\s+)?materialized\s*)?\(",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\b(?:extract|substring|trim|overlay)\s*\([^()]*\)", re.DOTALL | re.IGNORECASE
)
_LONGEST_SQL = 200_000


def read_tables(query: str) -> set[str]:
    """Return the last part of each table that a query seems to read, in lower case. Rough on purpose: it only makes answers partial."""
    text = _NOISE.sub(" ", query[:_LONGEST_SQL].replace("\x00", " "))
    own = {_last(match[1]) for match in _WITH.finditer(text)}
    return {_last(match[1]) for match in _FROM.finditer(text)} - own - {"select", "unnest", "lateral", "values"}


def _last(dotted: str) -> str:
    parts: list[str] = re.findall(_PART, dotted)
    return parts[-1].strip('"`[]').lower()
