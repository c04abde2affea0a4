"""Form fields for the bodies of clauses: one small table per kind, read both ways (body -> fields -> body)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from consent import trees
from governance.contracts import encoding
from governance.contracts.clause_references import References
from governance.contracts.models import Clause, Correction, Document
from governance.policy.clauses import deletion_term, grant, model_ownership, requirement, undertaking

type Owner = Document | Correction  # whose clause it is
Make = Callable[[Owner], forms.Field]


PREFIX = "says_"  # before the names of fields in forms: a grant's regions are not those of the clause's scope


@dataclass(frozen=True)
class Part:
    """One field of a form: `make` builds it, `write` turns its value into the body's, `read` the body's into an initial one."""

    name: str
    make: Make
    write: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value

    @property
    def field(self) -> str:
        """Its name in the form."""
        return PREFIX + self.name


def keys(
    name: str,
    label: str,
    known: Iterable[str],
    *,
    anything: bool = False,
    needed: bool = True,
    help_text: str = "",
) -> Part:
    """Keys of vocabulary trees, the vendor's own among them, with their words."""

    def choices() -> list[tuple[str, str]]:
        found = [(key, f"{key} – {words}") for key, words in trees.listed(*known).items()]
        return [("*", "* – anything"), *found] if anything else found

    return Part(
        name,
        lambda owner: forms.MultipleChoiceField(
            label=label, choices=choices, required=needed, help_text=help_text, widget=UnfoldAdminSelect2MultipleWidget
        ),
        read=lambda value: [trees.current(key) for key in value or []],
    )


def choice(name: str, label: str, words: Mapping[str, str], help_text: str = "") -> Part:
    """One of a few words."""
    return Part(
        name,
        lambda owner: forms.ChoiceField(
            label=label, choices=list(words.items()), help_text=help_text, widget=UnfoldAdminSelect2Widget
        ),
        read=lambda value: value.replace("_", "-") if isinstance(value, str) else value,
    )


def several(name: str, label: str, words: Mapping[str, str], help_text: str = "") -> Part:
    """Some of a few words."""
    return Part(
        name,
        lambda owner: forms.MultipleChoiceField(
            label=label,
            choices=list(words.items()),
            required=False,
            help_text=help_text,
            widget=UnfoldAdminSelect2MultipleWidget,
        ),
    )


def text(name: str, label: str, help_text: str = "", *, needed: bool = False, long: bool = False) -> Part:
    """A line, or a few of them."""
    widget = UnfoldAdminTextareaWidget if long else UnfoldAdminTextInputWidget
    return Part(name, lambda owner: forms.CharField(label=label, required=needed, help_text=help_text, widget=widget))


def number(name: str, label: str, help_text: str = "", *, least: int = 1) -> Part:
    """A whole number."""
    return Part(
        name,
        lambda owner: forms.IntegerField(
            label=label, required=False, min_value=least, help_text=help_text, widget=UnfoldAdminIntegerFieldWidget
        ),
    )


def flag(name: str, label: str, help_text: str = "") -> Part:
    """Yes or no."""
    return Part(
        name,
        lambda owner: forms.BooleanField(
            label=label, required=False, help_text=help_text, widget=UnfoldBooleanSwitchWidget
        ),
    )


def day(name: str, label: str, help_text: str = "") -> Part:
    """A date; 00:00 UTC of it."""
    return Part(
        name,
        lambda owner: forms.DateField(
            label=label, required=False, help_text=help_text, widget=UnfoldAdminSingleDateWidget
        ),
        write=lambda value: value.isoformat() if value else None,
    )


def lines(name: str, label: str, help_text: str = "") -> Part:
    """Texts, separated by commas."""
    return Part(
        name,
        lambda owner: forms.CharField(
            label=label, required=False, help_text=help_text, widget=UnfoldAdminTextInputWidget
        ),
        write=lambda value: [item.strip() for item in value.split(",") if item.strip()],
        read=lambda value: ", ".join(value or []),
    )


def rows(name: str, label: str, kind: str, help_text: str = "") -> Part:
    """References to parties or groups, shown by their names."""
    return Part(name, lambda owner: References(kind, label=label, required=False, help_text=help_text))


