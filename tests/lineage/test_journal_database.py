"""The database refuses to forget, whoever asks; two sequencers never fork; a crash loses nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, connections, transaction

from lineage.journal import copies, entries, guards, payloads, sequencer, stored, verification
from lineage.journal.models import Checkpoint, Entry, Head, Leaf, Pending
from lineage.ledger import checkpoints, hashing, proofs, tree

LEDGER = ["journal_entry", "journal_leaf", "journal_node", "journal_checkpoint", "journal_payload", "journal_head"]


def note(count: int = 1) -> list[Entry]:
    with transaction.atomic():
        return entries.record_many([entries.Draft("test.noted", {"n": n}) for n in range(count)], by="system")


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def ledger(db: None) -> list[Entry]:
    found = note(300)
    sequencer.run()
    return found


@pytest.mark.parametrize("table", LEDGER)
def test_even_the_owner_is_refused_by_a_trigger(ledger: list[Entry], table: str) -> None:
    with pytest.raises(DatabaseError, match=r"append-only|erase|UPDATE|grows"):
        execute(f"TRUNCATE {table}")
    with pytest.raises(DatabaseError):
        execute(f"DELETE FROM {table}")
    column = {"journal_checkpoint": "size = size - 1", "journal_head": "size = 0"}.get(table, "body = ''")
    column = "hash = sha256('x')" if table in ("journal_leaf", "journal_node") else column
    with pytest.raises(DatabaseError):
        execute(f"UPDATE {table} SET {column}")


def test_pgtriggers_switch_does_not_open_the_ledger(ledger: list[Entry]) -> None:
    import pgtrigger

    with pytest.raises(DatabaseError), transaction.atomic(), pgtrigger.ignore():
        Entry.objects.update(kind="test.other")


@pytest.fixture
def app_role(db: None, settings) -> str:  # type: ignore[no-untyped-def]
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [settings.APP_ROLE])
        if not cursor.fetchone()[0]:
            pytest.skip(f"this database has no role {settings.APP_ROLE}")
    call_command("grant_app_role", stdout=StringIO())
    return str(settings.APP_ROLE)


def test_the_application_may_read_and_add_and_nothing_else(app_role: str) -> None:
    with connection.cursor() as cursor:
        for table, rights in guards.RIGHTS.items():
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"):
                cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [app_role, table, right])
                assert cursor.fetchone()[0] == (right in rights), f"{right} on {table}"


@contextmanager
def logged_in_as(role: str) -> Iterator[None]:
    """Connect as another role, as the server process does."""
    owner = connection.settings_dict["USER"]
    connection.close()
    connection.settings_dict["USER"] = role
    try:
        connection.ensure_connection()
        yield
    except OperationalError:
        pytest.skip(f"this machine does not let us in as {role}")
    finally:
        connection.close()
        connection.settings_dict["USER"] = owner


REFUSED = [f"{verb} {table}" for verb in ("DELETE FROM", "TRUNCATE") for table in guards.APPEND_ONLY]
REFUSED += [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in guards.APPEND_ONLY]
REFUSED += [
    "UPDATE journal_entry SET kind = 'x'",
    "UPDATE journal_leaf SET index = 9",
    "UPDATE journal_checkpoint SET size = 9",
]
REFUSED += [
    "UPDATE journal_node SET index = 9",
    "UPDATE journal_payload SET body = ''",
    "TRUNCATE journal_payload",
    "DELETE FROM journal_head",
]


@pytest.mark.django_db(transaction=True)
def test_the_application_records_and_is_refused_update_delete_and_truncate(app_role: str) -> None:
    with logged_in_as(app_role):
        recorded = note(2)
        payloads.erase(recorded[0].ref, by="system", reason="asked for")
        assert sequencer.run().size == 3
        for statement in REFUSED:
            with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
                execute(statement)


def test_granting_to_a_role_that_is_not_there_says_so(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    settings.APP_ROLE = "nobody_here"
    out = StringIO()
    call_command("grant_app_role", stdout=out)
    assert "no role nobody_here" in out.getvalue()


def test_a_right_too_many_is_a_finding(app_role: str) -> None:
    execute(f"GRANT DELETE ON journal_entry TO {app_role}")
    assert any(
        each.where == "journal_entry" and "may DELETE" in each.what
        for each in verification.check_ledger()
        if not each.ok
    )


@pytest.mark.django_db(transaction=True)
def test_two_sequencers_at_once_never_fork() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(12):
                note(3)  # its commit runs a sequencer too
                sequencer.run()
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    run_all([work] * 4)
    assert not failures
    head = sequencer.run()
    assert head.size == Leaf.objects.count() == Entry.objects.count() == 4 * 12 * 3
    assert_every_checkpoint_is_a_prefix()
    assert [each.what for each in verification.check_ledger() if not each.ok] == []


@pytest.mark.django_db(transaction=True)
def test_the_feed_skips_nothing_while_others_write() -> None:
    stop, seen, failures = threading.Event(), [], []

    def read() -> None:
        try:
            cursor = 0
            while not stop.is_set() or len(seen) < 40:
                batch = entries.feed(cursor, 7)
                seen.extend(entry.ref for _, entry in batch)
                cursor = batch[-1][0] if batch else cursor
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    def write() -> None:
        try:
            for _ in range(20):
                note(1)
        finally:
            connections.close_all()

    reader = threading.Thread(target=read)
    reader.start()
    run_all([write, write])
    sequencer.run()
    stop.set()
    reader.join(60)
    assert not failures
    assert seen == list(Leaf.objects.order_by("index").values_list("entry_ref", flat=True))
    assert len(seen) == len(set(seen)) == 40


def run_all(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    assert not any(each.is_alive() for each in threads)


def assert_every_checkpoint_is_a_prefix() -> None:
    heads = [checkpoints.parse(row.note) for row in Checkpoint.objects.order_by("size")]
    nodes = stored.nodes(heads[-1].size)
    for head in heads:
        path = tree.consistency(head.size, heads[-1].size, nodes)
        proofs.verify_consistency(head.size, heads[-1].size, path, head.root, heads[-1].root)


CRASHES = ["stored.append", "checkpoints.sign", "Checkpoint.objects.create", "_swap", "copies.write"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", CRASHES)
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_loses_and_doubles_nothing(step: str, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    note(2)
    with monkeypatch.context() as patch:
        crash(patch, step, after=after)
        recorded = note(3)  # the crash of the sequencer after the commit is not the caller's
        with pytest.raises(KeyboardInterrupt):
            note(1) and sequencer.run()
    head = sequencer.run()
    assert head.size == Entry.objects.count() and not Pending.objects.exists()
    assert all(each.index is not None for each in recorded)
    copy = copies.read()
    assert copy is not None and copy.size == head.size
    assert_every_checkpoint_is_a_prefix()
    assert [each.what for each in verification.check_ledger() if not each.ok] == []


def crash(patch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    """Die before or after a step. Sequencing after a commit dies quietly (Exception), an explicit run as a killed process would."""
    target = f"lineage.journal.sequencer.{step}"
    owner, name = target.rsplit(".", 1)
    import importlib

    module, *path = owner.removeprefix("lineage.journal.sequencer").split(".")
    holder: object = importlib.import_module("lineage.journal.sequencer")
    for part in [each for each in (module, *path) if each]:
        holder = getattr(holder, part)
    real = getattr(holder, name)
    calls: Iterator[int] = iter(range(10**6))

    def dying(*args: object, **kwargs: object) -> object:
        nudged = next(calls) == 0
        if after:
            real(*args, **kwargs)
        raise RuntimeError("crash") if nudged else KeyboardInterrupt

    patch.setattr(holder, name, dying)


def test_a_stale_head_is_not_moved(ledger: list[Entry]) -> None:
    stale = Head.objects.get()
    note(1)
    sequencer.run()
    frontier = sequencer.Frontier.unpack(stale.size, bytes(stale.frontier))
    frontier.extend([hashing.leaf(b"a fork")])
    with pytest.raises(sequencer.LedgerHeld, match="moved the head"):
        sequencer._swap(stale, frontier)


def test_the_copy_outside_follows_each_head_and_never_goes_back(ledger: list[Entry]) -> None:
    first = sequencer.head()
    note(1)
    last = sequencer.run()
    assert first is not None
    copies.write(first.note)
    copy = copies.read()
    assert copy is not None and (copy.size, copy.root) == (last.size, last.root)


def test_a_lost_copy_is_written_again(ledger: list[Entry]) -> None:
    copies.path().unlink()
    head = sequencer.run()
    copy = copies.read()
    assert copy is not None and copy.root == head.root


def test_erasing_twice_or_without_a_reason_is_refused(ledger: list[Entry]) -> None:
    from lineage import errors

    with pytest.raises(errors.Malformed):
        payloads.erase(ledger[0].ref, by="system", reason=" ")
    payloads.erase(ledger[0].ref, by="system", reason="asked for")
    with pytest.raises(errors.Conflict):
        payloads.erase(ledger[0].ref, by="system", reason="asked for")
    with pytest.raises(errors.NotFound):
        payloads.erase("ent_nowhere", by="system", reason="asked for")


def test_no_foreign_key_leads_into_or_out_of_the_ledger(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND 'journal_' = ANY (ARRAY["
            "left(conrelid::regclass::text, 8), left(confrelid::regclass::text, 8)])"
        )
        assert cursor.fetchone()[0] == 0
