"""What a correction would have changed: listed before it is applied, kept afterwards, and exactly what typing it right would have given."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from governance.access import actors
from governance.contracts import corrected_clauses, corrections
from governance.contracts.models import Correction, Document
from governance.obligations import duties
from governance.obligations.models import Obligation
from governance.policy import canonical
from governance.reactions import mending, reading
from governance.reactions.models import Alert
from governance.releases import decisions
from governance.releases.models import Decision
from governance.reports import checks, mended, mended_records
from governance.reports.mended import Effect, Line, Tally
from governance.reports.models import CorrectionLine, CorrectionRecord
from lineage import errors
from lineage.journal.models import Entry
from tests import cast as people
from tests.governance.releases_world import TRAIN, World, now

pytestmark = pytest.mark.django_db
USAGE = TRAIN | {"categories": ["customer.usage"]}
TERM = ("DeletionTerm", {"trigger": "customer-request", "deadline_days": 90})


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def document(world: World, customer: str) -> Document:
    return Document.objects.get(family__coverage__customer=world.customers[customer], kind="msa")


def mistyped(world: World, customer: str = "acme", **body: Any) -> Correction:
    """A draft by which the grant of Acme reads `body` instead: usage alone, unless told otherwise."""
    found = document(world, customer)
    row = corrections.draft(found, reason="typed too wide", by=world.cast.lawyer.actor)
    corrected_clauses.change(row, found.clauses.all()[0].ref, body=body or USAGE, by=world.cast.lawyer.actor)
    return row


def applied(world: World, row: Correction) -> Correction:
    corrections.submit(row, by=world.cast.lawyer.actor)
    return corrections.apply(row, by=world.cast.approver.actor, at=now())


def effects_of(row: Correction, **options: Any) -> tuple[list[Effect], Tally]:
    tally = Tally()
    return list(mended.effects_of(row, tally, at=now(), **options)), tally


def of(found: list[Effect], kind: Line) -> list[Effect]:
    return [each for each in found if each.kind == kind]


def test_decisions_that_rest_on_the_error_are_listed_with_their_permits(release_world: World) -> None:
    asked = release_world.ask()
    untouched = release_world.ask(columns=("clicks",))
    found, tally = effects_of(mistyped(release_world))
    (decision,) = of(found, Line.DECISION)
    assert decision.subject == asked.decision.ref and tally.decisions == 2
    (lost,) = decision.said["lost"]
    assert (lost["customer"], list(lost["columns"])) == (release_world.customers["acme"].ref, ["age", "body", "city"])
    assert asked.permit is not None and untouched.permit is not None
    (permit,) = of(found, Line.PERMIT)
    assert (permit.subject, permit.said["live"], permit.said["holds"]) == (asked.permit.ref, True, False)


def test_the_list_is_what_deciding_with_the_right_text_gives(release_world: World) -> None:
    """The re-made answer is held to the one that is really given once the correction is applied."""
    release_world.ask()
    row = mistyped(release_world)
    (decision,) = of(effects_of(row)[0], Line.DECISION)
    applied(release_world, row)
    after = release_world.ask()
    assert decision.said["after"] == after.answer.verdict
    kept = {c.column for each in after.answer.plan.classes for c in each.columns if c.treatment == "keep"}  # type: ignore[union-attr]
    assert kept == {"clicks"} == {"age", "body", "city", "clicks"} - set(decision.said["lost"][0]["columns"])


def test_decisions_are_decided_again_at_their_own_instant(release_world: World) -> None:
    """A term that ends tomorrow mattered yesterday: what counts is what was so when it was decided."""
    old = release_world.ask(at=now() - timedelta(seconds=5))
    release_world.grant("acme", ("Prohibition", {"actions": ["train"], "categories": ["customer"], "purposes": ["*"]}))
    new = release_world.ask()
    assert new.decision.verdict == "deny"
    assert [each.subject for each in of(effects_of(mistyped_of(release_world))[0], Line.DECISION)] == [old.decision.ref]


def mistyped_of(world: World) -> Correction:
    found = Document.objects.filter(family__coverage__customer=world.customers["acme"]).order_by("pk").first()
    assert found is not None
    row = corrections.draft(found, reason="typed too wide", by=world.cast.lawyer.actor)
    corrected_clauses.change(row, found.clauses.all()[0].ref, body=USAGE, by=world.cast.lawyer.actor)
    return row


def test_a_second_correction_lists_what_it_does_itself(release_world: World) -> None:
    release_world.ask()
    applied(release_world, mistyped(release_world))
    again = mistyped(release_world, **USAGE | {"categories": ["customer.usage", "customer.output"]})
    assert not of(effects_of(again)[0], Line.DECISION), "what the first one took is not the second one's doing"


def test_decisions_that_knew_of_it_are_not_listed(release_world: World) -> None:
    before = release_world.ask()
    row = applied(release_world, mistyped(release_world))
    release_world.ask()
    found, _ = effects_of(row)
    assert [each.subject for each in of(found, Line.DECISION)] == [before.decision.ref]


def test_a_form_is_corrected_for_everybody_who_accepted_it(release_world: World) -> None:
    world = release_world
    both = {"lawyer": world.cast.lawyer, "approver": world.cast.approver}
    form = people.activated(
        None, ("Grant", TRAIN | {"categories": ["customer"]}), kind="standard_form", title="Terms", **both
    )
    family = people.family(world.customers["corax"], by=world.cast.lawyer.actor, title="by form")
    people.activated(family, kind="acceptance", form=form, title="Accepted", **both)
    asked = world.ask()
    row = corrections.draft(form, reason="typed too wide", by=world.cast.lawyer.actor)
    corrected_clauses.change(row, form.clauses.get().ref, body=USAGE, by=world.cast.lawyer.actor)
    (decision,) = of(effects_of(row)[0], Line.DECISION)
    assert decision.subject == asked.decision.ref
    assert [each["customer"] for each in decision.said["lost"]] == [world.customers["corax"].ref]


def test_a_duty_to_delete_and_its_certificates_are_listed_when_the_term_was_mistyped(release_world: World) -> None:
    world = release_world
    world.grant("acme", TERM)
    duty = duties.propose(world.customers["acme"], trigger="customer-request", on=now(), by=actors.SYSTEM)
    other = duties.propose(world.customers["acme"], trigger="contract-end", on=now(), by=actors.SYSTEM)
    found = Document.objects.get(clauses__kind="DeletionTerm")
    row = corrections.draft(found, reason="9, not 90", by=world.cast.lawyer.actor)
    body = TERM[1] | {"deadline_days": 9}
    corrected_clauses.change(row, found.clauses.get().ref, body=body, by=world.cast.lawyer.actor)
    listed = of(effects_of(row)[0], Line.OBLIGATION)
    assert [each.subject for each in listed] == [duty.ref] and other.ref != duty.ref
    assert "within 90 days" in listed[0].said["terms_before"][0] and "within 9 days" in listed[0].said["terms_after"][0]
    assert Obligation.objects.get(ref=duty.ref).due_on == duty.due_on, "listing changes nothing"


def test_an_applied_correction_has_its_list_kept_once_with_its_digest_in_the_ledger(release_world: World) -> None:
    release_world.ask()
    row = applied(release_world, mistyped(release_world))
    assert (mending.due(), mending.due()) == (1, 0)
    record = CorrectionRecord.objects.get()
    assert (record.correction_ref, record.looked_at, record.counts["decision"], record.counts["permit"]) == (
        row.ref,
        1,
        1,
        1,
    )
    assert Entry.objects.filter(kind="correction-effects", about__contains=[row.ref]).count() == 1
    assert [finding.ok for finding in checks.check_corrections()] == [True]
    with pytest.raises(DatabaseError), transaction.atomic():
        CorrectionLine.objects.update(subject="dec_other")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE reports_correctionline DISABLE TRIGGER USER")
        cursor.execute("UPDATE reports_correctionline SET subject = 'dec_other'")
    assert [finding.ok for finding in checks.check_corrections()] == [False, True]


def test_what_was_not_applied_is_not_kept(release_world: World) -> None:
    with pytest.raises(errors.Conflict):
        mended_records.keep(mistyped(release_world), by=actors.SYSTEM, at=now())


@pytest.mark.django_db(transaction=True)
def test_the_record_is_made_when_the_correction_is_applied_and_the_permit_falls(release_world: World) -> None:
    asked = release_world.ask()
    row = applied(release_world, mistyped(release_world))
    assert asked.permit is not None
    reading.run()
    asked.permit.refresh_from_db()
    assert asked.permit.revoked_at is not None and not CorrectionRecord.objects.exists(), "nothing waits for the list"
    assert mending.due() == 1
    record = CorrectionRecord.objects.get()
    assert record.correction_ref == row.ref
    assert record.lines.get(kind="permit").said["live"], "when the correction was applied"


@pytest.mark.django_db(transaction=True)
def test_a_list_that_cannot_be_made_is_told_and_holds_up_nothing(
    release_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = release_world.ask()
    row = applied(release_world, mistyped(release_world))
    with monkeypatch.context() as patched:
        patched.setattr(mended_records, "keep", lambda *_, **__: 1 / 0)
        call_command("react", stdout=io.StringIO())
        call_command("react", stdout=io.StringIO())
    assert asked.permit is not None
    asked.permit.refresh_from_db()
    assert asked.permit.revoked_at is not None
    assert row.ref in Alert.objects.get(kind="stuck").text
    call_command("react", stdout=io.StringIO())
    assert CorrectionRecord.objects.get().correction_ref == row.ref, "the cause was mended"


def test_facts_that_were_altered_are_named_and_do_not_stop_the_list(release_world: World) -> None:
    good, bad = release_world.ask(), release_world.ask(columns=("body",), action="train")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE releases_storedfacts DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE releases_storedfacts SET body = body || 'x'::bytea WHERE digest = %s", [bad.decision.facts_id]
        )
    found, _ = effects_of(mistyped(release_world))
    assert bad.decision.ref in {each.subject for each in of(found, Line.UNDECIDED)}
    if good.decision.facts_id != bad.decision.facts_id:
        assert [each.subject for each in of(found, Line.DECISION)] == [good.decision.ref]


def test_what_there_was_no_time_for_is_counted(release_world: World) -> None:
    release_world.ask()
    found, tally = effects_of(mistyped(release_world), seconds=-1)
    assert not of(found, Line.DECISION) and (tally.decisions, tally.left) == (0, 1)


def test_over_http_before_and_after_it_is_applied(release_world: World) -> None:
    asked = release_world.ask()
    row = mistyped(release_world)
    address = f"/api/v1/corrections/{row.ref}/effects"
    approver = people.caller(release_world.cast.approver)
    body = approver.get(address).json()
    assert (body["kept"], body["counts"]["decisions"], body["decisions"][0]["ref"]) == (False, 1, asked.decision.ref)
    applied(release_world, row)
    assert approver.get(address).json()["pending"]
    mended_records.keep(corrections.get(row.ref, by=actors.SYSTEM), by=actors.SYSTEM, at=now())
    kept = approver.get(address).json()
    assert kept["kept"] and kept["ledger_entry"] and kept["decisions"] == body["decisions"]
    assert approver.get(address, {"offset": 1}).json()["decisions"] == []
    assert approver.get(address, {"offset": "x"}).status_code == 400
    assert approver.get("/api/v1/corrections/cor_nothing/effects").status_code == 404


def test_it_reaches_no_key_and_no_auditor(release_world: World) -> None:
    row, cast = mistyped(release_world), release_world.cast
    _, secret = people.key("contracts:read", "audit:read", owner=cast.lawyer)
    for who in (cast.auditor, cast.pipeline_owner, cast.stranger, secret):
        assert people.caller(who).get(f"/api/v1/corrections/{row.ref}/effects").status_code == 403
        if not isinstance(who, str):
            client = Client()
            client.force_login(who, backend="governance.access.backends.RoleBackend")
            assert client.get(reverse("correction-effects", args=[row.ref])).status_code in (302, 403)


def test_the_page_stands_beside_the_second_persons_button(release_world: World) -> None:
    release_world.ask()
    row = mistyped(release_world)
    corrections.submit(row, by=release_world.cast.lawyer.actor)
    client = Client()
    client.force_login(release_world.cast.approver, backend="governance.access.backends.RoleBackend")
    page = client.get(reverse("admin:contracts_correction_change", args=[row.pk])).content.decode()
    assert "What it would have changed" in page and "Approve and apply" in page
    shown = client.get(reverse("correction-effects", args=[row.ref])).content.decode()
    for words in (
        "1 stored decision rests on this document; 1 of them would have come out otherwise.",
        "Acme",
        "would not hold",
    ):
        assert words in shown
    applied_row = corrections.apply(row, by=release_world.cast.approver.actor, at=now())
    record = mended_records.keep(applied_row, by=actors.SYSTEM, at=now())
    assert record.ref in client.get(reverse("correction-effects", args=[row.ref])).content.decode()


def test_stored_decisions_replay_after_all_of_this(release_world: World) -> None:
    release_world.ask()
    row = applied(release_world, mistyped(release_world))
    mended_records.keep(row, by=actors.SYSTEM, at=now())
    release_world.ask()
    out = io.StringIO()
    call_command("replay", "--all", stdout=out)
    assert f"{Decision.objects.count()} gave the same bytes, 0 did not" in out.getvalue()
    assert (
        canonical.digest(decisions.facts_of(Decision.objects.order_by("pk")[0]))
        == Decision.objects.order_by("pk")[0].facts_id
    )
