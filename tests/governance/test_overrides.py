"""Overrides: a person answers for one version and purpose, a second looks at it within a day, and never over a person's refusal (SEMANTICS §7)."""

import io
from datetime import timedelta
from typing import Any

import pypdf
import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from clients import gate
from governance.access.models import User
from governance.catalogue import columns, sources
from governance.catalogue.places import Place
from governance.obligations import duties, holds
from governance.reactions import reading
from governance.reactions.models import Alert
from governance.releases import decisions, enforcing, overrides, permits, rechecks, statuses
from governance.releases.decisions import Answered
from governance.releases.models import Override, Permit
from governance.releases.requests import DatasetName
from governance.reports import audits, uses
from governance.reports.period import Period
from lineage import errors
from lineage.journal import keys
from lineage.journal.models import Entry
from tests import cast as people
from tests.cast import LONG_AGO
from tests.governance import releases_world
from tests.governance.releases_world import NAMESPACE, TICKETS, TRAIN_SET, World, now

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The regulator's deadline is tomorrow, and Brandt's counsel agreed on the phone"


@pytest.fixture
def officer(cast: Any) -> User:
    return people.person("olga", "override_officer", first_name="Olga")


@pytest.fixture
def refused(release_world: World) -> Answered:
    release_world.enforce()
    found = release_world.ask(mode="strict")
    assert found.decision.verdict == "deny" and found.permit is None
    return found


def given(refused: Answered, officer: User, **fields: Any) -> Override:
    return overrides.grant(refused.decision, **{"reason": WHY, "by": officer.actor} | fields)


def again(world: World) -> Answered:
    return world.ask(mode="strict")


def test_an_override_lets_the_pipeline_use_what_the_policy_refuses_and_says_so(
    release_world: World, refused: Answered, officer: User
) -> None:
    row = given(refused, officer)
    found = again(release_world)
    assert found.decision.verdict == "deny"  # the policy says what it said
    assert found.permit is not None and found.permit.kind == "override" and found.advisory is None
    claims = gate.verify(found.permit.token, keys.public_jwks(), now=now().timestamp())
    assert claims["override"]["ref"] == row.ref and claims["override"]["agreed_by"] == ""
    assert claims["kind"] == "override" and claims["verdict"] == "deny"
    assert [each["run"] for each in claims["versions"]] == [row.run]
    assert found.permit.expires_at <= row.review_by
    assert WHY not in str(claims)
    writes = release_world.ask(mode="strict", writes=(DatasetName(NAMESPACE, "shop.out"),)).permit
    assert writes is not None and writes.outputs == [{"namespace": NAMESPACE, "name": "shop.out"}]
    assert Entry.objects.filter(kind="override-granted", about__contains=[row.ref]).exists()


def test_without_a_review_it_lapses_within_a_day_and_with_one_it_lasts_as_long_as_was_said(
    release_world: World, refused: Answered, officer: User
) -> None:
    row = given(refused, officer, hours=60)
    assert not row.is_live(at=row.granted_at + timedelta(hours=24))
    assert overrides.state(row, at=row.review_by) == "lapsed"
    row = overrides.review(row.ref, agreed=True, by=release_world.cast.approver.actor)
    assert row.is_live(at=row.granted_at + timedelta(hours=59))
    assert not row.is_live(at=row.granted_at + timedelta(hours=60))
    claims = permits.claims(again(release_world).permit)  # type: ignore[arg-type]
    assert claims["override"]["agreed_by"] == release_world.cast.approver.ref


def test_what_a_person_overrode_is_not_counted_as_let_through(release_world: World, officer: User) -> None:
    refused = again(release_world)  # nothing is enforced yet
    given(refused, officer)
    assert again(release_world).permit is not None
    (found,) = enforcing.overview(at=now())
    assert (found.mode, found.refused, found.let_through, found.overridden) == ("observe", 2, 1, 1)
    client = Client()
    client.force_login(officer, backend="governance.access.backends.RoleBackend")
    assert "1 of these overridden by a person" in client.get("/admin/releases/decision/modes/").content.decode()


