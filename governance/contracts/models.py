"""Contract families, their documents and clauses, and the append-only facts about them."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from governance.contracts import guards
from governance.contracts.correction_models import CorrectedClause, CorrectedPrevails, CorrectedRepeal, Correction
from governance.contracts.encoded import EncodedClause, EncodedHead, clause_constraints, head_constraints
from governance.contracts.import_models import Import
from governance.contracts.states import State, pairs
from governance.parties import periods
from governance.parties.models import Customer, Party
from governance.parties.periods import Period
from lineage import refs

_APPEND_ONLY = pgtrigger.Update | pgtrigger.Delete


def family_ref() -> str:
    return refs.new("fam")


def document_ref() -> str:
    return refs.new("doc")


def clause_ref() -> str:
    return refs.new("cls")


def opt_in_ref() -> str:
    return refs.new("opt")


class ContractFamily(models.Model):
    """All documents between one of our entities and a counterparty: what lawyers call the contract."""

    ref = models.CharField(max_length=40, unique=True, default=family_ref, editable=False)
    title = models.CharField(max_length=200)
    vendor = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="families_as_vendor", limit_choices_to={"kind": "vendor"}
    )
    counterparty = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="families")
    created_by = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "contract"
        ordering = ("title", "id")
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(vendor=models.F("counterparty")),
                name="family_two_parties",
                violation_error_message="a contract needs two different parties",
            ),
        )
        triggers = (
            pgtrigger.ReadOnly(name="family_stays", fields=["ref", "vendor", "counterparty", "created_by"]),
            pgtrigger.Protect(name="family_kept", operation=pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return self.title


class FamilyCustomer(Period):
    """The family covers a customer's data for a period."""

    family = models.ForeignKey(ContractFamily, on_delete=models.PROTECT, related_name="coverage")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="coverage")

    class Meta:
        verbose_name = "covered customer"
        constraints = (
            *periods.constraints("family_customer"),
            periods.no_overlap(
                "family_customer_once",
                models.F("family_id"),
                models.F("customer_id"),
                message="the contract covers this customer already in that period",
            ),
        )
        triggers = periods.trigger("family_customer", "family", "customer")

    def __str__(self) -> str:
        return f"{self.customer}"


# What the second person reads and approves: it changes only in a draft. The signature may follow until activation.
_TEXT = (
    "ref", "family_id", "kind", "form_id", "title", "number", "effective_on", "expires_on", "renewal", "renewal_months", "notice_days",
    "authors", "drafted_by", "drafted_at",
)  # fmt: skip


class Document(EncodedHead):
    """A signed text of a family (or a standard form, which families accept): what its clauses say counts while it does."""

    class Kind(models.TextChoices):
        MSA = "msa", "master agreement"
        DPA = "dpa", "data processing agreement"
        ORDER_FORM = "order_form", "order form"
        AI_ADDENDUM = "ai_addendum", "AI addendum"
        AMENDMENT = "amendment", "amendment"
        LICENCE = "licence", "licence"
        STANDARD_FORM = "standard_form", "standard form"
        ACCEPTANCE = "acceptance", "acceptance of a standard form"

    ref = models.CharField(max_length=40, unique=True, default=document_ref, editable=False)
    family = models.ForeignKey(
        ContractFamily,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="documents",
        verbose_name="contract",
    )
    kind = models.CharField(max_length=16, choices=Kind)
    form = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="acceptances",
        help_text="the standard form that is accepted",
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    drafted_by = models.CharField(max_length=64, editable=False)
    authors = ArrayField(
        models.CharField(max_length=64), editable=False, help_text="everyone who wrote in it: none of them approves it"
    )
    drafted_at = models.DateTimeField(db_default=Now(), editable=False)
    approved_by = models.CharField(max_length=64, blank=True, default="", editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    activated_by = models.CharField(max_length=64, blank=True, default="", editable=False)
    recorded_at = models.DateTimeField(
        "known since", null=True, blank=True, editable=False, help_text="when it was activated: the axis of as_known_at"
    )
    closing_note = models.CharField(
        max_length=500, blank=True, editable=False, help_text="why it was rejected or withdrawn"
    )

    class Meta:
        ordering = ("-effective_on", "-id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(kind="standard_form", family=None)
                | (~models.Q(kind="standard_form") & models.Q(family__isnull=False)),
                name="document_has_family",
                violation_error_code="kind",
                violation_error_message="every document but a standard form belongs to a contract",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="acceptance", form__isnull=False)
                | (~models.Q(kind="acceptance") & models.Q(form=None)),
                name="document_acceptance_names_form",
                violation_error_code="form",
                violation_error_message="an acceptance, and only that, names the standard form that is accepted",
            ),
            *head_constraints("document"),
            models.CheckConstraint(
                condition=~models.Q(authors__contains=[models.F("approved_by")])
                & models.Q(authors__contains=[models.F("drafted_by")]),
                name="document_approved_by_second_person",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by="", approved_at=None)
                | (models.Q(approved_by__startswith="user:") & models.Q(approved_at__isnull=False)),
                name="document_approval_whole",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["approved", "activated"]) | ~models.Q(approved_by=""),
                name="document_approved_has_approver",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state="activated", recorded_at__isnull=False, signed_on__isnull=False, effective_on__isnull=False
                )
                & ~models.Q(activated_by="")
                | (~models.Q(state="activated") & models.Q(recorded_at=None, activated_by="")),
                name="document_activation_whole",
            ),
        )
        triggers = (
            pgtrigger.FSM(name="document_states", field="state", transitions=pairs()),
            pgtrigger.Protect(
                name="document_starts_as_draft",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.state <> 'draft'"),
            ),
            pgtrigger.Protect(
                name="document_activated_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state = 'activated'"),
            ),
            pgtrigger.Protect(
                name="document_only_drafts_change",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.state <> 'draft' AND ({old}) IS DISTINCT FROM ({new})".format(
                        old=", ".join(f"OLD.{column}" for column in _TEXT),
                        new=", ".join(f"NEW.{column}" for column in _TEXT),
                    )
                ),
            ),
            pgtrigger.ReadOnly(name="document_ref_stays", fields=["ref", "family", "drafted_by", "drafted_at"]),
            pgtrigger.Protect(name="document_kept", operation=pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"{self.title} ({self.number})" if self.number else self.title

    @property
    def is_draft(self) -> bool:
        """Only then it can be edited."""
        return self.state == State.DRAFT


class Clause(EncodedClause):
    """A clause of a document. One that was forgotten and came with a correction names it; it is read from there."""

    ref = models.CharField(max_length=40, unique=True, default=clause_ref, editable=False)
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="clauses")
    correction = models.ForeignKey(
        Correction, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="added_clauses"
    )

    class Meta:
        ordering = ("document", "position", "id")
        constraints = clause_constraints("clause")
        triggers = (
            pgtrigger.ReadOnly(name="clause_ref_stays", fields=["ref", "document", "correction"]),
            *guards.only_in_draft("clause", insert=guards.CLAUSE_INSERTED),
        )

    def __str__(self) -> str:
        discount = (
            self.body.get("discount") if self.kind == self.Kind.OPT_IN_OFFER and isinstance(self.body, dict) else ""
        )
        return f"{super().__str__()}: {discount}" if discount else super().__str__()


