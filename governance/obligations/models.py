"""Rows of obligations: data that must go, why, by when, and what stands in the way. Worked off by `deletions`."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.catalogue import declared
from governance.obligations import machine

HEX64 = r"^[0-9a-f]{64}$"
State = machine.State


class Obligation(models.Model):
    """A duty to delete a customer's data, or one person's. Its state is the last of its changes."""

    class Trigger(models.TextChoices):
        CONTRACT_END = "contract-end"
        CUSTOMER_REQUEST = "customer-request"
        SUBJECT_ERASURE = "subject-erasure"
        WITHDRAWAL = "withdrawal"
        RETENTION_END = "retention-end"

    ref = declared.reference("obl")
    trigger = models.CharField(max_length=20, choices=Trigger.choices)
    customer = models.ForeignKey("parties.Customer", on_delete=models.PROTECT, related_name="obligations")
    subject_space = models.ForeignKey(
        "consent.IdentifierSpace", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    subject = models.CharField(max_length=64, blank=True, default="")  # a keyed hash; never shown in the ledger
    triggered_on = models.DateTimeField()
    due_on = models.DateTimeField()
    clause_ref = models.CharField(max_length=40, blank=True, default="")  # the DeletionTerm that gave the deadline
    method = models.CharField(max_length=200, blank=True, default="")
    covers_source = models.BooleanField(default=True)
    covers_derived = models.BooleanField(default=True)
    covers_training_copies = models.BooleanField(default=True)
    covers_models = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=machine.CHOICES, default=State.PROPOSED, editable=False)
    proposed_by = declared.PERSON()
    confirmed_by = declared.PERSON()
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    reason = models.TextField(blank=True, default="")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(subject="", subject_space=None) | Q(subject__regex=HEX64, subject_space__isnull=False),
                name="obligation_subject_is_a_keyed_hash",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by="", confirmed_at=None) | (~Q(confirmed_by="") & Q(confirmed_at__isnull=False)),
                name="obligation_confirmed_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["open", "closed"]) | ~Q(confirmed_by=""),
                name="obligation_is_open_once_confirmed",
            ),
            models.CheckConstraint(condition=Q(due_on__gte=F("triggered_on")), name="obligation_due_after_trigger"),
            models.UniqueConstraint(
                fields=["customer", "trigger", "triggered_on", "subject"], name="obligation_once_per_trigger"
            ),
        ]
        indexes = [models.Index(fields=["customer", "state"], name="obligation_by_customer")]
        triggers = [
            pgtrigger.Protect(name="obligation_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="obligation_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["state", "confirmed_by", "confirmed_at", "reason"]),
            ),
            pgtrigger.FSM(name="obligation_moves", field="state", transitions=machine.TRANSITIONS),
        ]

    def __str__(self) -> str:
        return f"{self.trigger} of {self.customer} due {self.due_on:%Y-%m-%d}"


class Change(models.Model):
    """One step of an obligation: append-only, so that an old question is answered as it was known."""

    obligation = models.ForeignKey(Obligation, on_delete=models.PROTECT, related_name="changes")
    before = models.CharField(max_length=10, blank=True, default="")
    after = models.CharField(max_length=10, choices=machine.CHOICES)
    reason = models.TextField(blank=True, default="")
    by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="obligation_change_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.before or 'new'} → {self.after}"


class LegalHold(models.Model):
    """Data of a customer (or of one person) that must not be deleted, with its ground, until lifted."""

    ref = declared.reference("hld")
    customer = models.ForeignKey("parties.Customer", on_delete=models.PROTECT, related_name="legal_holds")
    subject_space = models.ForeignKey(
        "consent.IdentifierSpace", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    subject = models.CharField(max_length=64, blank=True, default="")
    ground = models.TextField()
    valid_from = models.DateTimeField()
    placed_by = declared.PERSON()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    lifted_on = models.DateTimeField(null=True, blank=True, editable=False)
    lifted_by = declared.PERSON()
    lifted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(subject="", subject_space=None) | Q(subject__regex=HEX64, subject_space__isnull=False),
                name="hold_subject_is_a_keyed_hash",
            ),
            models.CheckConstraint(
                condition=Q(lifted_on=None, lifted_by="", lifted_at=None)
                | (~Q(lifted_by="") & Q(lifted_on__isnull=False, lifted_at__isnull=False)),
                name="hold_lifted_by_somebody",
            ),
        ]
        triggers = declared.kept("hold", ("lifted_on", "lifted_by", "lifted_at"))

    def __str__(self) -> str:
        return f"hold on {self.customer}"
