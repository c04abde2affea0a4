"""The same on real lineage: events in, rows out, and what arrives afterwards opens what was closed."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from governance.access import actors
from governance.catalogue import columns, sources
from governance.catalogue.places import Place
from governance.deletions import certificates, checker, executor, worklists
from governance.deletions.models import Task
from governance.obligations import duties
from lineage import ingest, queries
from tests import cast as cast_module
from tests.governance import deletions_world
from tests.governance.deletions_world import NAMESPACE

pytestmark = pytest.mark.django_db
PRODUCER = "https://example.com/pipeline/1.0"


@pytest.fixture(autouse=True)
def _one_clock(settings):
    settings.LINEAGE_SKEW_SECONDS = 0


def run(at, output, *inputs, run_id=None):
    """Send START and COMPLETE of a run that reads the inputs and writes the output in one second."""
    run_id = run_id or str(uuid.uuid4())
    for kind, moment in (("START", at), ("COMPLETE", at + timedelta(seconds=1))):
        event = {
            "eventType": kind,
            "eventTime": moment.isoformat(),
            "run": {"runId": run_id},
            "job": {"namespace": "jobs", "name": f"make {output}"},
            "inputs": [{"namespace": NAMESPACE, "name": name} for name in inputs],
            "outputs": [{"namespace": NAMESPACE, "name": output}],
            "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }
        ingest.accept(json.dumps(event).encode(), by="key:test")


@pytest.fixture
def world(cast):
    leaving, staying = cast_module.customer("Falk Retail SE"), cast_module.customer("Alder Logistics AB")
    space = cast_module.space("crm", **{"t-606": leaving, "t-101": staying})
    by, since = actors.SYSTEM, cast_module.LONG_AGO
    setting = sources.Setting()
    sources.of_space(
        Place(NAMESPACE, "crm.contacts"), space, tenant_column="tenant_key", setting=setting, valid_from=since, by=by
    )
    columns.tenant_key(Place(NAMESPACE, "features.people"), "tenant_key", space, valid_from=since, by=by)
    ago = datetime.now(UTC) - timedelta(hours=2)
    run(ago, "features.people", "crm.contacts")
    return cast, leaving, staying


@pytest.fixture
def certified(world, settings, tmp_path):
    """The customer left, both tables were emptied of its rows and checked, and the certificate is out."""
    cast, leaving, staying = world
    lawyer = actors.of(cast.lawyer)
    duty = duties.propose(leaving, trigger="contract-end", on=datetime.now(UTC) - timedelta(hours=1), by=actors.SYSTEM)
    worklists.confirm(duty.ref, by=lawyer, at=datetime.now(UTC))
    with deletions_world.plane(settings, tmp_path / "planes.json"):
        for task in duty.tasks.order_by("id"):
            executor.run(task, by=actors.SYSTEM, at=datetime.now(UTC))
            checker.run(task, by=actors.SYSTEM, at=datetime.now(UTC))
    duty.refresh_from_db()
    certificate = certificates.issue(duty, by=lawyer, at=datetime.now(UTC))
    duty.refresh_from_db()
    return duty, certificate, leaving, staying


def carried(name, customer):
    """Say whether lineage still carries the customer into a dataset read a little later."""
    at = datetime.now(UTC) + timedelta(minutes=1)
    origins = queries.exposure(NAMESPACE, name, at=at).origins.values()
    return any(customer.ref not in origin.without for found in origins for origin in found)


def test_after_the_purge_lineage_carries_everybody_but_the_customer(certified):
    duty, _, leaving, staying = certified
    assert {task.name for task in duty.tasks.all()} == {"crm.contacts", "features.people"}
    for name in ("crm.contacts", "features.people"):
        assert not carried(name, leaving) and carried(name, staying)


def test_a_rebuild_after_the_purge_is_no_resurrection(certified):
    duty, certificate, *_ = certified
    run(datetime.now(UTC) + timedelta(seconds=5), "features.people", "crm.contacts")
    run(datetime.now(UTC) + timedelta(seconds=9), "features.weekly", "features.people")
    at = datetime.now(UTC) + timedelta(minutes=1)
    assert not worklists.outdated(duty, at=at)
    review = worklists.review(duty, by=actors.SYSTEM, at=at)
    certificate.refresh_from_db()
    assert (review.added, review.returned) == ([], []) and certificate.standing


def test_a_copy_that_was_taken_before_and_reported_after_supersedes_the_certificate(certified):
    duty, certificate, *_ = certified
    run(datetime.now(UTC) - timedelta(minutes=90), "exports.old", "crm.contacts")
    review = worklists.review(duty, by=actors.SYSTEM, at=datetime.now(UTC))
    assert [(task.name, task.late) for task in review.added] == [("exports.old", True)]
    assert review.superseded == [certificate]


def test_an_old_copy_written_back_is_a_resurrection(certified):
    duty, *_ = certified
    run(datetime.now(UTC) - timedelta(minutes=90), "exports.old", "crm.contacts")
    run(datetime.now(UTC) + timedelta(seconds=5), "features.people", "exports.old")
    at = datetime.now(UTC) + timedelta(minutes=1)
    assert worklists.outdated(duty, at=at)
    review = worklists.review(duty, by=actors.SYSTEM, at=at)
    assert [task.name for task in review.returned] == ["features.people"]
    assert Task.objects.get(name="features.people").state == "open"
