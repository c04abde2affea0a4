"""A small world with rows in a real database: a ticket table of three customers, and the training set that a job made from it.

Acme grants training on content and usage, Brandt forbids it, Corax says nothing; one tenant key belongs to nobody.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from psycopg import conninfo

from consent import bases, consents, statements, subjects
from consent.models import IdentifierSpace
from governance.access import actors
from governance.access.models import ServiceKey
from governance.catalogue import columns, declarations, modes, sources
from governance.catalogue.models import SourceDeclaration
from governance.catalogue.places import Place
from governance.parties.models import Customer, TenantKeySpace
from governance.policy import values
from governance.releases import decisions
from governance.releases.decisions import Answered
from governance.releases.requests import Ask, DatasetName
from lineage import ingest
from tests import cast as people
from tests.cast import LONG_AGO, Cast

NAMESPACE = "postgres://plane.example:5432"
TICKETS, TRAIN_SET = "shop.tickets", "shop.train_set"
COLUMNS = ("tenant", "person", "age", "city", "body", "clicks")
ASKED = ("age", "body", "city", "clicks")
ACTION, PURPOSE = "train.finetune", "functional.service"
TRAIN = {"actions": ["train"], "purposes": ["*"]}
# tenant, person, age, city, body, clicks
ROWS = [
    ("acme", "ann", 31, "Ulm", "printer on fire", 3),
    ("acme", "ann", 31, "Ulm", "printer still on fire", 4),
    ("acme", "bob", 38, "Ulm", "no toner", 1),
    ("acme", "cid", 45, "Bonn", "thanks", 9),
    ("brandt", "dan", 50, "Kiel", "secret drawing", 2),
    ("corax", "eve", 51, "Kiel", "quiet", 7),
    ("ghost", "fay", 52, "Kiel", "whose is this", 8),
    (None, "gus", 53, "Kiel", "nobody's", 8),
]


@dataclass
class World:
    """What stories need by name."""

    cast: Cast
    plane: Any  # a connection of psycopg; of a scenery none
    customers: dict[str, Customer]
    space: TenantKeySpace
    persons: IdentifierSpace
    source: SourceDeclaration
    key: ServiceKey
    secret: str

    def ask(self, **fields: Any) -> Answered:
        """Ask as the pipeline's key, now."""
        return decisions.request(ask(**fields), by=self.key.actor, at=now())

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Return the rows of a table, sorted."""
        found = [tuple(row) for row in self.plane.execute(f"SELECT * FROM {table}").fetchall()]
        return sorted(found, key=repr)

    def consent(self, person: str, state: str = "given", *, customer: str = "acme", **fields: Any) -> None:
        """Record what a person says about training."""
        whose = self.customers[customer].ref
        said = {
            "subject_id": person,
            "customer": whose,
            "controller": whose,
            "action": "train",
            "purpose": PURPOSE,
            "state": state,
        }
        consents.record(statements.parse(said | fields, space=self.persons, now=now()), by="system")

    def basis(self, category: str, ground: str, *, customer: str = "acme") -> None:
        """Record a lawful basis under four eyes."""
        terms = bases.Terms(
            customer_ref=self.customers[customer].ref, category=category, action="train", purpose=PURPOSE, role="processor", ground=ground,
            assessment="looked at", valid_from=LONG_AGO,
        )  # fmt: skip
        row = bases.declare(terms, by=self.cast.lawyer.ref, officer=False)
        bases.approve(row.ref, by=self.cast.privacy_officer.ref, officer=True)

    def grant(self, customer: str, *terms: tuple[str, dict[str, Any]], **fields: Any) -> None:
        """Activate a document of a new family with these clauses."""
        family = people.family(self.customers[customer], by=self.cast.lawyer.actor, title=f"Contract {uuid.uuid4()}")
        people.activated(family, *terms, lawyer=self.cast.lawyer, approver=self.cast.approver, **fields)

    def enforce(self, mode: str = "enforce") -> None:
        """Switch the namespace's mode under four eyes."""
        row = modes.propose(NAMESPACE, mode, by=self.cast.privacy_officer.actor)
        modes.approve(row.ref, by=self.cast.administrator.actor)

    def keyed(self, *, tenant: bool = True, person: bool = True) -> None:
        """Declare the key columns of the training set."""
        place = Place(NAMESPACE, TRAIN_SET)
        if tenant:
            columns.tenant_key(place, "tenant", self.space, valid_from=LONG_AGO, by=actors.SYSTEM)
        if person:
            columns.person_key(place, "person", self.persons, valid_from=LONG_AGO, by=actors.SYSTEM)

    def two(self, row: Any) -> Any:
        """Confirm a declaration as the second person."""
        return declarations.approve(row, by=self.cast.privacy_officer.actor)


def ask(**fields: Any) -> Ask:
    """Return the pipeline's usual question, changed by `fields`."""
    given: dict[str, Any] = {
        "dataset": DatasetName(NAMESPACE, TRAIN_SET),
        "action": ACTION,
        "purpose": PURPOSE,
        "columns": ASKED,
    }
    return Ask(**given | fields)


