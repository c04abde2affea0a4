"""A certificate comes out only when nothing is open, says the same in the PDF and in the statement, and falls when lineage names more."""

import base64
import hashlib
import io
import json

import pypdf
import pytest
from jsonschema import Draft202012Validator
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Key

from governance.access import actors
from governance.deletions import certificates, checker, checks, evidence, executor, statements, worklists
from governance.deletions.models import Certificate
from governance.obligations.machine import State as Duty
from governance.publishing import sealing, signatures
from lineage import errors
from lineage.journal import entries, keys, sequencer
from lineage.ledger import bundles
from tests.governance import deletions_world
from tests.governance.deletions_world import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast, monkeypatch):
    return deletions_world.build(monkeypatch, cast)


@pytest.fixture
def warehouse(settings, tmp_path, world):
    with deletions_world.plane(settings, tmp_path / "planes.json") as owner:
        yield owner


@pytest.fixture
def settled(world, warehouse):
    """Confirmed, deleted, checked; the model retired by one person and confirmed by another."""
    worklists.confirm(world.duty.ref, by=world.lawyer, at=NOW)
    settle(world)
    world.duty.refresh_from_db()
    return world


def settle(world):
    for task in world.duty.tasks.filter(state="open", kind="dataset").order_by("id"):
        executor.run(task, by=actors.SYSTEM, at=NOW)
        checker.run(task, by=actors.SYSTEM, at=NOW)
    for task in world.duty.tasks.filter(state="open", kind="model"):
        given = evidence.Given(
            NOW, digest="cd" * 32, action="retired", statement="taken off the gateway, weights erased"
        )
        evidence.executed(task, given, by=actors.of(world.people.privacy_officer), at=NOW)
        evidence.checked(
            task, evidence.Given(NOW, digest="ef" * 32, remaining=0), by=actors.of(world.people.approver), at=NOW
        )


@pytest.fixture
def certificate(settled):
    return certificates.issue(settled.duty, by=settled.lawyer, at=NOW)


def attached(certificate):
    files = pypdf.PdfReader(io.BytesIO(bytes(certificate.pdf))).attachments
    return {name: contents[0] for name, contents in files.items()}


