"""Customers and their keys, groups without circles, and who sees whom."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from governance.access import actors
from governance.parties import customers, epoch, groups, keyspaces, organisations
from governance.parties.models import Customer, GroupMembership, TenantKey
from lineage import errors
from lineage.journal.models import Entry
from tests import cast as named
from tests.cast import LONG_AGO, Cast

pytestmark = pytest.mark.django_db
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
BY = actors.SYSTEM


def test_a_tenant_key_means_one_customer_at_a_time() -> None:
    alder, brandt = named.customer("Alder"), named.customer("Brandt")
    space = named.space("crm", A1=alder)
    with pytest.raises(errors.Conflict):
        keyspaces.assign(space, "A1", customer=brandt, valid_from=JUNE, by=BY)
    first = TenantKey.objects.get(value="A1")
    keyspaces.end(first, at=JUNE, by=BY)
    keyspaces.assign(space, "A1", customer=brandt, valid_from=JUNE, by=BY)
    assert keyspaces.mapping("crm", at=JUNE - timedelta(seconds=1)) == {"A1": alder.ref}
    assert keyspaces.mapping("crm", at=JUNE) == {"A1": brandt.ref}


def test_overlapping_keys_are_refused_by_the_database_itself() -> None:
    alder, brandt = named.customer("Alder"), named.customer("Brandt")
    space = named.space("crm", A1=alder)
    with pytest.raises(IntegrityError, match="tenant_key_one_customer"), transaction.atomic():
        TenantKey.objects.create(space=space, value="A1", customer=brandt, valid_from=JUNE, recorded_by="x")


def test_the_end_of_a_key_is_not_seen_by_who_asks_as_known_before() -> None:
    alder = named.customer("Alder")
    space = named.space("crm", A1=alder)
    key = TenantKey.objects.get(space=space)
    ended = keyspaces.end(key, at=JUNE, by=BY)
    before = ended.end_recorded_at - timedelta(microseconds=1)
    later = JUNE + timedelta(days=1)
    assert keyspaces.mapping("crm", at=later) == {}
    assert keyspaces.mapping("crm", at=later, as_known_at=ended.end_recorded_at) == {}
    known_before = TenantKey.objects.get(space=space)
    assert known_before.holds(later, as_known_at=before) is (known_before.recorded_at <= before)


def test_history_of_keys_is_not_rewritten_by_sql() -> None:
    named.space("crm", A1=named.customer("Alder"))
    key = TenantKey.objects.get()
    keyspaces.end(key, at=JUNE, by=BY)
    other = named.customer("Brandt")
    for statement in (
        "DELETE FROM parties_tenantkey",
        "UPDATE parties_tenantkey SET valid_to = NULL, end_recorded_at = NULL",
        "UPDATE parties_tenantkey SET valid_to = valid_to + interval '1 day'",
        f"UPDATE parties_tenantkey SET customer_id = {other.pk}",
        "UPDATE parties_tenantkey SET valid_from = valid_from - interval '1 day'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    alder, space = named.customer("Alder"), named.space("crm")
    with pytest.raises(errors.Unprocessable):
        keyspaces.assign(space, "A1", customer=alder, valid_from=JUNE, valid_to=JUNE, by=BY)


def test_groups_reach_through_groups() -> None:
    party = organisations.register("Kestrel", by=BY)
    competitors, group = groups.create("competitors", by=BY), groups.create("Kestrel group", by=BY)
    groups.add(group, party, valid_from=LONG_AGO, by=BY)
    joined = groups.add(competitors, group, valid_from=LONG_AGO, by=BY)
    assert groups.of([party.ref], at=JUNE) == {party.ref: {group.ref, competitors.ref}}
    groups.leave(joined, at=JUNE, by=BY)
    assert groups.of([party.ref], at=JUNE) == {party.ref: {group.ref}}


def test_a_circle_of_groups_is_refused_by_verb_and_by_database() -> None:
    one, two, three = (groups.create(name, by=BY) for name in ("one", "two", "three"))
    groups.add(one, two, valid_from=LONG_AGO, by=BY)
    groups.add(two, three, valid_from=LONG_AGO, by=BY)
    for above, below in ((three, one), (two, one), (one, one)):
        with pytest.raises(errors.Unprocessable) as refused:
            groups.add(above, below, valid_from=LONG_AGO, by=BY)
        assert refused.value.code == "group-cycle"
    with pytest.raises(IntegrityError, match="cannot contain itself"), transaction.atomic():
        GroupMembership.objects.create(group=three, subgroup=one, valid_from=LONG_AGO, recorded_by="x")


def test_members_of_different_kinds_do_not_get_in_each_others_way() -> None:
    one, two = groups.create("one", by=BY), groups.create("two", by=BY)
    for name in ("Kestrel", "Falcon"):
        groups.add(one, organisations.register(name, by=BY), valid_from=LONG_AGO, by=BY)
    groups.add(one, two, valid_from=LONG_AGO, by=BY)
    assert one.memberships.count() == 3


def test_only_who_was_given_a_customer_sees_it(cast: Cast) -> None:
    alder, brandt = named.customer("Alder"), named.customer("Brandt")
    customers.give(alder, to=cast.auditor, by=cast.administrator.actor)
    assert list(customers.visible_to(cast.auditor)) == [alder]
    assert list(customers.visible_to(cast.stranger)) == []
    assert set(customers.visible_to(cast.lawyer)) == {alder, brandt}
    customers.take(alder, from_=cast.auditor, by=cast.administrator.actor)
    assert list(customers.visible_to(cast.auditor)) == []


def test_a_key_sees_what_its_owner_sees(cast: Cast) -> None:
    alder, _ = named.customer("Alder"), named.customer("Brandt")
    customers.give(alder, to=cast.pipeline_owner, by=cast.administrator.actor)
    key, _ = named.key("contracts:read", owner=cast.pipeline_owner)
    assert list(customers.visible_to(key)) == [alder]
    assert list(customers.visible_to(key.actor)) == [alder]


def test_a_hidden_customer_and_none_at_all_are_refused_in_the_same_words(cast: Cast) -> None:
    alder = named.customer("Alder")
    words = []
    for ref in (alder.ref, "cus_nobody", "\0"):
        with pytest.raises(errors.NotFound) as refused:
            customers.get(ref, by=cast.auditor) if "\0" not in ref else customers.get("cus_none", by=cast.auditor)
        words.append(refused.value.detail)
    assert len(set(words)) == 1
    assert "Alder" not in words[0]


def test_nobody_gives_customers_but_administrators(cast: Cast) -> None:
    alder = named.customer("Alder")
    for person in (cast.lawyer, cast.auditor, cast.privacy_officer, cast.stranger):
        with pytest.raises(errors.Forbidden):
            customers.give(alder, to=person, by=person.actor)


def test_strangers_register_nothing(cast: Cast) -> None:
    party = organisations.register("Alder", by=BY)
    for person in (cast.stranger, cast.auditor, cast.pipeline_owner, cast.approver):
        with pytest.raises(errors.Forbidden):
            customers.register("Alder", party=party, by=person.actor)
    assert not Customer.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(errors.Unprocessable):
        organisations.register(name, by=BY)


def test_every_change_is_a_ledger_entry() -> None:
    before = Entry.objects.count()
    alder = named.customer("Alder")  # a party and a customer
    space = named.space("crm", A1=alder)  # a space and a key
    customers.rename(alder, "Alder AB", by=BY)
    keyspaces.end(TenantKey.objects.get(space=space), at=JUNE, by=BY)
    assert Entry.objects.count() == before + 6


def test_changes_of_keys_and_groups_raise_the_epoch() -> None:
    start = epoch.current()
    named.space("crm", A1=named.customer("Alder"))
    after = epoch.current()
    assert after > start
    groups.add(groups.create("g", by=BY), organisations.register("p", by=BY), valid_from=LONG_AGO, by=BY)
    assert epoch.current() > after
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE parties_epoch SET number = 0")


def test_a_customer_is_never_deleted() -> None:
    alder = named.customer("Alder")
    with pytest.raises(DatabaseError), transaction.atomic():
        Customer.objects.filter(pk=alder.pk).delete()
