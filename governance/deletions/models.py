"""Rows of deletions: what lineage says must go, what was done to each item, the evidence, and the certificates."""

import functools

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.deletions import machine
from lineage import refs

HEX64 = r"^[0-9a-f]{64}$"
Kind, State = machine.Kind, machine.State


def _reference(prefix: str) -> "models.CharField[str, str]":
    return models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, prefix), editable=False)


def _append_only(name: str) -> pgtrigger.Protect:
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


class Inventory(models.Model):
    """What lineage reached downstream of the data's declarations, as known at one ledger position. Never edited: taken again."""

    ref = _reference("inv")
    obligation = models.ForeignKey("obligations.Obligation", on_delete=models.PROTECT, related_name="inventories")
    ledger_position = models.BigIntegerField()  # size of the tree that the inventory was taken at
    as_known_at = models.DateTimeField()
    declarations = models.JSONField(default=list)  # refs of the source declarations it starts from
    items = models.JSONField(default=list)  # [{kind, namespace, name, versions, path}]
    unknowns = models.JSONField(default=list)  # [{namespace, name, reason}]: where lineage itself has holes
    taken_by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "inventories"
        constraints = [
            models.CheckConstraint(condition=Q(ledger_position__gte=0), name="inventory_position_is_a_tree_size")
        ]
        triggers = [_append_only("inventory_append_only")]

    def __str__(self) -> str:
        return f"inventory at ledger position {self.ledger_position}"


class TaskQuerySet(models.QuerySet["Task"]):
    def unsettled(self) -> "TaskQuerySet":
        """Tasks that hold a certificate back."""
        return self.exclude(state__in=machine.SETTLED)


class Task(models.Model):
    """One item that must go: a dataset, a model, an export, a release or a backup, and how far that has come."""

    ref = _reference("tsk")
    obligation = models.ForeignKey("obligations.Obligation", on_delete=models.PROTECT, related_name="tasks")
    inventory = models.ForeignKey(
        Inventory, on_delete=models.PROTECT, related_name="tasks"
    )  # the one that first named it
    kind = models.CharField(max_length=10, choices=machine.choices(Kind))
    namespace = models.TextField()
    name = models.TextField()
    path = models.JSONField(default=list)  # how lineage reaches it from a declaration
    declarations = models.JSONField(default=list)  # refs of every source declaration that reaches it
    versions = models.JSONField(default=list)  # the runs that wrote it, as known when it was listed
    late = models.BooleanField(default=False)  # found by an inventory after the first
    owner = models.CharField(max_length=200, blank=True, default="")
    due_on = models.DateTimeField()
    state = models.CharField(max_length=10, choices=machine.choices(State), default=State.OPEN, editable=False)
    action = models.CharField(
        max_length=30, choices=machine.choices(machine.Action), blank=True, default="", editable=False
    )
    method = models.CharField(
        max_length=20, choices=machine.choices(machine.Method), blank=True, default="", editable=False
    )
    executed_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    executed_account = models.CharField(max_length=200, blank=True, default="", editable=False)
    executed_at = models.DateTimeField(null=True, blank=True, editable=False)
    verified_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    verified_account = models.CharField(max_length=200, blank=True, default="", editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    ground = models.CharField(
        max_length=20, choices=machine.choices(machine.Ground), blank=True, default="", editable=False
    )
    ground_text = models.TextField(blank=True, default="", editable=False)
    ground_until = models.DateTimeField(null=True, blank=True, editable=False)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["obligation", "kind", "namespace", "name"], name="task_once_per_item"),
            models.CheckConstraint(
                condition=Q(verified_account="") | ~Q(verified_account=F("executed_account")),
                name="task_verified_under_another_account",
            ),
            models.CheckConstraint(
                condition=~Q(state="executed")
                | (~Q(executed_account="") & ~Q(executed_by="") & ~Q(action="") & Q(executed_at__isnull=False)),
                name="task_executed_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="verified")
                | (
                    ~Q(verified_account="")
                    & ~Q(verified_by="")
                    & ~Q(executed_account="")
                    & ~Q(action="")
                    & Q(verified_at__isnull=False)
                ),
                name="task_verified_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="excepted") | (~Q(ground="") & ~Q(ground_text="")),
                name="task_excepted_with_a_ground",
            ),
            models.CheckConstraint(
                condition=~Q(state="excepted", ground="backup-expiry") | Q(ground_until__isnull=False),
                name="task_backup_expires",
            ),
        ]
        indexes = [models.Index(fields=["obligation", "state"], name="task_by_obligation")]
        triggers = [
            pgtrigger.Protect(name="task_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="task_item_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("ref", "obligation", "inventory", "kind", "namespace", "name", "late"),
            ),
            pgtrigger.FSM(name="task_moves", field="state", transitions=machine.TRANSITIONS),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def settled(self) -> bool:
        """Say whether the item no longer holds a certificate back."""
        return self.state in machine.SETTLED


class Evidence(models.Model):
    """One thing that somebody did to, or saw of, an item. Append-only; a later one never rewrites an earlier."""

    class Role(models.TextChoices):
        EXECUTION = "execution"
        CHECK = "check"
        EXCEPTION = "exception"
        REOPENED = "reopened"

    ref = _reference("evd")
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="evidence")
    role = models.CharField(max_length=10, choices=Role.choices)
    action = models.CharField(max_length=30, blank=True, default="")
    method = models.CharField(max_length=20, blank=True, default="")
    by = models.CharField(max_length=100)
    account = models.CharField(max_length=200)
    tool = models.CharField(max_length=200, blank=True, default="")
    tool_version = models.CharField(max_length=100, blank=True, default="")
    affected = models.BigIntegerField(null=True, blank=True)  # rows an execution removed
    remaining = models.BigIntegerField(null=True, blank=True)  # rows a check still found
    statement = models.TextField(blank=True, default="")
    digest = models.CharField(max_length=64)  # SHA-256 of what the evidence is: a report, a log, a row of facts
    facts = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(digest__regex=HEX64), name="evidence_digest_is_sha256"),
            models.CheckConstraint(condition=~Q(by="") & ~Q(account=""), name="evidence_given_by_somebody"),
        ]
        triggers = [_append_only("evidence_append_only")]

    def __str__(self) -> str:
        return f"{self.role} of {self.task}"