def test_a_refusal_on_review_revokes_at_once(release_world: World, refused: Answered, officer: User) -> None:
    row, permit = given(refused, officer), again(release_world).permit
    assert permit is not None
    overrides.review(row.ref, agreed=False, note="nobody may", by=release_world.cast.lawyer.actor)
    permit.refresh_from_db()
    assert permit.revoked_at is not None
    assert statuses.bits()[permit.index // 8] >> permit.index % 8 & 1
    assert again(release_world).permit is None


def test_whoever_gave_it_does_not_review_it_and_a_key_does_neither(
    release_world: World, refused: Answered, officer: User
) -> None:
    row = given(refused, officer)
    with pytest.raises(errors.Forbidden, match="cannot review"):
        overrides.review(row.ref, agreed=True, by=officer.actor)
    for nobody in (release_world.key.actor, release_world.cast.pipeline_owner.actor):
        with pytest.raises(errors.Forbidden):
            overrides.review(row.ref, agreed=True, by=nobody)


def test_it_takes_the_role(release_world: World, refused: Answered) -> None:
    for somebody in (release_world.cast.administrator, release_world.cast.approver, release_world.cast.lawyer):
        with pytest.raises(errors.Forbidden):
            given(refused, somebody)
    assert not Override.objects.exists()


def test_a_review_that_comes_too_late_is_refused(
    release_world: World, refused: Answered, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = given(refused, officer)
    monkeypatch.setattr(overrides, "_clock", lambda: row.review_by)
    with pytest.raises(overrides.Lapsed):
        overrides.review(row.ref, agreed=True, by=release_world.cast.approver.actor)


def person_says(world: World, state: str) -> None:
    columns.categorise(Place(NAMESPACE, TICKETS), "body", "user.content", valid_from=LONG_AGO, by=people.actors.SYSTEM)
    world.basis("user", "legitimate-interest" if state == "objected" else "consent")
    world.consent("bob", state)


@pytest.mark.parametrize(
    ("state", "code"), [("refused", "consent-refused"), ("withdrawn", "consent-withdrawn"), ("objected", "objection")]
)
def test_never_over_a_persons_refusal(release_world: World, officer: User, state: str, code: str) -> None:
    person_says(release_world, state)
    release_world.enforce()
    found = release_world.ask(mode="strict")
    assert found.decision.verdict == "deny"
    with pytest.raises(overrides.NotLifted, match=code):
        given(found, officer)
    assert not Override.objects.exists()


def test_never_over_a_refusal_of_a_person_whose_customer_forbids_the_use_anyway(
    release_world: World, officer: User
) -> None:
    """Brandt's contract refuses every row, so the engine need not ask dan: an override would lift the contract and release him."""
    columns.categorise(Place(NAMESPACE, TICKETS), "body", "user.content", valid_from=LONG_AGO, by=people.actors.SYSTEM)
    release_world.basis("user", "consent", customer="brandt")
    release_world.consent("dan", "refused", customer="brandt")
    release_world.enforce()
    with pytest.raises(overrides.NotLifted, match="consent-refused"):
        given(release_world.ask(mode="strict"), officer)


def test_a_refusal_that_comes_later_ends_the_permit_at_the_next_recheck(release_world: World, officer: User) -> None:
    columns.categorise(Place(NAMESPACE, TICKETS), "body", "user.content", valid_from=LONG_AGO, by=people.actors.SYSTEM)
    release_world.basis("user", "consent")
    release_world.consent("bob", "given")
    release_world.enforce()
    row, permit = given(release_world.ask(mode="strict"), officer), again(release_world).permit
    assert permit is not None and permit.override == row and permit.outputs == []
    reading.run()
    permit.refresh_from_db()
    assert permit.revoked_at is None
    release_world.consent("bob", "withdrawn")
    reading.run()
    permit.refresh_from_db()
    assert permit.revoked_at is not None and "consent-withdrawn" in permit.revoked_why
    assert again(release_world).permit is None


def test_never_over_an_open_deletion_be_it_one_persons_or_only_proposed(
    release_world: World, refused: Answered, officer: User
) -> None:
    row, permit = given(refused, officer), again(release_world).permit
    person = duties.Person(space=release_world.persons, subject="a" * 64)
    duties.propose(
        release_world.customers["corax"],
        trigger="subject-erasure",
        on=now(),
        person=person,
        reason="asked",
        by=people.actors.SYSTEM,
    )
    assert permit is not None and "deletion-open" in rechecks.failing(permit, at=now())
    assert again(release_world).permit is None
    Override.objects.filter(pk=row.pk)  # it stands; it just does not carry this any more


def test_never_over_a_legal_hold(release_world: World, refused: Answered, officer: User) -> None:
    row, permit = given(refused, officer), again(release_world).permit
    holds.place(release_world.customers["brandt"], ground="lawsuit", on=LONG_AGO, by=release_world.cast.lawyer.actor)
    assert permit is not None and "legal-hold" in rechecks.failing(permit, at=now())
    reading.run()
    permit.refresh_from_db()
    assert permit.revoked_at is not None and row.is_live(at=now())


def test_nothing_is_lifted_where_nobody_can_see_whose_data_it_is(release_world: World, officer: User) -> None:
    release_world.enforce()
    found = release_world.ask(dataset=DatasetName(NAMESPACE, "shop.nowhere"))
    with pytest.raises(overrides.NotLifted, match="unknown-dataset"):
        given(found, officer)


def test_a_refusal_that_the_override_did_not_know_stops_it(
    release_world: World, refused: Answered, officer: User
) -> None:
    given(refused, officer)
    permit = again(release_world).permit
    assert permit is not None
    release_world.grant("acme", ("Prohibition", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}))
    assert "not given over" in rechecks.failing(permit, at=now())
    assert again(release_world).permit is None


def test_it_is_for_one_version_and_one_use(release_world: World, refused: Answered, officer: User) -> None:
    given(refused, officer)
    assert release_world.ask(mode="strict", purpose="analytics").permit is None
    assert release_world.ask(mode="strict", action="train.align").permit is None
    assert release_world.ask(mode="strict", columns=("body",)).permit is not None  # fewer columns than were overridden
    releases_world.report(TRAIN_SET, TICKETS)  # another version
    permit = Permit.objects.filter(kind="override").first()
    assert permit is not None and rechecks.failing(permit, at=now())
    assert again(release_world).permit is None


def test_a_version_is_overridden_once_for_a_use_and_one_person_does_not_do_it_all_day(
    release_world: World, refused: Answered, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(refused, officer)
    with pytest.raises(errors.Conflict, match="before"):
        given(refused, officer)
    monkeypatch.setattr(overrides, "MOST_A_DAY", 1)
    with pytest.raises(errors.Conflict, match="at most 1"):
        given(release_world.ask(mode="strict", action="train.align"), officer)


def test_what_is_permitted_needs_no_override(release_world: World, officer: User) -> None:
    place, acme = Place(NAMESPACE, "shop.acme_alone"), release_world.customers["acme"]
    sources.of_customer(place, acme, setting=sources.Setting(), valid_from=LONG_AGO, by=people.actors.SYSTEM)
    columns.categorise(place, "body", "customer.content", valid_from=LONG_AGO, by=people.actors.SYSTEM)
    releases_world.report(place.name, None, columns_=("body",))
    own = release_world.ask(dataset=DatasetName(NAMESPACE, place.name), columns=("body",))
    assert own.decision.verdict == "permit"
    with pytest.raises(errors.Conflict, match="permitted"):
        given(own, officer)
    assert not Override.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"reason": " "}, {"reason": "x" * 6_000}, {"hours": 0}, {"hours": 73}, {"reason": "a\0b"}]
)
def test_bad_input_leaves_nothing(refused: Answered, officer: User, wrong: dict[str, Any]) -> None:
    with pytest.raises(errors.Unprocessable):
        given(refused, officer, **wrong)
    assert not Override.objects.exists()


