"""What every declaration of the catalogue shares: who said it, who confirmed it, when it holds, when it was known.

A declaration that takes one person counts from the moment it is recorded, one that takes two from its approval; the same
goes for its end. Until then it changes nothing: adding risk is quick, removing risk takes a second person.
"""

import functools
from datetime import datetime
from typing import ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from lineage import refs

PERSON = functools.partial(models.CharField, max_length=100, blank=True, default="", editable=False)


class DeclaredQuerySet[M: "Declared"](models.QuerySet[M]):
    def counting(self, *, at: datetime, as_known_at: datetime | None = None) -> Self:
        """Declarations that hold at `at`, as they were known at `as_known_at` (None: with everything known by now)."""
        lasting = Q(ended_on=None) | Q(ended_on__gt=at) | Q(end_known_at=None)
        rows = self.filter(Q(valid_to=None) | Q(valid_to__gt=at), valid_from__lte=at, known_at__isnull=False)
        if as_known_at is None:
            return rows.filter(lasting)
        return rows.filter(lasting | Q(end_known_at__gt=as_known_at), known_at__lte=as_known_at)

    def known(self, as_known_at: datetime | None = None) -> Self:
        """Declarations that counted at some instant or will, as they were known at `as_known_at`."""
        rows = self.filter(known_at__isnull=False)
        return rows if as_known_at is None else rows.filter(known_at__lte=as_known_at)

    def waiting(self) -> Self:
        """Declarations, or their ends, that a second person has still to confirm."""
        return self.filter(Q(known_at=None) | (Q(ended_on__isnull=False) & Q(end_known_at=None)))


class Declared(models.Model):
    """A dated statement by a named person. `known_at`/`end_known_at` are null while a second person is awaited."""

    KIND: ClassVar[str] = ""
    SCOPE: ClassVar[str] = "catalogue:write"  # what it takes to say it, and to say that it ends
    TWO_TO_ADD: ClassVar[bool] = False
    TWO_TO_END: ClassVar[bool] = True

    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")
    declared_by = PERSON()
    declared_at = models.DateTimeField(db_default=Now(), editable=False)
    approved_by = PERSON()
    known_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_on = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = PERSON()
    end_approved_by = PERSON()
    end_known_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def until(self, as_known_at: datetime | None = None) -> datetime | None:
        """Return the end as it was known at `as_known_at`: the earlier of the one stated at first and the one recorded later."""
        later = self.end_known_at is not None and (as_known_at is None or self.end_known_at <= as_known_at)
        ends = [end for end in (self.valid_to, self.ended_on if later else None) if end is not None]
        return min(ends, default=None)

    def takes_two(self) -> bool:
        """Say whether this declaration counts only when a second person has confirmed it."""
        return self.TWO_TO_ADD


def reference(prefix: str) -> "models.CharField[str, str]":
    """Return the field of a declaration's external name."""
    return models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, prefix), editable=False)


def invariants(name: str, two_to_add: Q | bool, *, two_to_end: bool = True) -> list[models.BaseConstraint]:
    """Return what the database holds every table of declarations to; `two_to_add` says which rows need a second person."""
    another = Q(approved_by="") | ~Q(approved_by=F("declared_by"))
    another_ends = Q(end_approved_by="") | ~Q(end_approved_by=F("ended_by"))
    approved = Q(known_at=None) | ~Q(approved_by="")
    if isinstance(two_to_add, Q):
        approved |= ~two_to_add
    return [
        models.CheckConstraint(condition=~Q(declared_by=""), name=f"{name}_is_declared_by_somebody"),
        models.CheckConstraint(
            condition=another & approved if two_to_add else another, name=f"{name}_takes_its_persons"
        ),
        models.CheckConstraint(
            condition=another_ends & (Q(end_known_at=None) | ~Q(end_approved_by="") | Q(known_at=None))
            if two_to_end
            else another_ends,
            name=f"{name}_end_takes_its_persons",
        ),
        models.CheckConstraint(
            condition=Q(ended_on=None, ended_by="", end_known_at=None) | (Q(ended_on__isnull=False) & ~Q(ended_by="")),
            name=f"{name}_end_has_who_and_when",
        ),
        models.CheckConstraint(
            condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name=f"{name}_period_is_half_open"
        ),
    ]


LIFE = ("approved_by", "known_at", "ended_on", "ended_by", "end_approved_by", "end_known_at")


def history(name: str, *, mutable: tuple[str, ...] = ()) -> list[pgtrigger.Trigger]:
    """Return the triggers that keep a declaration as it was said: only its approval and its end are ever filled in, once."""
    return [
        pgtrigger.Protect(name=f"{name}_stays", operation=pgtrigger.Delete),
        pgtrigger.Protect(
            name=f"{name}_terms_stay",
            operation=pgtrigger.Update,
            condition=pgtrigger.AnyChange(exclude=[*LIFE, *mutable]),
        ),
        pgtrigger.Protect(
            name=f"{name}_approval_stays",
            operation=pgtrigger.Update,
            condition=pgtrigger.Q(old__known_at__isnull=False)
            & pgtrigger.Q(old__known_at__df=pgtrigger.F("new__known_at")),
        ),
        pgtrigger.Protect(
            name=f"{name}_end_stays",
            operation=pgtrigger.Update,
            condition=pgtrigger.Q(old__end_known_at__isnull=False)
            & pgtrigger.Q(old__end_known_at__df=pgtrigger.F("new__end_known_at")),
        ),
    ]


def kept(name: str, filled_once: tuple[str, ...]) -> list[pgtrigger.Trigger]:
    """Return the triggers of a row that is never deleted and of which only `filled_once` may change, from empty."""
    first = filled_once[-1] if filled_once[-1].endswith("_at") else filled_once[0]
    return [
        pgtrigger.Protect(name=f"{name}_stays", operation=pgtrigger.Delete),
        pgtrigger.Protect(
            name=f"{name}_terms_stay",
            operation=pgtrigger.Update,
            condition=pgtrigger.AnyChange(exclude=list(filled_once)),
        ),
        pgtrigger.Protect(
            name=f"{name}_end_stays",
            operation=pgtrigger.Update,
            condition=pgtrigger.Q(**{f"old__{first}__isnull": False}),
        ),
    ]
