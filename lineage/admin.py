"""Lineage in the admin: to be read. Rejected events are where an operator looks when a pipeline's lineage does not arrive."""

import json

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from lineage.models import Column, Dataset, LineageEvent, RejectedEvent, Write
from lineage.values import moment

_SHOWN = 50_000


class ReadOnly(ModelAdmin):  # type: ignore[misc]
    """Lineage is written by what pipelines send, not by hand."""

    show_full_result_count = False
    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events come over HTTP."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """What was sent stays as it was sent."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """What was sent stays."""
        return False


@admin.register(LineageEvent)
class EventAdmin(ReadOnly):
    """Accepted events, latest first."""

    list_display = ("ref", "kind", "event_type", "job_namespace", "job_name", "happened", "recorded_at")
    list_filter = ("kind", "event_type")
    search_fields = ("ref", "run_key", "job_name")
    fields = (
        "ref", "kind", "event_type", "happened", "job_namespace", "job_name", "run_key", "producer", "notes", "recorded_at",
        "recorded_by", "entry_ref", "message",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="event time")
    def happened(self, event: LineageEvent) -> object:
        """The time that the event claims."""
        return moment(event.event_time)

    @admin.display(description="as stored")
    def message(self, event: LineageEvent) -> str:
        """The stored bytes, indented."""
        return json.dumps(json.loads(bytes(event.body)), indent=2, ensure_ascii=False)[:_SHOWN]


@admin.register(RejectedEvent)
class RejectedAdmin(ReadOnly):
    """What could not be accepted, and why."""

    list_display = ("recorded_at", "code", "detail", "where", "times", "size", "recorded_by")
    list_filter = ("code",)
    fields = ("recorded_at", "code", "detail", "where", "times", "size", "recorded_by", "beginning")
    readonly_fields = fields

    @admin.display(description="beginning of the body")
    def beginning(self, event: RejectedEvent) -> str:
        """As much as was kept."""
        return bytes(event.body).decode(errors="replace").replace("\x00", "�")


class _Inline(TabularInline):  # type: ignore[misc]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ColumnInline(_Inline):
    """The columns that events know."""

    model = Column
    fields = ("column",)


class WriteInline(_Inline):
    """Who wrote it, and for how long it lived."""

    model = Write
    fields = ("run", "since", "until", "gaps")
    readonly_fields = fields

    @admin.display(description="written from")
    def since(self, write: Write) -> object:
        """When it was first there."""
        return moment(write.started)

    @admin.display(description="gone at")
    def until(self, write: Write) -> object:
        """When it was replaced; empty while it lives."""
        return moment(write.gone)


@admin.register(Dataset)
class DatasetAdmin(ReadOnly):
    """Datasets by name."""

    list_display = ("namespace", "name", "first_seen_at", "whole")
    search_fields = ("namespace", "name")
    fields = ("namespace", "name", "whole", "first_seen_at")
    inlines = (ColumnInline, WriteInline)
