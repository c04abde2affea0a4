"""What reactions found, for people to look at."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from governance.access import actors
from governance.reactions import alerts
from governance.reactions.models import Alert, Violation
from lineage import errors


class ReadOnly(ModelAdmin):  # type: ignore[misc]
    """History: nobody adds, changes or deletes it here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Reactions write these."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """They stay as they are."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """The database would refuse."""
        return False


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    """Alerts, those that nobody has taken note of first."""

    list_display = ("text", "show_kind", "raised_at", "noted_by", "noted_at")
    list_filter = ("kind", ("noted_at", admin.EmptyFieldListFilter))
    search_fields = ("text", "ref", "entry_ref")
    ordering = ("noted_at", "-id")
    actions = ("take_note",)

    @display(
        description="kind",
        label={
            "violation": "danger",
            "revoked": "warning",
            "resurrection": "danger",
            "superseded": "warning",
            "stuck": "danger",
        },
    )
    def show_kind(self, alert: Alert) -> tuple[str, str]:
        """The kind as a coloured label."""
        return alert.kind, alert.get_kind_display()

    @admin.action(description="Take note of the selected alerts")
    def take_note(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        """Write down that a person has seen them."""
        noted = 0
        for alert in queryset:
            try:
                alerts.note(alert.ref, by=actors.of(request.user))
                noted += 1
            except errors.Problem as problem:
                self.message_user(request, f"{alert.text}: {problem.detail}", messages.WARNING)
        if noted:
            self.message_user(request, f"{noted} noted", messages.SUCCESS)


@admin.register(Violation)
class ViolationAdmin(ReadOnly):
    """Runs without permission, or beyond it."""

    list_display = ("job", "what", "detail", "permit_ref", "run", "recorded_at")
    list_filter = ("what",)
    search_fields = ("job", "run", "permit_ref", "detail")
