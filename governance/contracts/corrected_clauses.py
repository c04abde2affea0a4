"""What a draft correction says: clauses typed anew, forgotten ones, ones that never were, repeals and precedence."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from governance.access.actors import Actor
from governance.contracts import clauses, corrections, encoding, readings
from governance.contracts.models import (
    Clause,
    CorrectedClause,
    CorrectedPrevails,
    CorrectedRepeal,
    Correction,
    Document,
    clause_ref,
)
from lineage import errors


@transaction.atomic
def change(correction: Correction, ref: str, *, by: Actor, **fields: Any) -> CorrectedClause:
    """Type a clause anew: it keeps its reference. Raises `encoding.Unreadable` as at entry."""
    row = corrections.writing(correction, by=by)
    clause = get(row, ref)
    clauses.fill(clause, fields)
    clause.save()
    encoding.check(clause)
    corrections.edited(row, by=by)
    return clause


@transaction.atomic
def add(
    correction: Correction,
    *,
    number: str,
    passage: str,
    by: Actor,
    kind: str = Clause.Kind.UNENCODED_TERM,
    body: Mapping[str, Any] | None = None,
    **fields: Any,
) -> CorrectedClause:
    """Add a clause that was forgotten; text alone is always taken, as an unencoded term."""
    row = corrections.writing(correction, by=by)
    last = row.clauses.aggregate(last=Max("position"))["last"] or 0
    clause = CorrectedClause(correction=row, ref=clause_ref(), position=last + 1)
    clauses.fill(clause, {"number": number, "passage": passage, "kind": kind, "body": dict(body or {}), **fields})
    clause.save()
    encoding.check(clause)
    corrections.edited(row, by=by)
    return clause


@transaction.atomic
def strike(correction: Correction, ref: str, *, by: Actor) -> None:
    """Take out a clause that was never there."""
    row = corrections.writing(correction, by=by)
    get(row, ref).delete()
    corrections.edited(row, by=by)


@transaction.atomic
def restore(correction: Correction, ref: str, *, by: Actor) -> CorrectedClause:
    """Put a clause of this document back as it read before this correction, or as it read at first."""
    row = corrections.writing(correction, by=by)
    old = readings.before(row).clause(ref) or row.document.clauses.filter(ref=ref).first()
    if old is None:
        raise errors.NotFound("the document has no such clause", where="clause")
    row.clauses.filter(ref=ref).delete()
    clause = corrections.copied(old, row)
    clause.save()
    corrections.edited(row, by=by)
    return clause


@transaction.atomic
def repeal(correction: Correction, repealed: Iterable[Clause], *, by: Actor) -> None:
    """Say which clauses the document repeals, in place of what stood there; raises `Unprocessable` for one of another family."""
    row = corrections.writing(correction, by=by)
    row.repeals.all().delete()
    try:
        with transaction.atomic():
            CorrectedRepeal.objects.bulk_create(
                [CorrectedRepeal(correction=row, clause=clause) for clause in dict.fromkeys(repealed)]
            )
    except IntegrityError as error:
        raise clauses.foreign_repeal() from error
    corrections.edited(row, by=by)


@transaction.atomic
def prevail(
    correction: Correction, said: Iterable[tuple[Document, Iterable[str], Iterable[str]]], *, by: Actor
) -> None:
    """Say over which documents it prevails, for which actions and categories, in place of what stood there."""
    row = corrections.writing(correction, by=by)
    row.prevails.all().delete()
    for over, actions, categories in said:
        keys = clauses.precedence(actions, categories)
        try:
            with transaction.atomic():
                CorrectedPrevails.objects.create(correction=row, over=over, **keys)
        except IntegrityError as error:
            raise clauses.bad_precedence(error) from error
    corrections.edited(row, by=by)


def get(correction: Correction, ref: str) -> CorrectedClause:
    """Return a clause as the correction has it; raises `NotFound`."""
    found = correction.clauses.filter(ref=ref).first()
    if found is None:
        raise errors.NotFound("the correction has no such clause", where="clause")
    return found
