"""A small world for deletions: a leaving customer, one who stays, tables that really exist in a data plane, and what lineage says of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
from django.db import connection
from psycopg import conninfo, sql

from governance.access import actors
from governance.catalogue import columns, sources, trained
from governance.catalogue.places import Place
from governance.obligations import duties
from lineage.answers import Descendant, Exposure, Resurrection, Step, Version
from tests import cast as cast_module

NAMESPACE = "postgres://plane.example:5432"
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(
    minutes=30
)  # ahead of what these tests record by the database's clock
ENDED = NOW - timedelta(days=10)
APP = "governance_app"


@dataclass
class Lineage:
    """What the queries answer in these tests: descendants per source, gaps per dataset, what came back."""

    reached: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)  # source -> paths of names, source first
    gaps: dict[str, str] = field(default_factory=dict)
    gone: dict[str, datetime] = field(default_factory=dict)
    back: list[Resurrection] = field(default_factory=list)

    def descendants(self, namespace, name, *, party=None, at, as_known_at=None):
        return tuple(self._descendant(path) for path in self.reached.get(name, []))

    def exposure(self, namespace, name, *, at, as_known_at=None, columns=None):
        from lineage.answers import Finding

        unknown = (Finding(self.gaps[name], namespace, name),) if name in self.gaps else ()
        state = "unknown" if unknown else "known"
        return Exposure(namespace, name, state, unknown, (), (), (), {"*": frozenset()})

    def resurrections(self, *, at, as_known_at=None):
        return tuple(self.back)

    def _descendant(self, path):
        name = path[-1]
        version = Version(NAMESPACE, name, f"run-of-{name}", ENDED, ENDED, self.gone.get(name))
        return Descendant(version, tuple(Step(NAMESPACE, each, f"run-of-{each}") for each in path))


@dataclass
class World:
    leaving: object
    staying: object
    space: object
    source: object
    lineage: Lineage
    people: object
    lawyer: object
    duty: object


def build(monkeypatch, people) -> World:
    """Declare sources, keys and a model; let lineage reach features, a release and the model from the contacts."""
    lineage = Lineage()
    from lineage import queries

    for name in ("descendants", "exposure", "resurrections"):
        monkeypatch.setattr(queries, name, getattr(lineage, name))
    lineage.reached["crm.contacts"] = [
        ("crm.contacts",),
        ("crm.contacts", "features.people"),
        ("crm.contacts", "features.people", "models.triage"),
    ]
    leaving, staying = cast_module.customer("Falk Retail SE"), cast_module.customer("Alder Logistics AB")
    space = cast_module.space("crm", **{"t-606": leaving, "t-101": staying})
    by = actors.SYSTEM
    source = sources.of_space(
        Place(NAMESPACE, "crm.contacts"),
        space,
        tenant_column="tenant_key",
        setting=sources.Setting(),
        valid_from=cast_module.LONG_AGO,
        by=by,
    )
    columns.tenant_key(Place(NAMESPACE, "features.people"), "tenant_key", space, valid_from=cast_module.LONG_AGO, by=by)
    trained.register(Place(NAMESPACE, "models.triage"), title="Triage model", at=ENDED, by=by)
    duty = duties.propose(leaving, trigger="contract-end", on=ENDED, by=by)
    return World(leaving, staying, space, source, lineage, people, actors.of(people.lawyer), duty)


@contextmanager
def plane(settings, path) -> Iterator[psycopg.Connection]:
    """Make the tables in the test database itself, reachable as two accounts; drop them afterwards."""
    base = connection.get_connection_params()
    base = {name: base[name] for name in ("host", "port", "user", "password", "dbname") if base.get(name)}
    with psycopg.connect(**base, autocommit=True) as owner:
        executor, checker = _accounts(owner, base)
        path.write_text(json.dumps({NAMESPACE: {"builder": executor, "executor": executor, "checker": checker}}))
        settings.DATA_PLANES_FILE = str(path)
        _make(owner)
        try:
            yield owner
        finally:
            owner.execute("DROP SCHEMA IF EXISTS crm, features, released CASCADE")


def _accounts(owner, base):
    superuser = owner.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()[0]
    if superuser:
        if not owner.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP]).fetchone():
            owner.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(APP)))
        return conninfo.make_conninfo(**base), conninfo.make_conninfo(**base, options=f"-c role={APP}")
    return conninfo.make_conninfo(**base), conninfo.make_conninfo(**{**base, "user": APP})


def _make(owner):
    owner.execute("DROP SCHEMA IF EXISTS crm, features, released CASCADE")
    for schema in ("crm", "features", "released"):
        owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        owner.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), sql.Identifier(APP)))
    owner.execute("CREATE TABLE crm.contacts (tenant_key text, person text)")
    owner.execute("CREATE TABLE features.people (tenant_key text, n int)")
    owner.execute("CREATE TABLE released.set1 (n int)")
    for table in ("crm.contacts", "features.people", "released.set1"):
        owner.execute(f"GRANT SELECT ON {table} TO {APP}")
    owner.execute(
        "INSERT INTO crm.contacts SELECT CASE WHEN i % 3 = 0 THEN 't-606' ELSE 't-101' END, i::text FROM generate_series(1, 30) i"
    )
    owner.execute("INSERT INTO features.people SELECT tenant_key, person::int FROM crm.contacts")
    owner.execute("INSERT INTO released.set1 SELECT generate_series(1, 5)")
