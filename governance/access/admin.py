"""Accounts with their roles, and service keys."""

from typing import Any

from axes.admin import AccessAttemptAdmin as AxesAttemptAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth_admin  # noqa: F401  (registers Group, which is taken away below)
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from governance.access import keys, people, roles
from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.access.pages import Confirm, VerbAdmin, button, display, perform

for model in (Group, AccessAttempt, AccessFailureLog, AccessLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name, address and roles; a password for a new account."""

    roles = forms.MultipleChoiceField(
        choices=[(name, role.title) for name, role in roles.ROLES.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the account may do. An approver never approves what they wrote themselves.",
    )
    password = forms.CharField(widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}), required=False)

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("password", None)
            if "roles" in self.fields:
                self.fields["roles"].initial = sorted(self.instance.groups.values_list("name", flat=True))
        elif "password" in self.fields:
            self.fields["password"].required = True

    def clean_password(self) -> str:
        """Apply the house's rules for passwords."""
        password: str = self.cleaned_data["password"]
        validate_password(password, self.instance)
        return password


class PasswordForm(BaseDialogForm):  # type: ignore[misc]
    """Another password."""

    password = forms.CharField(widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}))


@admin.register(User)
class UserAdmin(VerbAdmin):
    """People."""

    form = PersonForm
    list_display = ("username", "full_name", "held", "active", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email", "ref")
    readonly_fields = ("ref", "last_login")
    actions_detail = ("set_password",)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """The password is asked once, for a new account."""
        who = ["username", ("first_name", "last_name"), "email"]
        if obj is None:
            return [(None, {"fields": [*who, "password", "roles"]})]
        return [(None, {"fields": [*who, "is_active", "roles"]}), ("Known as", {"fields": ["ref", "last_login"]})]

    def fields_frozen(self, obj: User | None) -> tuple[str, ...]:
        """Nobody edits their own roles; user names stay, since logs name them."""
        return ("username",) if obj else ()

    def create(self, obj: User, form: Any, *, by: Actor) -> User:
        """Make the account."""
        data = form.cleaned_data
        return people.create(
            obj.username,
            password=data["password"],
            role_names=data["roles"],
            by=by,
            full_name=f"{obj.first_name} {obj.last_name}".strip(),
            email=obj.email,
        )

    def update(self, obj: User, form: Any, *, by: Actor) -> User:
        """Change what was changed, each by its verb."""
        if "roles" in form.changed_data:
            people.give_roles(obj, form.cleaned_data["roles"], by=by)
        if "is_active" in form.changed_data:
            people.set_active(obj, active=obj.is_active, by=by)
        return people.rename(obj, first_name=obj.first_name, last_name=obj.last_name, email=obj.email, by=by)

    @button(
        description="Set a password",
        icon="password",
        permissions=["set_password"],
        dialog={"title": "Set a password", "form_class": PasswordForm, "form_submit_text": "Set"},
    )
    def set_password(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Give the account another password."""
        user, password = User.objects.get(pk=object_id), form.cleaned_data["password"]
        return perform(
            self,
            request,
            lambda by: people.set_password(user, password, by=by),
            done="The password is set.",
            object_id=object_id,
        )

    def has_set_password_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Administrators."""
        return bool(request.user.has_perm("access.change_user"))

    @display(description="name")
    def full_name(self, obj: User) -> str:
        """First and last name."""
        return obj.get_full_name() or "–"

    @display(description="roles")
    def held(self, obj: User) -> str:
        """Roles by their titles."""
        return ", ".join(roles.ROLES[name].title for name in sorted(obj.roles)) or "none"

    @display(description="active", boolean=True)
    def active(self, obj: User) -> bool:
        """May sign in."""
        return obj.is_active


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a key may do, and whose customers it sees."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, f"{scope} – {words}") for scope, words in roles.SCOPES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = ServiceKey
        fields = ("name", "owner", "scopes", "expires_at")
        help_texts = {"owner": "the key sees the customers that this person sees, and stops with their account"}


@admin.register(ServiceKey)
class ServiceKeyAdmin(VerbAdmin):
    """Service keys: issued, shown once, revoked."""

    form = KeyForm
    list_display = ("name", "prefix", "owner", "allowed", "status", "expires_at", "last_used_at")
    list_filter = ("owner",)
    search_fields = ("name", "prefix", "ref")
    readonly_fields = ("ref", "prefix", "created_at", "last_used_at", "revoked_at", "issued_by")
    actions_detail = ("revoke",)
    changeable = False

    def get_fieldsets(self, request: HttpRequest, obj: ServiceKey | None = None) -> Any:
        """What was given, and what became of it."""
        given = (None, {"fields": ["name", "owner", "scopes", "expires_at"]})
        return [given, ("Record", {"fields": list(self.readonly_fields)})] if obj else [given]

    def create(self, obj: ServiceKey, form: Any, *, by: Actor) -> ServiceKey:
        """Issue the key; its secret is kept for the one answer that shows it."""
        data = form.cleaned_data
        key, form.secret = keys.issue(
            data["name"], scopes=data["scopes"], owner=data["owner"], by=by, expires_at=data["expires_at"]
        )
        key.secret = form.secret  # type: ignore[attr-defined]
        return key

    def response_add(self, request: HttpRequest, obj: ServiceKey, post_url_continue: Any = None) -> HttpResponse:
        """Show the secret in the answer itself: it is stored nowhere, no cookie and no message carries it."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Service key issued",
            "key": obj,
            "secret": obj.__dict__.pop("secret"),
        }
        response = TemplateResponse(request, "admin/access/servicekey/issued.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @display(description="scopes")
    def allowed(self, obj: ServiceKey) -> str:
        """Scopes in a row."""
        return ", ".join(obj.scopes)

    @display(
        description="status",
        label={"live": "success", "revoked": "danger", "expired": "warning", "owner closed": "warning"},
    )
    def status(self, obj: ServiceKey) -> str:
        """Whether it works, and if not why."""
        if obj.revoked_at:
            return "revoked"
        if obj.expires_at and obj.expires_at <= timezone.now():
            return "expired"
        return "live" if obj.owner.is_active else "owner closed"

    @button(
        description="Revoke",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
        dialog={
            "title": "Revoke this key?",
            "description": "Whatever uses it stops at once, for good.",
            "form_class": Confirm,
            "form_submit_text": "Revoke",
        },
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """End the key at once."""
        key = ServiceKey.objects.get(pk=object_id)
        return perform(
            self,
            request,
            lambda by: keys.revoke(key, by=by, at=timezone.now()),
            done="The key is revoked.",
            object_id=object_id,
        )

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Administrators, while the key is not revoked."""
        return (
            request.user.has_perm("access.change_servicekey")
            and ServiceKey.objects.filter(pk=object_id, revoked_at=None).exists()
        )


@admin.register(AccessAttempt)
class AttemptAdmin(AxesAttemptAdmin, ModelAdmin):  # type: ignore[misc]
    """Wrong passwords; deleting a row opens the account to that address again."""

    actions = ("delete_selected",)
