"""Rows of the vendor's own keys and of what they were called before. Nothing is deleted: a key is retired, an old name is kept for ever."""

import functools

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from lineage import refs

KEY = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,7}$"
LONGEST = 120  # what a statement of precedence can hold

# One name means one thing, now and in every stored decision: neither a key nor a rename may take a name that was used before.
_NAME_IS_NEW = """
PERFORM pg_advisory_xact_lock(hashtextextended('consent.keys', 0));
IF EXISTS (SELECT 1 FROM consent_ownkey k WHERE k.key = {name} AND (k.approved_at IS NOT NULL OR k.retired_at IS NULL))
   OR EXISTS (SELECT 1 FROM consent_keyrename r WHERE {name} IN (r.old, r.new)
              AND (r.approved_at IS NOT NULL OR r.withdrawn_at IS NULL))
THEN
    RAISE EXCEPTION 'this name is, or was, a key' USING ERRCODE = 'check_violation', CONSTRAINT = 'key_name_is_new';
END IF;
RETURN NEW;
"""


def _name_is_new(name: str, column: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=_NAME_IS_NEW.format(name=f"NEW.{column}"),
    )


def _two_persons(name: str) -> list[models.CheckConstraint]:
    return [
        models.CheckConstraint(
            condition=Q(approved_by="", approved_at=None)
            | (~Q(approved_by="") & Q(approved_at__isnull=False) & ~Q(approved_by=F("proposed_by"))),
            name=f"{name}_takes_a_second_person",
        ),
        models.CheckConstraint(
            condition=Q(approved_by="")
            | (~Q(officer="") & (Q(officer=F("proposed_by")) | Q(officer=F("approved_by")))),
            name=f"{name}_takes_the_privacy_officer",
        ),
    ]


def _kept(name: str, fixed: tuple[str, ...], closing: str) -> list[pgtrigger.Trigger]:
    return [
        pgtrigger.Protect(name=f"{name}_stays", operation=pgtrigger.Delete),
        pgtrigger.Protect(name=f"{name}_terms_stay", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(*fixed)),
        pgtrigger.Protect(
            name=f"{name}_approval_stays",
            operation=pgtrigger.Update,
            condition=pgtrigger.Q(old__approved_at__isnull=False)
            & pgtrigger.Q(old__approved_at__df=pgtrigger.F("new__approved_at")),
        ),
        pgtrigger.Protect(
            name=f"{name}_closing_stays",
            operation=pgtrigger.Update,
            condition=pgtrigger.Q(**{f"old__{closing}_at__isnull": False}),
        ),
    ]


class Proposed(models.Model):
    """What one person proposes and a second one makes count; one of the two is the privacy officer."""

    proposed_by = models.CharField(max_length=100, editable=False)
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    officer = models.CharField(max_length=100, blank=True, default="", editable=False)
    approved_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    approved_at = models.DateTimeField("known since", null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class OwnKey(Proposed):
    """A key that the vendor adds to a tree, under the name by which it was added. Its present name follows from the renames."""

    class Tree(models.TextChoices):
        CONTRACT = "contract", "category of the contract axis"
        PERSONAL = "personal", "category of the personal axis"
        PURPOSES = "purposes", "purpose"

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "voc"), editable=False)
    tree = models.CharField(max_length=10, choices=Tree)
    key = models.CharField(max_length=LONGEST, help_text="dotted, below a known key or a root of your own")
    special = models.BooleanField(
        default=False, help_text="special category of personal data: only explicit consent will do"
    )
    title = models.CharField(max_length=200)
    definition = models.TextField()
    valid_from = models.DateTimeField()
    retired_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_why = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        verbose_name = "own key"
        ordering = ("key", "id")
        constraints = [
            *_two_persons("own_key"),
            models.CheckConstraint(condition=Q(key__regex=KEY), name="own_key_is_dotted_and_lower_case"),
            models.CheckConstraint(
                condition=Q(tree__in=["contract", "personal", "purposes"]), name="own_key_tree_known"
            ),
            models.CheckConstraint(condition=Q(special=False) | Q(tree="personal"), name="own_key_special_is_personal"),
            models.CheckConstraint(condition=~Q(title="") & ~Q(definition=""), name="own_key_says_what_it_means"),
            models.CheckConstraint(
                condition=Q(retired_by="", retired_at=None, retired_why="")
                | (~Q(retired_by="") & Q(retired_at__isnull=False) & ~Q(retired_why="")),
                name="own_key_retirement_whole",
            ),
            models.UniqueConstraint(
                fields=["key"], condition=Q(approved_at__isnull=False) | Q(retired_at=None), name="own_key_once"
            ),
        ]
        triggers = [
            _name_is_new("own_key_name_is_new", "key"),
            *_kept(
                "own_key",
                ("ref", "tree", "key", "special", "title", "definition", "valid_from", "proposed_by", "proposed_at"),
                "retired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} – {self.title}"


class KeyRename(Proposed):
    """From its approval on a key, and all that lie below it, bear a new name. What was stored before keeps the old one."""

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "ren"), editable=False)
    own_key = models.ForeignKey(OwnKey, on_delete=models.PROTECT, related_name="renames", verbose_name="key")
    old = models.CharField("called so far", max_length=LONGEST)
    new = models.CharField("called from now on", max_length=LONGEST)
    reason = models.CharField(max_length=500)
    withdrawn_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "rename of a key"
        verbose_name_plural = "renames of keys"
        ordering = ("approved_at", "id")
        constraints = [
            *_two_persons("key_rename"),
            models.CheckConstraint(
                condition=Q(new__regex=KEY) & ~Q(new=F("old")), name="key_rename_is_dotted_and_lower_case"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="key_rename_says_why"),
            models.CheckConstraint(
                condition=Q(withdrawn_by="", withdrawn_at=None)
                | (~Q(withdrawn_by="") & Q(withdrawn_at__isnull=False) & Q(approved_at=None)),
                name="key_rename_withdrawal_whole",
            ),
            models.UniqueConstraint(fields=["new"], condition=Q(withdrawn_at=None), name="key_rename_new_once"),
            models.UniqueConstraint(
                fields=["own_key"], condition=Q(approved_at=None, withdrawn_at=None), name="key_rename_one_at_a_time"
            ),
        ]
        triggers = [
            _name_is_new("key_rename_name_is_new", "new"),
            *_kept("key_rename", ("ref", "own_key", "old", "new", "reason", "proposed_by", "proposed_at"), "withdrawn"),
        ]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"
