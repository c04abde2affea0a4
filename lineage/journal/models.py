"""The ledger's rows. No foreign key leads in or out; the triggers of migration 0002 let nothing be changed or taken away.

Append-only: `Entry`, `Leaf`, `Node`, `Checkpoint`. Erasable, by its verb only: `Payload`. Working rows: `Pending`, `Head`.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, Q


class Entry(models.Model):
    """What happened, as the bytes that are hashed. The other columns repeat what the bytes say, for searching."""

    id = models.BigAutoField(primary_key=True)
    ref = models.TextField(unique=True)
    kind = models.TextField(db_index=True)
    by = models.TextField()
    at = models.DateTimeField(db_index=True)
    about = ArrayField(models.TextField(), default=list)
    body = models.BinaryField()
    seal = models.BinaryField()

    class Meta:
        verbose_name_plural = "entries"
        indexes = [GinIndex(fields=["about"], name="journal_entry_about")]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"

    @property
    def index(self) -> int | None:
        """Its place in the ledger, counted from 0; None while no sequencer has come by."""
        return Leaf.objects.filter(entry_ref=self.ref).values_list("index", flat=True).first()


class Payload(models.Model):
    """What an entry committed to, and the salt. May be erased; the entry and every proof of it stay."""

    entry_ref = models.TextField(primary_key=True)
    salt = models.BinaryField()
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"payload of {self.entry_ref}"


class Pending(models.Model):
    """The outbox: entries that have no index yet. Verification never trusts it."""

    id = models.BigAutoField(primary_key=True)
    entry_ref = models.TextField()

    class Meta:
        verbose_name_plural = "pending"

    def __str__(self) -> str:
        return self.entry_ref


class Leaf(models.Model):
    """The place of an entry in the tree, and its leaf hash."""

    index = models.BigIntegerField(primary_key=True)
    entry_ref = models.TextField(unique=True)
    hash = models.BinaryField()
    seal = models.BinaryField()

    class Meta:
        verbose_name_plural = "leaves"
        constraints = [CheckConstraint(condition=Q(index__gte=0), name="journal_leaf_index")]

    def __str__(self) -> str:
        return f"{self.index} {self.entry_ref}"


class Node(models.Model):
    """The root of a full tile: one hash of tile level 1 and above (tile level 0 is made of the leaves)."""

    id = models.BigAutoField(primary_key=True)
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["level", "index"], name="journal_node_place"),
            CheckConstraint(condition=Q(level__gte=1, index__gte=0), name="journal_node_range"),
        ]

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed tree head as it left the house."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    at = models.DateTimeField()
    previous = models.BigIntegerField()  # the size of the checkpoint before it, 0 for the first
    seal = models.BinaryField()

    class Meta:
        constraints = [CheckConstraint(condition=Q(size__gt=models.F("previous")), name="journal_checkpoint_grows")]

    def __str__(self) -> str:
        return f"checkpoint at {self.size}"


class Head(models.Model):
    """One row: where the sequencer stands. It only grows, by compare-and-swap."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField()
    root = models.BinaryField()
    frontier = models.BinaryField()

    class Meta:
        constraints = [CheckConstraint(condition=Q(id=1), name="journal_head_single")]

    def __str__(self) -> str:
        return f"head at {self.size}"
