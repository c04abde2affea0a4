"""What one reading of a document says otherwise than another, in sentences that a second person can compare with the signed text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from governance.contracts import meaning
from governance.contracts.encoded import HEAD, EncodedHead
from governance.contracts.models import Clause, CorrectedClause, Document
from governance.contracts.readings import Reading
from governance.policy import values

_WORDS = {
    "title": "title", "number": "reference number", "signed_on": "signed on", "effective_on": "counts from", "expires_on": "counts until",
    "renewal": "renewal", "renewal_months": "months by which it renews", "notice_days": "days of notice", "file_name": "signed file",
    "file_digest": "SHA-256 of the signed file",
}  # fmt: skip
_CLAUSE_WORDS = {"number": "number", "title": "title", "page": "page", "passage": "quoted passage"}
_MEANS = ("kind", "body", "products", "environments", "regions")
NOTHING = "–"


@dataclass(frozen=True)
class Difference:
    """One thing that reads otherwise; `clause` is the reference of the clause it is in, if it is in one."""

    what: str
    before: str
    after: str
    clause: str = ""


def between(before: Reading, after: Reading) -> tuple[Difference, ...]:
    """Return every difference, in the order of a document: its dates, its clauses, what it says of other documents."""
    return (*_head(before, after), *_clauses(before, after), *_repeals(before, after), *_precedence(before, after))


def _head(before: Reading, after: Reading) -> Iterator[Difference]:
    for name in HEAD:
        old, new = getattr(before.head, name), getattr(after.head, name)
        if old != new:
            yield Difference(_WORDS[name], _value(name, old), _value(name, new))


def _value(name: str, value: object) -> str:
    if isinstance(value, date):
        return f"{value:%-d %B %Y}"
    return str(EncodedHead.Renewal(str(value)).label) if name == "renewal" else _said(value)


def _clauses(before: Reading, after: Reading) -> Iterator[Difference]:
    old = {clause.ref: clause for clause in before.clauses}
    new = {clause.ref: clause for clause in after.clauses}
    for ref in [*old, *(ref for ref in new if ref not in old)]:
        yield from _clause(ref, old.get(ref), new.get(ref))


def _clause(
    ref: str, old: Clause | CorrectedClause | None, new: Clause | CorrectedClause | None
) -> Iterator[Difference]:
    if old is None and new is not None:
        yield Difference(f"clause {new.number}, which was forgotten", NOTHING, _whole(new), ref)
    elif new is None and old is not None:
        yield Difference(f"clause {old.number}, which was never there", _whole(old), NOTHING, ref)
    elif old is not None and new is not None:
        if any(getattr(old, name) != getattr(new, name) for name in _MEANS):
            yield Difference(f"clause {new.number}", meaning.sentence(old), meaning.sentence(new), ref)
        for name, words in _CLAUSE_WORDS.items():
            if getattr(old, name) != getattr(new, name):
                yield Difference(
                    f"clause {new.number}, {words}", _said(getattr(old, name)), _said(getattr(new, name)), ref
                )


def _whole(clause: Clause | CorrectedClause) -> str:
    return f"{meaning.sentence(clause)} “{clause.passage}”"


def _repeals(before: Reading, after: Reading) -> Iterator[Difference]:
    if before.repeals != after.repeals:
        yield Difference("repeals", _listed(before.repeals), _listed(after.repeals))


def _listed(refs: tuple[str, ...]) -> str:
    rows = Clause.objects.filter(ref__in=refs).select_related("document").order_by("document", "position")
    return _said("; ".join(f"{row} of {row.document}" for row in rows))


def _precedence(before: Reading, after: Reading) -> Iterator[Difference]:
    if before.prevails != after.prevails:
        yield Difference("prevails", _stated(before.prevails), _stated(after.prevails))


def _stated(said: tuple[values.Prevails, ...]) -> str:
    titles = {row.ref: str(row) for row in Document.objects.filter(ref__in=[each.over for each in said])}
    return _said(
        "; ".join(
            f"over {titles.get(each.over, each.over)} for {', '.join(each.actions)} with {', '.join(each.categories)}"
            for each in said
        )
    )


def _said(value: object) -> str:
    return NOTHING if value in (None, "") else str(value)
