"""Where the customer's data went, as lineage knows it at an instant: one line per dataset, with the shortest way to it."""

from datetime import datetime
from typing import Any

from governance.deletions import inventories
from governance.parties.models import Customer


def of(customer: Customer, *, at: datetime) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return what the data reached, nearest first, and where lineage is silent."""
    silent: list[dict[str, str]] = []
    items = inventories.reached(inventories.placed(customer), party=customer.ref, at=at, unknowns=silent)
    return [_line(item) for item in items], silent


def _line(item: inventories.Item) -> dict[str, Any]:
    live = [version for version in item.versions.values() if not version["gone"]]
    return {
        "kind": str(item.kind),
        "namespace": item.namespace,
        "name": item.name,
        "path": [{"namespace": step["namespace"], "name": step["name"]} for step in item.path],
        "versions": len(item.versions),
        "live": len(live),
    }
