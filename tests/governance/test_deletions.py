"""Deleting a customer's data: found by lineage, really deleted, looked at by somebody else, and never "done" too early."""

import json
from datetime import timedelta

import psycopg
import pytest
from django.db import IntegrityError, transaction

from governance.access import actors
from governance.building import planes
from governance.catalogue.models import Model
from governance.deletions import checker, evidence, executor, machine, tables, targets, worklists
from governance.deletions.models import Evidence, Inventory, Task
from governance.obligations import duties, holds
from governance.parties.models import TenantKey
from lineage import errors
from lineage.answers import Resurrection, Version
from lineage.journal.models import Entry
from lineage.models import Declaration
from tests.governance import deletions_world
from tests.governance.deletions_world import ENDED, NAMESPACE, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast, monkeypatch):
    return deletions_world.build(monkeypatch, cast)


@pytest.fixture
def opened(world):
    """The world after a lawyer confirmed the obligation: tasks by name."""
    worklists.confirm(world.duty.ref, by=world.lawyer, at=NOW)
    world.duty.refresh_from_db()
    return {task.name: task for task in world.duty.tasks.all()}


@pytest.fixture
def warehouse(settings, tmp_path, world):
    with deletions_world.plane(settings, tmp_path / "planes.json") as owner:
        yield owner


def given(**more):
    return evidence.Given(**{"happened_at": NOW, "digest": "ab" * 32, "action": "deleted", **more})


def test_confirming_lists_everything_downstream_with_its_path_at_a_ledger_position(world, opened):
    assert {name: task.kind for name, task in opened.items()} == {
        "crm.contacts": "dataset",
        "features.people": "dataset",
        "models.triage": "model",
    }
    assert [step["name"] for step in opened["models.triage"].path] == [
        "crm.contacts",
        "features.people",
        "models.triage",
    ]
    inventory = world.duty.inventories.get()
    assert inventory.declarations == [world.source.ref]
    assert Entry.objects.filter(kind="deletion-inventory", about__contains=[world.leaving.ref]).count() == 1


def test_a_proposed_obligation_has_no_inventory_until_a_person_confirms(world):
    with pytest.raises(errors.Conflict, match="named person"):
        worklists.review(world.duty, by=world.lawyer, at=NOW)
    with pytest.raises(errors.Forbidden):
        worklists.confirm(world.duty.ref, by=actors.of(world.people.pipeline_owner), at=NOW)
    assert not Inventory.objects.exists()


def test_what_lineage_does_not_know_is_stated(world):
    world.lineage.gaps["features.people"] = "unknown-provenance"
    worklists.confirm(world.duty.ref, by=world.lawyer, at=NOW)
    unknowns = world.duty.inventories.get().unknowns
    assert {"namespace": NAMESPACE, "name": "features.people"}.items() <= unknowns[0].items()


def test_models_that_the_term_lets_be_kept_are_excepted_with_that_ground(world):
    from governance.obligations.duties import Covers, Deadline

    duty = duties.propose(
        world.leaving,
        trigger="customer-request",
        on=ENDED,
        deadline=Deadline(ENDED, covers=Covers(models=False)),
        by=actors.SYSTEM,
    )
    worklists.confirm(duty.ref, by=world.lawyer, at=NOW)
    kept = duty.tasks.get(kind="model")
    assert (kept.state, kept.ground) == ("excepted", "term-allows")


def test_the_executor_deletes_the_customers_rows_and_no_other(world, opened, warehouse):
    assert executor.dry_run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW) == 10
    assert executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW).affected == 10
    left = dict(warehouse.execute("SELECT tenant_key, count(*) FROM crm.contacts GROUP BY 1").fetchall())
    assert left == {"t-101": 20}
    task = Task.objects.get(pk=opened["crm.contacts"].pk)
    assert task.state == machine.State.EXECUTED and task.executed_account.startswith("postgresql:")


