"""(5) A customer leaves: the contract ends, a person confirms, rows are deleted and looked for again, the model is retired, certified."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

from demo import places, service, story
from demo.stage import Stage

NAME, KEY = "Falk Retail", "t-606"


def play(ready: Stage) -> None:
    """Play the step."""
    story.heading("5", "Falk leaves: everything must go in 30 days, models included")
    lawyer = service.Person("lawyer", ready.team.passwords["lawyer"])
    duty = confirmed(ready, lawyer)
    tasks = listed(ready, duty)
    rows = sum(delete(ready, duty, task) for task in tasks if task["kind"] != "model")
    found = survivor(ready, duty, tasks)
    for task in tasks:
        if task["kind"] == "model":
            retire(ready, duty, task)
        elif task["ref"] != found:
            checked(ready, duty, task)
    made = lawyer.post(f"/api/v1/deletions/{duty}/certificate", {})
    ready.certificate = made["ref"]
    kinds = {kind: sum(task["kind"] == kind for task in tasks) for kind in ("dataset", "release", "model")}
    story.say(
        f"  {rows:,} rows deleted from {kinds['dataset']} tables and {kinds['release']} releases, none left under another account; "
        f"{kinds['model']} model retired."
    )
    story.say(f"  Certificate {made['ref']} issued: demo-output/certificate.pdf.")


def confirmed(ready: Stage, lawyer: service.Person) -> str:
    """End the contract; the service proposes the deletion by itself, and a person confirms it."""
    family, customer = ready.world.families[NAME], ready.world.customers[NAME].ref
    lawyer.post(
        f"/api/v1/contracts/{family.ref}/end", {"ends_at": datetime.now(UTC).isoformat(), "reason": "Falk gave notice"}
    )
    found = proposed(lawyer, customer, "contract-end")
    duty = lawyer.post(f"/api/v1/deletions/{found}/confirm", {"reason": "notice received in writing"})
    story.say(
        f"  The service proposed the deletion, due {str(duty['due_on'])[:10]} by clause 13.1; the lawyer confirmed it."
    )
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
    story.expect(left == 1, f"the check should have found the planted row, but found {left}")
    delete(ready, duty, task)
    story.expect(checked(ready, duty, task) == 0, "the row is still there")
    story.say("  A restored backup had put one ticket back: the check found it, and it was deleted too.")
    return str(task["ref"])


def retire(ready: Stage, duty: str, task: dict[str, Any]) -> None:
    """Take the model out of service; somebody else looks that it is gone."""
    model = places.OUT / "model.json"
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    model.unlink()
    where = f"/api/v1/deletions/{duty}/tasks/{task['ref']}/evidence"
    told = {"happened_at": datetime.now(UTC).isoformat(), "digest": digest, "tool": "demo", "tool_version": "1"}
    ready.deletion.post(
        where,
        told
        | {
            "role": "execution",
            "action": "retired",
            "method": "model-work",
            "statement": "the weights were deleted; digest is theirs",
        },
    )
    owner = service.Person("pipeline", ready.team.passwords["pipeline"])
    told |= {
        "happened_at": datetime.now(UTC).isoformat(),
        "remaining": int(model.exists()),
        "statement": "no file of the model is left",
    }
    owner.post(where, told | {"role": "check"})
