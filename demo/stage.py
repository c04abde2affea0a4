"""Everything that stands before the story begins: people, contracts, declarations, rows in the warehouse, events, consents."""

import csv
import io
import json
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.db import transaction

from consent.models import IdentifierSpace
from demo import declared, people, pipeline, places, reporting, service, team, warehouse, world
from governance.parties import customers

AGREED = datetime(2026, 9, 1, 9, tzinfo=UTC)


@dataclass
class Stage:
    """What the story plays with."""

    server: places.Server
    team: team.Team
    world: world.World
    persons: list[people.Person]
    space: IdentifierSpace
    pipeline: service.Caller
    consent: service.Caller
    deletion: service.Caller
    steps: int = 0
    certificate: str = ""

    def count(self, table: str, condition: str = "true", *values: Any) -> int:
        """Count rows of the warehouse, as psql would."""
        with self.server.connect("checker", places.WAREHOUSE) as connection:
            row = connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}".encode(), values).fetchone()
        assert row is not None
        return int(str(row[0]))


def prepare(server: places.Server) -> Stage:
    """Set the stage: by verbs what people do in the admin, over HTTP what machines send."""
    with open(os.devnull, "w") as nowhere:
        call_command("migrate", verbosity=0)
        call_command("grant_app_role", stdout=nowhere)
    now = datetime.now(UTC)
    _planes(server)
    with transaction.atomic():  # one commit: the ledger signs one checkpoint over all of it
        who = team.assemble()
        what = world.build(who, at=now)
        space = declared.declare(who, what.space)
        declared.enforce(who)
        give(who, what)
    persons = warehouse.make(server)
    callers = {name: service.Caller(key) for name, key in who.keys.items()}
    stage = Stage(
        server, who, what, persons, space, callers["pipeline_key"], callers["consent_key"], callers["deletion_key"]
    )
    service.start(server)
    with server.connect("pipeline", places.WAREHOUSE) as connection:
        stage.steps = pipeline.run(connection, reporter(stage))
    with open(os.devnull, "w") as nowhere:
        call_command("count_rows", stdout=nowhere)  # so that reasons can say how many rows are at stake
    consents(stage)
    return stage


def give(who: team.Team, what: world.World) -> None:
    """Pipeline owners and auditors see only the customers that they are given: the one all of them, the other Falk."""
    for name, customer in what.customers.items():
        for user in ["pipeline", "auditor"] if name == "Falk Retail" else ["pipeline"]:
            customers.give(customer, to=who.users[user], by=who.actor("admin"))


def reporter(stage: Stage) -> reporting.Reporter:
    """Return the pipeline's OpenLineage client."""
    return reporting.Reporter(service.URL, stage.pipeline.key, warehouse.NAMESPACE, places.WAREHOUSE)


def consents(stage: Stage) -> Any:
    """Send what people said, as one CSV file over HTTP, and who is a person of whom for those who said nothing."""
    answer = stage.consent.post(
        f"/api/v1/consents/bulk?space={stage.space.ref}", consent_file(stage), content_type="text/csv"
    )
    for account in people.ACCOUNTS:
        silent = [
            person["person_key"]
            for person in stage.persons
            if person["tenant_key"] == account.tenant_key and not person["consent"]
        ]
        if account.name in stage.world.customers:
            body = {"customer": stage.world.customers[account.name].ref, "subject_ids": silent}
            stage.consent.post(f"/api/v1/identifier-spaces/{stage.space.ref}/registrations", body)
    return answer


def consent_file(stage: Stage) -> bytes:
    """Return the CSV: one line per person who said something."""
    names = {account.tenant_key: account.name for account in people.ACCOUNTS}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["subject_id", "customer", "controller", "action", "purpose", "state", "at"])
    rng = random.Random(3)
    for person in stage.persons:
        if person["consent"]:
            customer = stage.world.customers[names[str(person["tenant_key"])]].ref
            at = AGREED + timedelta(minutes=rng.randint(0, 40_000))
            writer.writerow(
                [person["person_key"], customer, customer, "train", world.TRAINING, person["consent"], at.isoformat()]
            )
    return out.getvalue().encode()


def _planes(server: places.Server) -> None:
    accounts = {name: server.url(name, places.WAREHOUSE) for name in ("builder", "executor", "checker")}
    path = places.STATE / "planes.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({warehouse.NAMESPACE: accounts}))
