"""Half-open valid periods with the two moments at which their ends became known."""

from datetime import datetime
from typing import Any

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models.functions import Now

from lineage import errors


class Period(models.Model):
    """A fact that holds in [valid_from, valid_to) and was learnt at `recorded_at`, its end at `end_recorded_at`.

    Rows are never edited: only an open end may be closed, once, and who asks as known before that still sees it open.
    """

    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    end_recorded_at = models.DateTimeField(null=True, blank=True, editable=False)
    recorded_by = models.CharField(max_length=64, editable=False)

    class Meta:
        abstract = True

    def holds(self, at: datetime, as_known_at: datetime | None = None) -> bool:
        """Say whether the fact holds at `at`, as known at `as_known_at` (now when None)."""
        if as_known_at is not None and self.recorded_at > as_known_at:
            return False
        end = self.known_end(as_known_at)
        return self.valid_from <= at and (end is None or at < end)

    def known_end(self, as_known_at: datetime | None = None) -> datetime | None:
        """The end as known then: a later recorded end is not seen."""
        if as_known_at is not None and self.end_recorded_at is not None and self.end_recorded_at > as_known_at:
            return None
        return self.valid_to


def holding(at: datetime, as_known_at: datetime | None = None, prefix: str = "") -> models.Q:
    """The same as `Period.holds`, as a condition on rows (behind `prefix`, such as `memberships__`)."""

    def named(**conditions: Any) -> models.Q:
        return models.Q(**{prefix + name: value for name, value in conditions.items()})

    open_ = named(valid_to=None) | named(valid_to__gt=at)
    if as_known_at is None:
        return named(valid_from__lte=at) & open_
    return named(valid_from__lte=at, recorded_at__lte=as_known_at) & (open_ | named(end_recorded_at__gt=as_known_at))


def constraints(name: str) -> tuple[models.CheckConstraint, ...]:
    """The end lies after the start, and both halves of an end come together."""
    return (
        models.CheckConstraint(
            condition=models.Q(valid_to=None) | models.Q(valid_to__gt=models.F("valid_from")),
            name=f"{name}_ends_after_start",
            violation_error_message="the period ends before it starts",
        ),
        models.CheckConstraint(
            condition=models.Q(valid_to=None, end_recorded_at=None)
            | models.Q(valid_to__isnull=False, end_recorded_at__isnull=False),
            name=f"{name}_end_is_recorded",
        ),
    )


def no_overlap(name: str, *keys: Any, message: str, condition: models.Q | None = None) -> ExclusionConstraint:
    """No two rows with equal keys hold at one time. Keys are made ranges of one point, so that plain GiST does (no btree_gist).

    A nullable key needs a `condition` that leaves null out: a range from null to null would overlap every other.
    """
    period = models.Func("valid_from", "valid_to", function="tstzrange", output_field=DateTimeRangeField())
    return ExclusionConstraint(
        name=name,
        violation_error_message=message,
        expressions=[*((point(key), "&&") for key in keys), (period, "&&")],
        condition=condition,
    )


def point(key: Any) -> models.Func:
    """`int8range(key, key, '[]')`."""
    return models.Func(key, key, models.Value("[]"), function="int8range")


def trigger(name: str, *stays: str) -> tuple[pgtrigger.Trigger, ...]:
    """Rows cannot be deleted or edited; an open end may be closed, once."""
    return (
        pgtrigger.Protect(name=f"{name}_append_only", operation=pgtrigger.Delete),
        pgtrigger.ReadOnly(name=f"{name}_stays", fields=["valid_from", "recorded_at", "recorded_by", *stays]),
        pgtrigger.Protect(
            name=f"{name}_ends_once",
            operation=pgtrigger.Update,
            condition=pgtrigger.Condition(
                "OLD.valid_to IS NOT NULL AND (OLD.valid_to IS DISTINCT FROM NEW.valid_to"
                " OR OLD.end_recorded_at IS DISTINCT FROM NEW.end_recorded_at)"
            ),
        ),
    )


def known(valid_to: datetime | None) -> dict[str, Any]:
    """Columns for the end of a new row."""
    return {"valid_to": valid_to, "end_recorded_at": Now() if valid_to else None}


def checked(valid_from: datetime, valid_to: datetime | None) -> None:
    """Raise `Unprocessable` for a period that ends before it starts."""
    if valid_to is not None and valid_to <= valid_from:
        raise errors.Unprocessable("the period ends before it starts", code="period-backwards", where="valid_to")


def close[M: Period](row: M, *, at: datetime) -> M:
    """Close the open end of `row` at `at`; raises `Conflict` when it is closed already. Called inside a transaction."""
    locked: M = type(row)._base_manager.select_for_update().get(pk=row.pk)
    if locked.valid_to is not None:
        raise errors.Conflict("this has an end already", code="already-ended")
    checked(locked.valid_from, at)
    type(row)._base_manager.filter(pk=row.pk).update(valid_to=at, end_recorded_at=Now())
    locked.refresh_from_db()
    return locked