def _offers(owner: Owner) -> list[tuple[str, str]]:
    found = encoding.offers(owner.document, owner) if isinstance(owner, Correction) else encoding.offers(owner)
    return [("", "no opt-in needed"), *((each.ref, f"{each} · {each.document}") for each in found)]


def _titles(words: Iterable[str]) -> dict[str, str]:
    return {word: word.replace("-", " ") for word in words}


ACTIONS, CONTRACT, PERSONAL, PURPOSES = ("actions", "contract", "personal", "purposes")
_NONE_IS_ANY = "None: anything."

PARTS: dict[str, tuple[Part, ...]] = {
    Clause.Kind.TRAINING_POSITION: (
        choice(
            "position",
            "What the document says about training",
            {"prohibited": "prohibited", "silent": "silent: it says nothing", "negotiated": "negotiated: what has been agreed counts"},
            "Of several positions in a contract the strictest counts. It permits nothing by itself.",
        ),
    ),
    Clause.Kind.GRANT: (
        keys("actions", "Permitted actions", [ACTIONS]),
        keys("categories", "With these categories of data", [CONTRACT], help_text="A category covers what lies below it."),
        keys("purposes", "For these purposes", [PURPOSES], anything=True),
        choice("basis", "On which basis", _titles(grant.BASES), "An accepted use names its signatory and has an end."),
        Part("offer", lambda owner: forms.ChoiceField(label="While this opt-in is active", choices=_offers(owner), required=False, widget=UnfoldAdminSelect2Widget)),
        day("until", "Until", "First day on which it no longer holds."),
        flag("customer_only", "Only for a model or improvement that serves this customer alone"),
        rows("recipients", "Recipients", "party", "None: we ourselves only."),
        lines("regions", "Regions where the work is done", "Separated by commas. None: any."),
        number("max_retention_days", "Kept at most, in days"),
        text("signatory", "Signatory", "Who accepted the use, for the customer."),
    ),
    Clause.Kind.PROHIBITION: (
        keys("actions", "Forbidden actions", [ACTIONS], anything=True),
        keys("categories", "With these categories", [CONTRACT, PERSONAL], anything=True, needed=False, help_text=_NONE_IS_ANY),
        keys("purposes", "For these purposes", [PURPOSES], anything=True, needed=False, help_text=_NONE_IS_ANY),
    ),
    Clause.Kind.PARTY_RESTRICTION: (
        rows("parties", "These parties", "party", "May not receive the data, be served by the model, or take it over."),
        rows("groups", "Everyone in these groups", "group", "Who belongs to a group is asked anew for each decision."),
    ),
    Clause.Kind.OPT_IN_OFFER: (
        text("discount", "What is paid for the opt-in", "In the words of the contract, such as: 8 % of the fees", needed=True),
        text("terms", "Further terms", long=True),
    ),
    Clause.Kind.DELETION_TERM: (
        choice("trigger", "After which event", _titles(deletion_term.TRIGGERS)),
        number("deadline_days", "Within how many days", least=0),
        several(
            "scope",
            "What must go",
            {"source": "the data themselves", "derived": "whatever was derived", "training": "copies made for training", "models": "models trained on them"},
            "None: all of it.",
        ),
        text("method", "By which method", "Such as NIST SP 800-88 purge."),
        several("keep_derivatives", "Derivatives that may stay", _titles(deletion_term.DERIVATIVES)),
        flag("keep_models", "Trained models may be kept"),
        flag("certificate", "A certificate is owed"),
        flag("third_party_audit", "A third party audits the deletion"),
    ),
    Clause.Kind.UNENCODED_TERM: (
        keys("actions", "May concern these actions", [ACTIONS], anything=True, needed=False, help_text="None: every action is in doubt."),
        keys("categories", "May concern these categories", [CONTRACT, PERSONAL], anything=True, needed=False, help_text="None: all data of the customer are in doubt."),
        text("note", "What it is about", long=True),
    ),
    Clause.Kind.MODEL_OWNERSHIP: (choice("owner", "Models belong to", _titles(model_ownership.OWNERS)),),
    Clause.Kind.RETENTION_LIMIT: (number("days", "Training copies live at most, in days"),),
    Clause.Kind.UNDERTAKING: (
        choice("duty", "What is promised", _titles(undertaking.DUTIES)),
        keys("actions", "For these actions", [ACTIONS], anything=True, needed=False, help_text=_NONE_IS_ANY),
        number("days", "Days before", "For a notice."),
        text("technique", "Technique", "Federated, homomorphic, enclave."),
        text("words", "In the words of the contract", long=True),
    ),
    Clause.Kind.AUDIT_RIGHT: (
        text("by", "Who may audit", needed=True),
        text("what", "What", needed=True),
        number("notice_days", "With how many days' notice", least=0),
    ),
}  # fmt: skip

