"""Corrections of our typing errors: append-only rows that, once applied, take the place of a document's encoding.

A correction is the whole encoding as it should have been typed (dates, clauses, what the document says of others), so that each
reading of a document is one set of rows; what it changes is the difference to the reading before. Clauses keep their references.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from governance.contracts import guards
from governance.contracts.correction_states import OPEN, State, pairs
from governance.contracts.encoded import HEAD, EncodedClause, EncodedHead, clause_constraints, head_constraints
from lineage import refs

# A correction begins as a copy of what stands there, which in old data may not fit together: it must before anybody reads it.
_UNREAD = models.Q(state__in=["draft", "withdrawn"])
_TEXT = ("reason", "authors", *HEAD)


def correction_ref() -> str:
    return refs.new("cor")


class Correction(EncodedHead):
    """What an activated document says, typed anew: known from `recorded_at` on, counting from the document's own dates."""

    ref = models.CharField(max_length=40, unique=True, default=correction_ref, editable=False)
    document = models.ForeignKey("contracts.Document", on_delete=models.PROTECT, related_name="corrections")
    reason = models.CharField(max_length=1000, help_text="what was typed wrongly, and how that was noticed")

    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    drafted_by = models.CharField(max_length=64, editable=False)
    authors = ArrayField(
        models.CharField(max_length=64), editable=False, help_text="everyone who wrote in it: none of them applies it"
    )
    drafted_at = models.DateTimeField(db_default=Now(), editable=False)
    applied_by = models.CharField(max_length=64, blank=True, default="", editable=False)
    recorded_at = models.DateTimeField(
        "known since", null=True, blank=True, editable=False, help_text="when it was applied: the axis of as_known_at"
    )
    closing_note = models.CharField(
        max_length=500, blank=True, editable=False, help_text="why it was rejected or withdrawn"
    )

    class Meta:
        ordering = ("-drafted_at", "-id")
        constraints = (
            *head_constraints("correction", unless=_UNREAD),
            models.CheckConstraint(
                condition=_UNREAD | models.Q(signed_on__isnull=False, effective_on__isnull=False),
                name="correction_has_dates",
                violation_error_code="effective_on",
                violation_error_message="an activated document has a date of signature and one from which it counts",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="correction_has_reason"),
            models.CheckConstraint(
                condition=~models.Q(authors__contains=[models.F("applied_by")])
                & models.Q(authors__contains=[models.F("drafted_by")]),
                name="correction_applied_by_second_person",
            ),
            models.CheckConstraint(
                condition=models.Q(state="applied", recorded_at__isnull=False, applied_by__startswith="user:")
                | (~models.Q(state="applied") & models.Q(recorded_at=None, applied_by="")),
                name="correction_application_whole",
            ),
            models.UniqueConstraint(
                fields=["document"],
                condition=models.Q(state__in=[str(state) for state in OPEN]),
                name="correction_one_open",
                violation_error_message="another correction of this document is open",
            ),
        )
        triggers = (
            pgtrigger.FSM(name="correction_states", field="state", transitions=pairs()),
            pgtrigger.Protect(
                name="correction_starts_as_draft",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.state <> 'draft'"),
            ),
            pgtrigger.Trigger(
                name="correction_of_activated",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=guards.CORRECTS_ACTIVATED,
            ),
            pgtrigger.Protect(
                name="correction_closed_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state IN ('applied', 'rejected', 'withdrawn')"),
            ),
            pgtrigger.Protect(
                name="correction_only_drafts_change",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.state <> 'draft' AND ({old}) IS DISTINCT FROM ({new})".format(
                        old=", ".join(f"OLD.{column}" for column in _TEXT),
                        new=", ".join(f"NEW.{column}" for column in _TEXT),
                    )
                ),
            ),
            pgtrigger.ReadOnly(name="correction_ref_stays", fields=["ref", "document", "drafted_by", "drafted_at"]),
            pgtrigger.Protect(name="correction_kept", operation=pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return f"correction of {self.document}"

    @property
    def is_draft(self) -> bool:
        """Only then it can be edited."""
        return self.state == State.DRAFT


class CorrectedClause(EncodedClause):
    """A clause as it should have been typed. A new reference is a clause that was forgotten; one that is missing, one that never was."""

    correction = models.ForeignKey(Correction, on_delete=models.PROTECT, related_name="clauses")
    ref = models.CharField(max_length=40, editable=False)

    class Meta:
        ordering = ("correction", "position", "id")
        constraints = (
            *clause_constraints("corrected_clause"),
            models.UniqueConstraint(fields=["correction", "ref"], name="corrected_clause_once"),
        )
        triggers = (
            *guards.only_in_draft_correction("corrected_clause"),
            pgtrigger.Trigger(
                name="corrected_clause_of_document",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=guards.CORRECTED_CLAUSE_OF_DOCUMENT,
            ),
        )

    @property
    def document(self) -> models.Model:
        """The document that is corrected."""
        return self.correction.document


class CorrectedRepeal(models.Model):
    """A clause that the document takes back, as it should have been typed."""

    correction = models.ForeignKey(Correction, on_delete=models.PROTECT, related_name="repeals")
    clause = models.ForeignKey("contracts.Clause", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["correction", "clause"], name="corrected_repeal_once"),)
        triggers = (
            *guards.only_in_draft_correction("corrected_repeal"),
            pgtrigger.Trigger(
                name="corrected_repeal_own_family",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=guards.CORRECTED_REPEAL_OWN_FAMILY,
            ),
        )

    def __str__(self) -> str:
        return f"repeals {self.clause}"


class CorrectedPrevails(models.Model):
    """Over which document it prevails and for what, as it should have been typed."""

    correction = models.ForeignKey(Correction, on_delete=models.PROTECT, related_name="prevails")
    over = models.ForeignKey("contracts.Document", on_delete=models.PROTECT, related_name="+")
    actions = ArrayField(models.CharField(max_length=80))
    categories = ArrayField(models.CharField(max_length=120))

    class Meta:
        verbose_name = "corrected statement of precedence"
        verbose_name_plural = "corrected statements of precedence"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(actions__len__gt=0, categories__len__gt=0), name="corrected_prevails_says_for_what"
            ),
        )
        triggers = (
            *guards.only_in_draft_correction("corrected_prevails"),
            pgtrigger.Trigger(
                name="corrected_prevails_no_cycle",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=guards.CORRECTED_PREVAIL,
            ),
        )

    def __str__(self) -> str:
        return f"prevails over {self.over}"
