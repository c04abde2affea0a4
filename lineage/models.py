"""Rows of the ground floor: events as they were stored, what was refused, and what they say, derived per run.

The events are the truth; `Run`, `Write`, `Read`, `Flow`, `Ending`, `Symlink` and `Column` are a function of their set
(`ingest.rederive_all` makes them again). Instants are nanoseconds since the epoch, `FOREVER` and `ALWAYS` open ends.
"""

import functools

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Now

from lineage import refs
from lineage.values import FOREVER


class LineageEvent(models.Model):
    """One accepted event. `digest` is SHA-256 of the bytes received, `body` what was kept of them (and committed to)."""

    ref = models.CharField(max_length=40, unique=True, default=functools.partial(refs.new, "evt"), editable=False)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    body = models.BinaryField(editable=False)
    kind = models.CharField(max_length=10, choices=[("run", "run"), ("job", "job"), ("dataset", "dataset")])
    event_type = models.CharField(max_length=10, blank=True)
    event_time = models.BigIntegerField(help_text="nanoseconds since the epoch, as claimed")
    producer = models.TextField()
    run_key = models.TextField(db_index=True)
    job_namespace = models.TextField(blank=True)
    job_name = models.TextField(blank=True)
    notes = models.JSONField(default=list)
    recorded_at = models.DateTimeField(db_default=Now(), db_index=True, editable=False)
    recorded_by = models.TextField(editable=False)
    entry_ref = models.TextField(editable=False)

    class Meta:
        ordering = ("-id",)
        triggers = (pgtrigger.Protect(name="event_stays", operation=pgtrigger.Update | pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.ref


class RejectedEvent(models.Model):
    """Something sent that could not be accepted, kept for the operator: the first bytes and why."""

    digest = models.BinaryField(max_length=32, editable=False)
    body = models.BinaryField(editable=False)
    size = models.BigIntegerField()
    code = models.TextField()
    detail = models.TextField()
    where = models.TextField(blank=True)
    times = models.BigIntegerField(default=1)
    recorded_at = models.DateTimeField(db_default=Now(), db_index=True, editable=False)
    recorded_by = models.TextField(editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=["digest", "code", "recorded_by"], name="rejection_once"),)

    def __str__(self) -> str:
        return f"{self.code} {self.recorded_at:%Y-%m-%d %H:%M}"


class Dataset(models.Model):
    """A dataset's name as it was sent. Names joined by symlinks are one dataset; `whole` says that its columns are all known."""

    namespace = models.TextField()
    name = models.TextField()
    whole = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("namespace", "name")
        constraints = (models.UniqueConstraint(fields=["namespace", "name"], name="dataset_name_once"),)

    def __str__(self) -> str:
        return f"{self.namespace} {self.name}"


class Column(models.Model):
    """A column that some event knows a dataset to have."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="columns")
    column = models.TextField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dataset", "column"], name="column_once"),)

    def __str__(self) -> str:
        return self.column


class Symlink(models.Model):
    """Two names of one dataset; stored in both directions."""

    one = models.ForeignKey(Dataset, models.CASCADE, related_name="+")
    other = models.ForeignKey(Dataset, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["one", "other"], name="symlink_once"),)

    def __str__(self) -> str:
        return f"{self.one_id} = {self.other_id}"


class Run(models.Model):
    """A run, or a declared one; `atoms` is the set of what its events say, sorted, and the rest follows from it."""

    key = models.TextField(unique=True)
    about = models.TextField(blank=True, db_index=True, help_text="of a declared run: what it is about")
    atoms = models.JSONField(default=list)
    jobs = models.JSONField(default=list)
    started = models.BigIntegerField(default=0)
    ended = models.BigIntegerField(default=FOREVER)
    state = models.CharField(max_length=10, default="open")
    reasons = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.key


class RunJob(models.Model):
    """A job of which this is a run: to find the runs that a declaration is about."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+")
    namespace = models.TextField()
    name = models.TextField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["namespace", "name", "run"], name="run_job_once"),)

    def __str__(self) -> str:
        return f"{self.namespace} {self.name}"


