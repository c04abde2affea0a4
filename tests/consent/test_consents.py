"""Consent in the database: the SQL answers what the pure fold answers, and nothing tells who a person is."""

import itertools
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent import consents, scope, statements, subjects
from consent.consents import Question
from consent.models import ConsentEvent, IdentifierSpace, Registration
from consent.scope import Event, Need, Standing
from lineage import errors
from lineage.journal import entries
from lineage.journal.models import Entry
from tests.consent.worlds import ACTIONS, DAY, PURPOSES, START, actions, histories, instants, needs, purposes

BY = "key:key_crm"
RAW = "mia.lang@kunde.example"
_serial = itertools.count()
pytestmark = pytest.mark.django_db


def say(space: IdentifierSpace, who: str, state: str, day: int, **more: object) -> consents.Recorded:
    record = {"subject_id": who, "controller": "cus_a", "action": "train", "purpose": "analytics", "state": state}
    record |= {"at": (START + day * DAY).isoformat(), **more}
    return consents.record(statements.parse(record, space=space, now=START + 6 * DAY), by=BY)


def ask(space: IdentifierSpace, **more: object) -> Question:
    plain = {"controller": "cus_a", "action": "train.finetune", "purpose": "analytics.reporting", "at": START + 5 * DAY}
    return Question(space=space, **{**plain, **more})  # type: ignore[arg-type]


def test_a_reference_is_the_keyed_hash_that_sql_computes_too(space: IdentifierSpace) -> None:
    import hashlib
    import hmac

    expected = hmac.new(subjects.key(space), RAW.encode(), hashlib.sha256).hexdigest()
    assert subjects.reference(space, RAW) == expected
    assert subjects.reference(space, RAW + " ") != expected


def test_references_of_two_spaces_cannot_be_joined(space: IdentifierSpace) -> None:
    other = subjects.open_space(name="telemetry-device", by=BY)
    assert subjects.reference(space, RAW) != subjects.reference(other, RAW)


def test_a_withdrawn_person_is_not_on_the_allow_list(space: IdentifierSpace) -> None:
    for who in ("ann", "bob", "cem"):
        say(space, who, "given", 1)
    say(space, "bob", "withdrawn", 2)

    listed = consents.allow_list(ask(space))

    assert listed.subjects == tuple(sorted(subjects.reference(space, who) for who in ("ann", "cem")))
    assert (listed.head.kind, listed.head.count) == ("only", 2)
    assert consents.effective(ask(space), subjects.reference(space, "bob")) is Standing.WITHDRAWN


def test_the_digest_of_an_allow_list_depends_on_the_people_alone(space: IdentifierSpace) -> None:
    say(space, "ann", "given", 1)
    first = consents.allow_list(ask(space)).head.digest
    say(space, "ann", "given", 2)
    assert consents.allow_list(ask(space)).head.digest == first
    say(space, "bob", "given", 2)
    assert consents.allow_list(ask(space)).head.digest != first


def test_another_controllers_consent_counts_for_nothing(space: IdentifierSpace) -> None:
    say(space, "ann", "given", 1)
    assert consents.allow_list(ask(space, controller="cus_b")).subjects == ()


def test_under_legitimate_interest_the_list_names_those_who_object(space: IdentifierSpace) -> None:
    say(space, "ann", "objected", 1)
    say(space, "bob", "given", 1)
    listed = consents.allow_list(ask(space, need=Need.NO_OBJECTION))
    assert (listed.head.kind, listed.subjects) == ("except", (subjects.reference(space, "ann"),))


def test_a_minor_needs_a_representatives_explicit_consent_under_every_basis(space: IdentifierSpace) -> None:
    kid, ward = subjects.reference(space, "kid"), subjects.reference(space, "ward")
    subjects.register(space, [kid, ward], customer_ref="cus_a", minor=True, by=BY)
    say(space, "kid", "given", 1, explicit=True)
    say(space, "ward", "given", 1, explicit=True, representative_id="mother")

    assert consents.allow_list(ask(space)).subjects == (ward,)
    assert consents.allow_list(ask(space, need=Need.NO_OBJECTION)).subjects == (kid,)
    assert consents.allow_list(ask(space, need=Need.NOTHING)).subjects == (kid,)

    subjects.register(space, [kid], customer_ref="cus_a", minor=False, by=BY)
    assert set(consents.allow_list(ask(space)).subjects) == {kid, ward}


def test_counts_are_over_the_people_registered_for_the_customer(space: IdentifierSpace) -> None:
    for who, customer in (("ann", "cus_a"), ("bob", "cus_a"), ("cem", "cus_b")):
        say(space, who, "given", 1, customer=customer)
    subjects.register(space, [subjects.reference(space, "dan")], customer_ref="cus_a", by=BY)
    assert consents.counts(ask(space), customer_ref="cus_a") == consents.Counts(registered=3, allowed=2)
    interest = ask(space, need=Need.NO_OBJECTION)
    assert consents.counts(interest, customer_ref="cus_a") == consents.Counts(registered=3, allowed=3)