def now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


def make(cast: Cast, *, keyed: bool = True) -> World:
    """Make the world: parties, contracts, declarations, lineage. Its rows are another matter (`fill`)."""
    customers = {name: people.customer(name.title()) for name in ("acme", "brandt", "corax")}
    space = people.space("crm", **customers)
    persons = subjects.open_space(name="shop person", by="system")
    key, secret = people.key("release:request", owner=cast.pipeline_owner)
    place = Place(NAMESPACE, TICKETS)
    source = sources.of_space(
        place, space, tenant_column="tenant", people=sources.People("person", persons), setting=sources.Setting(),
        valid_from=LONG_AGO, by=actors.SYSTEM,
    )  # fmt: skip
    for column, category in [
        ("body", "customer.content"),
        ("clicks", "customer.usage"),
        ("age", "customer.content"),
        ("city", "customer.content"),
    ]:
        columns.categorise(place, column, category, valid_from=LONG_AGO, by=actors.SYSTEM)
    made = World(cast, None, customers, space, persons, source, key, secret)
    made.grant("acme", ("Grant", TRAIN | {"categories": ["customer.content", "customer.usage"]}))
    made.grant("brandt", ("Prohibition", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}))
    made.grant("corax", ("TrainingPosition", {"position": "silent"}))
    report(TICKETS, None)
    report(TRAIN_SET, TICKETS)
    if keyed:
        made.keyed()
    return made


def build(cast: Cast, plane: psycopg.Connection[Any], *, keyed: bool = True) -> World:
    """Make the world with its rows."""
    fill(plane)
    return replace(make(cast, keyed=keyed), plane=plane)


def fill(plane: psycopg.Connection[Any]) -> None:
    """Make the tables anew."""
    plane.execute("DROP SCHEMA IF EXISTS shop CASCADE")
    plane.execute("CREATE SCHEMA shop")
    plane.execute("CREATE TABLE shop.tickets (tenant text, person text, age int, city text, body text, clicks int)")
    with plane.cursor() as cursor:
        cursor.executemany("INSERT INTO shop.tickets VALUES (%s, %s, %s, %s, %s, %s)", ROWS)
    plane.execute("CREATE TABLE shop.train_set AS SELECT * FROM shop.tickets")


def report(output: str, source: str | None, *, columns_: tuple[str, ...] = COLUMNS, at: datetime | None = None) -> str:
    """Send a run that copied `source` to `output` column by column (or just wrote it); return its id."""
    run, ended = str(uuid.uuid4()), at or now() - timedelta(seconds=30)
    for kind, moment in (("START", ended - timedelta(seconds=5)), ("COMPLETE", ended)):
        ingest.accept(json.dumps(event(kind, run, output, source, columns_, moment)).encode(), by="system")
    return run


def event(
    kind: str, run: str, output: str, source: str | None, columns_: tuple[str, ...], at: datetime
) -> dict[str, Any]:
    """Return one run event of the copying job."""
    facet = {"_producer": "https://jobs.example", "_schemaURL": "https://openlineage.io/spec/facets/x.json"}
    facets: dict[str, Any] = {"schema": facet | {"fields": [{"name": name} for name in columns_]}}
    if source:
        how = [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}]
        fields = {
            n: {"inputFields": [{"namespace": NAMESPACE, "name": source, "field": n, "transformations": how}]}
            for n in columns_
        }
        facets["columnLineage"] = facet | {"fields": fields}
    return {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "producer": "https://jobs.example",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run},
        "job": {"namespace": NAMESPACE, "name": f"make {output}"},
        "inputs": [{"namespace": NAMESPACE, "name": source}] if source else [],
        "outputs": [{"namespace": NAMESPACE, "name": output, "facets": facets}],
    }


def question(**fields: Any) -> values.Question:
    """Return the engine's question for now."""
    moment = now()
    given: dict[str, Any] = {
        "namespace": NAMESPACE, "dataset": TRAIN_SET, "columns": ASKED, "action": ACTION, "purpose": PURPOSE, "at": moment, "as_known_at": moment,
    }  # fmt: skip
    return values.Question(**given | fields)


@contextmanager
def plane(settings: Any, path: Path) -> Iterator[psycopg.Connection[Any]]:
    """Let a schema of the test database itself be the data plane, reached by connections of its own; emptied afterwards."""
    given = connection.get_connection_params()
    dsn = conninfo.make_conninfo(
        **{name: given[name] for name in ("host", "port", "user", "password", "dbname") if given.get(name)}
    )
    path.write_text(json.dumps({NAMESPACE: dict.fromkeys(("builder", "executor", "checker"), dsn)}))
    settings.DATA_PLANES_FILE = str(path)
    settings.LINEAGE_SKEW_SECONDS = 0  # one machine, one clock: builds need not wait
    with psycopg.connect(dsn, autocommit=True) as owner:
        try:
            yield owner
        finally:
            owner.execute("DROP SCHEMA IF EXISTS shop CASCADE")
