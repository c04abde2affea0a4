"""Where the customer's data went, as lineage knows it at an instant: one line per dataset, with the shortest way to it."""

from datetime import datetime
from typing import Any

from governance.deletions import inventories
from governance.deletions.machine import State
from governance.deletions.models import Task
from governance.deletions.statements import instant
from governance.parties.models import Customer


def of(customer: Customer, *, at: datetime) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return what the data reached, nearest first, and where lineage is silent."""
    silent: list[dict[str, str]] = []
    items = inventories.reached(inventories.placed(customer), party=customer.ref, at=at, unknowns=silent)
    done = _settled(customer, at)
    return [_line(item, done.get(item.key)) for item in items], silent


def _settled(customer: Customer, at: datetime) -> dict[tuple[str, str, str], Task]:
    """Return the items of the customer that were deleted and checked, or kept with a ground, by `at`: the latest of each."""
    tasks = Task.objects.filter(obligation__customer=customer, obligation__subject="").order_by("id")
    settled = [task for task in tasks if task.settled and (task.verified_at is None or task.verified_at <= at)]
    return {(task.kind, task.namespace, task.name): task for task in settled}


def _line(item: inventories.Item, done: Task | None) -> dict[str, Any]:
    live = [version for version in item.versions.values() if not version["gone"]]
    return {
        "kind": str(item.kind),
        "namespace": item.namespace,
        "name": item.name,
        "path": [{"namespace": step["namespace"], "name": step["name"]} for step in item.path],
        "versions": len(item.versions),
        "live": len(live),
        "now": _now(done, bool(live)),
    }


def _now(done: Task | None, live: bool) -> dict[str, str]:
    """What became of the customer's data in the item: `held`, `replaced`, an action that was checked, or `retained`."""
    if done is None:
        return {"state": "held" if live else "replaced", "on": ""}
    if done.state == State.EXCEPTED:
        return {"state": "retained", "on": ""}
    return {"state": done.action, "on": instant(done.verified_at)}
