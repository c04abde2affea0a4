"""A form field for references to parties or groups, of which there may be very many: it holds what was chosen and looks up what is typed."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse_lazy
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from governance.parties.models import Party, PartyGroup

KINDS: dict[str, type[Party] | type[PartyGroup]] = {"party": Party, "group": PartyGroup}
PAGE = 20


class Chosen(UnfoldAdminSelect2MultipleWidget):  # type: ignore[misc]
    """A list of what was chosen, however much could be."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        address = reverse_lazy("admin:contracts_clause_named", args=[kind])
        super().__init__(attrs={"data-ajax--url": address, "data-ajax--delay": "150"})

    def optgroups(self, name: str, value: list[Any], attrs: Any = None) -> list[Any]:
        """Only what was chosen is an option: the others come when somebody types."""
        self.choices = _named(self.kind, value)
        return super().optgroups(name, value, attrs)  # type: ignore[no-any-return]


class References(forms.MultipleChoiceField):
    """References of a kind (`party`, `group`), shown by their names."""

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        super().__init__(widget=Chosen(kind), **options)

    def validate(self, value: list[str]) -> None:
        """Each must be there."""
        forms.Field.validate(self, value)
        known = {ref for ref, _ in _named(self.kind, value)}
        if unknown := next((ref for ref in value if ref not in known), None):
            raise ValidationError(self.error_messages["invalid_choice"], "invalid_choice", {"value": unknown})


def lookup(request: HttpRequest, kind: str, *, may: bool) -> JsonResponse:
    """Answer what a select asks for while one types: `term` and `page` in, names in their order out."""
    if kind not in KINDS:
        raise Http404
    if not may:
        raise PermissionDenied
    term, page = request.GET.get("term", ""), request.GET.get("page", "")
    start = PAGE * (int(page) - 1) if page.isdecimal() and 0 < len(page) < 6 and int(page) else 0
    found = _rows(kind).filter(name__icontains=term).order_by("name", "ref")[start : start + PAGE + 1]
    shown = [{"id": ref, "text": name} for ref, name in found.values_list("ref", "name")]
    return JsonResponse({"results": shown[:PAGE], "pagination": {"more": len(shown) > PAGE}})


def _named(kind: str, refs: list[Any]) -> list[tuple[str, str]]:
    wanted = [str(ref) for ref in refs if ref and "\0" not in str(ref)]
    return list(_rows(kind).filter(ref__in=wanted).order_by("name", "ref").values_list("ref", "name")) if wanted else []


def _rows(kind: str) -> QuerySet[Any]:
    return KINDS[kind]._default_manager.all()
