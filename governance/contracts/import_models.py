"""Rows of imports: what was taken in, by whom, with which report; and whether a second person let a whole contract count."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from lineage import refs


def import_ref() -> str:
    return refs.new("imp")


class Import(models.Model):
    """One import into a contract. `steps` is what a whole contract's second step records: coverage, ends and opt-ins."""

    class Kind(models.TextChoices):
        COVER_PAGE = "cover_page", "cover page of an AI addendum"
        CONTRACT = "contract", "whole contract"

    class Outcome(models.TextChoices):
        ACTIVATED = "activated"
        REJECTED = "rejected"

    ref = models.CharField(max_length=40, unique=True, default=import_ref, editable=False)
    kind = models.CharField(max_length=12, choices=Kind)
    family = models.ForeignKey(
        "contracts.ContractFamily", on_delete=models.PROTECT, related_name="imports", verbose_name="contract"
    )
    document = models.ForeignKey(
        "contracts.Document", on_delete=models.PROTECT, null=True, blank=True, related_name="imports"
    )
    digest = models.CharField("SHA-256 of what was imported", max_length=64)
    report = models.JSONField()
    steps = models.JSONField(default=dict)
    imported_by = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_default=Now())
    settled_by = models.CharField(max_length=64, blank=True, default="")
    settled_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=["cover_page", "contract"]), name="import_kind_known"),
            models.CheckConstraint(
                condition=Q(settled_by="", settled_at=None, outcome="")
                | (
                    Q(kind="contract", settled_at__isnull=False, outcome__in=["activated", "rejected"])
                    & ~Q(settled_by="")
                    & ~Q(settled_by=F("imported_by"))
                ),
                name="import_settled_by_second_person",
            ),
            models.CheckConstraint(
                condition=Q(kind="contract") | Q(document__isnull=False), name="import_of_page_has_document"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="import_kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="import_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["settled_by", "settled_at", "outcome"]),
            ),
            pgtrigger.Protect(
                name="import_settled_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__settled_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.Kind(self.kind).label} into {self.family}"
