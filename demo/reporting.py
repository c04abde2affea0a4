"""Report SQL steps as OpenLineage, with the real client over HTTP. Column lineage is read off each statement by sqlglot."""

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlglot
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, job_type_job, schema_dataset, sql_job
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

PRODUCER = "https://lumen.example/warehouse"
Schema = Mapping[str, Mapping[str, str]]  # schema.table -> column -> type


@dataclass
class Reporter:
    """A pipeline's line to the service."""

    url: str
    key: str
    namespace: str
    database: str
    client: OpenLineageClient = field(init=False)

    def __post_init__(self) -> None:
        auth = ApiKeyTokenProvider({"apiKey": self.key})
        config = HttpConfig(url=self.url, auth=auth, timeout=30, compression=HttpCompression.GZIP)
        self.client = OpenLineageClient(transport=HttpTransport(config))

    def name(self, table: str) -> str:
        """Return the dataset's name by the naming spec of PostgreSQL: database.schema.table."""
        return f"{self.database}.{table}"

    def emit(
        self,
        state: RunState,
        *,
        job: str,
        run: str,
        inputs: list[InputDataset],
        outputs: list[OutputDataset],
        **facets: object,
    ) -> None:
        """Send one event, stamped now."""
        now = datetime.datetime.now(datetime.UTC).isoformat()
        job_facets = {"jobType": job_type_job.JobTypeJobFacet("BATCH", "SQL", "QUERY")} | dict(
            facets.pop("job_facets", {})
        )  # type: ignore[call-overload]
        run_facets = dict(facets.pop("run_facets", {}))  # type: ignore[call-overload]
        event = RunEvent(
            eventType=state,
            eventTime=now,
            run=Run(run, run_facets),
            job=Job("lumen-pipeline", job, job_facets),
            inputs=inputs,
            outputs=outputs,
            producer=PRODUCER,
        )
        self.client.emit(event)


@dataclass(frozen=True)
class Statement:
    """What one CREATE TABLE … AS SELECT reads and makes."""

    table: str
    sources: tuple[str, ...]
    columns: Mapping[str, tuple[tuple[str, str, str], ...]]  # output column -> (source table, column, subtype)
    indirect: tuple[tuple[str, str, str], ...]  # (source table, column, JOIN | FILTER | GROUP_BY)


def read(text: str, schema: Schema) -> Statement:
    """Read one statement of the form that the steps have: CREATE TABLE … AS SELECT over tables, no subqueries."""
    create = sqlglot.parse_one(text, read="postgres")
    assert isinstance(create, exp.Create), "a step is one CREATE TABLE … AS SELECT"
    select = qualify(create.expression, schema=_nested(schema), dialect="postgres", quote_identifiers=False)
    tables = {table.alias_or_name: f"{table.db}.{table.name}" for table in select.find_all(exp.Table)}
    columns = {item.alias_or_name: tuple(_sources(item, tables)) for item in select.selects}
    indirect = [*_indirect(select, tables)]
    return Statement(
        create.this.sql("postgres"), tuple(dict.fromkeys(tables.values())), columns, tuple(dict.fromkeys(indirect))
    )


def lineage(reporter: Reporter, statement: Statement) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    """Return the facet that says where each column comes from."""

    def one(table: str, column: str, kind: str, subtype: str) -> column_lineage_dataset.InputField:
        how = column_lineage_dataset.Transformation(type=kind, subtype=subtype, masking=False)
        return column_lineage_dataset.InputField(reporter.namespace, reporter.name(table), column, [how])

    fields = {
        name: column_lineage_dataset.Fields(
            [one(table, column, "DIRECT", subtype) for table, column, subtype in sources]
        )
        for name, sources in statement.columns.items()
    }
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields, [one(table, column, "INDIRECT", subtype) for table, column, subtype in statement.indirect]
    )


def datasets(
    reporter: Reporter, statement: Statement, schema: Schema
) -> tuple[list[InputDataset], list[OutputDataset]]:
    """Return the inputs and the output with their facets."""
    inputs = [
        InputDataset(reporter.namespace, reporter.name(table), facets={"schema": described(schema[table])})
        for table in statement.sources
    ]
    facets = {"columnLineage": lineage(reporter, statement)}
    if statement.table in schema:
        facets["schema"] = described(schema[statement.table])  # type: ignore[assignment]
    return inputs, [OutputDataset(reporter.namespace, reporter.name(statement.table), facets=dict(facets))]


def described(columns: Mapping[str, str]) -> schema_dataset.SchemaDatasetFacet:
    """Return the schema facet of a table."""
    return schema_dataset.SchemaDatasetFacet(
        [schema_dataset.SchemaDatasetFacetFields(name, kind) for name, kind in columns.items()]
    )


def query(text: str) -> sql_job.SQLJobFacet:
    """Return the SQL facet of a job."""
    return sql_job.SQLJobFacet(text.strip(), "postgres")


def new_run() -> str:
    """Return a fresh run id."""
    return str(uuid.uuid4())


def _sources(item: exp.Expression, tables: Mapping[str, str]) -> list[tuple[str, str, str]]:
    inner = item.unalias()
    subtype = (
        "IDENTITY" if isinstance(inner, exp.Column) else "AGGREGATION" if inner.find(exp.AggFunc) else "TRANSFORMATION"
    )
    found = [(tables[column.table], column.name, subtype) for column in item.find_all(exp.Column)]
    return list(dict.fromkeys(found))


def _indirect(select: exp.Expression, tables: Mapping[str, str]) -> list[tuple[str, str, str]]:
    places = [("JOIN", join.args.get("on")) for join in select.args.get("joins") or []]
    places += [("FILTER", select.args.get("where")), ("GROUP_BY", select.args.get("group"))]
    return [
        (tables[column.table], column.name, kind)
        for kind, part in places
        if part is not None
        for column in part.find_all(exp.Column)
    ]


def _nested(schema: Schema) -> dict[str, object]:
    nested: dict[str, dict[str, object]] = {}
    for name, columns in schema.items():
        folder, table = name.split(".")
        nested.setdefault(folder, {})[table] = dict(columns)
    return dict(nested)