def text_of(certificate):
    reader = pypdf.PdfReader(io.BytesIO(bytes(certificate.pdf)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_a_certificate_is_refused_while_anything_is_open_and_names_it(world, warehouse):
    worklists.confirm(world.duty.ref, by=world.lawyer, at=NOW)
    executor.run(world.duty.tasks.get(name="crm.contacts"), by=actors.SYSTEM, at=NOW)
    world.duty.refresh_from_db()
    with pytest.raises(certificates.NotYet) as refused:
        certificates.issue(world.duty, by=world.lawyer, at=NOW)
    assert "crm.contacts (executed)" in refused.value.detail and "models.triage (open)" in refused.value.detail
    assert {each["name"] for each in refused.value.extra["open"]} == {
        "crm.contacts",
        "features.people",
        "models.triage",
    }
    assert not Certificate.objects.exists()


def test_a_certificate_is_refused_before_an_inventory_was_taken(world):
    with pytest.raises(certificates.NotYet, match="only an open one"):
        certificates.issue(world.duty, by=world.lawyer, at=NOW)


def test_a_certificate_is_refused_when_lineage_adds_a_descendant(settled):
    settled.lineage.reached["crm.contacts"].append(("crm.contacts", "exports.monthly"))
    with pytest.raises(certificates.NotYet, match=r"exports\.monthly \(open, found since\)"):
        certificates.issue(settled.duty, by=settled.lawyer, at=NOW)


def test_only_those_who_decide_certify(settled):
    with pytest.raises(errors.Forbidden):
        certificates.issue(settled.duty, by=actors.of(settled.people.pipeline_owner), at=NOW)


def test_issuing_closes_the_obligation_and_a_second_is_refused(settled, certificate):
    settled.duty.refresh_from_db()
    assert settled.duty.state == Duty.CLOSED
    with pytest.raises(certificates.NotYet):
        certificates.issue(settled.duty, by=settled.lawyer, at=NOW)


def test_the_pdf_carries_a_valid_seal_over_all_of_it(certificate):
    assert sealing.check(bytes(certificate.pdf)).reason == "Certificate of deletion"
    with pytest.raises(signatures.BrokenSeal):
        sealing.check(bytes(certificate.pdf) + b"\n")
    assert [finding.ok for finding in checks.check_certificates()] == [True]
    assert entries.payload(entries.read(certificate.statement_entry)) == bytes(certificate.envelope)


def test_the_statement_inside_is_in_toto_signed_and_follows_its_published_schema(certificate, settings):
    envelope = json.loads(attached(certificate)["statement.dsse.json"])
    assert envelope == certificates.json_of(certificate)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == statements.PREDICATE_TYPE
    schema = json.loads((settings.BASE_DIR / "docs" / "deletion-certificate-v1.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(statement)


def test_an_independent_library_verifies_the_envelope(certificate):
    jwk = next(key for key in keys.public_jwks()["keys"] if key["kid"] == keys.key_id("statement"))
    raw = base64.urlsafe_b64decode(jwk["x"] + "==")
    key = Key.from_dict(jwk["kid"], {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}})
    envelope = Envelope.from_dict(certificates.json_of(certificate))
    assert envelope.verify([key], 1)


def test_the_statement_is_one_entry_proved_inside_and_the_finished_file_a_second(certificate, settings):
    bundle = bundles.read(attached(certificate)["statement.tlog-proof"].decode())
    head = bundles.verify(bundle, [keys.checkpoint_verifier()], origin=settings.LEDGER_ORIGIN)
    assert bundle.payload == attached(certificate)["statement.dsse.json"]
    assert attached(certificate)["checkpoint.txt"].decode() == bundle.checkpoint and head.size > bundle.index
    sequencer.run()
    bundle = bundles.read(certificates.tlog_proof(certificate))
    bundles.verify(bundle, [keys.checkpoint_verifier()], origin=settings.LEDGER_ORIGIN)
    said = json.loads(bundle.payload)
    assert said["sha256"] == hashlib.sha256(bytes(certificate.pdf)).hexdigest() == certificate.pdf_digest
    assert said["file"] == certificates.file_name(certificate)


def test_the_page_says_what_the_statement_says_and_names_no_key(settled, certificate):
    stated = json.loads(bytes(certificate.statement))["predicate"]
    shown = text_of(certificate)
    compact = shown.replace(" ", "")
    for item in stated["items"]:
        assert item["name"] in shown
        assert item["executor"]["account"].replace(" ", "") in compact
        assert item["verifier"]["account"].replace(" ", "") in compact
    assert stated["customer"]["name"] in shown and stated["issuer"]["name"] in shown
    assert [item["affected"] for item in stated["items"]] == [10, 10, 0]
    assert all(item["remaining"] == 0 for item in stated["items"])
    assert "development authority" in shown and "What is not known" in shown
    everything = bytes(certificate.statement).decode() + text_of(certificate)
    assert "t-606" not in everything


def test_late_lineage_supersedes_a_certificate_and_reopens_the_obligation(settled, certificate):
    settled.lineage.reached["crm.contacts"].append(("crm.contacts", "exports.monthly"))
    review = worklists.review(settled.duty, by=actors.SYSTEM, at=NOW)
    certificate.refresh_from_db()
    settled.duty.refresh_from_db()
    assert review.superseded == [certificate] and not certificate.standing
    assert settled.duty.state == Duty.OPEN
    assert bytes(certificate.pdf), "history is kept"
    task = review.added[0]
    evidence.excepted(task, ground="legal-duty", text="tax law, ten years", by=settled.lawyer, at=NOW)
    settled.duty.refresh_from_db()
    second = certificates.issue(settled.duty, by=settled.lawyer, at=NOW)
    assert second.supersedes == certificate
    assert certificate.ref in text_of(second) and "tax law, ten years" in text_of(second)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"pdf": b"%PDF-1.7 other"}, "not the file"),
        ({"statement": b"{}"}, "statement"),
        ({"envelope": b"{}"}, "DSSE"),
    ],
)
def test_verify_names_a_certificate_that_was_touched(certificate, change, what):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE deletions_certificate DISABLE TRIGGER USER")
        (column, value), *_ = change.items()
        cursor.execute(f"UPDATE deletions_certificate SET {column} = %s", [value])
        cursor.execute("ALTER TABLE deletions_certificate ENABLE TRIGGER USER")
    wrong = [finding for finding in checks.check_certificates() if not finding.ok]
    assert wrong and any(what in finding.what for finding in wrong) and certificate.ref in wrong[0].where


def test_a_hostile_name_on_a_certificate_stays_text(settled, monkeypatch):
    from governance.parties import customers

    name = "<img src=file:///etc/passwd> Evil \u202eGmbH {{ ref }}"
    customers.rename(settled.leaving, name, by=actors.SYSTEM)
    settled.duty.refresh_from_db()
    made = certificates.issue(settled.duty, by=settled.lawyer, at=NOW)
    shown = text_of(made)
    assert "<img src=file:///etc/passwd> Evil [U+202E]GmbH {{ ref }}" in shown
    assert not {"/etc/passwd"} & set(attached(made)) and set(attached(made)) == {
        "statement.dsse.json",
        "statement.tlog-proof",
        "checkpoint.txt",
    }
