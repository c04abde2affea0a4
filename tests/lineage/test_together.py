"""Entries and the rows they tell of, in one statement; and statements that are prepared."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from governance.releases.models import Permit, PermitBasis, StoredFacts
from lineage import prepared, rows
from lineage.journal import clock, entries
from lineage.journal.models import Entry, Payload, Pending

pytestmark = pytest.mark.django_db(transaction=True)
DIGEST = "ab" * 32


@pytest.fixture(autouse=True)
def background(settings) -> None:  # type: ignore[no-untyped-def]
    settings.SEQUENCER = "background"


def basis(digest: str = DIGEST) -> PermitBasis:
    return PermitBasis(digest=digest, keys=[-(2**63), 7, 2**63 - 1])


def test_entry_and_row_are_there_after_the_block_and_neither_within(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    with entries.together(at=clock.now()) as written:
        entry = entries.record("test.noted", {"n": 1}, by="system")
        row = basis()
        entries.store(row)
        assert not Entry.objects.exists() and not PermitBasis.objects.exists()
    assert Entry.objects.get().pk == entry.pk and PermitBasis.objects.get().keys == row.keys
    assert not row._state.adding and (datetime.now(UTC) - written.written_at).total_seconds() < 60
    with django_assert_num_queries(1), entries.together(at=clock_at()):
        entries.record("test.noted", {"n": 2}, by="system")
        entries.store(StoredFacts(digest=DIGEST, body=b"\x00'%s"))
    assert bytes(StoredFacts.objects.get().body) == b"\x00'%s" and StoredFacts.objects.get().recorded_at


def clock_at() -> datetime:
    return datetime.now(UTC)


def test_an_error_in_the_block_or_in_the_statement_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), entries.together(at=clock.now()):
        entries.record("test.noted", {"n": 1}, by="system")
        raise ZeroDivisionError
    with pytest.raises(IntegrityError), entries.together(at=clock.now()):
        entries.record("test.noted", {"n": 1}, by="system")
        entries.store(basis("no digest"))
    assert [model.objects.count() for model in (Entry, Payload, Pending, PermitBasis)] == [0] * 4
    with pytest.raises(entries.OutsideTransaction):  # the block is over
        entries.record("test.noted", {"n": 1}, by="system")


def test_a_row_that_would_be_committed_without_its_entries_is_refused_and_in_a_transaction_it_may_be_written() -> None:
    with pytest.raises(entries.OutsideTransaction), entries.together(at=clock.now()):
        entries.record("test.noted", {"n": 1}, by="system")
        basis().save(force_insert=True)
    assert not PermitBasis.objects.exists() and not Entry.objects.exists()
    with transaction.atomic(), entries.together(at=clock.now()):
        entries.record("test.noted", {"n": 1}, by="system")
        basis().save(force_insert=True)
    assert PermitBasis.objects.count() == Entry.objects.count() == 1


def test_what_is_there_already_may_be_stored_once_more_where_that_is_said() -> None:
    basis().save(force_insert=True)
    with entries.together(at=clock.now()):
        entries.record("test.noted", {"n": 1}, by="system")
        entries.store(basis(), once=True)
    with pytest.raises(IntegrityError), entries.together(at=clock.now()):
        entries.record("test.noted", {"n": 2}, by="system")
        entries.store(basis())
    assert Entry.objects.count() == PermitBasis.objects.count() == 1


def test_there_is_no_statement_within_a_statement() -> None:
    with pytest.raises(RuntimeError), entries.together(at=clock.now()), entries.together(at=clock.now()):
        pass


def test_outside_of_a_block_a_row_is_stored_at_once() -> None:
    entries.store(basis())
    assert PermitBasis.objects.get().pk == DIGEST


def test_an_insert_names_every_column_but_those_the_database_fills() -> None:
    sql, values = rows.insert(Permit(pk=None, ref="prm_x", columns=["a"], outputs=[{"b": 1}]))
    named = {each.column for each in Permit._meta.concrete_fields} - {"id", "job_namespace", "job_name", "run"}
    assert all(f'"{column}"' in sql for column in named) and sql.count("%s") == len(values)
    assert '["a"]' in values and '[{"b":1}]' in values


def test_a_connection_that_was_lost_is_replaced_before_the_first_statement_and_not_within_a_transaction() -> None:
    def lose() -> None:
        from django.db import connections

        pid = prepared.first("SELECT pg_backend_pid()", [])[0][0]
        other = connections.create_connection("default")
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        other.close()

    lose()
    assert prepared.first("SELECT %s::int + 1", [1]) == [(2,)]
    lose()
    with pytest.raises(OperationalError):
        prepared.rows("SELECT 1", [])
    connection.close()
