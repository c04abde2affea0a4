"""Rows of reactions: what was found (alerts), what ran without permission (violations), and where the reading stopped, if it did."""

import functools

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from lineage import refs


class Alert(models.Model):
    """Something a person should look at, raised by an entry of the ledger. Stays; a person takes note of it once."""

    class Kind(models.TextChoices):
        VIOLATION = "violation", "a run without permission"
        REVOKED = "revoked", "a permit no longer holds"
        RESURRECTION = "resurrection", "deleted data came back"
        SUPERSEDED = "superseded", "a certificate no longer covers everything"
        PROPOSED = "proposed", "a deletion waits for a decision"
        OVERRIDE = "override", "a person overrides a refusal"
        STUCK = "stuck", "an entry could not be worked through"

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "alr"), editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    text = models.TextField()
    about = models.JSONField(default=list)
    entry_ref = models.CharField(max_length=40)
    key = models.CharField(max_length=200, unique=True)  # what makes the same finding one alert
    raised_at = models.DateTimeField(db_default=Now(), editable=False)
    noted_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    noted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(noted_by="", noted_at=None) | (~Q(noted_by="") & Q(noted_at__isnull=False)),
                name="alert_noted_by_somebody",
            )
        ]
        triggers = [
            pgtrigger.Protect(name="alert_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="alert_text_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["noted_by", "noted_at"]),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Violation(models.Model):
    """A run that used governed data without a live permit, or beyond the one it named (SEMANTICS §7). Append-only."""

    class What(models.TextChoices):
        NO_PERMIT = "no-permit", "named no permit"
        UNKNOWN_PERMIT = "unknown-permit", "named a permit that we never issued"
        ENDED_PERMIT = "ended-permit", "named a permit that had expired or was revoked"
        OTHER_JOB = "other-job", "named a permit of another job"
        OTHER_DATA = "other-data", "read data that its permit does not name"
        OTHER_COLUMNS = "other-columns", "read columns that its permit does not name"
        OTHER_OUTPUTS = "other-outputs", "wrote outputs that its permit does not name"

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "vio"), editable=False)
    what = models.CharField(max_length=20, choices=What)
    run = models.CharField(max_length=200)
    job = models.TextField()
    permit_ref = models.CharField(max_length=40, blank=True, default="")
    detail = models.TextField()
    entry_ref = models.CharField(max_length=40)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=["run", "what", "detail"], name="violation_once_per_run")]
        triggers = [pgtrigger.Protect(name="violation_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.job}: {self.get_what_display()}"
