"""The ledger in the admin: to be read, by nobody to be changed."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from lineage.journal.models import Checkpoint, Entry, Leaf


class ReadOnly(ModelAdmin):  # type: ignore[misc]
    """No adding, changing or deleting: the database would refuse it anyway."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries are recorded by what they record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nothing entered is changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nothing entered is taken away."""
        return False


@admin.register(Entry)
class EntryAdmin(ReadOnly):
    """Entries, latest first."""

    list_display = ("place", "kind", "by", "at", "ref")
    list_filter = ("kind",)
    search_fields = ("ref", "kind", "by")
    ordering = ("-id",)
    fields = ("place", "ref", "kind", "by", "at", "about", "bytes_as_hashed")
    readonly_fields = fields
    show_full_result_count = False

    @admin.display(description="index")
    def place(self, entry: Entry) -> str:
        """Its index, or that it has none yet."""
        leaf = Leaf.objects.filter(entry_ref=entry.ref).first()
        return str(leaf.index) if leaf else "waiting"

    @admin.display(description="bytes as hashed")
    def bytes_as_hashed(self, entry: Entry) -> str:
        """The canonical JSON that the leaf hash is made of."""
        return bytes(entry.body).decode()


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnly):
    """Signed tree heads, latest first."""

    list_display = ("size", "at")
    ordering = ("-size",)
    fields = ("size", "at", "note")
    readonly_fields = fields
