"""What `manage.py verify` asks about certificates: is each still what was sealed, signed and entered?"""

import json
from collections.abc import Iterator

from governance.deletions import machine, statements
from governance.deletions.models import Certificate
from governance.publishing import documents, sealing
from lineage.errors import Problem
from lineage.journal import entries, keys
from lineage.journal.findings import Finding
from lineage.ledger.errors import LedgerError


def check_certificates() -> Iterator[Finding]:
    """Yield what is wrong with any certificate, and at the end one finding that counts them."""
    looked = 0
    for certificate in Certificate.objects.select_related("obligation").order_by("id").iterator(50):
        looked += 1
        for wrong in _wrong(certificate):
            yield Finding(f"certificate {certificate.ref}", wrong)
    yield Finding("certificates", f"{looked} were read: file, seal, statement and ledger entries agree", ok=True)


def _wrong(certificate: Certificate) -> Iterator[str]:
    pdf = bytes(certificate.pdf)
    try:
        if (
            documents.digest(pdf) != certificate.pdf_digest
            or _entered(certificate.pdf_entry, "sha256") != certificate.pdf_digest
        ):
            yield "the PDF is not the file that was entered in the ledger"
        sealing.check(pdf)
        yield from _statement(certificate)
    except (Problem, LedgerError, ValueError) as error:
        yield str(error)
    if certificate.standing and certificate.obligation.tasks.exclude(state__in=machine.SETTLED).exists():
        yield "it still stands although an item of its obligation is open"


def _statement(certificate: Certificate) -> Iterator[str]:
    envelope = bytes(certificate.envelope)
    kind, payload = keys.verify_dsse(json.loads(envelope))
    if kind != statements.PAYLOAD_TYPE or payload != bytes(certificate.statement):
        yield "the signed statement is not the one that is stored"
    if entries.payload(entries.read(certificate.statement_entry)) != envelope:
        yield "the signed statement is not the one that was entered in the ledger"
    if json.loads(payload)["predicate"]["certificate"] != certificate.ref:
        yield "the statement is of another certificate"


def _entered(ref: str, member: str) -> object:
    body = entries.payload(entries.read(ref))
    return json.loads(body).get(member) if body else None
