"""What upper rooms tell lineage: opaque declarations, with a period, kept for ever. Who may say so is checked above.

| kind | place | payload |
|---|---|---|
| `source` | dataset or pattern | `customer` or `tenant_space`, whatever else; lineage reads only these two |
| `replaces-whole` | dataset | `job: {namespace, name}`: each completed run of it replaces the dataset whole |
| `column-map` | dataset | `job`, `fields: {column: [{namespace, name, field}]}` |
| `absence` | dataset | `customer` (or `customers`, or `subject`), with `run` or `job`, `columns` (none = all) |
| `purge` | dataset | `customer` or `subject`: gone from the dataset at `valid_from`; perhaps `tenant_spaces` of the customer |
| `key-ended` | pattern `*` | `customer`, `tenant_space`: what starts after `valid_from` no longer carries it |
| `run-closed` | any | `run`, `at`: a dead run will read and write no more |
| `node-kind` | dataset | `kind: model`, `run`, `trained_on: [{namespace, name, run}]` |
| `hidden-keys` | dataset or pattern | `columns`: keys, passed through |
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from lineage import derivation, errors
from lineage.journal import entries
from lineage.models import Declaration


class UnknownKind(errors.Unprocessable):
    """A kind of declaration that lineage does not have."""

    code = "unknown-declaration-kind"


def declare(
    kind: str,
    *,
    ref: str,
    payload: Mapping[str, Any],
    namespace: str,
    name: str = "",
    pattern: str = "",
    valid_from: datetime,
    valid_to: datetime | None = None,
    by: str,
) -> Declaration:
    """Store a declaration about a dataset, or (with `pattern`) about every dataset whose namespace and name two globs match.

    `namespace` is a glob too where a pattern is given. Raises `Conflict` when `ref` is taken.
    """
    if kind not in Declaration.KINDS:
        raise UnknownKind(f"no declaration is called {kind!r}: say one of {', '.join(Declaration.KINDS)}", where="kind")
    if bool(name) == bool(pattern):
        raise errors.Unprocessable("name one dataset or a pattern, not both", where="name")
    with transaction.atomic():
        row = _store(
            Declaration(
                ref=ref, kind=kind, namespace=namespace, name=name or pattern, is_pattern=bool(pattern), payload=dict(payload),
                valid_from=valid_from, valid_to=valid_to, recorded_by=by,
            )
        )  # fmt: skip
        entries.record("lineage.declaration", _entered(row), by=by, about=[ref])
        _apply(row)
    return row


def end(ref: str, *, at: datetime, by: str) -> Declaration:
    """Say that a declaration holds only until `at`. Raises `NotFound`, or `Conflict` when its end is recorded already."""
    with transaction.atomic():
        row = Declaration.objects.select_for_update().filter(ref=ref).first()
        if row is None:
            raise errors.NotFound("lineage has no declaration of that reference", where="ref")
        if row.ended_on is not None:
            raise errors.Conflict("its end is recorded already", code="already-ended", where="ref")
        row.ended_on, row.end_recorded_by = at, by
        row.end_recorded_at = Now()
        row.save(update_fields=["ended_on", "end_recorded_at", "end_recorded_by"])
        row.refresh_from_db()
        entries.record("lineage.declaration-ended", {"ref": ref, "on": at.isoformat()}, by=by, about=[ref])
        _apply(row)
    return row


def _store(row: Declaration) -> Declaration:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise errors.Conflict(f"{row.ref} cannot be declared: {str(error).splitlines()[0]}", where="ref") from None
    row.refresh_from_db()
    return row


def _entered(row: Declaration) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "kind": row.kind,
        "namespace": row.namespace,
        "name": row.name,
        "pattern": row.is_pattern,
        "payload": row.payload,
        "valid_from": row.valid_from.isoformat(),
        "valid_to": row.valid_to.isoformat() if row.valid_to else "",
    }


def _apply(row: Declaration) -> None:
    """Derive again the runs that the declaration is about."""
    derivation.declared(row)