_KNOWN = {
    "": "not required",
    "declared": "required, declared by two persons",
    "measured": "required, measured by us",
    "claimed": "required, a claim will do",
}
_BOUNDS = {"k": "k at least", "n": "People per group, at least", "c": "Customers per group, at least"}


def safeguard_parts() -> list[tuple[str, list[Part]]]:
    """Fields for the safeguards of a grant, by safeguard: whether and how it must be known, its bounds and standard."""
    return [(kind, list(_safeguard(kind))) for kind in requirement.SAFEGUARDS]


def bounds() -> list[str]:
    """Names of the form's fields for bounds and standards."""
    return [part.field for _, parts in safeguard_parts() for part in parts if not part.name.endswith("__known")]


def _safeguard(kind: str) -> Iterable[Part]:
    known = {word: title for word, title in _KNOWN.items() if not (kind == "anonymised" and word == "measured")}
    yield Part(
        f"{kind}__known",
        lambda owner: forms.ChoiceField(
            label=kind.capitalize() if kind != "dp" else "Differentially private",
            choices=list(known.items()),
            required=False,
            widget=UnfoldAdminSelect2Widget,
        ),
    )
    for bound in sorted(requirement.BOUNDS.get(kind, ()), reverse=True):
        if bound == "epsilon":
            yield text(f"{kind}__epsilon", "Epsilon at most")
        else:
            yield number(f"{kind}__{bound}", _BOUNDS[bound], least=2 if bound == "k" else 1)
    if kind == "deidentified":
        yield text(
            f"{kind}__standard", "By the standard", "Such as HIPAA safe harbour; none: the contract's own words."
        )


def initial(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the initial values of the fields for a body."""
    found = {part.field: part.read(body[part.name]) for part in PARTS[kind] if part.name in body}
    for needed in body.get("safeguards") or []:
        given = {"kind": needed} if isinstance(needed, str) else needed
        name = given["kind"]
        found[f"{PREFIX}{name}__known"] = given.get("known", "declared")
        found |= {f"{PREFIX}{name}__{key}": value for key, value in given.items() if key not in {"kind", "known"}}
    return found


def body(kind: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that the fields say; what was left empty is left out."""
    found = {part.name: part.write(cleaned.get(part.field)) for part in PARTS[kind]}
    result = {name: value for name, value in found.items() if not _empty(value)}
    safeguards = [_required(name, cleaned) for name in requirement.SAFEGUARDS if cleaned.get(f"{PREFIX}{name}__known")]
    return result | ({"safeguards": safeguards} if safeguards and kind == Clause.Kind.GRANT else {})


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [])


def shows_all(kind: str, given: Mapping[str, Any]) -> bool:
    """Say whether the fields can say everything that the body says; where not, it is edited as JSON."""
    names = [part.name for part in PARTS[kind]]
    if set(given) - {*names, "safeguards"}:
        return False
    if len(str(given.get("until") or "")) > len("2027-12-31"):
        return False
    parts = {part.name for _, parts in safeguard_parts() for part in parts}
    needed = given.get("safeguards") or []
    kinds = [each if isinstance(each, str) else each.get("kind") for each in needed]
    details = {f"{each['kind']}__{key}" for each in needed if isinstance(each, dict) for key in each if key != "kind"}
    return len(set(kinds)) == len(kinds) and details <= parts | {f"{name}__known" for name in kinds}


def _required(name: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    given = {"known": cleaned[f"{PREFIX}{name}__known"]}
    for key in ("standard", "k", "n", "c", "epsilon"):
        value = cleaned.get(f"{PREFIX}{name}__{key}")
        if not _empty(value):
            given[key] = value
    return {"kind": name, **given}