def test_a_check_under_another_account_verifies_and_lineage_stops_carrying_the_data(world, opened, warehouse):
    executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    assert checker.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW).remaining == 0
    task = Task.objects.get(pk=opened["crm.contacts"].pk)
    assert task.state == machine.State.VERIFIED and task.verified_account != task.executed_account
    purge = Declaration.objects.get(kind="purge")
    assert (purge.name, purge.payload["customer"]) == ("crm.contacts", world.leaving.ref)
    assert purge.valid_from == task.executed_at


def test_the_customers_keys_end_when_every_source_of_their_space_is_verified(world, opened, warehouse):
    executor.run(opened["features.people"], by=actors.SYSTEM, at=NOW)
    checker.run(opened["features.people"], by=actors.SYSTEM, at=NOW)
    assert TenantKey.objects.get(value="t-606").valid_to is None
    executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    checker.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    assert TenantKey.objects.get(value="t-606").valid_to is not None
    assert TenantKey.objects.get(value="t-101").valid_to is None
    assert Declaration.objects.get(kind="key-ended").payload["customer"] == world.leaving.ref


def test_a_planted_survivor_opens_the_task_again_and_both_are_kept(world, opened, warehouse):
    executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    warehouse.execute("INSERT INTO crm.contacts VALUES ('t-606', 'planted')")
    assert checker.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW).remaining == 1
    task = Task.objects.get(pk=opened["crm.contacts"].pk)
    assert task.state == machine.State.OPEN and task.executed_account == ""
    assert [each.role for each in task.evidence.all()] == ["execution", "check"]
    assert not Declaration.objects.filter(kind="purge").exists()


def test_a_table_that_grew_meanwhile_is_not_done(world, opened, warehouse):
    executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    warehouse.execute("INSERT INTO crm.contacts SELECT 't-606', i::text FROM generate_series(1, 3) i")
    checker.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    assert checker.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW).remaining == 0
    facts = [(each.role, each.affected, each.remaining) for each in Evidence.objects.order_by("id")]
    assert facts == [("execution", 10, None), ("check", None, 3), ("execution", 3, None), ("check", None, 0)]


