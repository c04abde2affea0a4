"""Audit reports say what the database holds, in sentences and counts, about one customer and nobody else; auditors see their own."""

import io
import json
from datetime import UTC, datetime, timedelta

import pypdf
import pytest
from django.db import connection
from django.test import Client

from consent import subjects
from consent.models import ConsentEvent
from governance.access import actors
from governance.deletions import worklists
from governance.parties import customers
from governance.publishing import sealing
from governance.reports import audits, checks, uses
from governance.reports.models import Report
from governance.reports.period import Period
from lineage import errors
from lineage.journal import keys, sequencer
from lineage.ledger import bundles
from tests import cast as cast_module
from tests.governance import deletions_world

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
START = NOW - timedelta(days=365)


@pytest.fixture
def world(cast, monkeypatch):
    world = deletions_world.build(monkeypatch, cast)
    family = cast_module.family(world.leaving, by=world.lawyer)
    cast_module.activated(
        family,
        ("TrainingPosition", {"position": "prohibited"}),
        lawyer=cast.lawyer,
        approver=cast.approver,
    )
    other = cast_module.family(world.staying, by=world.lawyer)
    cast_module.activated(
        other,
        ("TrainingPosition", {"position": "silent"}),
        lawyer=cast.lawyer,
        approver=cast.approver,
        title="Their own agreement",
    )
    customers.give(world.leaving, to=cast.auditor, by=actors.of(cast.administrator))
    return world


@pytest.fixture
def people(world):
    """Twelve people of the customer: 5 gave, 2 refused, 1 of the givers withdrew later, the rest said nothing; and one of another's."""
    space = subjects.open_space(name="crm-contacts", by="system")
    mine = [subjects.reference(space, f"p{i}") for i in range(12)]
    subjects.register(space, mine, customer_ref=world.leaving.ref, by="system")
    theirs = subjects.reference(space, "stranger")
    subjects.register(space, [theirs], customer_ref=world.staying.ref, by="system")
    said = [(mine[i], "given", 3) for i in range(5)] + [(mine[i], "refused", 3) for i in (5, 6)]
    said += [(mine[0], "withdrawn", 1), (theirs, "given", 3)]
    for number, (subject, state, days) in enumerate(said):
        ConsentEvent.objects.create(
            space=space,
            subject=subject,
            controller_ref=world.leaving.ref,
            action="train",
            purpose="analytics",
            state=state,
            at=NOW - timedelta(days=days),
            digest=f"{number:064x}",
            by="system",
        )
    return space


@pytest.fixture
def auditor(world):
    return actors.of(world.people.auditor)


def make(world, by):
    return audits.make(world.leaving, start=START, end=NOW + timedelta(days=1), by=by, at=datetime.now(UTC))


def facts(world):
    """What a report would say, without making the PDF."""
    now = datetime.now(UTC)
    return audits.facts(world.leaving, Period(START, now), at=now)


