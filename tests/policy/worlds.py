"""Small worlds, made by hand: a dataset with one tenant-key source, a customer per contract, and what each test changes about it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from governance.policy import canonical
from governance.policy.values import (
    Clause,
    Column,
    ColumnCategory,
    Coverage,
    Customer,
    Dataset,
    Declaration,
    Document,
    Facts,
    Family,
    Identity,
    Origin,
    Question,
    Schema,
    Version,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
NS, D, S = "postgres://warehouse", "training.set", "crm.tickets"
PURPOSE = "functional.service"


def clause(ref: str, kind: str, number: str = "", scope: tuple[str, ...] = (), **body: Any) -> Clause:
    """A clause; `scope` are the products it is limited to."""
    return Clause(ref, kind, canonical.text(body), number=number or ref, passage=f"the words of {ref}", products=scope)


def grant(ref: str = "g", *categories: str, scope: tuple[str, ...] = (), **more: Any) -> Clause:
    """A grant to train, for the purpose of these tests."""
    body: dict[str, Any] = {
        "actions": ["train"],
        "categories": list(categories or ("customer",)),
        "purposes": [PURPOSE],
        **more,
    }
    return clause(ref, "Grant", scope=scope, **body)


def document(ref: str, *clauses: Clause, **more: Any) -> Document:
    """A document in force since long ago."""
    return Document(
        **{
            "ref": ref,
            "recorded_at": LONG_AGO,
            "effective_at": LONG_AGO,
            "signed_on": date(2025, 1, 1),
            "clauses": clauses,
            "title": f"Agreement {ref}",
            **more,
        }
    )


def family(customer: str, *documents: Document, ref: str = "", **more: Any) -> Family:
    """A family that has covered a customer since long ago."""
    return Family(ref or f"fam-{customer}", (Coverage(customer, LONG_AGO, **more),), documents)


def world(
    families: Iterable[Family] = (),
    *,
    columns: dict[str, tuple[str, ...]] | None = None,
    customers: tuple[str, ...] = (),
    keyed: bool = True,
    **more: Any,
) -> Facts:
    """Facts about D, each of whose columns comes from the like-named column of S with these categories."""
    kinds = columns or {"text": ("customer.content",)}
    found = tuple(families)
    whose = customers or tuple(sorted({row.customer for f in found for row in f.coverage}))
    facts = Facts(
        dataset=Dataset(
            NS, D, columns=tuple(Column(name) for name in kinds), versions=(Version(D, "run-1", LONG_AGO),)
        ),
        declarations=(
            Declaration(
                "src",
                NS,
                S,
                whose,
                tenant_space="crm",
                tenant_column="tenant",
                unmapped_rows=0,
                product="desk",
                region="eu",
            ),
        ),
        origins=tuple(Origin(name, "src", NS, S, name) for name in kinds),
        schemas=(Schema(NS, S, ("tenant", *kinds)),),
        categories=tuple(ColumnCategory(NS, S, name, key) for name, keys in kinds.items() for key in keys),
        identities=(Identity("tenant", "tenant", "crm"),) if keyed else (),
        customers=tuple(Customer(ref, f"pty-{ref}", rows=100) for ref in whose),
        families=found,
        parties=("pty-x", *(f"pty-{ref}" for ref in whose)),
        vendor_parties=("pty-vendor",),
    )
    return replace(facts, **more)


def ask(*columns: str, **more: Any) -> Question:
    """May these columns train a model?"""
    return Question(**{
        "namespace": NS, "dataset": D, "columns": columns or ("text",), "action": "train", "purpose": PURPOSE,
        "at": NOW, "as_known_at": NOW, **more,
    })  # fmt: skip