def test_a_trigger_that_saves_rows_is_found_and_nothing_is_recorded(world, opened, warehouse):
    warehouse.execute("CREATE FUNCTION crm.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    warehouse.execute("CREATE TRIGGER keep BEFORE DELETE ON crm.contacts FOR EACH ROW EXECUTE FUNCTION crm.keep()")
    with pytest.raises(executor.NotGone, match="10 rows"):
        executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    assert Task.objects.get(pk=opened["crm.contacts"].pk).state == machine.State.OPEN


def test_row_security_cannot_hide_survivors_from_the_checker(world, opened, warehouse):
    executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    warehouse.execute("INSERT INTO crm.contacts VALUES ('t-606', 'hidden')")
    warehouse.execute("ALTER TABLE crm.contacts ENABLE ROW LEVEL SECURITY")
    with pytest.raises(tables.Unreadable):
        checker.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    assert Task.objects.get(pk=opened["crm.contacts"].pk).state == machine.State.EXECUTED


def test_an_unreachable_database_leaves_the_task_as_it_was(world, opened, settings, tmp_path):
    path = tmp_path / "planes.json"
    nowhere = "host=/nowhere dbname=x user=y"
    path.write_text(json.dumps({NAMESPACE: dict.fromkeys(planes.ACCOUNTS, nowhere)}))
    settings.DATA_PLANES_FILE = str(path)
    with pytest.raises(planes.NoPlane, match="cannot be reached"):
        executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    settings.DATA_PLANES_FILE = ""
    with pytest.raises(planes.NoPlane, match="no data plane"):
        executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    assert Task.objects.get(pk=opened["crm.contacts"].pk).state == machine.State.OPEN


def test_a_missing_table_is_not_taken_for_deleted_unless_lineage_saw_it_go(world, opened, warehouse):
    warehouse.execute("ALTER TABLE crm.contacts RENAME TO contacts_old")
    with pytest.raises(executor.TableMissing):
        executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    Task.objects.filter(name="crm.contacts").update(versions=[{"run": "r", "started": "", "gone": NOW.isoformat()}])
    assert executor.run(Task.objects.get(name="crm.contacts"), by=actors.SYSTEM, at=NOW).affected == 0


def test_a_name_that_means_another_database_is_refused(world, opened, warehouse):
    rows = targets.Rows(NAMESPACE, planes.Table("elsewhere", "crm", "contacts"), "tenant_key", ("t-606",))
    with (
        psycopg.connect(planes.of(NAMESPACE).executor) as connection,
        pytest.raises(tables.Unreadable, match="elsewhere"),
    ):
        tables.look(connection, rows)


def test_hostile_names_and_keys_are_values_and_identifiers_never_code(world, opened, warehouse):
    rows = targets.Rows(
        NAMESPACE, planes.Table("", "crm", "contacts"), "tenant_key\" = '' OR true --", ("x' OR 'a'='a",)
    )
    with (
        psycopg.connect(planes.of(NAMESPACE).executor) as connection,
        pytest.raises(psycopg.Error, match="does not exist"),
    ):
        tables.delete(connection, rows)
    assert warehouse.execute("SELECT count(*) FROM crm.contacts").fetchone()[0] == 30


def test_a_table_without_a_key_for_what_reaches_it_is_not_guessed_at(world, opened, warehouse):
    world.lineage.reached["crm.contacts"].append(("crm.contacts", "released.set1"))
    review = worklists.review(world.duty, by=world.lawyer, at=NOW)
    with pytest.raises(targets.NotSeparable) as refused:
        executor.run(review.added[0], by=actors.SYSTEM, at=NOW)
    assert refused.value.extra["declarations"] == [world.source.ref]
    assert warehouse.execute("SELECT count(*) FROM released.set1").fetchone()[0] == 5


def test_a_release_that_carries_no_key_goes_whole(world, opened, warehouse, monkeypatch):
    from governance.deletions import inventories

    monkeypatch.setattr(inventories, "releases", lambda: {(NAMESPACE, "released.set1")})
    world.lineage.reached["crm.contacts"].append(("crm.contacts", "released.set1"))
    review = worklists.review(world.duty, by=world.lawyer, at=NOW)
    assert [task.kind for task in review.added] == ["release"]
    assert executor.run(review.added[0], by=actors.SYSTEM, at=NOW).affected == 5
    assert checker.run(review.added[0], by=actors.SYSTEM, at=NOW).remaining == 0
    assert warehouse.execute("SELECT count(*) FROM released.set1").fetchone()[0] == 0


def test_a_table_declared_to_be_the_customers_alone_goes_whole(world, warehouse):
    from governance.catalogue import sources
    from governance.catalogue.places import Place

    sources.of_customer(
        Place(NAMESPACE, "released.set1"), world.leaving, setting=sources.Setting(), valid_from=ENDED, by=actors.SYSTEM
    )
    worklists.confirm(world.duty.ref, by=world.lawyer, at=NOW)
    assert executor.run(world.duty.tasks.get(name="released.set1"), by=actors.SYSTEM, at=NOW).affected == 5


def test_one_persons_rows_are_found_by_the_keyed_hash_of_their_identifier(world, warehouse):
    from consent import subjects
    from governance.catalogue import columns, sources
    from governance.catalogue.places import Place

    space = subjects.open_space(name="crm-contacts", by="system")
    sources.of_space(
        Place(NAMESPACE, "crm.contacts"),
        world.space,
        tenant_column="tenant_key",
        people=sources.People("person", space),
        setting=sources.Setting(),
        valid_from=deletions_world.cast_module.LONG_AGO,
        by=actors.SYSTEM,
    )
    columns.person_key(
        Place(NAMESPACE, "features.people"),
        "n",
        space,
        valid_from=deletions_world.cast_module.LONG_AGO,
        by=actors.SYSTEM,
    )
    person = duties.Person(space, subjects.reference(space, "3"))
    duty = duties.propose(world.leaving, trigger="subject-erasure", on=ENDED, person=person, by=actors.SYSTEM)
    worklists.confirm(duty.ref, by=world.lawyer, at=NOW)
    for name in ("crm.contacts", "features.people"):
        task = duty.tasks.get(name=name)
        assert executor.run(task, by=actors.SYSTEM, at=NOW).affected == 1
        assert checker.run(task, by=actors.SYSTEM, at=NOW).remaining == 0
    assert warehouse.execute("SELECT count(*) FROM crm.contacts WHERE person = '3'").fetchone()[0] == 0
    assert warehouse.execute("SELECT count(*) FROM crm.contacts").fetchone()[0] == 29
    reasons = {each["reason"] for each in duty.inventories.get().unknowns}
    assert "no column tells whether the person is in this source" in reasons, "the source without a person key is named"
    assert TenantKey.objects.get(value="t-606").valid_to is None, "the customer stays"


def test_a_key_that_once_meant_somebody_else_is_not_deleted_by(world, opened, warehouse):
    from governance.parties import keyspaces
    from tests import cast as cast_module

    early = cast_module.LONG_AGO - timedelta(days=900)
    keyspaces.assign(
        world.space, "t-606", customer=world.staying, valid_from=early, valid_to=cast_module.LONG_AGO, by=actors.SYSTEM
    )
    with pytest.raises(targets.SharedKey):
        executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)


