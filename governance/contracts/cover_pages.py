"""Import a filled cover page of an AI addendum: a draft with a clause per field, and a report that is kept with it."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from consent import trees, vocabulary
from governance.access.actors import Actor
from governance.contracts import addendum, clauses, documents, encoding, meaning, readings
from governance.contracts.addendum import Page
from governance.contracts.import_models import Import
from governance.contracts.models import ContractFamily, Document
from governance.contracts.states import State
from governance.policy import canonical
from governance.policy import clauses as policy_clauses
from governance.policy.clauses import Grant
from lineage import errors
from lineage.journal import entries

LARGEST, MOST_FIELDS, LONGEST_VALUE, LONGEST_NAME = 200_000, 200, 20_000, 200
TITLE = "AI addendum, from its cover page"


class BadPage(errors.Unprocessable):
    """What was handed in is no filled cover page; `where` names the field or the line."""

    code = "bad-cover-page"


@dataclass(frozen=True)
class Imported:
    """The draft that a page became, and the row that keeps its report."""

    document: Document
    row: Import

    @property
    def report(self) -> dict[str, Any]:
        """What stands in the report."""
        return dict(self.row.report)


def parse(text: str) -> list[tuple[str, Any]]:
    """Return the fields of a page written as JSON (an object) or CSV (lines of field and value), twice where one stands twice.

    Raises `BadPage`, and `TooLarge` above 200 kB.
    """
    if len(text.encode(errors="replace")) > LARGEST:
        raise errors.TooLarge(f"a cover page has at most {LARGEST:,} bytes", code="cover-page-too-large")
    pairs = _json(text) if text.lstrip()[:1] in ("{", "[") else _csv(text)
    return checked(pairs)


def checked(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[str, Any]]:
    """Return fields and values that can be kept as they are; raises `BadPage` with the field."""
    found = [(name.strip() if isinstance(name, str) else name, value) for name, value in pairs]
    if not found or len(found) > MOST_FIELDS:
        raise BadPage(f"a cover page has 1 to {MOST_FIELDS} fields")
    for name, value in found:
        if not isinstance(name, str) or not name or len(name) > LONGEST_NAME:
            raise BadPage(f"a field has a name of 1 to {LONGEST_NAME} characters", where="field")
        if not isinstance(value, str | bool | int | None) or len(str(value)) > LONGEST_VALUE:
            raise BadPage(f"a value is yes, no or up to {LONGEST_VALUE:,} characters of text", where=name[:60])
        encoding.plain([name, value])
    return found


@transaction.atomic
def take(
    family: ContractFamily, pairs: Iterable[tuple[str, Any]], *, purposes: Iterable[str] = (), by: Actor, **fields: Any
) -> Imported:
    """Draft the addendum that a page amounts to; `fields` are those of a document. A second person approves it like any other draft."""
    given, wanted = checked(pairs), sorted(set(purposes))
    own = trees.speakable()
    for key in vocabulary.unknown(wanted, lambda key: vocabulary.is_purpose(key, own)):
        raise errors.Unprocessable(f"there is no purpose {key!r}", code="unknown-purpose", where="purposes")
    page = addendum.read(given, purposes=wanted, improve_is_ours=not _improves(family))
    said = {"title": TITLE, **fields, "kind": Document.Kind.AI_ADDENDUM}
    document = documents.draft(family, by=by, **said)
    for proposed in page.clauses:
        clauses.add(document, by=by, **asdict(proposed))
    digest = hashlib.sha256(
        canonical.text({"fields": sorted([name, addendum.text(value)] for name, value in given)}).encode()
    )
    row = Import.objects.create(
        kind=Import.Kind.COVER_PAGE,
        family=family,
        document=document,
        digest=digest.hexdigest(),
        report=_report(document, page, wanted),
        imported_by=by.ref,
    )
    about = [row.ref, document.ref, family.ref]
    entries.record(
        "cover-page-imported", {"import": row.ref, "document": document.ref, "page": row.digest}, by=by.ref, about=about
    )
    return Imported(document, row)


def template() -> str:
    """Return an empty page as CSV, to be filled in."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["field", "value"])
    writer.writerows([name, ""] for name in addendum.FIELDS)
    return out.getvalue()


def _improves(family: ContractFamily) -> bool:
    """Say whether a document of the contract, a draft too, grants to improve without binding it to this customer."""
    given_up = (State.REJECTED, State.WITHDRAWN)
    for document in family.documents.exclude(state__in=given_up).select_related("form"):
        for each in (document, *([document.form] if document.form else [])):
            for clause in readings.of(each).clauses:
                term = _read(clause.kind, clause.body)
                if clause.kind == "Grant" and (term is None or _is_broad(term)):
                    return True
    return False


def _is_broad(term: Grant) -> bool:
    return any(vocabulary.touches(action, "improve") for action in term.actions) and not term.customer_only


def _read(kind: str, body: Any) -> Grant | None:
    try:
        term = policy_clauses.parse(kind, body, trees.sayable())
    except errors.Problem:
        return None
    return term if isinstance(term, Grant) else None


def _report(document: Document, page: Page, purposes: list[str]) -> dict[str, Any]:
    rows = document.clauses.all()
    return {
        "clauses": [
            {
                "clause": row.ref,
                "field": row.number,
                "kind": row.kind,
                "quote": row.passage,
                "meaning": meaning.sentence(row),
            }
            for row in rows
        ],
        "grants": sum(row.kind == "Grant" for row in rows),
        "purposes": purposes,
        "contradictions": [
            {"fields": list(each.fields), "quotes": list(each.quotes), "outcome": each.outcome}
            for each in page.contradictions
        ],
        "unencoded": page.unencoded,
        "unknown": page.unknown,
        "unreadable": page.unreadable,
        "missing": page.missing,
        "notes": page.notes,
    }


def _json(text: str) -> list[tuple[Any, Any]]:
    try:
        # The outermost object is read last: its pairs are what remains.
        found = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise BadPage("this is no JSON that can be read") from error
    if not isinstance(found, _Pairs):
        raise BadPage("a cover page in JSON is one object, field by field")
    return list(found)


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in their order, each as often as it stands there."""


def _csv(text: str) -> list[tuple[str, str]]:
    try:
        lines = [line for line in csv.reader(io.StringIO(text.lstrip("\ufeff")), strict=True) if any(line)]
    except csv.Error as error:
        raise BadPage("this is no CSV that can be read: is a quote left open?") from error
    for number, line in enumerate(lines, 1):
        if len(line) != 2:
            raise BadPage(
                "each line has a field and its value",
                where=f"line {number}",
                remedy='quote a value that has commas: "a, b"',
            )
    pairs = [(line[0], line[1]) for line in lines]
    return pairs[1:] if pairs and [word.strip().lower() for word in pairs[0]] == ["field", "value"] else pairs


def fields() -> list[Mapping[str, Any]]:
    """Return the fields of the page with what each does."""
    return [
        {"field": name, "title": one.title, "type": "text" if one.is_text else "boolean", "does": str(one.says)}
        for name, one in addendum.FIELDS.items()
    ]
