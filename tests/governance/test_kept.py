"""Facts that are kept between questions are never stale: whatever changes, a worker that keeps answers as one that does not."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from consent import subjects
from governance.access import actors
from governance.catalogue import columns, sources, trained
from governance.catalogue.places import Place
from governance.contracts import terminations
from governance.contracts.models import Document
from governance.obligations import duties
from governance.obligations.models import Obligation
from governance.parties import customers, keyspaces, organisations
from governance.policy import canonical, values
from governance.releases import changes, decisions, gathering, kept
from governance.releases.models import Decision, RowCount
from tests import cast as people
from tests.cast import LONG_AGO
from tests.governance import releases_world
from tests.governance.releases_world import NAMESPACE, TICKETS, TRAIN_SET, World

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = actors.SYSTEM


@pytest.fixture
def world(release_world: World) -> World:
    """The world, with people in it and a model: everything that facts can hold."""
    release_world.consent("ann")
    release_world.basis("user.contact", "consent")
    columns.categorise(Place(NAMESPACE, TICKETS), "person", "user.contact", valid_from=LONG_AGO, by=SYSTEM)
    return release_world


def current(at: datetime | None = None) -> kept.Current:
    return kept.current(ask(), at=at or datetime.now(UTC), columns=decisions._columns)


def ask() -> Any:
    return releases_world.ask(columns=(*releases_world.ASKED, "person"))


def said(found: kept.Current) -> Any:
    """What is compared: everything but the position of a list, which moves with every transaction of anybody."""
    facts = found.kept.gathered.facts.normal()
    views = tuple(replace(view, position=0) for view in facts.consents)
    versions = tuple(
        replace(each, started=LONG_AGO) for each in facts.dataset.versions
    )  # an unknown start is that of the question
    plain = canonical.to_json(replace(facts, consents=views, dataset=replace(facts.dataset, versions=versions)))
    answer = json.loads(found.kept.whole.body)
    return plain, json.loads(json.dumps(answer).replace(str(answer.get("facts_digest")), "")), found.kept.mode


def as_an_unkept_worker_says(at: datetime | None = None) -> Any:
    kept.forget()
    return said(current(at))


CHANGES: dict[str, Callable[[World], object]] = {
    "a grant for somebody silent": lambda w: w.grant("corax", ("Grant", releases_world.TRAIN | {"categories": ["customer"]})),
    "a prohibition": lambda w: w.grant("acme", ("Prohibition", {"actions": ["train"], "categories": ["customer.usage"]})),
    "an unencoded term": lambda w: w.grant("corax", ("UnencodedTerm", {})),
    "a contract that ends": lambda w: _end_of_contract(w),  # noqa: PLW0108 - it stands below
    "a party that is renamed": lambda w: customers.rename(w.customers["acme"], "Acme Two", by=SYSTEM),
    "a customer with a key": lambda w: keyspaces.assign(
        w.space, "newcomer", customer=people.customer("Newcomer"), valid_from=LONG_AGO, by=SYSTEM
    ),
    "a vendor entity": lambda w: organisations.register("Lumen Two", kind="vendor", by=SYSTEM),
    "a category": lambda w: columns.categorise(Place(NAMESPACE, TRAIN_SET), "city", "customer.feedback", valid_from=LONG_AGO, by=SYSTEM),
    "quasi-identifiers": lambda w: w.two(columns.quasi_identifiers(Place(NAMESPACE, TRAIN_SET), ["age"], valid_from=LONG_AGO, by=w.cast.pipeline_owner.actor)),
    "a source that one customer brings": lambda w: sources.of_customer(
        Place(NAMESPACE, TRAIN_SET), w.customers["brandt"], setting=sources.Setting(), valid_from=LONG_AGO, by=SYSTEM
    ),
    "a mode": lambda w: w.enforce("warn"),
    "a consent": lambda w: w.consent("bob"),
    "a withdrawal": lambda w: w.consent("ann", "withdrawn"),
    "a registration": lambda w: subjects.register(w.persons, [subjects.reference(w.persons, "zoe")], customer_ref=w.customers["acme"].ref, by="system"),
    "a basis": lambda w: w.basis("user.contact", "legitimate-interest", customer="corax"),
    "a duty that is proposed": lambda w: duties.propose(w.customers["corax"], trigger="contract-end", on=LONG_AGO, by=SYSTEM),
    "a duty that is dismissed": lambda w: duties.dismiss(Obligation.objects.get().ref, reason="no", by=w.cast.lawyer.actor),
    "a count of rows": lambda w: RowCount.objects.create(
        namespace=NAMESPACE, name=TRAIN_SET, runs=_runs(TRAIN_SET), space="crm", rows={}, unmapped=7, by="system"
    ),
    "a new version": lambda w: releases_world.report(TRAIN_SET, TICKETS),
    "a new version of its source": lambda w: releases_world.report(TICKETS, "shop.older"),
    "a source of its source": lambda w: sources.of_customer(
        Place(NAMESPACE, "shop.older"), w.customers["corax"], setting=sources.Setting(), valid_from=LONG_AGO, by=SYSTEM
    ),
    "a column more": lambda w: releases_world.report(TICKETS, None, columns_=(*releases_world.COLUMNS, "late")),
    "a model of that name": lambda w: trained.register(Place(NAMESPACE, TRAIN_SET), title="M", at=datetime.now(UTC), by=SYSTEM),
}  # fmt: skip


def _runs(name: str) -> list[str]:
    from lineage import queries

    return sorted(v.run for v in queries.versions(NAMESPACE, name, at=datetime.now(UTC)))


def _end_of_contract(w: World) -> None:
    document = Document.objects.filter(family__coverage__customer=w.customers["acme"], state="activated").order_by(
        "pk"
    )[0]
    terminations.terminate(document, ends_at=datetime.now(UTC), reason="left", by=w.cast.lawyer.actor)


def test_whatever_changes_the_answer_is_that_of_a_worker_that_keeps_nothing(world: World) -> None:
    silent = []
    for name, change in CHANGES.items():
        before = current()
        assert current().kept is before.kept, f"nothing was kept before {name}"
        was = said(before)
        change(world)
        now = said(current())
        assert now == as_an_unkept_worker_says(), name
        silent += [name] if now == was else []
    assert not silent, "these changes changed nothing, so they prove nothing"


def test_every_table_that_facts_are_read_from_is_watched(world: World) -> None:
    with kept._tables() as read:
        as_an_unkept_worker_says()
    assert kept.unwatched(read) == set()
    assert {"consent_consentevent", "contracts_clause", "lineage_lineageevent", "obligations_obligation"} <= read


def test_a_table_that_nobody_watches_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "WHOLE", {k: v for k, v in changes.WHOLE.items() if k != "contracts_clause"})
    assert current().kept is not current().kept


def test_the_database_has_a_trigger_for_each_watched_table_and_kind_of_change() -> None:
    with connection.cursor() as cursor:  # pg_trigger.h: 4 insert, 8 delete, 16 update
        cursor.execute("SELECT tgrelid::regclass::text, bit_or(tgtype::int & 28) FROM pg_trigger WHERE tgname LIKE 'releases\\_change%%' AND tgenabled = 'O' GROUP BY 1")  # fmt: skip
        found = dict(cursor.fetchall())
    assert found == dict.fromkeys([*changes.KEYED, *changes.WHOLE, *changes.ASKERS], 28)


def elsewhere(work: Callable[[], object]) -> None:
    """Do something on another connection, to its end."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not failures, failures