def text_of(report):
    reader = pypdf.PdfReader(io.BytesIO(bytes(report.pdf)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def one(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def test_a_report_is_sealed_and_its_digest_is_in_the_ledger(world, auditor, settings):
    report = make(world, auditor)
    assert sealing.check(bytes(report.pdf)).reason == "Audit report"
    sequencer.run()
    bundle = bundles.read(audits.tlog_proof(report))
    bundles.verify(bundle, [keys.checkpoint_verifier()], origin=settings.LEDGER_ORIGIN)
    assert json.loads(bundle.payload)["sha256"] == report.pdf_digest
    files = pypdf.PdfReader(io.BytesIO(bytes(report.pdf))).attachments
    assert json.loads(files["facts.json"][0]) == json.loads(bytes(report.facts))
    assert [finding.ok for finding in checks.check_reports()] == [True]


def test_terms_stand_with_their_words_and_what_they_mean(world, auditor):
    shown = text_of(make(world, auditor))
    assert "Master Services Agreement" in shown and "The words of clause 1." in shown
    assert "Their own agreement" not in shown


def test_consents_are_the_numbers_that_sql_counts(world, people):
    said = facts(world)
    registered = one(
        "SELECT count(DISTINCT subject) FROM consent_registration WHERE customer_ref = %s", world.leaving.ref
    )
    assert [each["people"] for each in said["people"]] == [registered] == [12]
    recorded = said["consents_recorded"][0]
    for state in ("given", "refused", "withdrawn", "objected"):
        counted = one(
            "SELECT count(*) FROM consent_consentevent e WHERE state = %s AND EXISTS (SELECT 1 FROM consent_registration r"
            " WHERE r.subject = e.subject AND r.space_id = e.space_id AND r.customer_ref = %s)",
            state,
            world.leaving.ref,
        )
        assert recorded[state] == counted
    assert said["consents_standing"][0]["standing"] == {"given": 4, "refused": 2, "silent": 5, "withdrawn": 1}


def test_no_person_and_no_key_stands_in_a_report(world, people, auditor):
    report = make(world, auditor)
    everything = bytes(report.facts).decode() + text_of(report)
    assert "t-606" not in everything
    assert not any(event.subject in everything for event in ConsentEvent.objects.all())


def test_lineage_is_a_table_of_paths(world):
    lines = facts(world)["lineage"]
    assert lines[0]["now"]["state"] == "held"
    assert [line["name"] for line in lines] == ["crm.contacts", "features.people", "models.triage"]
    assert [step["name"] for step in lines[2]["path"]] == ["crm.contacts", "features.people", "models.triage"]


def test_deletions_are_counted_with_what_is_open(world):
    worklists.confirm(world.duty.ref, by=world.lawyer, at=datetime.now(UTC))
    duty = facts(world)["deletions"][0]
    assert duty["items"] == one("SELECT count(*) FROM deletions_task") and duty["settled"] == 0
    assert {each["name"] for each in duty["open"]} == {"crm.contacts", "features.people", "models.triage"}


@pytest.mark.parametrize(
    ("start", "end"), [(NOW, NOW), (NOW, NOW - timedelta(days=1)), (NOW + timedelta(days=2), NOW + timedelta(days=3))]
)
def test_an_empty_period_or_one_that_lies_ahead_is_refused(world, auditor, start, end):
    with pytest.raises(errors.Unprocessable):
        audits.make(world.leaving, start=start, end=end, by=auditor, at=NOW)


def test_reports_stay_as_they_were_made(world, auditor):
    report = make(world, auditor)
    with pytest.raises(Exception, match="Cannot update"):
        Report.objects.filter(pk=report.pk).update(pdf_digest="0" * 64)


def test_the_outcome_for_a_customer_is_read_off_the_plan():
    from governance.policy.answers import ColumnPlan, Counts, Decision, Plan, Treatment, TreatmentClass, Verdict

    def answer(*treatments):
        columns = tuple(ColumnPlan(f"c{i}", treatment) for i, treatment in enumerate(treatments))
        plan = Plan(("c0",), (TreatmentClass("k1", 1, "", columns),), (), (), False)
        return Decision(Verdict.PERMIT_WITH_PLAN, (), plan, {"k1": ("cus_a",)}, (), Counts(), "")

    assert uses.outcome(answer(Treatment.KEEP, Treatment.NONE), "cus_a") == uses.USED
    assert uses.outcome(answer(Treatment.KEEP, Treatment.BLANK), "cus_a") == uses.PART
    assert uses.outcome(answer(Treatment.KEEP), "cus_b") == uses.LEFT_OUT


# The pages


@pytest.fixture
def page(world):
    client = Client()
    client.force_login(world.people.auditor, backend="governance.access.backends.RoleBackend")
    return client


def test_an_auditor_sees_the_customers_given_to_them_and_no_other(world, page):
    shown = page.get("/audit/").content.decode()
    assert world.leaving.name in shown and world.staying.name not in shown
    assert page.get(f"/audit/customers/{world.leaving.ref}/").status_code == 200
    assert page.get(f"/audit/customers/{world.staying.ref}/").status_code == 404
    assert page.get("/audit/customers/cus_nobody/").status_code == 404


def test_reports_on_invisible_customers_are_not_there(world, page):
    theirs = audits.make(world.staying, start=START, end=NOW, by=world.lawyer, at=NOW)
    for form in ("pdf", "json", "tlog-proof"):
        assert page.get(f"/audit/reports/{theirs.ref}.{form}").status_code == 404
    assert (
        page.post(
            f"/audit/customers/{world.staying.ref}/reports", {"from": "2026-01-01", "to": "2026-02-01"}
        ).status_code
        == 404
    )


def test_an_auditor_makes_a_report_and_downloads_its_files(world, page):
    today = NOW.date().isoformat()
    answer = page.post(
        f"/audit/customers/{world.leaving.ref}/reports", {"from": "2026-01-01", "to": today}, follow=True
    )
    report = Report.objects.get()
    assert report.ref in answer.content.decode()
    pdf = page.get(f"/audit/reports/{report.ref}.pdf")
    assert pdf["Content-Type"] == "application/pdf" and sealing.check(pdf.content)
    sequencer.run()
    assert page.get(f"/audit/reports/{report.ref}.tlog-proof").content.startswith(b"c2sp.org/tlog-proof@v1")


@pytest.mark.parametrize(
    "dates",
    [
        {},
        {"from": "x", "to": "y"},
        {"from": "2026-05-01", "to": "2026-01-01"},
        {"from": "9999-12-31", "to": "9999-12-30"},
    ],
)
def test_a_bad_period_is_said_on_the_page(world, page, dates):
    answer = page.post(f"/audit/customers/{world.leaving.ref}/reports", dates)
    assert answer.status_code == 422 and 'role="alert"' in answer.content.decode()


def test_pages_are_for_people_who_may_read_audits(world):
    assert Client().get("/audit/")["Location"].startswith("/login/") or Client().get("/audit/").status_code == 302
    client = Client()
    client.force_login(world.people.pipeline_owner, backend="governance.access.backends.RoleBackend")
    assert client.get("/audit/").status_code == 403


def test_pages_work_under_the_strict_policy_without_scripts_or_inline_styles(world, page):
    for url in ("/audit/", f"/audit/customers/{world.leaving.ref}/", "/verify"):
        answer = page.get(url)
        body = answer.content.decode()
        assert "<script" not in body and "style=" not in body and "<style" not in body and " onclick" not in body
        assert "'unsafe-inline'" not in answer.headers.get("Content-Security-Policy", "")


def test_a_hostile_name_on_a_page_stays_text(world, page):
    customers.rename(world.leaving, "<script>alert(1)</script>", by=actors.SYSTEM)
    assert "<script>alert" not in page.get(f"/audit/customers/{world.leaving.ref}/").content.decode()


# /verify


def test_whoever_holds_a_report_learns_that_it_stands(world, auditor):
    report = make(world, auditor)
    sent = Client().post("/verify", {"file": io.BytesIO(bytes(report.pdf))})
    assert sent.status_code == 200 and "it stands" in sent.content.decode()
    changed = Client().post("/verify", {"file": io.BytesIO(bytes(report.pdf) + b" ")})
    assert changed.status_code == 404 and "Not known" in changed.content.decode()


def test_the_address_in_the_qr_code_answers_only_with_the_right_digest(world, auditor):
    from governance.publishing import documents

    report = make(world, auditor)
    digest = documents.digest(bytes(report.facts))
    assert Client().get("/verify", {"document": report.ref, "facts": digest}).status_code == 200
    assert Client().get("/verify", {"document": report.ref, "facts": "0" * 64}).status_code == 404
    assert Client().get("/verify", {"document": "x\0y", "facts": digest}).status_code == 400
    assert Client().get("/verify").status_code == 200
    assert world.leaving.name not in Client().get("/verify", {"document": report.ref, "facts": digest}).content.decode()


def test_too_many_questions_are_slowed_down(world):
    from django.core.cache import cache

    cache.clear()
    answers = [Client(REMOTE_ADDR="10.9.8.7").get("/verify").status_code for _ in range(32)]
    assert answers[0] == 200 and answers[-1] == 429
