"""Certificates: refused while anything is open, otherwise a sealed PDF and a signed statement with the same facts, both in the ledger.

Two entries, in this order: the statement's, whose inclusion proof goes inside the PDF; then, of the finished file, its SHA-256.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from governance.access.actors import Actor
from governance.deletions import statements, worklists
from governance.deletions.machine import Kind, State
from governance.deletions.models import Certificate, Inventory
from governance.obligations import duties
from governance.obligations.duties import DECIDERS
from governance.obligations.machine import State as Duty
from governance.obligations.models import Obligation
from governance.parties import customers
from governance.publishing import documents, sealing
from lineage import errors, refs
from lineage.journal import entries, keys, proofs, sequencer
from lineage.journal.models import Entry
from lineage.ledger import canonical


class NotYet(errors.Conflict):
    """Something is still open: the message names it."""

    code = "certificate-too-early"


@dataclass(frozen=True)
class Draft:
    """A statement that is signed and in the ledger, before there is a PDF around it."""

    ref: str
    stated: dict[str, Any]
    statement: bytes
    envelope: bytes
    entry: Entry
    inventory: Inventory


def issue(duty: Obligation, *, by: Actor, at: datetime) -> Certificate:
    """Certify that an obligation was met, and close it. Raises `NotYet`, naming what is open or newly found.

    Not to be called inside a transaction: the statement must be in the ledger's tree before the PDF can carry its proof. A crash on
    the way leaves a statement entry without a certificate, and an obligation that is still open: asking again makes a new one.
    """
    by.must(DECIDERS)
    review = worklists.review(_open(duty), by=by, at=at)
    with transaction.atomic():
        draft = _state(duty, review.inventory, by=by, at=at)
    sequencer.run()
    pdf = sealing.seal(_page(draft, at=at), reason="Certificate of deletion", at=at)
    with transaction.atomic():
        return _finish(duty, draft, pdf, by=by, at=at)


def of(ref: str, *, by: Actor) -> Certificate:
    """Return a certificate of a customer that the caller may see; raises `NotFound`."""
    seen = customers.visible_to(by)
    found = (
        Certificate.objects.select_related("obligation__customer", "inventory")
        .filter(ref=ref, obligation__customer__in=seen)
        .first()
    )
    if found is None:
        raise errors.NotFound("no such certificate, or none that you may see", where="certificate")
    return found


def file_name(certificate: Certificate) -> str:
    """Return the name of the finished PDF, as the ledger has it."""
    return f"deletion-certificate-{certificate.ref}.pdf"


def tlog_proof(certificate: Certificate) -> str:
    """Return the `.tlog-proof` of the finished PDF; `Conflict` while no sequencer has been by."""
    return proofs.tlog_proof(entries.read(certificate.pdf_entry))


def _open(duty: Obligation) -> Obligation:
    if duty.state != Duty.OPEN:
        raise NotYet(f"the obligation is {duty.state}: only an open one is certified", where="obligation")
    if not duty.inventories.exists():
        raise NotYet("no inventory was taken yet: nobody knows what must go", where="inventory")
    return duty


def _state(duty: Obligation, inventory: Inventory, *, by: Actor, at: datetime) -> Draft:
    duty = _locked(duty)
    _must_be_settled(duty)
    ref = refs.new("crt")
    stated = statements.facts(ref, duty, inventory, seal=sealing.kind(), by=by.ref, at=at)
    statement = statements.statement(stated)
    envelope = canonical.encode(keys.sign_dsse(statements.PAYLOAD_TYPE, statement))
    about = [ref, duty.ref, inventory.ref, duty.customer.ref]
    entry = entries.record("deletion-statement", envelope, by=by.ref, about=about)
    return Draft(ref, stated, statement, envelope, entry, inventory)


def _finish(duty: Obligation, draft: Draft, pdf: bytes, *, by: Actor, at: datetime) -> Certificate:
    # Between the statement and now somebody may have reported a survivor or a resurrection: then this paper must not come out.
    duty = _locked(duty)
    _must_be_settled(duty)
    if duty.inventories.order_by("-id").values_list("pk", flat=True).first() != draft.inventory.pk:
        raise NotYet("stock was taken again while the certificate was made: ask again", where="inventory")
    sha256 = documents.digest(pdf)
    name = f"deletion-certificate-{draft.ref}.pdf"
    about = [draft.ref, duty.ref, duty.customer.ref]
    file = entries.record_file("deletion-certificate", name, sha256, by=by.ref, about=about, statement=draft.entry.ref)
    certificate = Certificate.objects.create(
        ref=draft.ref, obligation=duty, inventory=draft.inventory, statement=draft.statement, envelope=draft.envelope,
        statement_entry=draft.entry.ref, pdf=pdf, pdf_digest=sha256, pdf_entry=file.ref, issued_by=by.ref, issued_at=at,
        supersedes=duty.certificates.order_by("-id").first(),
    )  # fmt: skip
    duties.close(duty.ref, reason=f"certificate {draft.ref}", by=by)
    return certificate


def _locked(duty: Obligation) -> Obligation:
    rows = Obligation.objects.select_for_update(of=("self",)).select_related("customer", "subject_space")
    return _open(rows.get(pk=duty.pk))


def _must_be_settled(duty: Obligation) -> None:
    waiting = list(duty.tasks.unsettled().order_by("id"))
    if waiting:
        named = ", ".join(
            f"{task.kind} {task.name} ({task.state}{', found since' if task.late else ''})" for task in waiting[:20]
        )
        more = f" and {len(waiting) - 20} more" if len(waiting) > 20 else ""
        raise NotYet(
            f"{len(waiting)} items are not accounted for: {named}{more}",
            open=[{"task": task.ref, "kind": task.kind, "name": task.name, "state": task.state} for task in waiting],
            remedy="delete or except each, have it checked, then ask again",
        )


def _page(draft: Draft, *, at: datetime) -> bytes:
    head = sequencer.head()
    sha256 = documents.digest(draft.statement)
    proof = proofs.tlog_proof(draft.entry)
    files = [
        documents.Attachment("statement.dsse.json", draft.envelope, "application/vnd.dsse+json", "Data", "The same facts, signed (in-toto, DSSE)"),
        documents.Attachment("statement.tlog-proof", proof.encode(), "text/plain", "Supplement", "Proof that the statement is in the ledger"),
        documents.Attachment("checkpoint.txt", (head.note if head else "").encode(), "text/plain", "Supplement", "Signed ledger checkpoint"),
    ]  # fmt: skip
    items = draft.stated["items"]
    context = {
        "done": [item for item in items if item["state"] == State.VERIFIED],
        "whole": [item for item in items if item.get("whole") and item["kind"] == Kind.RELEASE],
        "rows": sum(item.get("affected") or 0 for item in items if item["kind"] in (Kind.DATASET, Kind.RELEASE)),
        "models": [item for item in items if item["kind"] == Kind.MODEL],
        "exceptions": [item for item in items if item["state"] == State.EXCEPTED],
        "f": draft.stated, "ref": draft.ref, "issuer": draft.stated["issuer"]["name"], "at": at, "statement_sha256": sha256,
        "index": draft.entry.index, "head": head, "vkey": keys.checkpoint_verifier().vkey, "site": settings.SITE_URL,
    }  # fmt: skip
    return documents.render(
        "documents/certificate.html",
        context,
        title=f"Certificate of deletion {draft.ref}",
        at=at,
        verify=f"{settings.SITE_URL}/verify?document={draft.ref}&statement={sha256}",
        attachments=files,
    )


def json_of(certificate: Certificate) -> dict[str, Any]:
    """Return the DSSE envelope as it was signed."""
    found: dict[str, Any] = json.loads(bytes(certificate.envelope))
    return found
