"""Reactions: what a change in the ledger sets in motion, exactly once and never skipped."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from governance.access import actors
from governance.catalogue import columns, modes, sources, trained
from governance.catalogue.places import Place
from governance.contracts import families, terminations
from governance.obligations.models import Obligation
from governance.reactions import alerts, proposals, reading, rechecks
from governance.reactions.models import Alert, Violation
from governance.releases import decisions, permits, requests, statuses
from lineage import errors, ingest
from lineage.journal import entries, sequencer
from tests import cast as named

NS = "postgres://plane.example:5432"
TABLE, MODEL = "shop.usage.events", "shop.models.triage"
GRANT = {
    "actions": ["train"],
    "categories": ["customer.usage"],
    "purposes": ["functional.service"],
    "basis": "negotiated",
}
pytestmark = pytest.mark.django_db(transaction=True)


class World:
    """One customer whose contract grants training on usage data, one table of theirs, one registered model."""

    @named.at_once()
    def __init__(self, cast):
        self.cast = cast
        self.customer = named.customer("Alder Logistics AB")
        self.family = named.family(self.customer, by=actors.SYSTEM)
        self.document = self.activate(("Grant", GRANT))
        self.at = datetime.now(UTC)
        self.source = sources.of_customer(
            Place(NS, TABLE),
            self.customer,
            setting=sources.Setting(),
            valid_from=named.LONG_AGO,
            by=cast.privacy_officer.actor,
        )
        columns.categorise(
            Place(NS, TABLE), "amount", "customer.usage", valid_from=named.LONG_AGO, by=cast.privacy_officer.actor
        )
        self.model = trained.register(Place(NS, MODEL), title="Triage", at=self.at, by=actors.SYSTEM)
        self.report("COMPLETE", run=str(uuid.uuid4()), job="load", outputs=[(TABLE, ["amount"])])

    def activate(self, *terms, **fields):
        return named.activated(self.family, *terms, lawyer=self.cast.lawyer, approver=self.cast.approver, **fields)

    def report(self, kind, *, run, job="train", inputs=(), outputs=(), reads=(), permit=None, at=None):
        """Send one run event; `reads` are columns of TABLE that column lineage names."""
        facets = {"governance_permit": facet(permit=permit)} if permit else {}
        fields = (
            {"w": {"inputFields": [{"namespace": NS, "name": TABLE, "field": field} for field in reads]}}
            if reads
            else {}
        )
        event = {
            "eventType": kind,
            "eventTime": (at or datetime.now(UTC)).isoformat(),
            "producer": "https://pipelines.example/etl",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": run, "facets": facets},
            "job": {"namespace": "shop", "name": job, "facets": {}},
            "inputs": [{"namespace": NS, "name": name} for name in inputs],
            "outputs": [
                {
                    "namespace": NS,
                    "name": name,
                    "facets": {"schema": facet(fields=[{"name": each} for each in known])}
                    | ({"columnLineage": facet(fields=fields)} if fields else {}),
                }
                for name, known in outputs
            ],
        }
        ingest.accept(json.dumps(event).encode(), by="key:test")

    def permit(self):
        ask = requests.parse(
            {
                "dataset": {"namespace": NS, "name": TABLE},
                "columns": ["amount"],
                "action": "train",
                "purpose": "functional.service",
                "model": self.model.ref,
            }
        )
        answered = decisions.request(ask, by=actors.SYSTEM, at=datetime.now(UTC))
        assert answered.permit is not None, answered.answer.reasons
        return answered.permit


def facet(**members):
    return {
        "_producer": "https://pipelines.example/etl",
        "_schemaURL": "https://openlineage.io/spec/1-0-0/Facet.json",
        **members,
    }


@pytest.fixture
def world(cast):
    return World(cast)


def test_a_new_prohibition_revokes_the_permit_that_rested_on_the_contract(world):
    permit = world.permit()
    reading.run()
    permit.refresh_from_db()
    assert permit.revoked_at is None

    world.activate(
        ("Prohibition", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}), title="Amendment 1"
    )
    reading.run()

    permit.refresh_from_db()
    assert permit.revoked_at is not None
    assert "prohibition" in permit.revoked_why
    assert statuses.bits()[permit.index // 8] >> permit.index % 8 & 1
    assert Alert.objects.filter(kind="revoked").count() == 1


def test_what_cannot_matter_revokes_nothing_and_a_draft_is_such_a_thing(world):
    permit = world.permit()
    named.draft(
        world.family,
        ("Prohibition", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}),
        by=world.cast.lawyer.actor,
    )
    reading.run()
    permit.refresh_from_db()
    assert permit.revoked_at is None


def test_an_ended_contract_proposes_a_deletion_once_and_stops_its_permits(world):
    permit = world.permit()
    ends = datetime.now(UTC)
    families.end(world.family, ends_at=ends, reason="notice", by=world.cast.lawyer.actor)
    reading.run()
    reading.run()

    duty = Obligation.objects.get()
    assert (duty.customer, duty.state, duty.trigger, duty.triggered_on) == (
        world.customer,
        "proposed",
        "contract-end",
        ends,
    )
    assert Alert.objects.filter(kind="proposed").count() == 1
    permit.refresh_from_db()
    assert permit.revoked_at is not None


def test_a_terminated_document_ends_the_contract_only_when_none_is_left(world):
    second = world.activate(("Grant", GRANT), title="Order form")
    terminations.terminate(second, ends_at=datetime.now(UTC), reason="replaced", by=world.cast.lawyer.actor)
    reading.run()
    assert not Obligation.objects.exists()
    terminations.terminate(world.document, ends_at=datetime.now(UTC), reason="notice", by=world.cast.lawyer.actor)
    reading.run()
    assert Obligation.objects.get().customer == world.customer


def test_a_contract_that_runs_out_by_its_date_proposes_when_the_date_has_come(world):
    customer = named.customer("Birch Retail")
    family = named.family(customer, by=actors.SYSTEM)
    day = datetime(2026, 10, 1, tzinfo=UTC)
    named.activated(
        family, ("Grant", GRANT), lawyer=world.cast.lawyer, approver=world.cast.approver, expires_on=day.date()
    )
    proposals.due(at=day - timedelta(seconds=1))
    assert not Obligation.objects.exists()
    proposals.due(at=day)
    proposals.due(at=day + timedelta(days=30))
    duty = Obligation.objects.get()
    assert (duty.customer, duty.triggered_on) == (customer, day)


def test_a_model_trained_without_a_permit_is_found(world):
    run = str(uuid.uuid4())
    world.report("START", run=run, inputs=[TABLE], outputs=[(MODEL, ["w"])])
    world.report("COMPLETE", run=run, inputs=[TABLE], outputs=[(MODEL, ["w"])])
    reading.run()
    violation = Violation.objects.get()
    assert (violation.what, violation.run) == ("no-permit", run)
    assert Alert.objects.filter(kind="violation").count() == 1


def test_a_run_within_its_permit_is_no_violation(world):
    permit, run = world.permit(), str(uuid.uuid4())
    world.report("START", run=run, inputs=[TABLE], outputs=[(MODEL, ["w"])], reads=["amount"], permit=permit.ref)
    world.report("COMPLETE", run=run, inputs=[TABLE], outputs=[(MODEL, ["w"])], reads=["amount"], permit=permit.ref)
    reading.run()
    assert not Violation.objects.exists()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("other-columns", {"reads": ["amount", "email"]}),
        ("other-outputs", {"outputs": [(MODEL, ["w"]), ("shop.exports.copy", ["w"])]}),
        ("other-data", {"inputs": [TABLE, "shop.crm.contacts"]}),
        ("unknown-permit", {"permit": "prm_0000000000000000"}),
        ("ended-permit", {"at": timedelta(hours=25)}),
    ],
)
def test_going_beyond_the_permit_is_found(world, what, said, monkeypatch):
    permit, run = world.permit(), str(uuid.uuid4())
    told = {"inputs": [TABLE], "outputs": [(MODEL, ["w"])], "reads": ["amount"], "permit": permit.ref} | said
    if "at" in said:
        monkeypatch.setattr("lineage.openlineage.must_not_be_ahead", lambda report, *, now, by_at_most=0: None)
        told["at"] = datetime.now(UTC) + said["at"]
    world.report("COMPLETE", run=run, **told)
    reading.run()
    assert what in set(Violation.objects.values_list("what", flat=True))


@pytest.mark.parametrize("named_permit", ["\x00prm", "prm_" + "a" * 500, "\ud800", {"a": 1}, 7, ["prm_1"]])
def test_a_hostile_permit_facet_is_found_and_stops_nobody(world, named_permit):
    run = str(uuid.uuid4())
    try:
        world.report("COMPLETE", run=run, inputs=[TABLE], outputs=[(MODEL, ["w"])], permit=named_permit)
    except errors.Problem:
        return  # refused at the door
    reading.run()
    assert not Alert.objects.filter(kind="stuck").exists()
    assert set(Violation.objects.values_list("what", flat=True)) == {"unknown-permit"}


def test_advice_is_no_permit_where_the_namespace_enforces(world):
    ask = requests.parse(
        {
            "dataset": {"namespace": NS, "name": TABLE},
            "columns": ["amount"],
            "action": "disclose",
            "purpose": "functional.service",
            "recipient": world.customer.party.ref,
        }
    )
    advisory = decisions.request(ask, by=actors.SYSTEM, at=datetime.now(UTC)).advisory
    assert advisory is not None
    modes.approve(
        modes.propose(NS, "enforce", by=world.cast.privacy_officer.actor).ref, by=world.cast.administrator.actor
    )
    world.report("COMPLETE", run=str(uuid.uuid4()), inputs=[TABLE], permit=advisory.ref)
    reading.run()
    assert "no-permit" in set(Violation.objects.values_list("what", flat=True))


def test_what_a_reaction_cannot_work_through_stops_the_cursor_and_goes_on_once_mended(world, monkeypatch):
    reading.run()
    before = statuses.cursor()

    def broken(entry):
        raise RuntimeError("boom")

    with monkeypatch.context() as broke:
        broke.setitem(reading.REACTIONS, "document-terminated", (broken,))
        families.end(world.family, ends_at=datetime.now(UTC), reason="notice", by=world.cast.lawyer.actor)
        reading.run()
        reading.run()
        stuck = Alert.objects.get(kind="stuck")
        behind = next(entry for position, entry in entries.feed(statuses.cursor(), 1))
        assert behind.kind == "document-terminated"
        assert stuck.entry_ref == behind.ref
        assert statuses.cursor() == before
    reading.run()
    head = sequencer.head()
    assert head is not None and statuses.cursor() == head.size
    assert Obligation.objects.count() == 1


def test_a_crash_between_reacting_and_moving_the_cursor_leaves_neither(world, monkeypatch):
    reading.run()
    before = statuses.cursor()
    families.end(world.family, ends_at=datetime.now(UTC), reason="notice", by=world.cast.lawyer.actor)
    with monkeypatch.context() as crash:
        crash.setattr(statuses, "move_cursor", lambda position: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            reading.run()
    assert statuses.cursor() == before
    assert not Obligation.objects.exists()
    reading.run()
    assert Obligation.objects.count() == 1


def test_an_alert_is_noted_once_by_a_person(world):
    families.end(world.family, ends_at=datetime.now(UTC), reason="notice", by=world.cast.lawyer.actor)
    reading.run()
    alert = Alert.objects.filter(kind="proposed").get()
    assert alerts.note(alert.ref, by=world.cast.lawyer.actor).noted_by == world.cast.lawyer.ref
    with pytest.raises(errors.Conflict):
        alerts.note(alert.ref, by=world.cast.approver.actor)
    with pytest.raises(errors.Forbidden):
        alerts.note(alert.ref, by=actors.SYSTEM)


def test_nothing_is_called_quiet_that_changes_an_answer():
    loud = {
        "document-activated",
        "document-terminated",
        "contract-ended",
        "customer-covered",
        "customer-uncovered",
        "opt-in-activated",
        "opt-in-ended",
        "basis-approved",
        "basis-ended",
        "lineage.event",
        "lineage.declaration",
        "lineage.declaration-ended",
        "source-declared",
        "category-declared",
        "category-ended",
        "safeguard-approved",
        "obligation-proposed",
        "obligation-open",
        "party-group-joined",
        "tenant-key-assigned",
        "tenant-key-ended",
        "mode-approved",
    }
    assert not loud & rechecks.QUIET
    with transaction.atomic():
        assert permits.live(at=datetime.now(UTC)) == []