class Write(models.Model):
    """A version: what one run contributed to one name. Its life is [started, gone]."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="writes")
    run = models.ForeignKey(Run, models.CASCADE, related_name="writes")
    started = models.BigIntegerField()
    ended = models.BigIntegerField()
    gone = models.BigIntegerField(default=FOREVER)
    view = models.SmallIntegerField(default=0, help_text="0 a table, 1 claimed to be a view, 2 a view")
    gaps = models.JSONField(default=list)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["dataset", "run"], name="write_once"),
            models.CheckConstraint(condition=Q(ended__gte=F("started")), name="write_ends_after_start"),
        )
        indexes = (
            models.Index(fields=["dataset", "gone"], name="write_gone"),
            models.Index(fields=["dataset", "ended"], name="write_ended"),
        )

    def __str__(self) -> str:
        return f"{self.dataset_id} by {self.run_id}"


class Read(models.Model):
    """A name that a run read, whatever it did with it."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="reads")
    run = models.ForeignKey(Run, models.CASCADE, related_name="reads")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dataset", "run"], name="read_once"),)

    def __str__(self) -> str:
        return f"{self.dataset_id} by {self.run_id}"


class Flow(models.Model):
    """From a source name into a write, over the window of the run; `columns` as `graph.Edge` tuples."""

    write = models.ForeignKey(Write, models.CASCADE, related_name="flows")
    source = models.ForeignKey(Dataset, models.CASCADE, related_name="flows")
    kind = models.CharField(max_length=10, choices=[(k, k) for k in ("named", "renamed", "product")])
    unnamed = models.CharField(
        max_length=10, blank=True, help_text="how a source that no column names counts for each column"
    )
    pin = models.TextField(blank=True, help_text="the one run whose write was read")
    columns = models.JSONField(default=list)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["write", "source", "kind", "pin"], name="flow_once"),)

    def __str__(self) -> str:
        return f"{self.write_id} from {self.source_id}"


class Ending(models.Model):
    """A completed run that ended what a name held: whole replacement, DROP, TRUNCATE, or RENAME to another name."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="endings")
    run = models.ForeignKey(Run, models.CASCADE, related_name="+")
    started = models.BigIntegerField()
    ended = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dataset", "run"], name="ending_once"),)
        indexes = (models.Index(fields=["dataset", "started"], name="ending_started"),)

    def __str__(self) -> str:
        return f"{self.dataset_id} by {self.run_id}"


class Declaration(models.Model):
    """What a person or an upper room says about datasets and jobs, opaque where lineage need not understand it."""

    KINDS = (
        "source",
        "replaces-whole",
        "column-map",
        "absence",
        "purge",
        "key-ended",
        "run-closed",
        "node-kind",
        "hidden-keys",
    )

    ref = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=[(k, k) for k in KINDS])
    namespace = models.TextField()
    name = models.TextField()
    is_pattern = models.BooleanField(default=False)
    payload = models.JSONField(default=dict)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    recorded_by = models.TextField(editable=False)
    ended_on = models.DateTimeField(null=True, blank=True)
    end_recorded_at = models.DateTimeField(null=True, blank=True, editable=False)
    end_recorded_by = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=~Q(ref=""), name="lineage_declaration_has_ref"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="lineage_declaration_period"
            ),
        )
        indexes = (
            models.Index(fields=["namespace", "name"], name="declaration_place"),
            models.Index(KT("payload__run"), name="declaration_closed_run", condition=Q(kind="run-closed")),
        )
        triggers = (
            pgtrigger.Protect(name="lineage_declaration_stays", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="lineage_declaration_terms_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["ended_on", "end_recorded_at", "end_recorded_by"]),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"
