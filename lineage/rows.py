"""A model's row as an INSERT and its values, to be written beside others in one statement."""

from functools import cache
from typing import Any

import msgspec
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Field, JSONField, Model
from django.db.models.expressions import DatabaseDefault

type Part = tuple[str, tuple[Any, ...]]


def insert(row: Model, *, once: bool = False) -> Part:
    """Return the INSERT of a new row, and the values. `once`: where the row is there already, nothing happens.

    Everything but what the database has a default for must be set, the key too unless the database gives it.
    """
    fields = tuple(each for each in _fields(type(row)) if not _left_out(getattr(row, each.attname), each))
    sql = _sql(type(row), tuple(each.column for each in fields), once)
    return sql, tuple(_value(getattr(row, each.attname), each) for each in fields)


def written(row: Model) -> None:
    """Have a row that was inserted known as one that is in the database."""
    row._state.adding, row._state.db = False, connection.alias


def _left_out(value: Any, field: "Field[Any, Any]") -> bool:
    return isinstance(value, DatabaseDefault) or (value is None and field.primary_key)


def _value(value: Any, field: "Field[Any, Any]") -> Any:
    if isinstance(field, JSONField):
        return msgspec.json.encode(value).decode()
    return list(value) if isinstance(field, ArrayField) else value


@cache
def _fields(model: type[Model]) -> "tuple[Field[Any, Any], ...]":
    return tuple(model._meta.concrete_fields)


@cache
def _sql(model: type[Model], columns: tuple[str, ...], once: bool) -> str:
    quote = connection.ops.quote_name
    types = {each.column: each.db_type(connection) for each in model._meta.concrete_fields}
    # Choices and lengths are the columns' own business; what is a list or a document has to be said.
    places = [
        f"%s::{types[each]}" if types[each] == "jsonb" or str(types[each]).endswith("[]") else "%s" for each in columns
    ]
    names = ", ".join(map(quote, columns))
    ending = " ON CONFLICT DO NOTHING" if once else ""
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({', '.join(places)}){ending}"  # noqa: S608 - only our own names
