"""Audit reports as they were sealed. Append-only."""

import functools

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.reports.correction_models import CorrectionLine, CorrectionRecord
from lineage import refs

__all__ = ["CorrectionLine", "CorrectionRecord", "Report"]


class Report(models.Model):
    """What the service could say about one customer over one period, at one ledger position, as a sealed PDF."""

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "rpt"), editable=False)
    customer = models.ForeignKey("parties.Customer", on_delete=models.PROTECT, related_name="reports")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    ledger_position = models.BigIntegerField()
    facts = models.BinaryField()  # canonical JSON: what the pages show
    pdf = models.BinaryField()
    pdf_digest = models.CharField(max_length=64)
    pdf_entry = models.CharField(max_length=40)
    made_by = models.CharField(max_length=100)
    made_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="report_period_is_half_open"),
            models.CheckConstraint(condition=Q(pdf_digest__regex=r"^[0-9a-f]{64}$"), name="report_digest_is_sha256"),
        ]
        indexes = [models.Index(fields=["customer", "-made_at"], name="report_by_customer")]
        triggers = [pgtrigger.Protect(name="report_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"report {self.ref}"
