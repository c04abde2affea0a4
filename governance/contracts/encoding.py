"""What a document says as values: its canonical content, and whether every clause can be read."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from consent import trees, vocabulary
from governance.contracts import readings
from governance.contracts.encoded import CLAUSE
from governance.contracts.models import Clause, CorrectedClause, Correction, Document
from governance.contracts.readings import Reading
from governance.contracts.states import State
from governance.parties.models import Party, PartyGroup, Product
from governance.policy import clauses as policy_clauses
from lineage import errors

MAX_DEPTH = 8


class Unreadable(errors.Unprocessable):
    """A clause that could not be applied: an unknown key, a bound out of range, a reference to nothing."""

    code = "unreadable-clause"


def check(clause: Clause | CorrectedClause) -> None:
    """Raise `Unreadable` (with clause number and place in the body) unless the clause can be applied as it stands."""
    plain(clause.body)
    # A correction says again what was agreed: a key that was retired since stays what it was.
    own = trees.sayable() if isinstance(clause, CorrectedClause) else trees.speakable()
    try:
        policy_clauses.parse(clause.kind, clause.body, own)
    except errors.Problem as error:
        where = "/".join(["body", *([error.where.strip("/")] if error.where else [])])
        raise Unreadable(
            f"clause {clause.number}: {error.detail}", where=where, clause=clause.ref, remedy=error.remedy
        ) from error
    _references(clause)
    _scope(clause)


def check_reading(reading: Reading) -> None:
    """The same for every clause of a document and for its statements of precedence."""
    for clause in reading.clauses:
        check(clause)
    for statement in reading.prevails:
        check_keys(statement.actions, statement.categories)


def check_keys(actions: Iterable[str], categories: Iterable[str]) -> None:
    """Raise `Unreadable` for a key that stands in no tree."""
    own = trees.speakable()
    for key in vocabulary.unknown(actions, vocabulary.is_action):
        raise Unreadable(f"there is no action {key!r}", where="actions")
    for key in vocabulary.unknown(categories, lambda key: vocabulary.is_category(key, own)):
        raise Unreadable(f"there is no category {key!r}", where="categories")


def content(reading: Reading) -> dict[str, Any]:
    """Everything that counts in the document as plain JSON values, in a stable order, without row ids."""
    document, head = reading.document, reading.head
    dates = {name: getattr(head, name) for name in ("signed_on", "effective_on", "expires_on")}
    names = ("title", "number", "renewal", "renewal_months", "notice_days", "file_digest")
    return {
        "ref": document.ref,
        "family": document.family.ref if document.family else None,
        "form": document.form.ref if document.form else None,
        "kind": document.kind,
        **{name: getattr(head, name) for name in names},
        **{name: value.isoformat() if value else None for name, value in dates.items()},
        "clauses": [clause_content(clause) for clause in reading.clauses],
        "repeals": list(reading.repeals),
        "prevails": [
            {"over": said.over, "actions": list(said.actions), "categories": list(said.categories)}
            for said in reading.prevails
        ],
    }


def clause_content(clause: Clause | CorrectedClause) -> dict[str, Any]:
    """The same for one clause."""
    return {name: getattr(clause, name) for name in ("ref", *CLAUSE)}


def plain(value: Any, depth: int = 0, *, where: str = "body") -> None:
    """Raise `Unreadable` for a value that no column can hold: null characters, huge numbers, endless nesting."""
    if depth > MAX_DEPTH:
        raise Unreadable("the body is nested too deeply", where=where)
    match value:
        case str() if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise Unreadable("a text holds a character that cannot be kept", where=where)
        case int() if abs(value) > 2**53:
            raise Unreadable("a number is out of range", where=where)
        case float():
            raise Unreadable('write a decimal as text, such as "0.5"', where=where)
        case Mapping():
            for key, inner in value.items():
                plain(key, depth + 1, where=where)
                plain(inner, depth + 1, where=where)
        case list():
            for inner in value:
                plain(inner, depth + 1, where=where)


def _references(clause: Clause | CorrectedClause) -> None:
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
    if offer and offer not in {each.ref for each in offers(*_place(clause))}:
        raise Unreadable(
            f"clause {clause.number}: there is no opt-in offer {offer!r} in this contract",
            where="body/offer",
            clause=clause.ref,
        )


def offers(document: Document, correction: Correction | None = None) -> list[Clause | CorrectedClause]:
    """Offers that a grant of this document may hang on: of its own family, or of its own text for a standard form."""
    found = [clause for each in _near(document) for clause in _reading(each, correction).clauses]
    return [clause for clause in found if clause.kind == Clause.Kind.OPT_IN_OFFER]


def _place(clause: Clause | CorrectedClause) -> tuple[Document, Correction | None]:
    if isinstance(clause, CorrectedClause):
        return clause.correction.document, clause.correction
    return clause.document, None


def _near(document: Document) -> list[Document]:
    rows = Document.objects.filter(pk=document.pk)
    if document.family is not None:
        rows = Document.objects.filter(Q(family=document.family) | Q(acceptances__family=document.family)).distinct()
    return list(readings.known(rows.exclude(state__in=[State.REJECTED, State.WITHDRAWN])).order_by("pk"))


def _reading(document: Document, correction: Correction | None) -> Reading:
    if correction is not None and correction.document_id == document.pk:
        return readings.corrected(document, correction)
    return readings.of(document)


def _party(ref: str) -> bool:
    return Party.objects.filter(ref=ref).exists() or PartyGroup.objects.filter(ref=ref).exists()


def _scope(clause: Clause | CorrectedClause) -> None:
    known = set(Product.objects.filter(key__in=clause.products).values_list("key", flat=True))
    for key in clause.products:
        if key not in known:
            raise Unreadable(
                f"clause {clause.number}: there is no product {key!r}", where="products", clause=clause.ref
            )
