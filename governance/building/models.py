"""Rows of building: one per attempt to make a planned version, with what was counted and measured."""

import functools

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.releases.models import Decision, Permit
from lineage import refs


class Build(models.Model):
    """The builder ran (or failed to run) the plan of a decision."""

    class State(models.TextChoices):
        RUNNING = "running"
        RELEASED = "released"
        REFUSED = "refused"
        FAILED = "failed"

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "bld"), editable=False)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="builds")
    permit = models.ForeignKey(Permit, on_delete=models.PROTECT, related_name="+")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    run = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING, editable=False)
    counts = models.JSONField(default=dict, blank=True)
    measured = models.JSONField(default=list, blank=True)
    allow_lists = models.JSONField(default=list, blank=True)
    detail = models.TextField(blank=True, default="")
    release = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="made_by")
    release_permit = models.ForeignKey(Permit, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    by = models.CharField(max_length=100)
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(state="running", finished_at=None) | (~Q(state="running") & Q(finished_at__isnull=False)),
                name="build_finished_when_it_is",
            ),
            models.CheckConstraint(
                condition=~Q(state="released") | Q(release_permit__isnull=False), name="build_released_has_a_permit"
            ),
        ]
        indexes = [models.Index(fields=["namespace", "name"], name="build_by_output")]
        triggers = [
            pgtrigger.Protect(name="build_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="build_result_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> 'running'"),
            ),
            pgtrigger.ReadOnly(
                name="build_terms_stay",
                fields=["ref", "decision", "permit", "namespace", "name", "run", "by", "started_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"
