"""Count whose rows a dataset holds, where its database can be reached: what reasons and remedies say in rows rests on this.

A count belongs to the versions that were there; once somebody has written, decisions no longer use it.
"""

from collections.abc import Iterator
from datetime import datetime

from psycopg.sql import SQL, Identifier

from governance.access.actors import Actor
from governance.building import planes, planning
from governance.catalogue import queries as catalogue
from governance.catalogue.models import SourceDeclaration
from governance.releases.models import RowCount
from lineage import errors, queries


class NothingToCount(errors.Conflict):
    """No declared key column tells whose rows these are."""

    code = "no-tenant-key"


def count(namespace: str, name: str, *, by: Actor, at: datetime) -> RowCount:
    """Count the rows of each customer in a dataset, and those of nobody known; raises `NothingToCount`, `NoPlane` or `BadName`."""
    space, column = _key(namespace, name, at)
    table = planes.table(name)
    owners = {v: next(iter(c)) for v, c in planning.customers_by_key(space, at=at, known=at).items() if len(c) == 1}
    rows: dict[str, int] = {}
    unmapped = 0
    versions = queries.versions(namespace, name, at=at)
    for value, number in _groups(namespace, table, column):
        if value in owners:
            rows[owners[value]] = rows.get(owners[value], 0) + number
        else:
            unmapped += number
    return RowCount.objects.create(
        namespace=namespace,
        name=name,
        runs=sorted(version.run for version in versions),
        space=space,
        rows=rows,
        unmapped=unmapped,
        by=by.ref,
    )


def countable(*, at: datetime) -> Iterator[tuple[str, str]]:
    """Yield the datasets of our data planes on which a source declaration with a tenant column stands by name."""
    rows = SourceDeclaration.objects.counting(at=at, as_known_at=at).filter(
        is_pattern=False, tenant_space__isnull=False
    )
    for namespace, name in rows.order_by("namespace", "name").values_list("namespace", "name").distinct():
        try:
            planes.of(namespace)
            planes.table(name)
        except errors.Problem:
            continue
        yield namespace, name


def _key(namespace: str, name: str, at: datetime) -> tuple[str, str]:
    place = (namespace, name)
    found = [
        (row.tenant_space.key, row.column)
        for row in catalogue.key_columns([place], at=at, as_known_at=at)[place]
        if row.kind == "tenant" and row.tenant_space
    ]
    found += [
        (row.tenant_space.key, row.tenant_column)
        for row in catalogue.sources_on([place], at=at, as_known_at=at)[place]
        if row.tenant_space
    ]
    if not found:
        raise NothingToCount(
            f"no column of {name} is declared to tell customers apart", remedy="declare the key column"
        )
    return min(found)


def _groups(namespace: str, table: planes.Table, column: str) -> list[tuple[str | None, int]]:
    # The inner query takes the column by its bare name: qualified, PostgreSQL would take a name that is none for the whole row.
    statement = SQL(
        "SELECT key, count(*) FROM (SELECT ({})::text AS key FROM {} AS counted_rows) AS keyed GROUP BY key"
    )
    with planes.connect(namespace, account="builder") as plane:
        return plane.execute(statement.format(Identifier(column), Identifier(table.schema, table.name))).fetchall()