def test_the_database_holds_who_when_and_how_long(refused: Answered, officer: User) -> None:
    row = given(refused, officer)
    later = row.granted_at + timedelta(hours=25)
    wrong: list[dict[str, Any]] = [
        {"reviewed_by": officer.ref, "reviewed_at": row.granted_at, "agreed": True},
        {"reviewed_by": "user:usr_other", "reviewed_at": later, "agreed": True},
        {"reviewed_by": "user:usr_other"},
        {"agreed": True},
        {"ends_at": row.granted_at + timedelta(hours=73)},
        {"reason": "another"},
        {"withdrawn_by": "user:usr_other"},
        {"columns": []},
    ]
    for change in wrong:
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            Override.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()
    Override.objects.filter(pk=row.pk).update(reviewed_by="user:usr_other", reviewed_at=row.granted_at, agreed=False)
    with pytest.raises(DatabaseError), transaction.atomic():
        Override.objects.filter(pk=row.pk).update(agreed=True)


def test_withdrawing_takes_the_permits_with_it(release_world: World, refused: Answered, officer: User) -> None:
    row, permit = given(refused, officer), again(release_world).permit
    overrides.review(row.ref, agreed=True, by=release_world.cast.approver.actor)
    assert (
        overrides.state(overrides.withdraw(row.ref, why="no longer needed", by=officer.actor), at=now()) == "withdrawn"
    )
    assert permit is not None
    permit.refresh_from_db()
    assert permit.revoked_at is not None and again(release_world).permit is None
    with pytest.raises(errors.Conflict):
        overrides.withdraw(row.ref, why="again", by=officer.actor)


