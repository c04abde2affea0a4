"""Rows of consent: identifier spaces, who belongs to which customer, what people said, and the lawful bases.

No raw identifier and no foreign key to a customer stands here: subjects are keyed-hash references (64 hex digits),
customers and controllers opaque references given by the storey above.
"""

import functools

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from consent import scope
from consent.key_models import KeyRename, OwnKey
from lineage import refs

HEX64 = r"^[0-9a-f]{64}$"
__all__ = ["Basis", "BulkLoad", "ConsentEvent", "IdentifierSpace", "KeyRename", "OwnKey", "Registration"]


class TransactionNumber(models.Func):
    """The number of the writing transaction. It grows while a database lives; a restored one begins again, so lists are made anew."""

    template = "(pg_current_xact_id()::text::bigint)"
    arity = 0
    output_field = models.BigIntegerField()


def _append_only(name: str) -> pgtrigger.Protect:
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


class IdentifierSpace(models.Model):
    """Where one kind of identifier of people means something (`crm-contact-id`), with the key its references are hashed by."""

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "spc"), editable=False)
    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True, default="")
    key_id = models.CharField(max_length=100, editable=False)
    opened_by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name


class Registration(models.Model):
    """A subject is one of a customer's people. `minor` says that only a representative's explicit consent counts."""

    space = models.ForeignKey(IdentifierSpace, on_delete=models.PROTECT, related_name="registrations")
    subject = models.CharField(max_length=64)
    customer_ref = models.CharField(max_length=40)
    minor = models.BooleanField(default=False)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["space", "customer_ref", "subject", "minor"], name="registration_once"),
            models.CheckConstraint(condition=Q(subject__regex=HEX64), name="registration_subject_is_a_keyed_hash"),
        ]
        indexes = [models.Index(fields=["space", "subject"], name="registration_by_subject")]
        triggers = [_append_only("registration_append_only")]

    def __str__(self) -> str:
        return f"{self.subject[:12]}… of {self.customer_ref}"


class BulkLoad(models.Model):
    """One file of consents: its digest makes a repeat harmless, its Merkle root stands in the ledger."""

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "blk"), editable=False)
    digest = models.CharField(max_length=64, unique=True)
    space = models.ForeignKey(IdentifierSpace, on_delete=models.PROTECT)
    accepted = models.PositiveBigIntegerField()
    repeated = models.PositiveBigIntegerField()
    rejected = models.PositiveBigIntegerField()
    rejections = models.JSONField(
        default=list
    )  # [{"line", "reason", "where"}], never the line itself; the first thousand
    merkle_root = models.CharField(max_length=64)
    by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        triggers = [_append_only("bulk_load_append_only")]

    def __str__(self) -> str:
        return self.ref


class ConsentEvent(models.Model):
    """What one person said to one controller about one (action, purpose). Nothing is ever overwritten."""

    class State(models.TextChoices):
        GIVEN = "given"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        OBJECTED = "objected"

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "evt"), editable=False)
    space = models.ForeignKey(IdentifierSpace, on_delete=models.PROTECT, related_name="events")
    subject = models.CharField(max_length=64)
    controller_ref = models.CharField(max_length=40)
    action = models.CharField(max_length=100)
    purpose = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices)
    explicit = models.BooleanField(default=False)
    representative = models.CharField(max_length=64, blank=True, default="")  # a keyed hash too: it is a person
    at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    digest = models.CharField(max_length=64, unique=True)  # of everything said: the same record twice is one event
    load = models.ForeignKey(BulkLoad, on_delete=models.PROTECT, null=True, blank=True, related_name="events")
    by = models.CharField(max_length=100)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    position = models.BigIntegerField(db_default=TransactionNumber(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(subject__regex=HEX64), name="consent_subject_is_a_keyed_hash"),
            models.CheckConstraint(
                condition=Q(representative="") | Q(representative__regex=HEX64),
                name="consent_representative_is_a_keyed_hash",
            ),
            models.CheckConstraint(condition=Q(state__in=[str(s) for s in scope.State]), name="consent_state_is_known"),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(state="given", expires_at__gt=F("at")),
                name="only_a_giving_expires_and_later",
            ),
        ]
        indexes = [
            models.Index(fields=["space", "controller_ref", "subject", "-at"], name="consent_by_subject"),
            models.Index(fields=["position"], name="consent_by_position"),
        ]
        triggers = [_append_only("consent_append_only")]

    def __str__(self) -> str:
        return f"{self.state} {self.action} for {self.purpose}"


