"""Corrections: our typing errors in an activated document, typed anew by one person and applied by another (SEMANTICS §3).

A change between the parties is a new document. A correction counts from the document's own dates and is known from now on; whoever
asks as known before still sees what stood there.
"""

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.contracts import correction_states, documents, encoding, may, readings
from governance.contracts.correction_states import OPEN, State
from governance.contracts.documents import NotReady, WrongState
from governance.contracts.encoded import CLAUSE, HEAD
from governance.contracts.models import (
    Clause,
    CorrectedClause,
    CorrectedPrevails,
    CorrectedRepeal,
    Correction,
    Document,
)
from governance.contracts.readings import Reading
from governance.contracts.states import State as DocumentState
from governance.parties import epoch
from lineage import errors
from lineage.journal import entries

LONGEST_REASON = 1000


@transaction.atomic
def draft(document: Document, *, reason: str, by: Actor, **fields: Any) -> Correction:
    """Start a correction with what the document says now; `fields` are those of `HEAD`. Raises `Conflict` while another is open."""
    may.draft(by)
    row = Document.objects.select_for_update(no_key=True).get(pk=document.pk)
    if row.state != DocumentState.ACTIVATED:
        raise WrongState(
            f"the document is {DocumentState(row.state).label}: a correction mends an activated one",
            remedy="edit the draft instead",
        )
    if other := row.corrections.filter(state__in=OPEN).first():
        raise errors.Conflict(
            f"another correction of this document is open: {other.ref}",
            code="correction-open",
            remedy="apply, reject or withdraw it first",
        )
    reading = readings.of(row)
    correction = Correction(document=row, drafted_by=by.ref, authors=[by.ref])
    for name in HEAD:
        setattr(correction, name, getattr(reading.head, name))
    _fill(correction, {"reason": reason, **fields})
    correction.save()
    _copy(reading, correction)
    _record("correction-drafted", correction, by=by)
    return correction


@transaction.atomic
def edit(correction: Correction, *, by: Actor, **fields: Any) -> Correction:
    """Change the reason, or fields of `HEAD`; whoever edits becomes one of the authors."""
    row = writing(correction, by=by)
    _fill(row, fields)
    row.save()
    edited(row, by=by)
    return row


@transaction.atomic
def submit(correction: Correction, *, by: Actor) -> Correction:
    """Freeze it and ask a second person; raises `NotReady` where it changes nothing, `Unreadable` as at entry."""
    may.draft(by)
    row = _step(correction, "submit")
    _check(row)
    row.save(update_fields=["state"])
    _record("correction-submitted", row, by=by)
    return row


@transaction.atomic
def take_back(correction: Correction, *, by: Actor) -> Correction:
    """Make a submitted correction a draft again."""
    may.draft(by)
    row = _step(correction, "take_back")
    row.save(update_fields=["state"])
    _record("correction-taken-back", row, by=by)
    return row


@transaction.atomic
def apply(correction: Correction, *, by: Actor, at: datetime) -> Correction:
    """Approve and apply it, as a person who wrote nothing in it: from now on the document reads so. Bumps the contract epoch."""
    Document.objects.select_for_update(no_key=True).get(pk=correction.document_id)
    may.approve(_locked(correction), by)
    row = _step(correction, "apply")
    if row.signed_on is not None and row.signed_on > at.date():
        raise NotReady("the date of signature lies ahead", where="signed_on")
    before, after = _check(row)
    row.applied_by, row.recorded_at = by.ref, Now()
    row.save(update_fields=["state", "applied_by", "recorded_at"])
    row.refresh_from_db()
    _add_forgotten(row)
    epoch.bump()
    digests = {"before": documents.digest_of(before), "after": documents.digest_of(after)}
    _record("document-corrected", row, by=by, **digests)
    return row


@transaction.atomic
def reject(correction: Correction, *, reason: str, by: Actor) -> Correction:
    """Say no to it, as the second person."""
    may.approve(_locked(correction), by)
    return _close(correction, "reject", reason, by=by)


@transaction.atomic
def withdraw(correction: Correction, *, reason: str, by: Actor) -> Correction:
    """Give it up."""
    may.draft(by)
    return _close(correction, "withdraw", reason, by=by)


def visible_to(who: Actor | User | ServiceKey) -> QuerySet[Correction]:
    """Corrections of the documents that the caller sees."""
    return Correction.objects.filter(document__in=documents.visible_to(who))


def get(ref: str, *, by: Actor | User | ServiceKey) -> Correction:
    """Return a visible correction; raises `NotFound`."""
    found = visible_to(by).filter(ref=ref).select_related("document__family", "document__form").first()
    if found is None:
        raise errors.NotFound("no such correction, or none that you may see", where="correction")
    return found


