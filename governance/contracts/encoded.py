"""What a document's encoding consists of, as columns: of the document itself, and of a correction that takes its place."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models

SHA256 = RegexValidator(r"^[0-9a-f]{64}$", "a SHA-256 digest has 64 lower-case hexadecimal digits")
HEAD = (
    "title", "number", "signed_on", "effective_on", "expires_on", "renewal", "renewal_months", "notice_days", "file_name", "file_digest",
)  # fmt: skip
CLAUSE = ("number", "title", "passage", "page", "kind", "body", "products", "environments", "regions")

UNTIL = "first day on which it no longer counts (00:00 UTC); where it renews itself, after the first term"


class EncodedHead(models.Model):
    """Title, dates and file of a document; the dates are UTC days."""

    class Renewal(models.TextChoices):
        NONE = "none", "none: ends on its date"
        AUTOMATIC = "automatic", "automatic, until somebody terminates"
        EVERGREEN = "evergreen", "no end until somebody terminates"

    title = models.CharField(max_length=200)
    number = models.CharField("reference number", max_length=100, blank=True)
    signed_on = models.DateField(null=True, blank=True)
    effective_on = models.DateField(
        null=True, blank=True, help_text="first day on which it counts (00:00 UTC); may lie before the signature"
    )
    expires_on = models.DateField(null=True, blank=True, help_text=UNTIL)
    renewal = models.CharField(max_length=10, choices=Renewal, default=Renewal.NONE)
    renewal_months = models.PositiveSmallIntegerField(null=True, blank=True)
    notice_days = models.PositiveSmallIntegerField(null=True, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    file_digest = models.CharField("SHA-256 of the signed file", max_length=64, blank=True, validators=[SHA256])

    class Meta:
        abstract = True


class EncodedClause(models.Model):
    """One clause: the words of the signed text (number, passage, page) and their encoding (kind, body, scope)."""

    class Kind(models.TextChoices):
        TRAINING_POSITION = "TrainingPosition", "training position"
        GRANT = "Grant", "grant"
        PROHIBITION = "Prohibition", "prohibition"
        PARTY_RESTRICTION = "PartyRestriction", "party restriction"
        OPT_IN_OFFER = "OptInOffer", "opt-in offer"
        DELETION_TERM = "DeletionTerm", "deletion term"
        UNENCODED_TERM = "UnencodedTerm", "unencoded term"
        MODEL_OWNERSHIP = "ModelOwnership", "model ownership"
        RETENTION_LIMIT = "RetentionLimit", "retention limit"
        UNDERTAKING = "Undertaking", "undertaking"
        AUDIT_RIGHT = "AuditRight", "audit right"

    number = models.CharField("clause number", max_length=40)
    title = models.CharField(max_length=200, blank=True)
    passage = models.TextField("quoted passage", help_text="the words of the signed text, as they stand there")
    page = models.PositiveSmallIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=20, choices=Kind)
    body = models.JSONField(default=dict)
    products = ArrayField(
        models.CharField(max_length=60), default=list, blank=True, help_text="only data of these products; empty: any"
    )
    environments = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    regions = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.number} {self.title or self.get_kind_display()}"


def clause_constraints(name: str) -> tuple[models.CheckConstraint, ...]:
    """A clause is quoted, and of a kind that there is."""
    return (
        models.CheckConstraint(condition=~models.Q(number="") & ~models.Q(passage=""), name=f"{name}_is_quoted"),
        models.CheckConstraint(
            condition=models.Q(
                kind__in=[
                    "TrainingPosition", "Grant", "Prohibition", "PartyRestriction", "OptInOffer", "DeletionTerm", "UnencodedTerm",
                    "ModelOwnership", "RetentionLimit", "Undertaking", "AuditRight",
                ]
            ),
            name=f"{name}_kind_known",
        ),
    )  # fmt: skip


def head_constraints(name: str, unless: models.Q | None = None) -> tuple[models.CheckConstraint, ...]:
    """The dates of a document fit together; `unless` names rows of which that is not asked."""
    spared = unless or models.Q()
    return (
        models.CheckConstraint(
            condition=spared
            | models.Q(expires_on=None)
            | models.Q(effective_on=None)
            | models.Q(expires_on__gt=models.F("effective_on")),
            name=f"{name}_ends_after_start",
            violation_error_code="expires_on",
            violation_error_message="the document ends before it starts",
        ),
        models.CheckConstraint(
            condition=spared
            | models.Q(renewal="none")
            | models.Q(renewal="automatic", expires_on__isnull=False, renewal_months__gte=1)
            | models.Q(renewal="evergreen", expires_on=None),
            name=f"{name}_renews_whole",
            violation_error_code="renewal",
            violation_error_message="an automatic renewal says when its first term ends and by how many months it renews;"
            " what is evergreen has no end",
        ),
    )
