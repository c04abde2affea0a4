"""The demo's world for journeys: its rows in a warehouse of this test process, its people, contracts, declarations and lineage."""

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from openlineage.client.serde import Serde

from consent import bulk
from demo import declared, people, pipeline, places, reporting, stage, team, warehouse, world
from lineage import ingest


class Straight:
    """Takes events where the HTTP transport would be, and hands them to intake as the bytes that it would send."""

    def emit(self, event: Any) -> None:
        """Take one event."""
        ingest.accept(Serde.to_json(event).encode(), by="key:key_test")


@pytest.fixture(scope="session")
def server() -> Iterator[places.Server]:
    """The demo's rows in a warehouse of this test process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "WAREHOUSE", f"demo_warehouse_test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")
        found = places.server()
        warehouse.make(found)
        yield found
        with found.admin_connect("postgres") as admin:
            admin.execute(f"DROP DATABASE {places.WAREHOUSE} WITH (FORCE)".encode())


def set_the_stage(server: places.Server, folder: Path) -> stage.Stage:
    """Make people, contracts and declarations, run the pipeline and load the consents. The key of the training set is not declared."""
    places.OUT = folder
    with transaction.atomic():
        who = team.assemble()
        what = world.build(who, at=datetime.now(UTC))
        space = declared.declare(who, what.space)
        stage.give(who, what)
    reporter = reporting.Reporter("http://nowhere.example", "none", warehouse.NAMESPACE, places.WAREHOUSE)
    reporter.client = Straight()  # type: ignore[assignment]
    with server.connect("pipeline", places.WAREHOUSE) as connection:
        for step in sorted(pipeline.STEPS.glob("*.sql"), reverse=True):
            connection.execute(f"DROP TABLE IF EXISTS {reporting.read(step.read_text(), {}).table}".encode())
        pipeline.run(connection, reporter)
    ready = stage.Stage(server, who, what, list(people.people()), space, *[None] * 3)  # type: ignore[arg-type]
    said = stage.consent_file(ready)
    bulk.load(io.BytesIO(said), format="csv", space=space, by="key:key_test", at=datetime.now(UTC))
    return ready


@pytest.fixture
def story(db: None, server: places.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[stage.Stage]:
    """The demo's world in a transaction that is rolled back."""
    monkeypatch.setattr(places, "OUT", tmp_path)
    with override_settings(LINEAGE_SKEW_SECONDS=0):
        yield set_the_stage(server, tmp_path)


@pytest.fixture
def played(
    transactional_db: None, server: places.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[stage.Stage]:
    """The same, really committed and with accounts in the warehouse: for builds and deletions, where two databases take part."""
    monkeypatch.setattr(places, "OUT", tmp_path)
    planes = tmp_path / "planes.json"
    accounts = {name: server.url(name, places.WAREHOUSE) for name in ("builder", "executor", "checker")}
    planes.write_text(json.dumps({warehouse.NAMESPACE: accounts}))
    with override_settings(LINEAGE_SKEW_SECONDS=0, DATA_PLANES_FILE=str(planes)):
        yield set_the_stage(server, tmp_path)