class BasisQuerySet(models.QuerySet["Basis"]):
    def counting(self, *, at: object, as_known_at: object) -> "BasisQuerySet":
        """The approved records whose period holds `at`, as they were known at `as_known_at`."""
        ended_later = Q(ended_on=None) | Q(ended_at=None) | Q(ended_at__gt=as_known_at) | Q(ended_on__gt=at)
        return self.filter(
            Q(valid_to=None) | Q(valid_to__gt=at), ended_later, approved_at__lte=as_known_at, valid_from__lte=at
        )


class Basis(models.Model):
    """Why a customer's people may be processed: our role and the lawful basis, by the privacy officer and a second person."""

    class Role(models.TextChoices):
        PROCESSOR = "processor"
        CONTROLLER = "controller"
        JOINT = "joint"

    class Ground(models.TextChoices):
        EXPLICIT_CONSENT = "explicit-consent"
        CONSENT = "consent"
        LEGITIMATE_INTEREST = "legitimate-interest"
        CONTRACT = "contract"
        LEGAL_DUTY = "legal-duty"
        WARRANTY = "customer-warranty"

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "bas"), editable=False)
    customer_ref = models.CharField(max_length=40, db_index=True, blank=True, help_text="empty: the vendor's own data")
    category = models.CharField(max_length=200)
    action = models.CharField(max_length=100)
    purpose = models.CharField(max_length=200)
    role = models.CharField(max_length=12, choices=Role.choices)
    ground = models.CharField(max_length=24, choices=Ground.choices)
    assessment = models.TextField()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    declared_by = models.CharField(max_length=100, editable=False)
    declared_at = models.DateTimeField(db_default=Now(), editable=False)
    officer = models.CharField(
        max_length=100, blank=True, default="", editable=False
    )  # which of the two is privacy officer
    approved_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_on = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    end_officer = models.CharField(max_length=100, blank=True, default="", editable=False)
    end_approved_by = models.CharField(max_length=100, blank=True, default="", editable=False)

    objects = BasisQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "bases"
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by="", approved_at=None)
                | (~Q(approved_by="") & Q(approved_at__isnull=False) & ~Q(approved_by=F("declared_by"))),
                name="basis_takes_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(approved_by="")
                | (~Q(officer="") & (Q(officer=F("declared_by")) | Q(officer=F("approved_by")))),
                name="basis_takes_the_privacy_officer",
            ),
            models.CheckConstraint(
                condition=Q(ended_by="", ended_on=None) | (~Q(ended_by="") & Q(ended_on__isnull=False)),
                name="basis_end_has_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end_approved_by="")
                | (
                    ~Q(end_approved_by="")
                    & Q(ended_at__isnull=False)
                    & ~Q(end_approved_by=F("ended_by"))
                    & ~Q(ended_by="")
                    & ~Q(end_officer="")
                    & (Q(end_officer=F("ended_by")) | Q(end_officer=F("end_approved_by")))
                ),
                name="basis_end_takes_the_officer_and_another",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="basis_period_is_half_open"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="basis_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="basis_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "customer_ref",
                    "category",
                    "action",
                    "purpose",
                    "role",
                    "ground",
                    "assessment",
                    "valid_from",
                    "valid_to",
                    "declared_by",
                    "declared_at",
                    "ref",
                ),
            ),
            pgtrigger.Protect(
                name="basis_approval_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__approved_at__isnull=False)
                & (
                    pgtrigger.Q(old__approved_by__df=pgtrigger.F("new__approved_by"))
                    | pgtrigger.Q(old__approved_at__df=pgtrigger.F("new__approved_at"))
                    | pgtrigger.Q(new__approved_at__isnull=True)
                ),
            ),
            pgtrigger.Protect(
                name="basis_end_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ground} for {self.category} of {self.customer_ref}"
