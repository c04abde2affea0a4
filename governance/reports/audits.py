"""Audit reports: everything the service can say about one customer and period, sealed, with its place in the ledger."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from governance.access.actors import Actor
from governance.deletions.statements import instant, issuer
from governance.parties import customers
from governance.parties.models import Customer
from governance.publishing import documents, sealing
from governance.reports import paths, people, removals, terms, uses
from governance.reports import period as periods
from governance.reports.models import Report
from governance.reports.period import Period
from lineage import errors, refs
from lineage.journal import entries, keys, proofs, sequencer
from lineage.ledger import canonical

SCOPE = "audit:read"


def make(customer: Customer, *, start: datetime, end: datetime, by: Actor, at: datetime) -> Report:
    """Make, seal and keep a report over [start, end), and enter its SHA-256 in the ledger."""
    by.needs(SCOPE)
    period = periods.of(start, end, at=at)
    head = sequencer.head()
    ref, position = refs.new("rpt"), head.size if head else 0
    said = facts(customer, period, at=at) | {"report": ref, "made_by": by.ref, "ledger_position": position}
    content = canonical.encode(said)
    pdf = sealing.seal(_page(said, content, ref, head.note if head else "", at=at), reason="Audit report", at=at)
    with transaction.atomic():
        name, sha256 = f"audit-report-{ref}.pdf", documents.digest(pdf)
        file = entries.record_file(
            "audit-report", name, sha256, by=by.ref, about=[ref, customer.ref], facts=documents.digest(content)
        )
        return Report.objects.create(
            ref=ref, customer=customer, period_start=period.start, period_end=period.end, ledger_position=position, facts=content,
            pdf=pdf, pdf_digest=sha256, pdf_entry=file.ref, made_by=by.ref, made_at=at,
        )  # fmt: skip


def facts(customer: Customer, period: Period, *, at: datetime) -> dict[str, Any]:
    """Return what a report states, as JSON values."""
    lineage, silent = paths.of(customer, at=period.end)
    return {
        "customer": {"ref": customer.ref, "name": customer.name},
        "issuer": issuer(customer),
        "from": instant(period.start),
        "to": instant(period.end),
        "made_at": instant(at),
        "contracts": terms.of(customer, period, at=at),
        "opt_ins": terms.opt_ins(customer, period),
        "releases": uses.of(customer, period),
        "lineage": lineage,
        "lineage_silent": silent,
        "people": people.registered(customer),
        "bases": people.bases(customer, period),
        "consents_recorded": people.said(customer, period),
        "consents_standing": people.standing(customer, at=period.end),
        "deletions": removals.of(customer, period),
        "holds": removals.holds(customer, period),
        "ledger": {"origin": settings.LEDGER_ORIGIN},
    }


def of(ref: str, *, by: Actor) -> Report:
    """Return a report on a customer that the caller may see; raises `NotFound`."""
    found = visible(by).filter(ref=ref).first()
    if found is None:
        raise errors.NotFound("no such report, or none that you may see", where="report")
    return found


def visible(by: Actor) -> QuerySet[Report]:
    """Return the reports on every customer that the caller may see."""
    return Report.objects.filter(customer__in=customers.visible_to(by)).select_related("customer")


def file_name(report: Report) -> str:
    """Return the name of the finished PDF, as the ledger has it."""
    return f"audit-report-{report.ref}.pdf"


def tlog_proof(report: Report) -> str:
    """Return the `.tlog-proof` of the finished PDF; `Conflict` while no sequencer has been by."""
    return proofs.tlog_proof(entries.read(report.pdf_entry))


def _page(said: dict[str, Any], content: bytes, ref: str, checkpoint: str, *, at: datetime) -> bytes:
    sha256 = documents.digest(content)
    files = [
        documents.Attachment("facts.json", content, "application/json", "Data", "What this report shows, as data"),
        documents.Attachment(
            "checkpoint.txt", checkpoint.encode(), "text/plain", "Supplement", "Signed ledger checkpoint"
        ),
    ]
    context = {
        "f": said, "ref": ref, "issuer": said["issuer"]["name"], "at": at, "facts_sha256": sha256, "seal": sealing.kind(),
        "vkey": keys.checkpoint_verifier().vkey, "checkpoint": checkpoint, "counts": _counts(said),
    }  # fmt: skip
    return documents.render(
        "documents/audit-report.html",
        context,
        title=f"Audit report on {said['customer']['name']}",
        at=at,
        verify=f"{settings.SITE_URL}/verify?document={ref}&facts={sha256}",
        attachments=files,
    )


def _counts(said: dict[str, Any]) -> dict[str, int]:
    releases = said["releases"]
    return {
        "documents": sum(len(family["documents"]) for family in said["contracts"]),
        "releases": len(releases),
        **{
            name: sum(each["for_customer"] == text for each in releases)
            for name, text in (
                ("used", uses.USED),
                ("part", uses.PART),
                ("left_out", uses.LEFT_OUT),
                ("overridden", uses.OVERRIDDEN),
            )
        },
        "datasets": len(said["lineage"]),
        "people": sum(each["people"] for each in said["people"]),
        "deletions": len(said["deletions"]),
        "certificates": sum(len(each["certificates"]) for each in said["deletions"]),
    }
