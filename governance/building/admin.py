"""Pages of builds: read-only, with what was counted and measured."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from governance.access.pages import VerbAdmin, display
from governance.building.models import Build

STATES = {"released": "success", "refused": "danger", "failed": "danger", "running": "info"}


@admin.register(Build)
class BuildAdmin(VerbAdmin):
    """Every attempt to make a planned version."""

    changeable = False
    list_display = ("state_label", "name", "decision", "by", "started_at", "finished_at")
    list_display_links = ("state_label", "name")
    list_filter = ("state", "namespace")
    search_fields = ("ref", "name", "decision__ref", "run")
    ordering = ("-pk",)
    list_select_related = ("decision",)
    fieldsets = (
        (None, {"fields": ("state_label", "detail", "name", "namespace", "started_at", "finished_at", "by")}),
        ("Counted", {"fields": ("counted",)}),
        ("Measured", {"fields": ("safeguards",)}),
        ("Rests on", {"fields": ("ref", "decision", "permit", "release", "release_permit", "run")}),
    )
    readonly_fields = tuple(name for _, options in fieldsets for name in options["fields"])

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Builds are started over HTTP or by `manage.py build_release`."""
        return False

    @display(description="State", label=STATES, ordering="state")
    def state_label(self, row: Build) -> str:
        """The state, coloured."""
        return row.state

    @display(description="Rows and people")
    def counted(self, row: Build) -> SafeString | str:
        """What became of every row; the four counts."""
        if not row.counts:
            return "Nothing was counted."
        plain = [(name.replace("_", " "), value) for name, value in row.counts.items() if type(value) is int]
        four: dict[str, Any] = row.counts.get("four", {})
        return _render(
            "counts", plain=plain, four=[(unit, sorted(each.items())) for unit, each in sorted(four.items())]
        )

    @display(description="Safeguards")
    def safeguards(self, row: Build) -> SafeString | str:
        """What was done to the columns, and k as measured."""
        return _render("measured", measured=row.measured) if row.measured else "Nothing had to be measured."


def _render(name: str, **context: Any) -> SafeString:
    return mark_safe(render_to_string(f"building/{name}.html", context))  # noqa: S308 - our own templates, which escape
