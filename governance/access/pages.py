"""Admin pages whose every change goes through a verb: what the verb refuses comes back as an error in the form."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold import decorators
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import BaseDialogForm

from governance.access import actors, names
from governance.access.actors import Actor
from lineage import errors

type Namer = Callable[[Iterable[str]], Mapping[str, str]]  # references -> those that have a name, with it


class VerbAdmin(ModelAdmin):  # type: ignore[misc]
    """An admin page without a way around the verbs: `create` and `update` call them, nothing is deleted.

    `fields_frozen(obj)` names what is shown and cannot be edited; `add_inline` makes a row that was typed into an inline.
    """

    actions = None
    list_fullwidth = True
    warn_unsaved_form = True
    show_full_result_count = False
    changeable = True

    def create(self, obj: Any, form: "forms.ModelForm[Any]", *, by: Actor) -> models.Model:
        """Call the verb for a new row; `obj` carries what was typed."""
        raise NotImplementedError

    def update(self, obj: Any, form: "forms.ModelForm[Any]", *, by: Actor) -> models.Model:
        """Call the verb for a changed row."""
        raise NotImplementedError

    def add_inline(self, parent: Any, row: Any, *, by: Actor) -> None:
        """Call the verb for a row typed into an inline."""
        raise NotImplementedError

    def remove_inline(self, parent: Any, row: Any, *, by: Actor) -> None:
        """Call the verb for a row taken out of an inline."""
        raise NotImplementedError

    def fields_frozen(self, obj: Any) -> tuple[str, ...]:
        """Fields that are shown only; `obj` is None on the page for a new row."""
        return ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What is always shown only, and what is frozen for this row."""
        return (*super().get_readonly_fields(request, obj), *self.fields_frozen(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """History is kept."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the role table says, where anything can change at all."""
        return self.changeable and bool(super().has_change_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: Any, form: "forms.ModelForm[Any]", change: bool) -> None:
        """Hand over to the verb and take its row for the page's own."""
        by = actors.of(request.user)
        if change and not form.changed_data:
            return
        row = self.update(obj, form, by=by) if change else self.create(obj, form, by=by)
        obj.__dict__.update(row.__dict__)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows of inlines are added, and where the inline allows it removed, by verbs."""
        formset.save(commit=False)
        for row in formset.deleted_objects:
            self.remove_inline(form.instance, row, by=actors.of(request.user))
        for row in formset.new_objects:
            self.add_inline(form.instance, row, by=actors.of(request.user))
        formset.changed_objects, formset.deleted_objects = [], []

    def namers(self) -> Mapping[str, Namer]:
        """Fields that hold references of somebody, with what tells their names: each once per page, however many rows it has."""
        own = [field.name for field in self.model._meta.fields if isinstance(field, models.CharField)]
        return {name: names.of for name in own if name == "by" or name.endswith("_by")}

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Show names in the list where its rows hold references."""
        found = super().get_changelist_instance(request)
        named = self._named(found.result_list, {name for name in found.list_display if isinstance(name, str)})
        found.list_display = [named.get(name, name) for name in found.list_display]
        found.sortable_by = [*(found.sortable_by or ()), *named.values()]
        return found

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show names on a row's page where it holds references that cannot be typed."""
        form = context["adminform"]
        named = self._named([context["original"]] if context.get("original") else [], set(form.readonly_fields))
        put(form, named)
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]

    def _named(self, rows: Iterable[Any], shown: set[str]) -> dict[str, Callable[[Any], object]]:
        found = {}
        for name, namer in self.namers().items():
            refs = {getattr(row, name) for row in rows} if name in shown else set()
            if known := namer(refs - {""}) if refs - {""} else {}:
                found[name] = column(self.model._meta.get_field(name), _name_of(name, known))
        return found

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The ledger is the history."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The ledger is the history."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the page; when a verb refuses, everything is rolled back and the form comes again with the reason."""
        try:
            with transaction.atomic():
                return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]
        except errors.Problem as problem:
            request.refused = problem  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> "type[forms.ModelForm[Any]]":
        """Let the form know what a verb refused."""
        base = super().get_form(request, obj, change=change, **kwargs)
        refused: errors.Problem | None = getattr(request, "refused", None)
        return _refusing(base, refused) if refused else base  # type: ignore[no-any-return]


class AppendInline(TabularInline):  # type: ignore[misc]
    """Rows that are added and then stay: an end is recorded on their own page."""

    extra = 0
    show_title = False
    show_change_link = False
    linked = True
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the rows that its fields point at."""
        shown = {name for name in self.fields or () if isinstance(name, str)}
        related = [field.name for field in self.model._meta.fields if field.is_relation and field.name in shown]
        rows = super().get_queryset(request)
        rows = rows if rows.ordered else rows.order_by("pk")
        return rows.select_related(*related) if related else rows

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The fields, and a link to the row's own page."""
        found = [name for name in super().get_fields(request, obj) if name != "page"]
        return [*found, *(["page"] if self.linked else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The link is shown only."""
        return (*super().get_readonly_fields(request, obj), *(["page"] if self.linked else []))

    def page(self, row: models.Model) -> str:
        """A link to the row's own page, where it is ended."""
        if row.pk is None:
            return ""
        opts = row._meta
        return format_html(
            '<a class="own-link" href="{}">Open</a>',
            reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]),
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What stands here stays."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What stands here stays."""
        return False


class ShownInline(AppendInline):
    """Rows that are shown with a link to their page."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They are made on their own page."""
        return False


class Confirm(BaseDialogForm):  # type: ignore[misc]
    """A dialog that asks nothing but yes: a change takes a POST, never a link."""


def column[F: Callable[[Any], object]](field: Any, shown: F) -> F:
    """Return a column that stands for a field, with its title and its order."""
    shown.__name__ = field.name
    shown.short_description = field.verbose_name.removesuffix(" ref")  # type: ignore[attr-defined]
    shown.admin_order_field = field.name  # type: ignore[attr-defined]
    return shown


def _name_of(field: str, known: Mapping[str, str]) -> Callable[[Any], object]:
    def shown(row: Any) -> str | None:
        ref = getattr(row, field)
        return known.get(ref, ref) or None

    return shown


def put(form: Any, columns: Mapping[str, Callable[[Any], object]]) -> None:
    """Show columns in the place of the fields of their names, on the page (`AdminForm`) of a row."""
    form.fieldsets = [
        (title, {**options, "fields": _placed(columns, options["fields"])}) for title, options in form.fieldsets
    ]
    form.readonly_fields = _placed(columns, form.readonly_fields)


def _placed(columns: Mapping[str, Any], fields: Iterable[Any]) -> list[Any]:
    in_a_row = (_placed(columns, each) if isinstance(each, (list, tuple)) else each for each in fields)
    return [columns.get(each, each) if isinstance(each, str) else each for each in in_a_row]


def _refusing(base: Any, problem: errors.Problem) -> Any:
    class Refused(base):  # type: ignore[misc]
        def clean(self) -> Any:
            data = super().clean()
            self.add_error(problem.where if problem.where in self.fields else None, sentence(problem))
            return data

    return Refused


def display[F: Callable[..., Any]](**options: Any) -> Callable[[F], F]:
    """Unfold's `display`, typed."""
    return decorators.display(**options)  # type: ignore[no-any-return]


def button[F: Callable[..., Any]](**options: Any) -> Callable[[F], F]:
    """Unfold's `action`, typed: a button on a row's page or in the list."""
    return decorators.action(**options)  # type: ignore[no-any-return]


def perform(
    page: VerbAdmin,
    request: HttpRequest,
    work: Callable[[Actor], object],
    *,
    done: str,
    object_id: str | None = None,
    back: str | None = None,
    onwards: Callable[[], str] | None = None,
) -> HttpResponse:
    """Run a verb behind a button, say what happened (or why not), and go `back`: to the row's page, or the list, unless told.

    `onwards` says where to go when it is done, where only that tells.
    """
    opts = page.model._meta
    name = f"admin:{opts.app_label}_{opts.model_name}_{'change' if object_id else 'changelist'}"
    own = reverse(name, args=[object_id] if object_id else [])
    try:
        work(actors.of(request.user))
    except errors.Problem as problem:
        messages.error(request, sentence(problem))
        url = own if back is None else request.headers.get("HX-Current-URL", own)
    else:
        messages.success(request, done)
        url = onwards() if onwards else back or own
    # The dialog posts by htmx: a plain redirect would be swapped into it.
    return (
        HttpResponse(headers={"HX-Redirect": url}) if request.headers.get("HX-Request") else HttpResponseRedirect(url)
    )


def sentence(problem: errors.Problem) -> str:
    """Return an error as a sentence for a page."""
    text = problem.detail + (f": {problem.remedy}" if problem.remedy else "")
    return f"{text[:1].upper()}{text[1:]}."
