"""The story, told in plain sentences while it happens. Each step goes through the service as its users would."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from demo import declared, leaving, outputs, people, places, prose, service, stage, tampering, train, warehouse, world
from demo.stage import Stage
from demo.telling import expect, heading, say
from governance.catalogue import trained
from governance.catalogue.places import Place

DATASET = f"{warehouse.NAMESPACE}/{places.WAREHOUSE}.{declared.TRAINING_SET}"
RELEASE = "released.triage"
NEXT = "released.triage_next"


def play(server: places.Server) -> None:
    """Play all of it."""
    say("Lumen Desk sells a help desk. May it train a triage model on its customers' tickets? Setting the stage ...")
    ready = stage.prepare(server)
    introduce(ready)
    refused(ready)
    remedied(ready)
    withdrawn(ready)
    leaving.play(ready)
    tampering.play(ready)
    outputs.write(ready)
    yours(ready)


def introduce(ready: Stage) -> None:
    """(1) What three contracts say, and what lies in the warehouse."""
    rows = ready.count(declared.TRAINING_SET)
    say(
        f"  {len(ready.persons):,} people of six customers, {rows:,} tickets in the training set, {ready.steps} SQL steps reported by the OpenLineage client."
    )
    heading("1", "What the contracts say")
    for file, number, name in (
        ("brandt-msa.md", "7.2", "Brandt"),
        ("estuary-ai-addendum.md", "2", "Estuary"),
        ("falk-msa.md", "13.1", "Falk"),
    ):
        say(
            f"  {name} {number}: “{prose.read(file).clauses[number].split('. ')[-1 if name == 'Estuary' else 0].rstrip('.')}.”"
        )


def refused(ready: Stage) -> None:
    """(2) The gate says no, and why."""
    heading("2", "The pipeline asks: gate.py run … -- python train.py")
    code, text = gate(ready, RELEASE)
    expect(code == 3, f"the gate should have refused, but left with {code}:\n{text}")
    say(f"  {text.splitlines()[0]}")
    for line in three_reasons(ready, text):
        say(f"  {line}")
    say(f"  {next(line for line in text.splitlines() if 'what would help' in line)}")


def three_reasons(ready: Stage, said: str) -> list[str]:
    """The first three reasons of the explanation, each with its clause, the way the data took, and the rows at stake."""
    told = ready.pipeline.get(f"/api/v1/releases/{outputs.decision_in(said)}/explanation")
    return [reason_line(reason) for reason in told["reasons"][:3]]


def reason_line(reason: dict[str, Any]) -> str:
    """One reason in one line: datasets only, from the source on."""
    way = [
        step.rsplit(".", 1)[0].removeprefix(f"{places.WAREHOUSE}.") for step in reversed(reason["path"].split(" ← "))
    ]
    rows = ROWS.search(reason["text"])
    who = reason["text"].split(":")[0]
    return f"{who}, clause {reason['clause_number']}: “{reason['quote']}” {' → '.join(way)}, {rows[0] if rows else 'not counted'}"


ROWS = re.compile(r"[\d,]+ rows")


def remedied(ready: Stage) -> None:
    """(3) The first remedy is applied by a person, and the same command trains on fewer rows."""
    heading(
        "3",
        "The first remedy: the privacy officer declares the column that tells customers apart; the same command again",
    )
    before = ready.count(declared.TRAINING_SET)
    declared.tenant_key(ready.team, ready.world.space)
    code, text = gate(ready, RELEASE)
    expect(code == 0, f"the gate should have let this through, but left with {code}:\n{text}")
    say(f"  {text.splitlines()[-1]}")
    after = ready.count(RELEASE)
    brandt = (places.OUT / "training-rows.csv").read_text().count("machinery")
    expect(brandt == 0, "rows of the banning customer are in the file")
    say(f"  {before:,} rows before, {after:,} now; rows of Brandt in training-rows.csv: {brandt}.")
    left = {name: f"{int(number):,}" for name, number in LEFT_OUT.findall(text)}
    say(
        f"  Left out: {left['by contract']} by contract, {left['by consent']} without consent, "
        f"{left['unmapped']} of a key that belongs to nobody, {left['small groups']} in groups under 20."
    )
    say(f"  Cormorant's condition, measured: the smallest group by age and place has {smallest_group(ready)} rows.")
    outputs.collect(ready, text)
    register(ready)


LEFT_OUT = re.compile(r"left out (\w[\w ]*): (\d+)")


def smallest_group(ready: Stage) -> int:
    """Return k of the release over its quasi-identifiers, as psql measures it."""
    with ready.server.connect("checker", places.WAREHOUSE) as connection:
        query = f"SELECT min(rows) FROM (SELECT count(*) AS rows FROM {RELEASE} GROUP BY age, area) AS groups"
        row = connection.execute(query.encode()).fetchone()
    k = int(str(row[0])) if row else 0
    expect(k >= 20, f"a group of the release has {k} rows")
    return k


def register(ready: Stage) -> None:
    """The pipeline's owner says which node of lineage is a model, and what it was trained on."""
    made = json.loads((places.OUT / "model.json").read_text())
    trained.register(
        Place(train.MODELS, train.MODEL),
        title="Triage model",
        run=made["run"],
        at=datetime.now(UTC),
        by=ready.team.actor("officer"),
    )


