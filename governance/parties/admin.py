"""Parties, groups, customers with their tenant keys, products."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminSplitDateTimeWidget

from governance.access.actors import Actor
from governance.access.models import User
from governance.access.pages import AppendInline, ShownInline, VerbAdmin, button, display, perform
from governance.parties import customers, groups, keyspaces, organisations
from governance.parties.models import (
    Customer,
    CustomerUserObjectPermission,
    GroupMembership,
    Party,
    PartyGroup,
    Product,
    TenantKey,
    TenantKeySpace,
)
from governance.parties.periods import Period


class EndForm(BaseDialogForm):  # type: ignore[misc]
    """From when on something no longer holds."""

    ends = forms.SplitDateTimeField(label="From when on (UTC)", widget=UnfoldAdminSplitDateTimeWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ends"].initial = timezone.now().replace(second=0, microsecond=0)


END = {
    "title": "End this",
    "description": "An end is recorded once and stays.",
    "form_class": EndForm,
    "form_submit_text": "End",
}


class PeriodAdmin(VerbAdmin):
    """A fact with a period: shown, and ended by a button. Made on the page of what it belongs to."""

    changeable = False
    actions_detail = ("end",)
    list_display: tuple[str, ...] = ("__str__", "valid_from", "valid_to")
    close: Callable[..., Any]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """It is made on the page of what it belongs to."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """It is reached from the page of what it belongs to."""
        return False

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may change such rows, while the end is open."""
        row: Period | None = self.get_queryset(request).filter(pk=object_id).first()
        return row is not None and row.valid_to is None and super(VerbAdmin, self).has_change_permission(request)

    @button(description="End", icon="event_busy", variant=ActionVariant.DANGER, permissions=["end"], dialog=END)
    def end(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Record the end."""
        row = self.get_queryset(request).get(pk=object_id)
        at: datetime = form.cleaned_data["ends"]
        return perform(
            self,
            request,
            lambda by: type(self).close(row, at=at, by=by),
            done="The end is recorded.",
            object_id=object_id,
        )


@admin.register(TenantKey)
class TenantKeyAdmin(PeriodAdmin):
    """One value in a tenant column."""

    close = keyspaces.end
    fields = ("space", "value", "customer", "valid_from", "valid_to", "recorded_at")
    readonly_fields = ("recorded_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TenantKey]:
        """Keys of visible customers."""
        return super().get_queryset(request).filter(customer__in=customers.visible_to(request.user))  # type: ignore[no-any-return,arg-type]


@admin.register(GroupMembership)
class MembershipAdmin(PeriodAdmin):
    """One member of a group."""

    close = groups.leave
    fields = ("group", "party", "subgroup", "valid_from", "valid_to", "recorded_at")
    readonly_fields = ("recorded_at",)


class KeyInline(AppendInline):
    """Which keys mean this customer."""

    model = TenantKey
    fields = ("space", "value", "valid_from", "valid_to")
    verbose_name_plural = "Tenant keys: what its rows carry in our systems"


class GivenInline(ShownInline):
    """People who see this customer although their role does not see all."""

    model = CustomerUserObjectPermission
    fields = ("user",)
    readonly_fields = ("user",)
    linked = False
    verbose_name_plural = "Given to (besides the roles that see every customer)"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Administrators give and take."""
        return bool(request.user.has_perm("access.view_user"))


class GiveForm(BaseDialogForm):  # type: ignore[misc]
    """Whom to give a customer to."""

    person = forms.ModelChoiceField(User.objects.filter(is_active=True), widget=UnfoldAdminSelect2Widget)


@admin.register(Customer)
class CustomerAdmin(VerbAdmin):
    """Customers."""

    list_display = ("name", "party", "keys", "ref")
    search_fields = ("name", "ref", "party__name", "tenant_keys__value")
    fields = ("name", "party", "ref")
    readonly_fields = ("ref",)
    autocomplete_fields = ("party",)
    inlines = (KeyInline, GivenInline)
    actions_detail = ("give", "take")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        """Only those that the person may see."""
        rows = customers.visible_to(request.user).select_related("party")  # type: ignore[arg-type]
        return rows.prefetch_related("tenant_keys__space")

    def get_inlines(self, request: HttpRequest, obj: Customer | None) -> Any:
        """A customer is registered first."""
        return self.inlines if obj else ()

    def fields_frozen(self, obj: Customer | None) -> tuple[str, ...]:
        """A customer stays with its party."""
        return ("party",) if obj else ()

    def create(self, obj: Customer, form: Any, *, by: Actor) -> Customer:
        """Register it."""
        return customers.register(obj.name, party=obj.party, by=by)

    def update(self, obj: Customer, form: Any, *, by: Actor) -> Customer:
        """Rename it."""
        return customers.rename(obj, obj.name, by=by)

    def add_inline(self, parent: Customer, row: TenantKey, *, by: Actor) -> None:
        """Assign a key."""
        keyspaces.assign(row.space, row.value, customer=parent, valid_from=row.valid_from, valid_to=row.valid_to, by=by)

    @display(description="tenant keys")
    def keys(self, obj: Customer) -> str:
        """Keys in force now."""
        now = timezone.now()
        return ", ".join(str(key) for key in obj.tenant_keys.all() if key.holds(now)) or "none"

    @button(
        description="Give to a person",
        icon="person_add",
        permissions=["give"],
        dialog={"title": "Let a person see this customer", "form_class": GiveForm, "form_submit_text": "Give"},
    )
    def give(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Let somebody (an auditor, say) see the customer."""
        row = self.get_queryset(request).get(pk=object_id)
        to: User = form.cleaned_data["person"]
        return perform(
            self,
            request,
            lambda by: customers.give(row, to=to, by=by),
            done=f"{to} sees this customer now.",
            object_id=object_id,
        )

    @button(
        description="Take from a person",
        icon="person_remove",
        permissions=["give"],
        dialog={"title": "Take this customer from a person", "form_class": GiveForm, "form_submit_text": "Take"},
    )
    def take(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take that sight away."""
        row = self.get_queryset(request).get(pk=object_id)
        who: User = form.cleaned_data["person"]
        done = f"{who} was not given this customer any more."
        return perform(self, request, lambda by: customers.take(row, from_=who, by=by), done=done, object_id=object_id)

    def has_give_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Administrators."""
        return bool(request.user.has_perm("access.change_user"))


@admin.register(Party)
class PartyAdmin(VerbAdmin):
    """Organisations."""

    list_display = ("name", "kind", "country", "ref")
    list_filter = ("kind",)
    search_fields = ("name", "ref")
    fields = ("name", "kind", "country", "ref")
    readonly_fields = ("ref",)

    def fields_frozen(self, obj: Party | None) -> tuple[str, ...]:
        """What it is stays: contracts rest on it."""
        return ("kind", "country") if obj else ()

    def create(self, obj: Party, form: Any, *, by: Actor) -> Party:
        """Register it."""
        return organisations.register(obj.name, kind=obj.kind, country=obj.country, by=by)

    def update(self, obj: Party, form: Any, *, by: Actor) -> Party:
        """Rename it."""
        return organisations.rename(obj, obj.name, by=by)


class MemberInline(AppendInline):
    """Who belongs to the group."""

    model = GroupMembership
    fk_name = "group"
    fields = ("party", "subgroup", "valid_from", "valid_to")
    autocomplete_fields = ("party", "subgroup")
    verbose_name_plural = "Members: a party, or a whole group"


@admin.register(PartyGroup)
class GroupAdmin(VerbAdmin):
    """Groups of parties."""

    list_display = ("name", "ref")
    search_fields = ("name", "ref")
    fields = ("name", "ref")
    readonly_fields = ("ref",)
    inlines = (MemberInline,)

    def get_inlines(self, request: HttpRequest, obj: PartyGroup | None) -> Any:
        """A group is created first."""
        return self.inlines if obj else ()

    def fields_frozen(self, obj: PartyGroup | None) -> tuple[str, ...]:
        """Clauses are read by the name."""
        return ("name",) if obj else ()

    def create(self, obj: PartyGroup, form: Any, *, by: Actor) -> PartyGroup:
        """Create it."""
        return groups.create(obj.name, by=by)

    def add_inline(self, parent: PartyGroup, row: GroupMembership, *, by: Actor) -> None:
        """Add a member."""
        member = row.party or row.subgroup
        if member is not None:
            groups.add(parent, member, valid_from=row.valid_from, valid_to=row.valid_to, by=by)


@admin.register(TenantKeySpace)
class SpaceAdmin(VerbAdmin):
    """Systems that name customers by keys of their own."""

    list_display = ("key", "title")
    search_fields = ("key", "title")
    fields = ("key", "title")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Declarations name the key."""
        return False

    def create(self, obj: TenantKeySpace, form: Any, *, by: Actor) -> TenantKeySpace:
        """Create it."""
        return keyspaces.create(obj.key, title=obj.title, by=by)


@admin.register(Product)
class ProductAdmin(VerbAdmin):
    """Our products, for the scope of clauses."""

    list_display = ("key", "title")
    search_fields = ("key", "title")
    fields = ("key", "title")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Clauses name the key."""
        return False

    def create(self, obj: Product, form: Any, *, by: Actor) -> Product:
        """Add it."""
        return keyspaces.add_product(obj.key, title=obj.title, by=by)
