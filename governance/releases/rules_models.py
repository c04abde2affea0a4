"""Rows of rules: what a version would flip (a diff, as it was computed), and its being switched on by two persons. Append-only."""

import functools

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from lineage import refs

HEX64 = r"^[0-9a-f]{64}$"


class RulesDiff(models.Model):
    """Every stored decision, decided again by other rules: how many came out otherwise. `digest` is of the list of flips."""

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "rdf"), editable=False)
    version = models.CharField(max_length=20)
    against = models.CharField(max_length=20)  # what answered then
    contract_epoch = models.BigIntegerField()
    decisions = models.PositiveBigIntegerField()
    flips = models.PositiveBigIntegerField()
    undecided = models.PositiveBigIntegerField()
    by_kind = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    entry_ref = models.CharField(max_length=40)
    by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(version=F("against")), name="rules_diff_of_two_versions"),
            models.CheckConstraint(condition=Q(digest__regex=HEX64), name="rules_diff_digest_is_sha256"),
        ]
        triggers = [pgtrigger.Protect(name="rules_diff_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"rules {self.version} against {self.against}: {self.flips} flips"


class RulesSwitch(models.Model):
    """A version proposed by one person, having a diff, and switched on by another."""

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "rsw"), editable=False)
    version = models.CharField(max_length=20)
    diff = models.ForeignKey(RulesDiff, on_delete=models.PROTECT, related_name="switches")
    reason = models.TextField()
    proposed_by = models.CharField(max_length=100)
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    confirmed_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "switch of rules"
        verbose_name_plural = "switches of rules"
        constraints = [
            models.CheckConstraint(
                condition=Q(proposed_by__startswith="user:") & ~Q(reason=""), name="rules_switch_has_who_and_why"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by="", confirmed_at=None)
                | (Q(confirmed_by__startswith="user:") & Q(confirmed_at__isnull=False)),
                name="rules_switch_confirmation_whole",
            ),
            models.CheckConstraint(condition=~Q(confirmed_by=F("proposed_by")), name="rules_switch_takes_two_persons"),
        ]
        triggers = [
            pgtrigger.Protect(name="rules_switch_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="rules_switch_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["confirmed_by", "confirmed_at"]),
            ),
            pgtrigger.Protect(
                name="rules_switch_confirmation_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__confirmed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"rules {self.version}"
