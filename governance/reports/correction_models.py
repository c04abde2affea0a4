"""What a correction changed, kept once it was applied: one row per correction and one per thing concerned. Append-only."""

import functools

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from lineage import refs

_APPEND_ONLY = pgtrigger.Update | pgtrigger.Delete


class CorrectionRecord(models.Model):
    """The list that was made when a correction was applied: how long it is, and the SHA-256 that the ledger holds of it."""

    ref = models.CharField(
        max_length=40, primary_key=True, default=functools.partial(refs.new, "cre"), editable=False
    )  # lines are written before it, in the same transaction, and name it
    correction_ref = models.CharField(max_length=40, unique=True)
    document_ref = models.CharField(max_length=40)
    looked_at = models.PositiveBigIntegerField()  # decisions whose facts hold the document
    counts = models.JSONField(default=dict)  # kind of line -> how many
    digest = models.CharField(max_length=64)
    entry_ref = models.CharField(max_length=40)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="correction_record_digest_is_sha256"
            ),
        ]
        triggers = [pgtrigger.Protect(name="correction_record_append_only", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"what {self.correction_ref} changed"


class CorrectionLine(models.Model):
    """A decision, permit, duty or certificate that the correction would have changed."""

    record = models.ForeignKey(CorrectionRecord, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=12)
    subject = models.CharField(max_length=40)
    said = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["record", "kind", "id"], name="correction_line_by_kind")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["decision", "permit", "obligation", "certificate", "undecided"]),
                name="correction_line_kind_known",
            ),
        ]
        triggers = [pgtrigger.Protect(name="correction_line_append_only", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