def test_a_legal_hold_stops_the_executor(world, opened, warehouse):
    holds.place(world.leaving, ground="pending litigation", on=ENDED, by=world.lawyer)
    with pytest.raises(evidence.Held, match="pending litigation"):
        executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    assert warehouse.execute("SELECT count(*) FROM crm.contacts WHERE tenant_key = 't-606'").fetchone()[0] == 10
    kept = evidence.excepted(
        opened["crm.contacts"], ground="legal-hold", text="hold of 12 November", by=world.lawyer, at=NOW
    )
    assert kept.state == machine.State.EXCEPTED


def test_whoever_did_it_cannot_be_the_one_who_looks(world, opened):
    task = opened["models.triage"]
    worker, other = actors.of(world.people.privacy_officer), actors.of(world.people.approver)
    evidence.executed(task, given(action="retired", statement="taken off the gateway"), by=worker, at=NOW)
    with pytest.raises(evidence.SameAccount):
        evidence.checked(task, given(remaining=0), by=worker, at=NOW)
    done = evidence.checked(task, given(remaining=0), by=other, at=NOW)
    assert done.state == machine.State.VERIFIED
    assert Model.objects.get(name="models.triage").retired_at is not None


def test_whoever_had_the_executor_run_cannot_vouch_by_hand(world, opened, warehouse):
    by = actors.of(world.people.privacy_officer)
    executor.run(opened["crm.contacts"], by=by, at=NOW)
    with pytest.raises(evidence.SameAccount):
        evidence.checked(opened["crm.contacts"], given(remaining=0), by=by, at=NOW + timedelta(minutes=1))


def test_the_database_itself_refuses_one_account_as_executor_and_verifier(world, opened):
    with pytest.raises(IntegrityError, match="task_verified_under_another_account"), transaction.atomic():
        Task.objects.filter(pk=opened["crm.contacts"].pk).update(executed_account="a", verified_account="a")


