"""What `manage.py verify` asks about audit reports."""

import hashlib
import json
from collections.abc import Iterator

from governance.publishing import documents, sealing
from governance.reports import mended_records
from governance.reports.models import CorrectionRecord, Report
from lineage.errors import Problem
from lineage.journal import entries
from lineage.journal.findings import Finding
from lineage.ledger.errors import LedgerError


def check_reports() -> Iterator[Finding]:
    """Yield what is wrong with any report, and at the end one finding that counts them."""
    looked = 0
    for report in Report.objects.order_by("id").iterator(50):
        looked += 1
        for wrong in _wrong(report):
            yield Finding(f"report {report.ref}", wrong)
    yield Finding("reports", f"{looked} were read: file, seal, facts and ledger entry agree", ok=True)


def _wrong(report: Report) -> Iterator[str]:
    pdf = bytes(report.pdf)
    try:
        body = entries.payload(entries.read(report.pdf_entry))
        entered = json.loads(body) if body else {}
        if documents.digest(pdf) != report.pdf_digest or entered.get("sha256") != report.pdf_digest:
            yield "the PDF is not the file that was entered in the ledger"
        if documents.digest(bytes(report.facts)) != entered.get("facts"):
            yield "the facts are not those that were entered in the ledger"
        sealing.check(pdf)
    except (Problem, LedgerError, ValueError) as error:
        yield str(error)


def check_corrections() -> Iterator[Finding]:
    """Yield what is wrong with any record of what a correction changed, and at the end one finding that counts them."""
    looked = 0
    for record in CorrectionRecord.objects.order_by("recorded_at").iterator(50):
        looked += 1
        digest = hashlib.sha256()
        for line in record.lines.order_by("pk").iterator(500):
            digest.update(mended_records.line_bytes(line.kind, line.subject, line.said))
        body = entries.payload(entries.read(record.entry_ref))
        entered = json.loads(body).get("digest") if body else record.digest
        if not digest.hexdigest() == record.digest == entered:
            yield Finding(f"correction record {record.ref}", "its lines are not those that were entered in the ledger")
    yield Finding("correction records", f"{looked} were read: lines and ledger entry agree", ok=True)