class Notice(models.Model):
    """A third party that was told to delete too (GDPR Art. 19), and what it answered."""

    ref = _reference("ntc")
    obligation = models.ForeignKey("obligations.Obligation", on_delete=models.PROTECT, related_name="notices")
    recipient = models.CharField(max_length=300)
    sent_on = models.DateTimeField()
    sent_by = models.CharField(max_length=100)
    answer = models.TextField(blank=True, default="")
    answered_on = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(answer="", answered_on=None) | (~Q(answer="") & Q(answered_on__isnull=False)),
                name="notice_answer_has_its_date",
            )
        ]
        triggers = [
            pgtrigger.Protect(name="notice_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="notice_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["answer", "answered_on"]),
            ),
        ]

    def __str__(self) -> str:
        return f"notice to {self.recipient}"


class Certificate(models.Model):
    """A signed statement that an obligation was met: the envelope, the sealed PDF, and where the ledger holds both."""

    ref = _reference("crt")
    obligation = models.ForeignKey("obligations.Obligation", on_delete=models.PROTECT, related_name="certificates")
    inventory = models.ForeignKey(Inventory, on_delete=models.PROTECT, related_name="certificates")
    statement = models.BinaryField()  # the in-toto Statement as signed
    envelope = models.BinaryField()  # the DSSE envelope around it
    statement_entry = models.CharField(max_length=40)
    pdf = models.BinaryField()
    pdf_digest = models.CharField(max_length=64)
    pdf_entry = models.CharField(max_length=40)
    issued_by = models.CharField(max_length=100)
    issued_at = models.DateTimeField()
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_with"
    )
    superseded_at = models.DateTimeField(null=True, blank=True, editable=False)
    superseded_because = models.TextField(blank=True, default="", editable=False)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(pdf_digest__regex=HEX64), name="certificate_digest_is_sha256"),
            models.CheckConstraint(
                condition=Q(superseded_at=None, superseded_because="")
                | (Q(superseded_at__isnull=False) & ~Q(superseded_because="")),
                name="certificate_superseded_with_reason",
            ),
            models.UniqueConstraint(
                fields=["obligation"], condition=Q(superseded_at=None), name="certificate_one_standing_per_obligation"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="certificate_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="certificate_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["superseded_at", "superseded_because"]),
            ),
            pgtrigger.Protect(
                name="certificate_superseding_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__superseded_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"certificate {self.ref}"

    @property
    def standing(self) -> bool:
        """Say whether nothing has superseded it."""
        return self.superseded_at is None
