"""The form of a clause: what stands in the signed text, what it means (fields by kind), where it holds."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelect2MultipleWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from governance.contracts import clause_fields, encoding, meaning
from governance.contracts.models import Clause, CorrectedClause, Correction, Document
from governance.parties.models import Product
from lineage import errors

WORDS = ("number", "title", "page", "passage")
PLACES = ("products", "environments", "regions")
ABOUT: dict[str, str] = {
    Clause.Kind.TRAINING_POSITION: "What a document says about training as such. It names the reason where nothing is permitted.",
    Clause.Kind.GRANT: "A permission. It must cover what is asked: actions, categories and purposes, each at least as broad.",
    Clause.Kind.PROHIBITION: "A ban. It need only touch what is asked, and wins over every permission that does not expressly prevail.",
    Clause.Kind.PARTY_RESTRICTION: "Who may not receive the data, be served by a model made of them, or take it over.",
    Clause.Kind.OPT_IN_OFFER: "What is paid while the customer opts in. Grants name the offer that they hang on.",
    Clause.Kind.DELETION_TERM: "What must be deleted after which event, by when. The strictest term that counts gives the deadline.",
    Clause.Kind.UNENCODED_TERM: "Text that nobody has encoded yet. While it counts, what it may concern is refused.",
    Clause.Kind.MODEL_OWNERSHIP: "Whose models are. To serve or assign them beyond the owner's circle takes the owner's release.",
    Clause.Kind.RETENTION_LIMIT: "How long copies made for training may live after their release.",
    Clause.Kind.UNDERTAKING: "A duty that travels with the permission and stands in the permit.",
    Clause.Kind.AUDIT_RIGHT: "Who may audit what. Decisions do not read it; the audit pages do.",
}  # fmt: skip


class ClauseForm(forms.ModelForm):  # type: ignore[type-arg]
    """Fields common to all kinds; `of_kind` adds those of one."""

    kind: str = Clause.Kind.UNENCODED_TERM
    owner: Document | Correction
    raw = False

    products = forms.MultipleChoiceField(
        required=False, widget=UnfoldAdminSelect2MultipleWidget, help_text="Only data of these products. None: any."
    )
    environments = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as production. Separated by commas; none: any.",
    )
    regions = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget, help_text="Of the data. Separated by commas; none: any."
    )

    class Meta:
        model = Clause
        fields = (*WORDS, *PLACES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "products" not in self.fields:  # a page that only shows
            return
        self.fields["products"].choices = [(each.key, str(each)) for each in Product.objects.all()]  # type: ignore[attr-defined]
        for name in ("environments", "regions"):
            self.initial[name] = ", ".join(getattr(self.instance, name))
        self.initial.update({} if self.raw else clause_fields.initial(self.kind, self.instance.body))
        self.initial["raw_body"] = self.instance.body

    def clean_environments(self) -> list[str]:
        """Texts, separated by commas."""
        return _split(self.cleaned_data["environments"])

    def clean_regions(self) -> list[str]:
        """Texts, separated by commas."""
        return _split(self.cleaned_data["regions"])

    def clean(self) -> Any:
        """Read the body as the engine will, and say at the right field what it cannot read."""
        data = super().clean() or {}
        if self.errors:
            return data
        body = data.get("raw_body") if self.raw else clause_fields.body(self.kind, data)
        data["body"] = body
        try:
            encoding.plain(body)
            meaning.of(self.kind, body if isinstance(body, dict) else {})
        except errors.Problem as problem:
            self.add_error(self._field(problem.where), problem.detail)
        return data

    def _field(self, where: str) -> str | None:
        name = where.rsplit("/", maxsplit=1)[-1]
        return next((field for field in (f"{clause_fields.PREFIX}{name}", "raw_body") if field in self.fields), None)


def of_kind(kind: str, owner: Document | Correction, body: dict[str, Any]) -> type[ClauseForm]:
    """Return the form for a clause of this kind in a document (or its correction); a body that the fields cannot show is edited as JSON."""
    raw = not clause_fields.shows_all(kind, body)
    model = Clause if isinstance(owner, Document) else CorrectedClause
    meta = type("Meta", (ClauseForm.Meta,), {"model": model})
    members: dict[str, Any] = {"kind": kind, "owner": owner, "raw": raw, "Meta": meta}
    if raw:
        members["raw_body"] = forms.JSONField(
            label="Encoding (JSON)",
            widget=UnfoldAdminTextareaWidget,
            help_text="This encoding says more than the fields of the form can show.",
        )
    else:
        members |= {part.field: part.make(owner) for part in _parts(kind)}
    return type("ClauseFormOfKind", (ClauseForm,), members)


def fieldsets(kind: str, *, raw: bool) -> list[tuple[str | None, dict[str, Any]]]:
    """Return the page's fieldsets: the words, the meaning, the safeguards of a grant, the scope."""
    title = Clause.Kind(kind).label.capitalize()
    means = ["raw_body"] if raw else [part.field for part in clause_fields.PARTS[kind]]
    sets: list[tuple[str | None, dict[str, Any]]] = [
        ("The signed text", {"fields": [("number", "title", "page"), "passage"]}),
        (f"What it means: {title}", {"fields": means, "description": ABOUT[kind]}),
    ]
    if kind == Clause.Kind.GRANT and not raw:
        rows = [tuple(part.field for part in parts) for _, parts in clause_fields.safeguard_parts()]
        about = "Only once the data have these safeguards; what is missing becomes a duty in the plan."
        sets.append(("Safeguards", {"fields": rows, "description": about}))
    sets.append(
        (
            "Only for data of",
            {"fields": [PLACES], "description": "A scoped permission never reaches outside its scope."},
        )
    )
    return sets


def _parts(kind: str) -> list[clause_fields.Part]:
    safeguards = [part for _, parts in clause_fields.safeguard_parts() for part in parts]
    return [*clause_fields.PARTS[kind], *(safeguards if kind == Clause.Kind.GRANT else [])]


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