def test_evidence_for_a_closed_task_is_refused(world, opened):
    task = opened["models.triage"]
    with pytest.raises(evidence.TaskClosed):
        evidence.checked(task, given(remaining=0), by=world.lawyer, at=NOW)
    evidence.executed(task, given(action="retired"), by=world.lawyer, at=NOW)
    with pytest.raises(evidence.TaskClosed):
        evidence.executed(task, given(action="retired"), by=world.lawyer, at=NOW)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"happened_at": NOW + timedelta(minutes=6)}, "happened_at"),
        ({"happened_at": ENDED - timedelta(days=1)}, "happened_at"),
        ({"digest": "zz"}, "digest"),
        ({"digest": "AB" * 32}, "digest"),
        ({"action": "deleted by hand"}, "action"),
        ({"action": "retrained"}, "action"),
        ({"method": "hoping"}, "method"),
    ],
)
def test_evidence_that_says_something_impossible_is_refused(world, opened, wrong, where):
    with pytest.raises(errors.Unprocessable) as refused:
        evidence.executed(opened["crm.contacts"], given(**wrong), by=world.lawyer, at=NOW)
    assert refused.value.where == where
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("claim", ["unlearned", "retrained"])
def test_unlearning_is_never_claimed_without_evidence(world, opened, claim):
    with pytest.raises(errors.Unprocessable, match="never claimed without evidence"):
        evidence.executed(opened["models.triage"], given(action=claim, digest=""), by=world.lawyer, at=NOW)
    with pytest.raises(errors.Unprocessable, match="never claimed without evidence"):
        evidence.executed(opened["models.triage"], given(action=claim), by=world.lawyer, at=NOW)


def test_a_backup_is_kept_until_a_day_and_by_a_person(world, opened):
    backup = worklists.add(
        world.duty,
        kind="backup",
        namespace="s3://backups",
        name="nightly",
        statement="kept 35 days",
        by=world.lawyer,
        at=NOW,
    )
    with pytest.raises(errors.Unprocessable, match="until a day"):
        evidence.excepted(backup, ground="backup-expiry", text="rotation", by=world.lawyer, at=NOW)
    with pytest.raises(errors.Forbidden):
        evidence.excepted(
            backup,
            ground="backup-expiry",
            text="rotation",
            until=NOW + timedelta(days=35),
            by=actors.of(world.people.pipeline_owner),
            at=NOW,
        )
    kept = evidence.excepted(
        backup, ground="backup-expiry", text="rotation", until=NOW + timedelta(days=35), by=world.lawyer, at=NOW
    )
    assert kept.settled


def test_late_lineage_adds_an_item_marked_so(world, opened):
    world.lineage.reached["crm.contacts"].append(("crm.contacts", "exports.monthly"))
    review = worklists.review(world.duty, by=actors.SYSTEM, at=NOW)
    assert [(task.name, task.late) for task in review.added] == [("exports.monthly", True)]
    assert worklists.review(world.duty, by=actors.SYSTEM, at=NOW).added == []


def test_data_that_comes_back_opens_its_item_again(world, opened, warehouse):
    executor.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    checker.run(opened["crm.contacts"], by=actors.SYSTEM, at=NOW)
    purge = Declaration.objects.get(kind="purge")
    version = Version(NAMESPACE, "crm.contacts", "r2", NOW, None, None)
    world.lineage.back.append(Resurrection(purge.ref, world.leaving.ref, version, (world.source.ref,)))
    review = worklists.review(world.duty, by=actors.SYSTEM, at=NOW)
    assert [task.name for task in review.returned] == ["crm.contacts"]
    executor.run(Task.objects.get(name="crm.contacts"), by=actors.SYSTEM, at=NOW)
    checker.run(Task.objects.get(name="crm.contacts"), by=actors.SYSTEM, at=NOW)
    assert worklists.review(world.duty, by=actors.SYSTEM, at=NOW).returned == [], "the later purge answers for it"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deletions_evidence SET remaining = 0",
        "DELETE FROM deletions_evidence",
        "DELETE FROM deletions_task",
        "UPDATE deletions_task SET state = 'verified'",
        "UPDATE deletions_task SET name = 'other'",
        "UPDATE deletions_inventory SET items = '[]'",
    ],
)
def test_history_cannot_be_rewritten_by_sql(world, opened, statement):
    from django.db import connection

    evidence.executed(opened["models.triage"], given(action="retired"), by=world.lawyer, at=NOW)
    with (
        pytest.raises(Exception, match=r"trigger|FSM|invalid|Cannot|violates"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_every_state_and_kind_has_its_way(db):
    assert set(machine.STEPS) == set(machine.State)
    assert set(machine.FITTING) == set(machine.Kind)
    assert "executed --> verified" in machine.diagram()