def test_the_tally_says_how_the_people_of_each_customer_stand(space: IdentifierSpace) -> None:
    for who, state, customer in (
        ("ann", "given", "cus_a"),
        ("bob", "withdrawn", "cus_a"),
        ("cem", "objected", "cus_b"),
    ):
        say(space, who, state, 1, customer=customer)
    subjects.register(space, [subjects.reference(space, "dan")], customer_ref="cus_a", by=BY)
    found = consents.tally(ask(space), ["cus_a", "cus_b", "cus_c"])
    assert (found["cus_a"].registered, found["cus_a"].allowed) == (3, 1)
    assert (found["cus_a"].standings[Standing.SILENT], found["cus_b"].standings[Standing.OBJECTED]) == (1, 1)
    assert found["cus_c"].registered == 0
    for customer in found:
        counted = consents.counts(ask(space), customer_ref=customer)
        assert (counted.registered, counted.allowed) == (found[customer].registered, found[customer].allowed)


def test_a_delta_names_who_came_and_who_left(space: IdentifierSpace) -> None:
    for who, until in (("ann", {}), ("eva", {"expires_at": (START + 4 * DAY).isoformat()})):
        say(space, who, "given", 1, **until)
    before = ask(space, at=START + 3 * DAY, as_known_at=timezone.now())
    say(space, "bob", "given", 2)
    say(space, "ann", "withdrawn", 3)
    came, left = consents.delta(before, ask(space))
    assert came == [subjects.reference(space, "bob")]
    assert left == sorted(subjects.reference(space, who) for who in ("ann", "eva"))


@pytest.mark.django_db(transaction=True)
def test_a_list_waits_for_a_withdrawal_that_is_being_written(space: IdentifierSpace) -> None:
    say(space, "ann", "given", 1)
    written, go, made = threading.Event(), threading.Event(), threading.Event()
    found: list[consents.AllowList] = []

    def withdraw() -> None:
        with transaction.atomic():
            say(space, "ann", "withdrawn", 2)
            written.set()
            assert go.wait(10)
        connection.close()

    def make() -> None:
        found.append(consents.allow_list(ask(space)))
        made.set()
        connection.close()

    threads = [threading.Thread(target=withdraw), threading.Thread(target=make)]
    threads[0].start()
    assert written.wait(10)
    threads[1].start()
    assert not made.wait(0.3)
    go.set()
    for thread in threads:
        thread.join(10)
    assert found[0].subjects == ()


def test_the_same_statement_twice_is_one_event_and_one_entry(space: IdentifierSpace) -> None:
    first, second = say(space, "ann", "given", 1), say(space, "ann", "given", 1)
    assert (first.repeated, second.repeated) == (False, True)
    assert first.event == second.event
    assert Entry.objects.filter(kind="consent-recorded").count() == 1


def test_a_withdrawal_is_entered_without_any_reference_to_the_person(space: IdentifierSpace) -> None:
    found = say(space, RAW, "withdrawn", 1)
    entry = entries.read(found.entry_ref)
    for text in (bytes(entry.body).decode(), (entries.payload(entry) or b"").decode()):
        assert subjects.reference(space, RAW) not in text
        assert RAW not in text


def test_raw_identifiers_are_nowhere_in_the_database(space: IdentifierSpace, caplog: pytest.LogCaptureFixture) -> None:
    say(space, RAW, "given", 1, representative_id="guardian-of-" + RAW, customer="cus_a")
    with pytest.raises(errors.Problem) as refused:
        say(space, RAW, "given", 1, purpose=RAW)
    assert RAW not in str(refused.value) + refused.value.remedy
    assert RAW not in caplog.text
    assert everything_stored().count(RAW) == 0


