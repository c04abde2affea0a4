"""(5) A customer leaves: the contract ends, a person confirms, rows are deleted and looked for again, the model is retired, certified."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

from demo import places, service
from demo.stage import Stage
from demo.telling import expect, heading, say

NAME, KEY = "Falk Retail", "t-606"
TABLES = ("dataset", "release")
FILES = {"model": ("model.json", "retired", "model-work"), "export": ("training-rows.csv", "deleted", "file-removed")}


def play(ready: Stage) -> None:
    """Play the step."""
    heading("5", "Falk leaves: everything must go in 30 days, models included")
    lawyer = service.Person("lawyer", ready.team.passwords["lawyer"])
    duty = confirmed(ready, lawyer)
    exported(ready, duty)
    tasks = listed(ready, duty)
    there = sum(counted(ready, task) for task in tasks if task["kind"] in TABLES)
    rows = sum(delete(ready, duty, task) for task in tasks if task["kind"] in TABLES)
    expect(rows == there, f"psql counted {there} rows before, but {rows} were deleted")
    found = survivor(ready, duty, tasks)
    for task in tasks:
        if task["kind"] in FILES:
            remove(ready, duty, task)
        elif task["ref"] != found:
            checked(ready, duty, task)
    made = lawyer.post(f"/api/v1/deletions/{duty}/certificate", {})
    ready.certificate = made["ref"]
    kinds = {kind: sum(task["kind"] == kind for task in tasks) for kind in TABLES}
    say(
        f"  {rows + 1:,} rows deleted from {kinds['dataset']} tables and {kinds['release']} releases, none left under another account; "
        "the file of training rows removed, the model retired."
    )
    say(f"  Certificate {made['ref']} issued: demo-output/certificate.pdf.")


def confirmed(ready: Stage, lawyer: service.Person) -> str:
    """End the contract; the service proposes the deletion by itself, and a person confirms it."""
    family, customer = ready.world.families[NAME], ready.world.customers[NAME].ref
    lawyer.post(
        f"/api/v1/contracts/{family.ref}/end", {"ends_at": datetime.now(UTC).isoformat(), "reason": "Falk gave notice"}
    )
    found = proposed(lawyer, customer, "contract-end")
    duty = lawyer.post(f"/api/v1/deletions/{found}/confirm", {"reason": "notice received in writing"})
    say(f"  The service proposed the deletion, due {str(duty['due_on'])[:10]} by clause 13.1; the lawyer confirmed it.")
    return str(duty["ref"])


def proposed(person: service.Person, customer: str, trigger: str) -> str:
    """Wait until the service has proposed a deletion by itself; return its reference."""
    for _ in range(240):
        for duty in person.get("/api/v1/deletions?limit=200")["results"]:
            if (duty["customer"], duty["trigger"], duty["state"]) == (customer, trigger, "proposed"):
                return str(duty["ref"])
        time.sleep(0.25)
    raise SystemExit("demo: nothing proposed the deletion; see .local/demo/react.log")


def listed(ready: Stage, duty: str) -> list[dict[str, Any]]:
    """What lineage says must go."""
    tasks: list[dict[str, Any]] = ready.deletion.get(f"/api/v1/deletions/{duty}/tasks?limit=200")["results"]
    return tasks


def counted(ready: Stage, task: dict[str, Any]) -> int:
    """What psql counts: the customer's rows of a table, or all rows of a release, which carries no keys any more."""
    table = task["name"].removeprefix(f"{places.WAREHOUSE}.")
    return ready.count(table) if task["kind"] == "release" else ready.count(table, "tenant_key = %s", KEY)


def delete(ready: Stage, duty: str, task: dict[str, Any]) -> int:
    """Have the executor's account delete the rows."""
    return int(ready.deletion.post(f"/api/v1/deletions/{duty}/tasks/{task['ref']}/execute", {})["deleted"])


def checked(ready: Stage, duty: str, task: dict[str, Any]) -> int:
    """Have the checker's account count what is left."""
    return int(ready.deletion.post(f"/api/v1/deletions/{duty}/tasks/{task['ref']}/check", {})["remaining"])


def survivor(ready: Stage, duty: str, tasks: list[dict[str, Any]]) -> str:
    """A row comes back before the check, as from a forgotten backup: the check finds it, and the item goes round again."""
    task = next(task for task in tasks if task["name"].endswith("support.tickets"))
    with ready.server.connect("pipeline", places.WAREHOUSE) as connection:
        connection.execute(
            "INSERT INTO support.tickets VALUES (1, %s, 't-606/restored', '2026-09-30', 'mail', 'restored', 1)", [KEY]
        )
    left = checked(ready, duty, task)
    expect(left == 1, f"the check should have found the planted row, but found {left}")
    delete(ready, duty, task)
    expect(checked(ready, duty, task) == 0, "the row is still there")
    say("  Then somebody restored a backup with one ticket in it: the check found it, and it was deleted too.")
    return str(task["ref"])


def exported(ready: Stage, duty: str) -> None:
    """Put a file on the list that lineage cannot see: the rows that training left on disk."""
    said = {
        "kind": "export",
        "namespace": "file://demo-output",
        "name": FILES["export"][0],
        "statement": "written by the training job beside the model",
    }
    ready.deletion.post(f"/api/v1/deletions/{duty}/tasks", said)


def remove(ready: Stage, duty: str, task: dict[str, Any]) -> None:
    """Take the model out of service, or the file off the disk; somebody else looks that it is gone."""
    name, action, method = FILES[task["kind"]]
    path = places.OUT / name
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    where = f"/api/v1/deletions/{duty}/tasks/{task['ref']}/evidence"
    done = {
        "role": "execution",
        "action": action,
        "method": method,
        "statement": f"{name} was removed; the digest is its own",
    }
    ready.deletion.post(where, done | told(digest))
    seen = {"role": "check", "remaining": int(path.exists()), "statement": f"looked for {name}: it is gone"}
    service.Person("pipeline", ready.team.passwords["pipeline"]).post(where, seen | told(digest))


def told(digest: str) -> dict[str, str]:
    """When, with what, and the digest of what it was done to."""
    return {"happened_at": datetime.now(UTC).isoformat(), "digest": digest, "tool": "demo", "tool_version": "1"}
