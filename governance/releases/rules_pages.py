"""Pages of rules: which version answers, what another would flip, and the two persons who switch it on."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant

from governance.access import actors
from governance.access.actors import Actor
from governance.access.pages import Confirm, VerbAdmin, button, display, perform
from governance.policy import rules
from governance.releases import rulebook
from governance.releases.models import RulesDiff, RulesSwitch


@admin.register(RulesDiff)
class RulesDiffAdmin(VerbAdmin):
    """Diffs, as `manage.py rules_diff` recorded them."""

    changeable = False
    list_display = ("version", "against", "flips", "decisions", "undecided", "contract_epoch", "recorded_at")
    ordering = ("-pk",)
    fields = (
        ("version", "against"), ("decisions", "flips", "undecided"), "by_kind", ("contract_epoch", "recorded_at"), "ref", "digest",
        "entry_ref",
    )  # fmt: skip
    readonly_fields = tuple(f for name in fields for f in (name if isinstance(name, tuple) else (name,)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The command makes them."""
        return False


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Which version to propose, and why."""

    version = forms.ChoiceField(help_text="manage.py rules_diff must have looked at it since contracts last changed")

    class Meta:
        model = RulesSwitch
        fields = ("version", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "version" in self.fields:
            found = rulebook.candidates()
            self.fields["version"].choices = [(each.version, _title(each)) for each in found]  # type: ignore[attr-defined]


@admin.register(RulesSwitch)
class RulesSwitchAdmin(VerbAdmin):
    """Proposals to switch rules on, and those that were."""

    changeable = False
    form = VersionForm
    list_display = ("version", "standing", "proposed_by", "proposed_at", "confirmed_by", "confirmed_at")
    ordering = ("-pk",)
    actions_detail = ("confirm",)

    def get_fields(self, request: HttpRequest, obj: RulesSwitch | None = None) -> Any:
        """What to type, or what was typed and became of it."""
        if obj is None:
            return ["version", "reason"]
        return [
            "version",
            "flips",
            "reason",
            "diff",
            ("proposed_by", "proposed_at"),
            ("confirmed_by", "confirmed_at"),
            "ref",
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: RulesSwitch | None = None) -> tuple[str, ...]:
        """A proposal stays as it was made."""
        found = ("flips", "diff", "proposed_by", "proposed_at", "confirmed_by", "confirmed_at", "ref")
        return (*found, "version", "reason") if obj else found

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People who may propose, while there is something to propose."""
        return bool(actors.of(request.user).roles.intersection(rulebook.PROPOSERS) and rulebook.candidates())

    def has_confirm_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """A second person, on what is proposed."""
        by = actors.of(request.user)
        row = rulebook.waiting().filter(pk=object_id).first() if str(object_id).isdigit() else None
        return row is not None and row.proposed_by != by.ref and bool(by.roles.intersection(rulebook.CONFIRMERS))

    def create(self, obj: RulesSwitch, form: Any, *, by: Actor) -> RulesSwitch:
        """Propose it."""
        return rulebook.propose(obj.version, reason=obj.reason, by=by)

    @button(
        description="Switch on", icon="published_with_changes", variant=ActionVariant.SUCCESS, permissions=["confirm"],
        dialog={"title": "Switch these rules on?", "description": "From now on they answer. Every live permit is looked at again.",
                "form_class": Confirm, "form_submit_text": "Switch on"},
    )  # fmt: skip
    def confirm(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Switch it on, as the second person."""
        row = RulesSwitch.objects.get(pk=object_id)
        return perform(
            self,
            request,
            lambda by: rulebook.confirm(row.ref, by=by),
            done="These rules answer now.",
            object_id=object_id,
        )

    @display(description="standing")
    def standing(self, row: RulesSwitch) -> str:
        """Whether it answers."""
        if row.confirmed_at is None:
            return "waits for a second person"
        return "answers" if row.version == rulebook.active() else "answered"

    @display(description="What it would flip")
    def flips(self, row: RulesSwitch) -> str:
        """The numbers of its diff, and what the version changes."""
        found, counted = rules.known(row.version), row.diff
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(counted.by_kind.items()))
        said = f"{counted.flips} of {counted.decisions} decisions would flip{f' ({kinds})' if kinds else ''}; {counted.undecided} could not be decided."
        return " ".join([said, *(found.changes if found else ())])


def _title(each: rules.Rules) -> str:
    return f"{each.version}: {' '.join(each.changes)}"