def test_a_change_that_is_committed_while_facts_are_gathered_is_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = gathering.gather, []

    def interrupted(question: values.Question) -> gathering.Gathered:
        found = real(question)
        calls.append(question)
        if len(calls) == 1:
            elsewhere(lambda: CHANGES["a prohibition"](world))
        return found

    monkeypatch.setattr(gathering, "gather", interrupted)
    found = said(current())
    assert len(calls) == 2 and found == as_an_unkept_worker_says()


def test_what_never_stands_still_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = gathering.gather

    def interrupted(question: values.Question) -> gathering.Gathered:
        found = real(question)
        elsewhere(lambda: organisations.register("Another", by=SYSTEM))
        return found

    monkeypatch.setattr(gathering, "gather", interrupted)
    with pytest.raises(kept.Unsteady):
        current()


def test_a_writer_who_began_before_and_commits_after_is_seen(world: World) -> None:
    began, commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            sources.of_customer(Place(NAMESPACE, TRAIN_SET), world.customers["corax"], setting=sources.Setting(), valid_from=LONG_AGO, by=SYSTEM)  # fmt: skip
            began.set()
            commit.wait(30)

    thread = threading.Thread(target=lambda: elsewhere(slow))
    thread.start()
    began.wait(30)
    before = current()
    elsewhere(
        lambda: organisations.register("Quick", by=SYSTEM)
    )  # began later, committed earlier: a greatest number would say enough
    between = current()
    assert current().kept is between.kept and said(between) == said(before)
    commit.set()
    thread.join(30)
    after = said(current())
    assert after != said(between) and after == as_an_unkept_worker_says()


