"""Data planes: the databases where governed data lies, and the accounts we use there.

`settings.DATA_PLANES_FILE` names a JSON file: OpenLineage namespace -> {"builder": dsn, "executor": dsn, "checker": dsn}. The builder makes
releases, the executor deletes, the checker looks afterwards; three accounts, so that none can vouch for itself.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from lineage import errors

ACCOUNTS = ("builder", "executor", "checker")


class NoPlane(errors.Conflict):
    """Nobody told us how to reach the database of this namespace."""

    code = "no-data-plane"


class BadName(errors.Unprocessable):
    """The dataset's name is not that of a table we could reach."""

    code = "not-a-table"


@dataclass(frozen=True)
class Plane:
    """One database: the namespace it has in lineage, and a connection string per account."""

    namespace: str
    builder: str
    executor: str
    checker: str


@dataclass(frozen=True)
class Table:
    """A table by its parts; `database` is empty where the dataset's name does not say it."""

    database: str
    schema: str
    name: str


def of(namespace: str) -> Plane:
    """Return the plane of an OpenLineage namespace; raises `NoPlane`."""
    entry = _configured().get(namespace)
    if not isinstance(entry, dict):
        raise NoPlane(
            f"no data plane is configured for {namespace}",
            where="namespace",
            remedy="name its accounts in the file of DATA_PLANES_FILE, or run the SQL of the release yourself",
        )
    missing = [name for name in ACCOUNTS if not isinstance(entry.get(name), str)]
    if missing:
        raise NoPlane(f"the data plane of {namespace} lacks the account {', '.join(missing)}", where="namespace")
    return Plane(namespace=namespace, **{name: entry[name] for name in ACCOUNTS})


def table(name: str) -> Table:
    """Return the table behind an OpenLineage dataset name, `schema.table` or `database.schema.table`; raises `BadName`."""
    parts = name.split(".")
    if len(parts) not in {2, 3} or not all(_fits(part) for part in parts):
        raise BadName(
            "the dataset is not named schema.table or database.schema.table",
            where="name",
            remedy="name a table of the data plane",
        )
    return Table(parts[0] if len(parts) == 3 else "", parts[-2], parts[-1])


@contextmanager
def connect(namespace: str, *, account: str) -> Iterator[psycopg.Connection[Any]]:
    """Open one transaction in the plane under an account; committed at the end, rolled back on any error."""
    plane = of(namespace)
    try:
        connection = psycopg.connect(
            getattr(plane, account), connect_timeout=10, application_name=f"governance {account}"
        )
    except psycopg.OperationalError as error:
        raise NoPlane(f"the data plane of {namespace} cannot be reached as {account}: {first_line(error)}") from error
    with connection:
        yield connection


def first_line(error: BaseException) -> str:
    """Return the first line of a database error: the rest may quote data."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _fits(part: str) -> bool:
    # PostgreSQL cuts longer identifiers silently, and two names would meet in one table.
    return 0 < len(part.encode()) <= 63 and "\0" not in part


def _configured() -> dict[str, Any]:
    if not settings.DATA_PLANES_FILE:
        return {}
    try:
        planes = json.loads(Path(settings.DATA_PLANES_FILE).read_text())
    except (OSError, ValueError) as error:
        raise NoPlane(f"the file of DATA_PLANES_FILE cannot be read: {first_line(error)}") from error
    return planes if isinstance(planes, dict) else {}
