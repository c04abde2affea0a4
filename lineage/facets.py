"""PURE. The parts of OpenLineage events and facets that lineage reads, as types (core 2-0-2 and its facet schemas).

Members that are not named here are allowed everywhere and stay in the stored bytes as they came.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, pattern=r"^[^\x00]*$")]


class Transformation(Struct, frozen=True):
    """How a source column was used; what is left out counts as DIRECT and not masked."""

    type: str | None = None
    subtype: str | None = None
    masking: bool | None = None


class InputField(Struct, frozen=True):
    """One source column, as `columnLineage` names it."""

    namespace: Text
    name: Text
    field: Text
    transformations: tuple[Transformation, ...] | None = None


class FieldLineage(Struct, frozen=True):
    """The sources of one output column."""

    inputFields: tuple[InputField, ...]


class ColumnLineage(Struct, frozen=True):
    """The `columnLineage` facet: sources per column, and of the dataset as a whole."""

    fields: dict[Text, FieldLineage]
    dataset: tuple[InputField, ...] | None = None


class Source(Struct, frozen=True):
    """A source in a lineage facet: a dataset (perhaps one field of it), or a job (the event's own, when unnamed)."""

    type: Literal["DATASET", "JOB"]
    namespace: Text | None = None
    name: Text | None = None
    field: Text | None = None
    transformations: tuple[Transformation, ...] | None = None


class Sources(Struct, frozen=True):
    """The sources of one field in a lineage facet."""

    inputs: tuple[Source, ...]


class DatasetLineage(Struct, frozen=True):
    """The `lineage` facet of a dataset."""

    inputs: tuple[Source, ...] | None = None
    fields: dict[Text, Sources] | None = None


class Entry(Struct, frozen=True):
    """One entry of the lineage facet of a job: what flows into a dataset, or into a job."""

    type: Literal["DATASET", "JOB"]
    namespace: Text | None = None
    name: Text | None = None
    inputs: tuple[Source, ...] | None = None
    fields: dict[Text, Sources] | None = None


class JobLineage(Struct, frozen=True):
    """The `lineage` facet of a job."""

    entries: tuple[Entry, ...]


class SchemaField(Struct, frozen=True):
    """A column; nested fields are not looked into."""

    name: Text


class Schema(Struct, frozen=True):
    """The `schema` facet."""

    fields: tuple[SchemaField, ...] | None = None


class Identifier(Struct, frozen=True):
    """A dataset's name inside a facet."""

    namespace: Text
    name: Text


class Symlinks(Struct, frozen=True):
    """The `symlinks` facet: other names of the same dataset."""

    identifiers: tuple[Identifier, ...] | None = None


class Lifecycle(Struct, frozen=True):
    """The `lifecycleStateChange` facet."""

    lifecycleStateChange: Literal["ALTER", "CREATE", "DROP", "OVERWRITE", "RENAME", "TRUNCATE"]
    previousIdentifier: Identifier | None = None


class DbtConfig(Struct, frozen=True):
    """What dbt says about how a model is made."""

    materialized: str | None = None


class DbtModel(Struct, frozen=True):
    """The `dbt_model` facet, which dbt's integration sends."""

    config: DbtConfig | None = None


class DatasetType(Struct, frozen=True):
    """The `datasetType` facet."""

    datasetType: str


class DatasetFacets(Struct, frozen=True):
    """The facets of a dataset that lineage reads."""

    columnLineage: ColumnLineage | None = None
    lineage: DatasetLineage | None = None
    schema: Schema | None = None
    symlinks: Symlinks | None = None
    lifecycleStateChange: Lifecycle | None = None
    dbt_model: DbtModel | None = None
    datasetType: DatasetType | None = None
    version: dict[str, Any] | None = None


class Dataset(Struct, frozen=True):
    """An input or output."""

    namespace: Text
    name: Text
    facets: DatasetFacets | None = None


class Sql(Struct, frozen=True):
    """The `sql` facet of a job."""

    query: str | None = None


class JobFacets(Struct, frozen=True):
    """The facets of a job that lineage reads."""

    lineage: JobLineage | None = None
    sql: Sql | None = None


class Job(Struct, frozen=True):
    """A job."""

    namespace: Text
    name: Text
    facets: JobFacets | None = None


class RunFacets(Struct, frozen=True):
    """The facets of a run that lineage reads."""

    unknownSourceAttribute: dict[str, Any] | None = None


class Run(Struct, frozen=True):
    """A run."""

    runId: UUID
    facets: RunFacets | None = None