def test_what_a_transaction_changed_itself_counts_in_it_and_is_not_kept(world: World) -> None:
    outside = said(current())
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        CHANGES["a prohibition"](world)
        assert said(current()) != outside
        1 / 0  # noqa: B018
    assert said(current()) == outside == as_an_unkept_worker_says()


@pytest.mark.parametrize("seconds", [-1e-6, 0.0, 1e-6, 60.0])
def test_time_alone_changes_the_answer_when_it_must(world: World, seconds: float) -> None:
    turn = datetime.now(UTC) + timedelta(hours=1)
    world.consent("bob", expires_at=turn.isoformat())
    sources.of_customer(Place(NAMESPACE, TRAIN_SET), world.customers["corax"], setting=sources.Setting(), valid_from=turn + timedelta(hours=2), by=SYSTEM)  # fmt: skip
    assert current().kept is current().kept
    for moment in (turn, turn + timedelta(hours=2)):
        at = moment + timedelta(seconds=seconds)
        assert said(current(at)) == as_an_unkept_worker_says(at)


def test_a_crash_of_the_database_or_a_long_rest_makes_everything_be_read_anew(world: World) -> None:
    first = current().kept
    assert current().kept is first
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE releases_era, releases_change")  # what a crash does to unlogged tables
    second = current().kept
    assert second is not first and current().kept is second
    seen = second.mark.seen
    second.mark = replace(second.mark, seen=replace(seen, at=seen.at - changes.TRUSTED))
    assert current().kept is not second


def test_purging_takes_nothing_that_somebody_may_still_ask_for(world: World) -> None:
    with connection.cursor() as cursor:
        current()
        organisations.register("Another", by=SYSTEM)
        assert changes.purge() == 0  # a snapshot is remembered
        assert changes.purge() == 0  # and is too young
        cursor.execute("UPDATE releases_era SET horizon_at = horizon_at - %s", [changes.KEPT])
        organisations.register("A later one", by=SYSTEM)
        assert changes.purge() > 0
        cursor.execute("SELECT count(*) FROM releases_change")
        assert cursor.fetchone()[0] == 1  # what came after the snapshot stays


def test_a_kept_decision_is_stored_entered_and_replayed_like_any_other(world: World) -> None:
    first, second = (decisions.request(ask(), by=world.key.actor, at=datetime.now(UTC)) for _ in range(2))
    assert first.kept is second.kept and first.decision.ref != second.decision.ref
    assert first.decision.facts_id == second.decision.facts_id and second.decision.valid_at > first.decision.valid_at
    for found in (first, second):
        assert decisions.replay(decisions.find(found.decision.ref)) == found.decision.body
    permits = [p.index for d in Decision.objects.order_by("pk") for p in d.permits.order_by("index")]
    assert permits == sorted(set(permits))
