"""What a document says as values: its canonical content, and whether every clause can be read."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from consent import vocabulary
from governance.contracts.models import Clause, Document
from governance.parties.models import Party, PartyGroup, Product
from governance.policy import clauses as policy_clauses
from lineage import errors

MAX_DEPTH = 8


class Unreadable(errors.Unprocessable):
    """A clause that could not be applied: an unknown key, a bound out of range, a reference to nothing."""

    code = "unreadable-clause"


def check(clause: Clause) -> None:
    """Raise `Unreadable` (with clause number and place in the body) unless the clause can be applied as it stands."""
    plain(clause.body)
    try:
        policy_clauses.parse(clause.kind, clause.body)
    except errors.Problem as error:
        where = "/".join(["body", *([error.where.strip("/")] if error.where else [])])
        raise Unreadable(
            f"clause {clause.number}: {error.detail}", where=where, clause=clause.ref, remedy=error.remedy
        ) from error
    _references(clause)
    _scope(clause)


def check_document(document: Document) -> None:
    """The same for every clause of the document and for its statements of precedence."""
    for clause in document.clauses.all():
        check(clause)
    for statement in document.prevails.all():
        check_keys(statement.actions, statement.categories)


def check_keys(actions: Iterable[str], categories: Iterable[str]) -> None:
    """Raise `Unreadable` for a key that stands in no tree."""
    for key in vocabulary.unknown(actions, vocabulary.is_action):
        raise Unreadable(f"there is no action {key!r}", where="actions")
    for key in vocabulary.unknown(categories, vocabulary.is_category):
        raise Unreadable(f"there is no category {key!r}", where="categories")


def content(document: Document) -> dict[str, Any]:
    """Everything that counts in the document as plain JSON values, in a stable order, without row ids."""
    dates = {name: getattr(document, name) for name in ("signed_on", "effective_on", "expires_on")}
    return {
        "ref": document.ref,
        "family": document.family.ref if document.family else None,
        "form": document.form.ref if document.form else None,
        **{
            name: getattr(document, name)
            for name in ("kind", "title", "number", "renewal", "renewal_months", "notice_days", "file_digest")
        },
        **{name: value.isoformat() if value else None for name, value in dates.items()},
        "clauses": [clause_content(clause) for clause in document.clauses.all()],
        "repeals": sorted(document.repeals.values_list("clause__ref", flat=True)),
        "prevails": sorted(
            (
                {
                    "over": statement.over.ref,
                    "actions": sorted(statement.actions),
                    "categories": sorted(statement.categories),
                }
                for statement in document.prevails.select_related("over")
            ),
            key=lambda each: (each["over"], each["actions"], each["categories"]),
        ),
    }


def clause_content(clause: Clause) -> dict[str, Any]:
    """The same for one clause."""
    names = ("ref", "number", "title", "passage", "page", "kind", "body", "products", "environments", "regions")
    return {name: getattr(clause, name) for name in names}


def plain(value: Any, depth: int = 0) -> None:
    """Raise `Unreadable` for a body that no column can hold: null characters, huge numbers, endless nesting."""
    if depth > MAX_DEPTH:
        raise Unreadable("the body is nested too deeply", where="body")
    match value:
        case str() if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise Unreadable("a text holds a character that cannot be kept", where="body")
        case int() if abs(value) > 2**53:
            raise Unreadable("a number is out of range", where="body")
        case float():
            raise Unreadable('write a decimal as text, such as "0.5"', where="body")
        case Mapping():
            for key, inner in value.items():
                plain(key, depth + 1)
                plain(inner, depth + 1)
        case list():
            for inner in value:
                plain(inner, depth + 1)


def _references(clause: Clause) -> None:
    """Parties, groups and offers that a body names must be there; an offer, in the same family."""
    body = clause.body
    for ref in [*(body.get("parties") or []), *(body.get("recipients") or [])]:
        if not _party(ref):
            raise Unreadable(
                f"clause {clause.number}: there is no party or group {ref!r}", where="body/parties", clause=clause.ref
            )
    for ref in body.get("groups") or []:
        if not PartyGroup.objects.filter(ref=ref).exists():
            raise Unreadable(
                f"clause {clause.number}: there is no party group {ref!r}", where="body/groups", clause=clause.ref
            )
    offer = body.get("offer")
    if offer and offer not in offers(clause.document).values_list("ref", flat=True):
        raise Unreadable(
            f"clause {clause.number}: there is no opt-in offer {offer!r} in this contract",
            where="body/offer",
            clause=clause.ref,
        )


def offers(document: Document) -> QuerySet[Clause]:
    """Offers that a grant of this document may hang on: of its own family, or of its own text for a standard form."""
    found = Clause.objects.filter(kind=Clause.Kind.OPT_IN_OFFER)
    if document.family is None:
        return found.filter(document=document)
    return found.filter(
        Q(document__family=document.family) | Q(document__acceptances__family=document.family)
    ).distinct()


def _party(ref: str) -> bool:
    return Party.objects.filter(ref=ref).exists() or PartyGroup.objects.filter(ref=ref).exists()


def _scope(clause: Clause) -> None:
    known = set(Product.objects.filter(key__in=clause.products).values_list("key", flat=True))
    for key in clause.products:
        if key not in known:
            raise Unreadable(
                f"clause {clause.number}: there is no product {key!r}", where="products", clause=clause.ref
            )
