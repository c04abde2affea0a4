"""Which declarations lineage must know, and in which words: the only place where the catalogue writes the ground floor.

Lineage keeps them opaque: it needs to know which datasets carry whose data, which columns are keys, which job replaces what.
Categories, quasi-identifiers and safeguards are none of its business.
"""

from typing import Any, assert_never

from governance.catalogue.declared import Declared
from governance.catalogue.models import KeyColumn, LineageStatement, Model, SourceDeclaration
from lineage import declarations

type Known = SourceDeclaration | KeyColumn | LineageStatement


def declare(row: Declared, *, by: str) -> None:
    """Write a declaration that counts into lineage, if it is one that lineage must know."""
    if not isinstance(row, SourceDeclaration | KeyColumn | LineageStatement):
        return
    place = {"pattern": row.name} if getattr(row, "is_pattern", False) else {"name": row.name}
    declarations.declare(
        _kind(row),
        ref=row.ref,
        payload=_payload(row),
        namespace=row.namespace,
        **place,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        by=by,
    )


def end(row: Declared, *, by: str) -> None:
    """Tell lineage that a declaration ended."""
    if isinstance(row, SourceDeclaration | KeyColumn | LineageStatement) and row.known_at and row.ended_on:
        declarations.end(row.ref, at=row.ended_on, by=by)


def model(row: Model, *, at: Any, by: str) -> None:
    """Tell lineage that a node is a model."""
    payload = {"kind": "model", "model": row.ref, "run": row.run, "trained_on": row.trained_on}
    declarations.declare(
        "node-kind",
        ref=row.ref,
        payload=payload,
        namespace=row.namespace,
        name=row.name,
        valid_from=at,
        valid_to=None,
        by=by,
    )


def _kind(row: Known) -> str:
    match row:
        case SourceDeclaration():
            return "source"
        case KeyColumn():
            return "hidden-keys"
        case LineageStatement():
            return str(row.kind)
        case _:
            assert_never(row)


def _payload(row: Known) -> dict[str, Any]:
    match row:
        case SourceDeclaration():
            said = {
                "customer": row.customer.ref if row.customer else "",
                "tenant_space": row.tenant_space.key if row.tenant_space else "",
                "tenant_column": row.tenant_column,
                "subject_column": row.subject_column,
                "subject_space": row.subject_space.ref if row.subject_space else "",
                "no_customer_data": row.no_customer_data,
            }
            return {name: value for name, value in said.items() if value}
        case KeyColumn():
            return {"columns": [row.column], "kind": row.kind}
        case LineageStatement():
            return dict(row.payload)
        case _:
            assert_never(row)
