"""The catalogue's pages: a list and a form per kind of declaration, and buttons for the second person."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from governance.access import actors
from governance.access.actors import Actor
from governance.access.pages import Confirm, Namer, ShownInline, VerbAdmin, perform
from governance.catalogue import columns, declarations, modes, movements, safeguards, sources, trained
from governance.catalogue.declared import Declared
from governance.catalogue.models import (
    CategoryDeclaration,
    EnforcementMode,
    Generalisation,
    KeyColumn,
    LineageStatement,
    Model,
    NamespaceOwner,
    OwnerRelease,
    QuasiIdentifiers,
    SafeguardDeclaration,
    Service,
    SourceDeclaration,
)
from governance.catalogue.places import Place
from governance.parties import customers, organisations

LIFE = (
    "declared_by",
    "declared_at",
    "approved_by",
    "known_at",
    "ended_on",
    "ended_by",
    "end_approved_by",
    "end_known_at",
)
PARTIES = ("recipient_ref", "controller_ref", "party_ref")
PLACE = ("namespace", "name", "is_pattern")
BY_DATASET = ("namespace", "name", "ref")


class EndForm(BaseDialogForm):  # type: ignore[misc]
    """From when on something no longer holds."""

    on = forms.SplitDateTimeField(label="From when on (UTC)", widget=UnfoldAdminSplitDateTimeWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["on"].initial = timezone.now().replace(second=0, microsecond=0)


class DeclaredAdmin(VerbAdmin):
    """One kind of declaration: declared on a form, confirmed and ended by buttons, never edited."""

    changeable = False
    says: tuple[str | tuple[str, ...], ...] = ()
    search_fields: tuple[str, ...] = BY_DATASET
    list_filter: tuple[str, ...] = ("namespace",)
    actions_detail = ("approve", "end", "approve_end")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is said; and for a row that stands, its life."""
        said = [(None, {"fields": [*self.says, ("valid_from", "valid_to"), "reason"]})]
        return said if obj is None else [*said, ("Who said it, and since when it counts", {"fields": ["ref", *LIFE]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A declaration that stands is shown only."""
        return ("ref", *LIFE) if obj else ()

    @display(description="state", label={"counts": "success", "waits": "warning", "ends": "warning", "ended": "danger"})
    def state(self, obj: Declared) -> tuple[str, str]:
        """Whether it counts, or for what it waits."""
        if obj.end_known_at:
            return "ended", "ended"
        if obj.ended_on:
            return "ends", "end waits for a second person"
        return ("counts", "counts") if obj.known_at else ("waits", "waits for a second person")

    @action(
        description="Confirm",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["confirm"],
        dialog={
            "title": "Confirm as the second person",
            "description": "From now on the declaration counts. Whoever declared it cannot confirm it.",
            "form_class": Confirm,
            "form_submit_text": "Confirm",
        },
    )
    def approve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Confirm as the second person."""
        row = self.get_queryset(request).get(pk=object_id)
        return perform(
            self,
            request,
            lambda by: declarations.approve(row, by=by),
            done="It counts from now on.",
            object_id=object_id,
        )

    @action(
        description="End",
        icon="event_busy",
        permissions=["end"],
        dialog={"title": "End this declaration", "form_class": EndForm, "form_submit_text": "End"},
    )
    def end(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Propose the end (or end, where one person may)."""
        row, on = self.get_queryset(request).get(pk=object_id), form.cleaned_data["on"]
        done = "The end is recorded; where ending takes two persons it waits for the second."
        return perform(self, request, lambda by: declarations.end(row, on=on, by=by), done=done, object_id=object_id)

    @action(
        description="Confirm the end",
        icon="event_available",
        permissions=["confirm_end"],
        dialog={"title": "Confirm the end as the second person", "form_class": Confirm, "form_submit_text": "Confirm"},
    )
    def approve_end(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Confirm the end as the second person."""
        row = self.get_queryset(request).get(pk=object_id)
        return perform(
            self, request, lambda by: declarations.approve_end(row, by=by), done="It has ended.", object_id=object_id
        )

    def namers(self) -> Mapping[str, Namer]:
        """Parties stand here by their references, too."""
        own = {field.name for field in self.model._meta.fields}
        return {**super().namers(), **dict.fromkeys(own.intersection(PARTIES), organisations.names)}

    def has_confirm_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Those whose role may be the second person, while one is awaited."""
        row = self._row(request, object_id)
        return (
            row is not None
            and row.known_at is None
            and row.end_known_at is None
            and self._second(request, row.declared_by)
        )

    def has_confirm_end_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """The same for an end that was proposed."""
        row = self._row(request, object_id)
        return (
            row is not None and bool(row.ended_on) and row.end_known_at is None and self._second(request, row.ended_by)
        )

    def has_end_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Those who may declare, while no end is recorded."""
        row = self._row(request, object_id)
        return row is not None and row.ended_on is None and self.may_declare(request)

    def may_declare(self, request: HttpRequest) -> bool:
        """Say whether this is the person's to declare."""
        return self.model.SCOPE in getattr(request.user, "scopes", frozenset())

    def _row(self, request: HttpRequest, object_id: str | None) -> Declared | None:
        found: Declared | None = self.get_object(request, str(object_id)) if object_id else None
        return found

    def _second(self, request: HttpRequest, first: str) -> bool:
        by = actors.of(request.user)
        return by.ref != first and bool(by.roles.intersection(declarations.CONFIRMERS))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Those who may declare."""
        return self.may_declare(request)


def place(obj: Any) -> Place:
    """Return where a typed row stands."""
    return Place(obj.namespace, obj.name, is_pattern=getattr(obj, "is_pattern", False))


def since(obj: Declared) -> Mapping[str, Any]:
    """Return since when a typed row holds, and why."""
    return {"valid_from": obj.valid_from, "reason": obj.reason}


@admin.register(SourceDeclaration)
class SourceAdmin(DeclaredAdmin):
    """Whose data a dataset holds."""

    list_display = ("name", "namespace", "whose", "region", "valid_from", "state")
    says = (
        *PLACE, "customer", ("tenant_space", "tenant_column"), "no_customer_data", ("subject_space", "subject_column"),
        "controller_ref", ("product", "environment", "region"),
    )  # fmt: skip
    autocomplete_fields = ("customer",)
    list_select_related = ("customer", "tenant_space")

    def create(self, obj: SourceDeclaration, form: Any, *, by: Actor) -> SourceDeclaration:
        """Declare it."""
        setting = sources.Setting(obj.product, obj.environment, obj.region, obj.controller_ref)
        people = sources.People(obj.subject_column, obj.subject_space) if obj.subject_space else None
        common: dict[str, Any] = {
            "setting": setting,
            "people": people,
            "valid_to": obj.valid_to,
            **since(obj),
            "by": by,
        }
        sources.one_of_whose(obj)
        if obj.customer:
            return sources.of_customer(place(obj), obj.customer, **common)
        if obj.tenant_space:
            return sources.of_space(place(obj), obj.tenant_space, tenant_column=obj.tenant_column, **common)
        return sources.of_nobody(place(obj), **common)

    @display(description="whose data")
    def whose(self, obj: SourceDeclaration) -> str:
        """One customer, a space of keys, or nobody."""
        if obj.no_customer_data:
            return "no customer's"
        return str(obj.customer) if obj.customer else f"{obj.tenant_space} by {obj.tenant_column}"


@admin.register(CategoryDeclaration)
class CategoryAdmin(DeclaredAdmin):
    """What a column holds."""

    list_display = ("column", "category", "name", "namespace", "state")
    list_filter = ("axis", "namespace")
    says = (*PLACE, "column", "category")

    def create(self, obj: CategoryDeclaration, form: Any, *, by: Actor) -> CategoryDeclaration:
        """Declare it."""
        return columns.categorise(place(obj), obj.column, obj.category, **since(obj), by=by)


@admin.register(KeyColumn)
class KeyColumnAdmin(DeclaredAdmin):
    """Which column says whose a row is."""

    list_display = ("column", "kind", "name", "namespace", "state")
    says = (*PLACE, "column", "kind", "tenant_space", "subject_space", "source")

    def create(self, obj: KeyColumn, form: Any, *, by: Actor) -> KeyColumn:
        """Declare it."""
        common: dict[str, Any] = {"source": obj.source, **since(obj), "by": by}
        return columns.key(place(obj), obj.column, tenant=obj.tenant_space, person=obj.subject_space, **common)


@admin.register(QuasiIdentifiers)
class QuasiIdentifiersAdmin(DeclaredAdmin):
    """Over which columns k is measured."""

    list_display = ("name", "columns", "namespace", "state")
    says = (*PLACE, "columns")

    def create(self, obj: QuasiIdentifiers, form: Any, *, by: Actor) -> QuasiIdentifiers:
        """Declare them."""
        return columns.quasi_identifiers(place(obj), obj.columns, **since(obj), by=by)


@admin.register(Generalisation)
class GeneralisationAdmin(DeclaredAdmin):
    """How a column is made coarser."""

    list_display = ("column", "method", "parameters", "name", "state")
    says = (*PLACE, "column", "method", "parameters")

    def create(self, obj: Generalisation, form: Any, *, by: Actor) -> Generalisation:
        """Declare it."""
        return columns.generalise(place(obj), obj.column, obj.method, obj.parameters, **since(obj), by=by)


@admin.register(SafeguardDeclaration)
class SafeguardAdmin(DeclaredAdmin):
    """What two persons vouch for."""

    list_display = ("safeguard", "name", "run", "columns", "state")
    says = ("namespace", "name", "run", "columns", "safeguard", "standard", "bounds", "evidence_digest")

    def create(self, obj: SafeguardDeclaration, form: Any, *, by: Actor) -> SafeguardDeclaration:
        """Declare it."""
        return safeguards.declare(
            place(obj), obj.run, obj.columns, obj.safeguard, standard=obj.standard, bounds=obj.bounds,
            evidence_digest=obj.evidence_digest, **since(obj), by=by,
        )  # fmt: skip


@admin.register(LineageStatement)
class LineageStatementAdmin(DeclaredAdmin):
    """How data moved, said by a person."""

    list_display = ("kind", "name", "namespace", "state")
    list_filter = ("kind", "namespace")
    says = ("kind", "namespace", "name", "payload")

    def create(self, obj: LineageStatement, form: Any, *, by: Actor) -> LineageStatement:
        """Declare it."""
        return movements.state(obj.kind, place(obj), obj.payload, **since(obj), by=by)


class ServiceInline(ShownInline):
    """Whom the model serves."""

    model = Service
    fields = ("party_ref", "valid_from", "valid_to")


@admin.register(Service)
class ServiceAdmin(DeclaredAdmin):
    """A model serves a party."""

    list_display = ("model", "party_ref", "valid_from", "state")
    list_filter = ()
    search_fields = ("party_ref", "model__name")
    says = ("model", "party_ref")

    def create(self, obj: Service, form: Any, *, by: Actor) -> Service:
        """Declare it."""
        return trained.serve(obj.model, obj.party_ref, valid_from=obj.valid_from, valid_to=obj.valid_to, by=by)


@admin.register(OwnerRelease)
class OwnerReleaseAdmin(DeclaredAdmin):
    """What a customer, as an owner of a model, lets us do with it: seen by those who read contracts, for customers they see."""

    list_display = ("model", "customer", "action", "recipient_ref", "valid_from", "valid_to", "state")
    list_filter = ("action",)
    search_fields = ("ref", "model__name", "customer__name", "recipient_ref")
    list_select_related = ("model", "customer")
    says = ("model", "customer", ("action", "recipient_ref"), "evidence", "evidence_digest")
    autocomplete_fields = ("customer", "model")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OwnerRelease]:
        """Of customers that the person may see."""
        found: QuerySet[OwnerRelease] = super().get_queryset(request)
        return found.filter(customer__in=customers.visible_to(actors.of(request.user)))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It quotes what customers wrote."""
        scopes: frozenset[str] = getattr(request.user, "scopes", frozenset())
        return "contracts:read" in scopes and bool(super().has_view_permission(request, obj))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Say what the two fields take that a person may not guess."""
        kwargs["help_texts"] = {
            "recipient_ref": "The reference of a registered party, such as pty_…: it stands on the party's page.",
            "evidence": "What was received: the letter or mail, its date, who signed it for the customer.",
            "evidence_digest": "SHA-256 of the file, if there is one.",
        }
        return super().get_form(request, obj, change=change, **kwargs)

    def create(self, obj: OwnerRelease, form: Any, *, by: Actor) -> OwnerRelease:
        """Record it."""
        return trained.release(
            obj.model, obj.customer, action=obj.action, recipient=obj.recipient_ref, evidence=obj.evidence,
            evidence_digest=obj.evidence_digest, valid_from=obj.valid_from, valid_to=obj.valid_to, by=by,
        )  # fmt: skip


@admin.register(Model)
class ModelAdmin(VerbAdmin):
    """Trained models."""

    changeable = False
    list_display = ("name", "title", "namespace", "run", "retired_at")
    search_fields = BY_DATASET
    fields = ("namespace", "name", "title", "run", "adapted_from")
    inlines = (ServiceInline,)

    def create(self, obj: Model, form: Any, *, by: Actor) -> Model:
        """Register it."""
        return trained.register(
            place(obj), title=obj.title, run=obj.run, adapted_from=obj.adapted_from, at=timezone.now(), by=by
        )


@admin.register(EnforcementMode)
class EnforcementModeAdmin(VerbAdmin):
    """What the gate does in a namespace."""

    changeable = False
    list_display = ("namespace", "mode", "standing", "proposed_by", "proposed_at", "approved_by", "approved_at")
    search_fields = ("namespace", "ref")
    ordering = ("-pk",)
    fields = ("namespace", "mode", "reason", "meanwhile")
    readonly_fields = ("meanwhile",)
    actions_detail = ("approve",)

    def get_fields(self, request: HttpRequest, obj: EnforcementMode | None = None) -> Any:
        """What to type, or what was typed and what became of it."""
        return (
            (*self.fields, ("proposed_by", "proposed_at"), ("approved_by", "approved_at"), "ref")
            if obj
            else self.fields
        )

    @display(description="What enforcing would refuse")
    def meanwhile(self, obj: EnforcementMode) -> str:
        """Where people see what this namespace was asked and what its mode let through; counted where decisions are."""
        page = reverse("admin:releases_decision_modes")
        one = f"{page}?{urlencode({'namespace': obj.namespace})}" if obj.pk else page
        return format_html('<a class="own-link" href="{}">See what was asked and what was let through</a>', one)

    @display(
        description="standing",
        label={"waits for a second person": "warning", "in force": "success", "replaced": "info"},
    )
    def standing(self, obj: EnforcementMode) -> str:
        """Whether it is in force."""
        if obj.approved_at is None:
            return "waits for a second person"
        later = EnforcementMode.objects.filter(namespace=obj.namespace, approved_at__gt=obj.approved_at)
        return "replaced" if later.exists() else "in force"

    def create(self, obj: EnforcementMode, form: Any, *, by: Actor) -> EnforcementMode:
        """Propose it."""
        return modes.propose(obj.namespace, obj.mode, reason=obj.reason, by=by)

    @action(
        description="Approve",
        icon="done_all",
        variant=ActionVariant.PRIMARY,
        permissions=["approve"],
        dialog={"title": "Approve as the second person", "form_class": Confirm, "form_submit_text": "Approve"},
    )
    def approve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Approve as the second person."""
        row = self.get_queryset(request).get(pk=object_id)
        return perform(
            self, request, lambda by: modes.approve(row.ref, by=by), done="The mode is in force.", object_id=object_id
        )

    def has_approve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Those whose role may be the second person, while one is awaited."""
        by, row = actors.of(request.user), self.get_object(request, str(object_id))
        waits = row is not None and row.approved_at is None and row.proposed_by != by.ref
        return waits and bool(by.roles.intersection(declarations.CONFIRMERS))


@admin.register(NamespaceOwner)
class NamespaceOwnerAdmin(VerbAdmin):
    """Who owns the jobs of a namespace, and so cannot vouch for them."""

    changeable = False
    list_display = ("namespace", "owner", "recorded_by", "recorded_at")
    fields = ("namespace", "owner")

    def create(self, obj: NamespaceOwner, form: Any, *, by: Actor) -> NamespaceOwner:
        """Record it."""
        return modes.own(obj.namespace, obj.owner, by=by)