def test_legal_is_told_when_one_is_given_and_when_nobody_reviewed_it(
    release_world: World, refused: Answered, officer: User
) -> None:
    from governance.reactions import watching

    row = given(refused, officer)
    reading.run()
    assert Alert.objects.get(kind="override").about == [row.ref, refused.decision.ref]
    watching.due(at=row.review_by - timedelta(seconds=1))
    assert Alert.objects.filter(kind="override").count() == 1
    for _ in range(2):
        watching.due(at=row.review_by)
    assert Alert.objects.filter(kind="override").count() == 2


def test_over_http(release_world: World, refused: Answered, officer: User) -> None:
    olga, anton = people.caller(officer), people.caller(release_world.cast.approver)
    address = f"/api/v1/releases/{refused.decision.ref}/override"
    for wrong in ({}, {"reason": ""}, {"reason": WHY, "hours": 73}, {"reason": WHY, "hours": "long"}):
        answer = olga.post(address, wrong, format="json")
        assert answer.status_code == 400 and answer["Content-Type"] == "application/problem+json"
    assert people.caller(release_world.secret).post(address, {"reason": WHY}, format="json").status_code == 403
    assert anton.post(address, {"reason": WHY}, format="json").status_code == 403
    assert not Override.objects.exists()
    made = olga.post(address, {"reason": WHY, "hours": 48}, format="json")
    assert made.status_code == 201 and made.data["state"] == "waits for review" and "prohibition" in made.data["over"]
    asked = people.caller(release_world.secret).post(
        "/api/v1/releases",
        {"dataset": {"namespace": NAMESPACE, "name": TRAIN_SET}, "action": "train.finetune", "purpose": "functional.service",
         "columns": list(releases_world.ASKED), "mode": "strict"},
        format="json",
    )  # fmt: skip
    assert (
        asked.data["next"] == "use"
        and asked.data["permit"]["override"]["ref"] == made.data["ref"]
        and WHY not in str(asked.data)
    )
    review = f"/api/v1/overrides/{made.data['ref']}/review"
    assert olga.post(review, {"agreed": True}, format="json").status_code == 403
    assert anton.post(review, {}, format="json").status_code == 400
    assert anton.post(review, {"agreed": True}, format="json").data["state"] == "agreed"
    assert anton.post(review, {"agreed": True}, format="json").status_code == 409
    assert anton.get("/api/v1/overrides").data["results"][0]["ref"] == made.data["ref"]
    assert people.caller(release_world.secret).get("/api/v1/overrides").status_code == 403
    assert anton.get("/api/v1/overrides/ovr_nothing").status_code == 404
    withdrawal = f"/api/v1/overrides/{made.data['ref']}/withdraw"
    assert olga.post(withdrawal, {"why": "done"}, format="json").data["state"] == "withdrawn"
    assert timezone.now() < Override.objects.get().ends_at
    assert decisions.find(asked.data["ref"]).permits.get().revoked_at is not None