def edited(correction: Correction, *, by: Actor) -> None:
    """Note in the ledger that a draft changed."""
    _record("correction-edited", correction, by=by)


def _check(row: Correction) -> tuple[Reading, Reading]:
    _fits(row)
    before, after = readings.before(row), readings.corrected(row.document, row)
    encoding.check_reading(after)
    if encoding.content(before) == encoding.content(after) and before.head.file_name == row.file_name:
        raise NotReady("the correction changes nothing", remedy="type what should stand there, or withdraw it")
    return before, after


def _copy(reading: Reading, correction: Correction) -> None:
    CorrectedClause.objects.bulk_create([copied(clause, correction) for clause in reading.clauses])
    repealed = Clause.objects.filter(ref__in=reading.repeals)
    CorrectedRepeal.objects.bulk_create([CorrectedRepeal(correction=correction, clause=clause) for clause in repealed])
    over = {each.ref: each for each in Document.objects.filter(ref__in=[said.over for said in reading.prevails])}
    CorrectedPrevails.objects.bulk_create(
        [
            CorrectedPrevails(
                correction=correction,
                over=over[said.over],
                actions=list(said.actions),
                categories=list(said.categories),
            )
            for said in reading.prevails
        ]
    )


def copied(clause: Clause | CorrectedClause, correction: Correction) -> CorrectedClause:
    """Return a clause as it reads, for a correction, not saved."""
    said = {name: getattr(clause, name) for name in CLAUSE}
    return CorrectedClause(correction=correction, ref=clause.ref, position=clause.position, **said)


def _add_forgotten(correction: Correction) -> None:
    """Clauses that were forgotten get a row of their own: opt-ins and repeals name it."""
    there = set(Clause.objects.filter(document=correction.document_id).values_list("ref", flat=True))
    for clause in correction.clauses.all():
        if clause.ref not in there:
            said = {name: getattr(clause, name) for name in CLAUSE}
            Clause.objects.create(
                document_id=correction.document_id,
                ref=clause.ref,
                position=clause.position,
                correction=correction,
                **said,
            )


def writing(correction: Correction, *, by: Actor) -> Correction:
    """Lock a draft correction for a change and note who writes; raises `WrongState` for one that is no draft."""
    may.draft(by)
    row = _locked(correction)
    if not row.is_draft:
        raise WrongState(
            f"the correction is {State(row.state).label}: its text cannot change",
            remedy="take it back first" if row.state == State.SUBMITTED else "draft another correction",
        )
    if by.ref not in row.authors:
        row.authors = [*row.authors, by.ref]
        row.save(update_fields=["authors"])
    return row


def _step(correction: Correction, verb: str) -> Correction:
    row = _locked(correction)
    starts, row_to = correction_states.TRANSITIONS[verb]
    if row.state not in starts:
        wanted = " or ".join(sorted(State(start).label for start in starts))
        raise WrongState(
            f"the correction is {State(row.state).label}; this needs one that is {wanted}", state=row.state
        )
    row.state = row_to
    return row


def _close(correction: Correction, verb: str, reason: str, *, by: Actor) -> Correction:
    row = _step(correction, verb)
    row.closing_note = documents.reasoned(reason)
    row.save(update_fields=["state", "closing_note"])
    _record(f"correction-{row.state}", row, by=by)
    return row


def _locked(correction: Correction) -> Correction:
    return Correction.objects.select_for_update(no_key=True).get(pk=correction.pk)


def _fill(correction: Correction, fields: Mapping[str, Any]) -> None:
    if unknown := sorted(set(fields) - {"reason", *HEAD}):
        raise errors.Unprocessable(
            f"{unknown[0]} cannot be corrected", code="unknown-field", where=unknown[0], remedy="draft a new document"
        )
    for name, value in fields.items():
        setattr(correction, name, value)
    correction.reason = documents.reasoned(correction.reason, LONGEST_REASON)
    if set(fields) - {"reason"}:
        _fits(correction)


def _fits(correction: Correction) -> None:
    """Raise `Unprocessable` where its dates do not fit together: of a draft the database does not ask that yet."""
    read = copy(correction)
    read.state = State.SUBMITTED
    documents.clean(read)


def _record(kind: str, correction: Correction, *, by: Actor, **more: object) -> None:
    # As with documents, the ledger gets digests and no text.
    document = correction.document
    payload = {
        "correction": correction.ref,
        "document": document.ref,
        "family": document.family.ref if document.family else None,
        "digest": documents.digest_of(readings.corrected(document, correction)),
        **more,
    }
    entries.record(kind, payload, by=by.ref, about=[correction.ref, *documents.about(document)])
