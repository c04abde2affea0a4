"""Clauses of drafts: added, changed, removed; what a document repeals and prevails over."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max

from governance.access.actors import Actor
from governance.contracts import documents, encoding, may
from governance.contracts.encoded import CLAUSE
from governance.contracts.models import Clause, CorrectedClause, Document, Prevails, Repeal
from lineage import errors
from lineage.journal import entries


@transaction.atomic
def add(
    document: Document,
    *,
    number: str,
    passage: str,
    by: Actor,
    kind: str = Clause.Kind.UNENCODED_TERM,
    body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Clause:
    """Add a clause to a draft. Text alone is always taken, as an unencoded term; raises `encoding.Unreadable` for a body that is not."""
    may.draft(by)
    row = documents.writing(document, by=by)
    last = row.clauses.aggregate(last=Max("position"))["last"] or 0
    clause = Clause(document=row, position=last + 1)
    fill(clause, {"number": number, "passage": passage, "kind": kind, "body": dict(body or {}), **fields})
    clause.save()
    encoding.check(clause)
    _record("clause-drafted", row, by=by, clause=clause.ref)
    return clause


@transaction.atomic
def change(clause: Clause, *, by: Actor, **fields: Any) -> Clause:
    """Change a clause of a draft."""
    may.draft(by)
    row = documents.writing(clause.document, by=by)
    fill(clause, fields)
    clause.save()
    encoding.check(clause)
    _record("clause-changed", row, by=by, clause=clause.ref)
    return clause


@transaction.atomic
def remove(clause: Clause, *, by: Actor) -> None:
    """Remove a clause from a draft."""
    may.draft(by)
    row = documents.writing(clause.document, by=by)
    clause.delete()
    _record("clause-removed", row, by=by, clause=clause.ref)


@transaction.atomic
def repeal(document: Document, clause: Clause, *, by: Actor) -> Repeal:
    """Let a draft take back a clause of another document of its family; raises `Unprocessable` for any other."""
    may.draft(by)
    row = documents.writing(document, by=by)
    try:
        with transaction.atomic():
            found = Repeal.objects.create(document=row, clause=clause)
    except IntegrityError as error:
        if "repeal_once" in str(error):
            raise errors.Conflict(
                "the document repeals this clause already", code="already-repealed", where="clause"
            ) from error
        raise foreign_repeal() from error
    _record("repeal-drafted", row, by=by, clause=clause.ref)
    return found


@transaction.atomic
def prevail(
    document: Document, over: Document, *, actions: Iterable[str], categories: Iterable[str], by: Actor
) -> Prevails:
    """Let a draft state that it prevails over another document of its family, for these actions and categories."""
    may.draft(by)
    row = documents.writing(document, by=by)
    said = precedence(actions, categories)
    try:
        with transaction.atomic():
            found = Prevails.objects.create(document=row, over=over, **said)
    except IntegrityError as error:
        raise bad_precedence(error) from error
    _record("precedence-drafted", row, by=by, over=over.ref)
    return found


@transaction.atomic
def unsay(statement: Repeal | Prevails, *, by: Actor) -> None:
    """Take a repeal or a statement of precedence out of a draft."""
    may.draft(by)
    row = documents.writing(statement.document, by=by)
    statement.delete()
    _record("statement-removed", row, by=by)


def precedence(actions: Iterable[str], categories: Iterable[str]) -> dict[str, list[str]]:
    """Return what a statement of precedence says, sorted; raises `Unprocessable` for an unknown key, or for nothing said."""
    said = {"actions": sorted(set(actions)), "categories": sorted(set(categories))}
    encoding.check_keys(**said)
    if not said["actions"] or not said["categories"]:
        raise errors.Unprocessable(
            "a document prevails only for the actions and categories it states",
            code="prevails-for-what",
            where="actions",
        )
    return said


def foreign_repeal() -> errors.Problem:
    """What the database's refusal of a repeal means."""
    return errors.Unprocessable(
        "a document repeals clauses of other documents of its own contract", code="repeal-own-family", where="clause"
    )


def bad_precedence(error: IntegrityError) -> errors.Problem:
    """What the database's refusal of a statement of precedence means."""
    if "circle" in str(error):
        detail, code = "documents cannot prevail over each other in a circle", "prevails-cycle"
    else:
        detail, code = "a document prevails over others of its own contract", "prevails-own-family"
    return errors.Unprocessable(detail, code=code, where="over")


def fill(clause: Clause | CorrectedClause, fields: Mapping[str, Any]) -> None:
    """Set these fields; raises `Unprocessable` for what no column takes. What it means is `encoding.check`'s to say."""
    if unknown := sorted(set(fields) - set(CLAUSE)):
        raise errors.Unprocessable(f"a clause has no {unknown[0]}", code="unknown-field", where=unknown[0])
    for name, value in fields.items():
        setattr(clause, name, value)
    for name in CLAUSE:
        encoding.plain(getattr(clause, name), where=name)
    try:
        clause.clean_fields(exclude=["document", "correction", "ref", "body"])
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise errors.Unprocessable(messages[0], code="bad-clause", where=name) from error
    if not isinstance(clause.body, dict):
        raise errors.Unprocessable("the body of a clause is an object", code="bad-clause", where="body")


def _record(kind: str, document: Document, *, by: Actor, **more: object) -> None:
    payload = {"document": document.ref, "digest": documents.digest(document), **more}
    entries.record(kind, payload, by=by.ref, about=[document.ref])