def withdrawn(ready: Stage) -> None:
    """(4) One person says no from now on; the next build is without them."""
    person = chosen(ready)
    heading("4", "One person of Alder withdraws consent; the next build")
    customer = ready.world.customers["Alder Logistics"].ref
    said = {"space": ready.space.ref, "subject_id": person, "customer": customer, "controller": customer}
    ready.consent.post("/api/v1/consents", said | {"action": "train", "purpose": world.TRAINING, "state": "withdrawn"})
    leaving.proposed(service.Person("officer", ready.team.passwords["officer"]), customer, "withdrawal")
    theirs = ready.count(declared.TRAINING_SET, "person_key = %s", person)
    code, text = gate(ready, NEXT)
    expect(code == 0, f"the next build should have gone through, but left with {code}:\n{text}")
    before, after = ready.count(RELEASE), ready.count(NEXT)
    expect(before - after == theirs, f"{before - after} rows less, but the person had {theirs}")
    say(
        f"  {after:,} rows instead of {before:,}: the {theirs} tickets of that person are not in it, everybody else's are."
    )


def chosen(ready: Stage) -> str:
    """Someone of Alder who said yes and wrote more than one ticket."""
    for person in ready.persons:
        if person["tenant_key"] == people.ACCOUNTS[0].tenant_key and person["consent"] == "given":
            key = str(person["person_key"])
            if ready.count(declared.TRAINING_SET, "person_key = %s", key) > 1:
                return key
    raise AssertionError("nobody fits")


def yours(ready: Stage) -> None:
    """(7) What to look at, and how to point a pipeline of one's own here."""
    heading("7", "Your turn")
    logins = ready.team.passwords
    say(
        f"  Admin   {service.URL}/admin/  lawyer / {logins['lawyer']}   approver / {logins['approver']}   admin / {logins['admin']}"
    )
    say(f"  Auditor {service.URL}/audit/  auditor / {logins['auditor']}  (all in demo-output/credentials.json)")
    say(f"  Check what is in demo-output/ offline: python clients/verify.py demo-output --key '{outputs.anchor()}'")
    say("  Point dbt or Airflow here; a new namespace is only observed:")
    say(f"    export OPENLINEAGE_URL={service.URL}")
    say(f"    export OPENLINEAGE_API_KEY={ready.pipeline.key}")
    say("    dbt-ol run          # or Airflow with apache-airflow-providers-openlineage")
    say("  make stop ends the server and its database.")


def gate(ready: Stage, output: str) -> tuple[int, str]:
    """Run `gate.py run … -- python -m demo.train` as the pipeline; return the exit code and what was printed."""
    columns = ",".join(train.COLUMNS)
    command = [
        sys.executable,
        "clients/gate.py",
        "run",
        "--url",
        service.URL,
        "--dataset",
        DATASET,
        "--columns",
        columns,
    ]
    command += ["--action", "train", "--purpose", world.TRAINING, "--required", "unhappy", "--accept-plan"]
    command += ["--writes", f"{train.MODELS}/{train.MODEL}"]  # its permit binds what the run writes
    command += ["--output", f"{places.WAREHOUSE}.{output}", "--", sys.executable, "-m", "demo.train"]
    own = {
        "GATE_KEY": ready.pipeline.key,
        "GATE_STATE_DIR": str(places.STATE / "gate"),
        "TRIAGE_WAREHOUSE": ready.server.url("trainer", places.WAREHOUSE),
        "TRIAGE_MODEL": str(places.OUT / "model.json"),
        "OPENLINEAGE_URL": service.URL,
        "OPENLINEAGE_KEY": ready.pipeline.key,
    }
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(command, cwd=places.ROOT, env=keep | own, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()
