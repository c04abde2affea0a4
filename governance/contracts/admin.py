"""Contracts and opt-ins; the pages of documents and clauses stand in modules of their own."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant

from governance.access import actors
from governance.access.actors import Actor
from governance.access.pages import AppendInline, ShownInline, VerbAdmin, button, display, perform
from governance.contracts import (
    clause_pages,
    corrected_clause_pages,
    correction_pages,
    document_pages,
    families,
    import_pages,
    optins,
)
from governance.contracts.document_forms import EndForm
from governance.contracts.models import ContractFamily, Document, FamilyCustomer, OptIn
from governance.contracts.states import State
from governance.parties import customers
from governance.parties.admin import PeriodAdmin
from governance.parties.models import Party

END = {
    "title": "End this contract",
    "description": "Every document that still runs then is terminated: permissions and offers fall, bans stay. A deletion is proposed.",
    "form_class": EndForm,
    "form_submit_text": "End the contract",
}

SHOWN = 3  # customers by name in the list; a reseller's contract may cover thousands


class CoverageInline(AppendInline):
    """Whose data the contract speaks of."""

    model = FamilyCustomer
    fields = ("customer", "valid_from", "valid_to")
    autocomplete_fields = ("customer",)
    verbose_name_plural = "Customers whose data it covers"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Customers that the person may see."""
        if db_field.name == "customer":
            kwargs["queryset"] = customers.visible_to(actors.of(request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class DocumentInline(ShownInline):
    """Its documents."""

    model = Document
    fk_name = "family"
    fields = ("title", "kind", "number", "standing", "effective_on", "expires_on")
    readonly_fields = ("standing",)
    verbose_name_plural = "Documents"

    @display(description="state", label=document_pages.STATE_COLOURS)
    def standing(self, obj: Document) -> str:
        """State in words."""
        return State(obj.state).label


@admin.register(ContractFamily)
class FamilyAdmin(VerbAdmin):
    """Contracts."""

    list_display = ("title", "counterparty", "covers", "running", "ref")
    search_fields = ("title", "ref", "counterparty__name", "documents__number")
    fields = ("title", ("vendor", "counterparty"), "ref")
    readonly_fields = ("ref",)
    autocomplete_fields = ("counterparty",)
    inlines = (CoverageInline, DocumentInline)
    actions_detail = ("draft", "cover_page", "end")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContractFamily]:
        """Contracts whose customers the person may see."""
        rows = families.visible_to(actors.of(request.user))
        return rows.select_related("counterparty").prefetch_related("coverage__customer", "documents__ends")

    def get_inlines(self, request: HttpRequest, obj: ContractFamily | None) -> Any:
        """A contract is opened first."""
        return self.inlines if obj else ()

    def fields_frozen(self, obj: ContractFamily | None) -> tuple[str, ...]:
        """Its parties stay, and so does its title: documents are read under it."""
        return ("title", "vendor", "counterparty") if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Our own entities on our side."""
        if db_field.name == "vendor":
            kwargs["queryset"] = Party.objects.filter(kind=Party.Kind.VENDOR)
            kwargs["initial"] = kwargs["queryset"].first()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def create(self, obj: ContractFamily, form: Any, *, by: Actor) -> ContractFamily:
        """Open it."""
        return families.create(obj.title, vendor=obj.vendor, counterparty=obj.counterparty, by=by)

    def update(self, obj: ContractFamily, form: Any, *, by: Actor) -> ContractFamily:
        """Nothing of it changes; its inlines grow."""
        return obj

    def add_inline(self, parent: ContractFamily, row: FamilyCustomer, *, by: Actor) -> None:
        """Cover a customer."""
        families.cover(parent, row.customer, valid_from=row.valid_from, valid_to=row.valid_to, by=by)

    @display(description="customers")
    def covers(self, obj: ContractFamily) -> str:
        """Customers covered now."""
        now = timezone.now()
        names = [str(each.customer) for each in obj.coverage.all() if each.holds(now)]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return ", ".join(names[:SHOWN]) + more or "none"

    @display(description="documents that count", label=True)
    def running(self, obj: ContractFamily) -> str:
        """How many of its documents are activated and not ended."""
        now = timezone.now()
        active = [each for each in obj.documents.all() if each.state == State.ACTIVATED]
        return str(sum(all(end.ends_at > now for end in each.ends.all()) for each in active))

    @button(description="Draft a document", icon="add", variant=ActionVariant.PRIMARY, permissions=["draft"])
    def draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the form for a new document of this contract."""
        return HttpResponse(
            status=302, headers={"Location": f"{reverse('admin:contracts_document_add')}?family={object_id}"}
        )

    @button(description="Import a cover page", icon="upload_file", permissions=["draft"])
    def cover_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the form for the cover page of an AI addendum to this contract."""
        return HttpResponse(
            status=302, headers={"Location": f"{reverse('admin:contracts_import_add')}?family={object_id}"}
        )

    @button(
        description="End the contract",
        icon="event_busy",
        variant=ActionVariant.DANGER,
        permissions=["draft"],
        dialog=END,
    )
    def end(self, request: HttpRequest, form: EndForm, object_id: str) -> HttpResponse:
        """Terminate whatever still runs."""
        family = self.get_queryset(request).get(pk=object_id)
        done = "The end is recorded. What must be deleted is proposed under Deletion."
        return perform(
            self,
            request,
            lambda by: families.end(family, by=by, **form.said()),
            done=done,
            object_id=object_id,
        )

    def has_draft_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Lawyers."""
        return bool(request.user.has_perm("contracts.add_document"))


@admin.register(FamilyCustomer)
class CoverageAdmin(PeriodAdmin):
    """A customer covered by a contract."""

    close = families.uncover
    fields = ("family", "customer", "valid_from", "valid_to", "recorded_at")
    readonly_fields = ("recorded_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FamilyCustomer]:
        """Of visible contracts."""
        return FamilyCustomer.objects.filter(family__in=families.visible_to(actors.of(request.user)))


@admin.register(OptIn)
class OptInAdmin(PeriodAdmin):
    """Opt-ins."""

    close = optins.end
    list_display = ("customer", "offer", "valid_from", "valid_to", "evidence")
    search_fields = ("customer__name", "offer__title", "offer__number", "ref", "evidence")
    fields = ("offer", "customer", ("valid_from", "valid_to"), "evidence")
    autocomplete_fields = ("offer", "customer")
    list_select_related = ("customer", "offer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OptIn]:
        """Of visible customers."""
        return optins.visible_to(actors.of(request.user))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Lawyers."""
        return bool(request.user.has_perm("contracts.add_optin"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """On the sidebar like every list."""
        return bool(request.user.has_perm("contracts.view_optin"))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offers of activated documents, visible customers."""
        by = actors.of(request.user)
        if db_field.name == "offer":
            kwargs["queryset"] = optins.offers_visible_to(by).select_related("document")
        if db_field.name == "customer":
            kwargs["queryset"] = customers.visible_to(by)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def create(self, obj: OptIn, form: Any, *, by: Actor) -> OptIn:
        """Record it."""
        return optins.activate(
            obj.offer, obj.customer, valid_from=obj.valid_from, valid_to=obj.valid_to, evidence=obj.evidence, by=by
        )


__all__ = ["clause_pages", "corrected_clause_pages", "correction_pages", "document_pages", "import_pages"]