def test_every_report_marks_it_and_keeps_the_reason_to_itself(
    release_world: World, refused: Answered, officer: User
) -> None:
    row = given(refused, officer)
    overrides.review(row.ref, agreed=True, by=release_world.cast.approver.actor)
    again(release_world)
    period = Period(LONG_AGO, now() + timedelta(minutes=1))
    said = uses.of(release_world.customers["brandt"], period)
    assert [each["for_customer"] for each in said] == ["left out", "used by override"]
    marked = said[1]["overrides"][0]
    assert (marked["ref"], marked["granted_by"], marked["reviewed_by"]) == (
        row.ref,
        officer.ref,
        release_world.cast.approver.ref,
    )
    assert WHY not in str(said)
    report = audits.make(
        release_world.customers["brandt"],
        start=LONG_AGO,
        end=now() + timedelta(minutes=1),
        by=release_world.cast.administrator.actor,
        at=now(),
    )
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(bytes(report.pdf))).pages)
    assert "a person overrode the answer" in " ".join(text.split()) and row.ref in text


def page(who: User) -> Client:
    client = Client()
    client.force_login(who, backend="governance.access.backends.RoleBackend")
    return client


def test_the_pages_offer_it_to_those_who_may_and_say_where_it_stands(
    release_world: World, refused: Answered, officer: User
) -> None:
    olga, anton = page(officer), page(release_world.cast.approver)
    address = f"/admin/releases/decision/{refused.decision.pk}/"
    shown = olga.get(f"{address}change/").content.decode()
    assert "override" in shown and f"{refused.decision.pk}/override" in shown
    assert f"{refused.decision.pk}/override" not in anton.get(f"{address}change/").content.decode()
    why = anton.get(f"{address}why/").content.decode()
    assert (
        "May age, body" in why
        and "<td>The contract forbids this use.</td>" in why
        and "<td>With the others.</td>" in why
    )
    assert olga.post(f"{address}override/", {"_form_submitted": "on", "reason": WHY, "hours": 30}).status_code in (
        200,
        302,
    )
    row = Override.objects.get()
    assert (row.reason, row.granted_by) == (WHY, officer.ref)
    assert row.ref in anton.get(f"{address}change/").content.decode()
    assert "overrides to review" in anton.get("/admin/").content.decode()
    assert "overrides to review" not in olga.get("/admin/").content.decode()
    own = f"/admin/releases/override/{row.pk}"
    assert "waits for review" in olga.get(f"{own}/change/").content.decode()
    assert anton.post(f"{own}/agree/", {"_form_submitted": "on", "note": "seen"}).status_code in (200, 302)
    row.refresh_from_db()
    assert (row.agreed, row.reviewed_by) == (True, release_world.cast.approver.ref)
    listed = anton.get("/admin/releases/override/").content.decode()
    assert (
        "Olga" in listed and "user:usr" not in listed and "user:usr" not in anton.get(f"{own}/change/").content.decode()
    )