def everything_stored() -> str:
    """All rows of all tables as text, with binary columns decoded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            texts += [_plain(value) for row in cursor.fetchall() for value in row]
    return "\n".join(texts)


def _plain(value: object) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)


@pytest.mark.parametrize(
    "change", ["UPDATE consent_consentevent SET state = 'given'", "DELETE FROM consent_consentevent"]
)
def test_the_database_refuses_to_rewrite_what_people_said(space: IdentifierSpace, change: str) -> None:
    say(space, "ann", "withdrawn", 1)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_a_raw_identifier_cannot_be_stored_as_a_reference(space: IdentifierSpace) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Registration.objects.create(space=space, subject=RAW, customer_ref="cus_a", by=BY)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "worldpeace"}, "unknown-purpose"),
        ({"action": "sell"}, "unknown-action"),
        ({"state": "maybe"}, "unknown-state"),
        ({"at": "yesterday"}, "bad-time"),
        ({"at": "2026-11-01T10:00:00"}, "bad-time"),
        ({"at": "2026-11-07T00:05:01Z"}, "future-dated"),
        ({"expires_at": "2026-10-01T00:00:00Z"}, "bad-expiry"),
        ({"state": "refused", "expires_at": "2027-10-01T00:00:00Z"}, "bad-expiry"),
        ({"subject_id": ""}, "bad-consent"),
        ({"subject_id": "a\x00b"}, "bad-identifier"),
        ({"subject_id": "\ud800"}, "bad-identifier"),
        ({"subject_id": ["a"]}, "bad-consent"),
        ({"subject": "a" * 64}, "bad-consent"),
        ({"controller": "two words"}, "bad-consent"),
        ({"explicit": "perhaps"}, "bad-consent"),
        ({"colour": "red"}, "unknown-field"),
        ({"minor": True}, "bad-consent"),
    ],
)
def test_a_bad_statement_is_refused_with_its_reason(
    space: IdentifierSpace, change: dict[str, object], code: str
) -> None:
    good = {
        "subject_id": "ann",
        "controller": "cus_a",
        "action": "train",
        "purpose": "analytics",
        "state": "given",
        "at": "2026-11-02T00:00:00Z",
    }
    with pytest.raises(errors.Problem) as refused:
        statements.parse({**good, **change}, space=space, now=START + 6 * DAY)
    assert refused.value.code == code


def test_a_clock_that_is_five_minutes_fast_is_forgiven(space: IdentifierSpace) -> None:
    now = datetime(2026, 11, 7, tzinfo=UTC)
    record = {"subject_id": "ann", "controller": "cus_a", "action": "train", "purpose": "analytics", "state": "given"}
    assert statements.parse({**record, "at": (now + timedelta(minutes=5)).isoformat()}, space=space, now=now)


people = st.lists(st.tuples(histories, st.booleans()), min_size=1, max_size=4)


@given(people, actions, purposes, instants, st.none() | instants, needs)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_and_pure_code_agree_on_every_person(db, people, action, purpose, at, known, need) -> None:  # type: ignore[no-untyped-def]
    number = next(_serial)
    space = IdentifierSpace.objects.create(name=f"space-{number}", key_id="k", opened_by=BY)
    refs = [f"{number:032x}{index:032x}" for index in range(len(people))]
    for ref, (history, minor) in zip(refs, people, strict=True):
        ConsentEvent.objects.bulk_create(_row(space, ref, event, turn) for turn, event in enumerate(history))
        if minor:
            Registration.objects.create(
                space=space, subject=ref, customer_ref="cus_a", minor=True, by=BY, recorded_at=START - DAY
            )
    question = Question(space, "cus_a", action, purpose, at, known, need)

    expected = {ref: _pure(history, question, minor) for ref, (history, minor) in zip(refs, people, strict=True)}

    assert dict(consents.standings(question)) == {r: s for r, (s, _) in expected.items() if s is not Standing.SILENT}
    on_list = question.kind == "only"
    assert consents.allow_list(question).subjects == tuple(r for r in refs if expected[r][1] is on_list)


def _pure(history: list[Event], question: Question, minor: bool) -> tuple[Standing, bool]:
    """(standing at the need asked for, allowed): a minor's givings count only when guarded, whatever the basis."""
    asked = {
        "action": question.action,
        "purpose": question.purpose,
        "at": question.at,
        "as_known_at": question.as_known_at,
    }
    need = Need.GUARDED if minor else question.need
    result = scope.standing(history, need=need, **asked)  # type: ignore[arg-type]
    return result, scope.allows(result, need)


def _row(space: IdentifierSpace, subject: str, event: Event, turn: int) -> ConsentEvent:
    return ConsentEvent(
        space=space, subject=subject, controller_ref="cus_a", action=event.action, purpose=event.purpose, state=event.state,
        explicit=event.explicit, representative="f" * 64 if event.represented else "", at=event.at, expires_at=event.expires_at,
        recorded_at=event.recorded_at, digest=f"{space.pk:030x}{turn:02x}{subject[:31]}{subject[-1]}"[:64].ljust(64, "0"), by=BY,
    )  # fmt: skip


def test_the_worlds_are_made_of_known_keys(space: IdentifierSpace) -> None:
    for action, purpose in itertools.product(ACTIONS, PURPOSES):
        record = {"subject_id": "a", "controller": "c", "action": action, "purpose": purpose, "state": "given"}
        assert statements.parse(record, space=space, now=START)
    assert replace(ask(space), need=Need.NOTHING).kind == "except"
