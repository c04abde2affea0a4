"""Declare what the columns of a dataset are: categories, keys, quasi-identifiers, how they are made coarser."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from consent import trees, vocabulary
from consent.models import IdentifierSpace
from governance.access.actors import Actor
from governance.catalogue import declarations
from governance.catalogue.models import (
    CategoryDeclaration,
    Generalisation,
    KeyColumn,
    QuasiIdentifiers,
    SourceDeclaration,
)
from governance.catalogue.places import Place
from governance.parties.models import TenantKeySpace
from lineage import errors


def categorise(
    place: Place, column: str, category: str, *, valid_from: datetime, reason: str = "", by: Actor
) -> CategoryDeclaration:
    """Declare that a column bears a category; its axis is the tree that knows the key. Raises `Unprocessable` when none does."""
    row = CategoryDeclaration(
        **place.fields(),
        column=_column(column),
        axis=axis(category),
        category=category,
        valid_from=valid_from,
        reason=reason,
    )
    return declarations.declare(row, by=by)


def axis(category: str) -> CategoryDeclaration.Axis:
    """Return the axis of a category key; raises `Unprocessable` when it is in no tree."""
    own = trees.speakable()
    if vocabulary.is_contract(category, own):
        return CategoryDeclaration.Axis.CONTRACT
    if vocabulary.is_personal(category, own):
        return CategoryDeclaration.Axis.PERSONAL
    raise errors.Unprocessable("the category is in no tree", code="unknown-category", where="category")


def tenant_key(
    place: Place,
    column: str,
    space: TenantKeySpace,
    *,
    source: SourceDeclaration | None = None,
    valid_from: datetime,
    reason: str = "",
    by: Actor,
) -> KeyColumn:
    """Declare that a column says which customer a row is of: for one source declaration, or for all of the space."""
    _same_space(source, space.pk, "tenant_space_id")
    return declarations.declare(
        KeyColumn(
            **place.fields(),
            column=_column(column),
            kind=KeyColumn.Kind.TENANT,
            tenant_space=space,
            source=source,
            valid_from=valid_from,
            reason=reason,
        ),
        by=by,
    )


def person_key(
    place: Place,
    column: str,
    space: IdentifierSpace,
    *,
    source: SourceDeclaration | None = None,
    valid_from: datetime,
    reason: str = "",
    by: Actor,
) -> KeyColumn:
    """Declare that a column says which person a row is about, in an identifier space."""
    _same_space(source, space.pk, "subject_space_id")
    return declarations.declare(
        KeyColumn(
            **place.fields(),
            column=_column(column),
            kind=KeyColumn.Kind.PERSON,
            subject_space=space,
            source=source,
            valid_from=valid_from,
            reason=reason,
        ),
        by=by,
    )


def key(
    place: Place, column: str, *, tenant: TenantKeySpace | None, person: IdentifierSpace | None, **more: Any
) -> KeyColumn:
    """Declare a key column of the one kind whose space is given; raises `Unprocessable` for none or both."""
    if tenant is not None and person is None:
        return tenant_key(place, column, tenant, **more)
    if person is not None and tenant is None:
        return person_key(place, column, person, **more)
    raise errors.Unprocessable("name a tenant-key space or an identifier space, one of the two", where="tenant_space")


def quasi_identifiers(
    place: Place, columns: Sequence[str], *, valid_from: datetime, reason: str = "", by: Actor
) -> QuasiIdentifiers:
    """Declare the columns over which k is measured; counts once a second person has confirmed them."""
    if not columns:
        raise errors.Unprocessable("name at least one column", where="columns")
    named = sorted({_column(column) for column in columns})
    return declarations.declare(
        QuasiIdentifiers(**place.fields(), columns=named, valid_from=valid_from, reason=reason), by=by
    )


def generalise(
    place: Place,
    column: str,
    method: str,
    parameters: Mapping[str, Any],
    *,
    valid_from: datetime,
    reason: str = "",
    by: Actor,
) -> Generalisation:
    """Declare how a column is made coarser; counts once a second person has confirmed it."""
    return declarations.declare(
        Generalisation(
            **place.fields(),
            column=_column(column),
            method=method,
            parameters=_parameters(method, parameters),
            valid_from=valid_from,
            reason=reason,
        ),
        by=by,
    )


UNITS = ("year", "quarter", "month", "week", "day", "hour")


def _parameters(method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    match method, sorted(parameters.items()):
        case ("bands", [("width", int(width))]) if width > 0 and width is not True:
            return {"width": width}
        case ("truncate", [("length", int(length))]) if length >= 0 and not isinstance(length, bool):
            return {"length": length}
        case ("truncate", [("unit", str(unit))]) if unit in UNITS:
            return {"unit": unit}
        case ("blank", []):
            return {}
    raise errors.Unprocessable(
        "a generalisation is bands with a width, truncate with a length or a unit of time, or blank",
        code="bad-generalisation",
        where="parameters",
        remedy='for example method "bands" with {"width": 10}',
    )


def _column(column: str) -> str:
    if not column or len(column) > 300 or "\x00" in column or column == "*":
        raise errors.Unprocessable("a column has a name of 1 to 300 characters", code="bad-column", where="column")
    return column


def _same_space(source: SourceDeclaration | None, space: int, field: str) -> None:
    if source is not None and getattr(source, field) not in (space, None):
        raise errors.Unprocessable("the source declaration uses another space", code="other-space", where="source")