class Repeal(models.Model):
    """The document takes back an earlier clause of its family."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="repeals")
    clause = models.ForeignKey(Clause, on_delete=models.PROTECT, related_name="repealed_by")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["document", "clause"], name="repeal_once"),)
        triggers = (
            *guards.only_in_draft("repeal"),
            pgtrigger.Trigger(
                name="repeal_own_family",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=guards.REPEAL_OWN_FAMILY,
            ),
        )

    def __str__(self) -> str:
        return f"repeals {self.clause}"


class Prevails(models.Model):
    """The document states that it prevails over another, for these actions and categories and nothing else."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="prevails")
    over = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="yields_to")
    actions = ArrayField(models.CharField(max_length=80))
    categories = ArrayField(models.CharField(max_length=120))

    class Meta:
        verbose_name = "statement of precedence"
        verbose_name_plural = "statements of precedence"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(actions__len__gt=0, categories__len__gt=0), name="prevails_says_for_what"
            ),
        )
        triggers = (
            *guards.only_in_draft("prevails"),
            pgtrigger.Trigger(
                name="prevails_own_family_no_cycle",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=guards.PREVAIL,
            ),
        )

    def __str__(self) -> str:
        return f"prevails over {self.over}"


class DocumentEnd(models.Model):
    """The document was terminated: it counts no longer from `ends_at` on. Several ends: the earliest counts."""

    class Ground(models.TextChoices):
        NOTICE = "notice", "notice, as the document provides"
        AGREEMENT = "agreement", "agreed by both sides"
        CAUSE = "cause", "for cause"

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="ends")
    ends_at = models.DateTimeField()
    ground = models.CharField(max_length=10, choices=Ground, default=Ground.NOTICE)
    noticed_on = models.DateField("notice given on", null=True, blank=True)
    reason = models.CharField(max_length=500)
    recorded_by = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "termination"
        ordering = ("ends_at", "id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(ground__in=["notice", "agreement", "cause"]), name="document_end_ground_known"
            ),
        )
        triggers = (pgtrigger.Protect(name="document_end_stays", operation=_APPEND_ONLY),)

    def __str__(self) -> str:
        return f"terminated from {self.ends_at:%Y-%m-%d}"


class OptIn(Period):
    """A customer takes up an offer for a period."""

    ref = models.CharField(max_length=40, unique=True, default=opt_in_ref, editable=False)
    offer = models.ForeignKey(Clause, on_delete=models.PROTECT, related_name="opt_ins")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="opt_ins")
    evidence = models.CharField(max_length=500, help_text="how the customer said so: order, ticket, message")

    class Meta:
        verbose_name = "opt-in"
        ordering = ("-valid_from", "-id")
        constraints = (
            *periods.constraints("opt_in"),
            periods.no_overlap(
                "opt_in_once",
                models.F("offer_id"),
                models.F("customer_id"),
                message="the customer took up this offer already in that period",
            ),
            models.CheckConstraint(condition=~models.Q(evidence=""), name="opt_in_has_evidence"),
        )
        triggers = (
            *periods.trigger("opt_in", "ref", "offer", "customer", "evidence"),
            pgtrigger.Trigger(
                name="opt_in_of_activated_offer",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=guards.OFFER_COUNTS,
            ),
        )

    def __str__(self) -> str:
        return f"{self.customer}: {self.offer}"


__all__ = [
    "Clause", "ContractFamily", "CorrectedClause", "CorrectedPrevails", "CorrectedRepeal", "Correction", "Document", "DocumentEnd",
    "FamilyCustomer", "Import", "OptIn", "Prevails", "Repeal",
]  # fmt: skip
