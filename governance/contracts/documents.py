"""Documents: drafted, submitted, approved by a second person, signed, activated."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import rfc8785
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from governance.access import actors
from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.contracts import encoding, may, readings, renewals, states
from governance.contracts.models import ContractFamily, Correction, Document
from governance.contracts.readings import Reading
from governance.contracts.states import State
from governance.parties import epoch
from lineage import errors
from lineage.journal import entries

EDITABLE = (
    "kind", "form", "title", "number", "signed_on", "effective_on", "expires_on", "renewal", "renewal_months", "notice_days", "file_name",
    "file_digest",
)  # fmt: skip
SIGNATURE = ("signed_on", "file_name", "file_digest")


class WrongState(errors.Conflict):
    """The document is not in a state from which this step leads."""

    code = "wrong-state"


class NotReady(errors.Unprocessable):
    """Something is missing before this step."""

    code = "not-ready"


@transaction.atomic
def draft(family: ContractFamily | None, *, kind: str, title: str, by: Actor, **fields: Any) -> Document:
    """Start a document in a family (none for a standard form); `fields` are those of `EDITABLE`."""
    may.draft(by)
    document = Document(family=family, drafted_by=by.ref, authors=[by.ref])
    _fill(document, {"kind": kind, "title": title, **fields})
    document.save()
    record("document-drafted", document, by=by)
    return document


@transaction.atomic
def edit(document: Document, *, by: Actor, **fields: Any) -> Document:
    """Change a draft; whoever edits it becomes one of its authors."""
    may.draft(by)
    row = writing(document, by=by)
    _fill(row, fields)
    row.save()
    record("document-edited", row, by=by)
    return row


@transaction.atomic
def sign(document: Document, *, signed_on: date, by: Actor, file_name: str = "", file_digest: str = "") -> Document:
    """Record the signature (and the signed file's SHA-256) of a document that is not activated yet."""
    may.draft(by)
    row = locked(document)
    if row.state not in {State.DRAFT, State.SUBMITTED, State.APPROVED}:
        raise WrongState(f"the document is {State(row.state).label}: its signature cannot change")
    _fill(row, {"signed_on": signed_on, "file_name": file_name, "file_digest": file_digest})
    row.save(update_fields=SIGNATURE)
    record("document-signed", row, by=by, signed_on=signed_on.isoformat(), file_digest=file_digest)
    return row


@transaction.atomic
def submit(document: Document, *, by: Actor) -> Document:
    """Freeze the text and ask a second person; raises `NotReady` for a clause that cannot be read or an empty document."""
    may.draft(by)
    row = _step(document, "submit")
    encoding.check_reading(readings.original(row))
    row.save(update_fields=["state"])
    record("document-submitted", row, by=by)
    return row


@transaction.atomic
def take_back(document: Document, *, by: Actor) -> Document:
    """Make a submitted document a draft again."""
    may.draft(by)
    row = _step(document, "take_back")
    row.save(update_fields=["state"])
    record("document-taken-back", row, by=by)
    return row


@transaction.atomic
def approve(document: Document, *, by: Actor) -> Document:
    """Second pair of eyes: a person with the role approver who wrote nothing in it."""
    row = locked(document)
    may.approve(row, by)
    row = _step(row, "approve")
    row.approved_by, row.approved_at = by.ref, Now()
    row.save(update_fields=["state", "approved_by", "approved_at"])
    row.refresh_from_db()
    record("document-approved", row, by=by)
    return row


@transaction.atomic
def reject(document: Document, *, reason: str, by: Actor) -> Document:
    """Say no to a submitted document, for good; who wrote it takes it back or withdraws it instead."""
    row = locked(document)
    may.approve(row, by)
    return _close(row, "reject", reason, by=by)


@transaction.atomic
def withdraw(document: Document, *, reason: str, by: Actor) -> Document:
    """Give up a document that was never activated."""
    may.draft(by)
    return _close(document, "withdraw", reason, by=by)


@transaction.atomic
def activate(document: Document, *, by: Actor, at: datetime) -> Document:
    """Make an approved, signed document count from now (as known) for the dates it states; bumps the contract epoch."""
    may.activate(by)
    row = _step(document, "activate")
    if row.signed_on is None or row.effective_on is None:
        missing = "the date of signature" if row.signed_on is None else "the date from which it counts"
        raise NotReady(f"{missing} is missing", where="signed_on" if row.signed_on is None else "effective_on")
    if row.signed_on > at.date():
        raise NotReady("the date of signature lies ahead", where="signed_on")
    _check_form(row)
    encoding.check_reading(readings.original(row))
    row.activated_by, row.recorded_at = by.ref, Now()
    row.save(update_fields=["state", "activated_by", "recorded_at"])
    row.refresh_from_db()
    epoch.bump()
    record(
        "document-activated",
        row,
        by=by,
        file_digest=row.file_digest,
        signed_on=row.signed_on.isoformat(),
        effective_on=row.effective_on.isoformat(),
    )
    return row


def visible_to(who: Actor | User | ServiceKey) -> QuerySet[Document]:
    """Documents of the families that the caller sees, and standard forms, which name nobody."""
    from governance.contracts import families

    actor = who if isinstance(who, Actor) else actors.of(who)
    return Document.objects.filter(Q(family__in=families.visible_to(actor)) | Q(family=None))


def get(ref: str, *, by: Actor | User | ServiceKey) -> Document:
    """Return a visible document; raises `NotFound`."""
    document = visible_to(by).filter(ref=ref).select_related("family").first()
    if document is None:
        raise errors.NotFound("no such document, or none that you may see", where="document")
    return document


def writing(document: Document, *, by: Actor) -> Document:
    """Lock a draft for a change of its text and note who writes; raises `WrongState` for anything but a draft."""
    row = locked(document)
    if not row.is_draft:
        raise WrongState(
            f"the document is {State(row.state).label}: its text cannot change",
            remedy=_HOW_TO_CHANGE.get(State(row.state), ""),
        )
    if by.ref not in row.authors:
        row.authors = [*row.authors, by.ref]
        row.save(update_fields=["authors"])
    return row


_HOW_TO_CHANGE = {
    State.SUBMITTED: "take it back first",
    State.APPROVED: "withdraw it and draft another",
    State.ACTIVATED: "draft an amendment, or a correction where we mistyped it",
}


def digest(document: Document) -> str:
    """SHA-256 (hex) over the canonical bytes (RFC 8785) of everything that counts in the document as it was activated."""
    return digest_of(readings.original(document))


def digest_of(reading: Reading) -> str:
    """The same of one reading."""
    return hashlib.sha256(rfc8785.dumps(encoding.content(reading))).hexdigest()


def covered(family: ContractFamily | None) -> list[str]:
    """References of every customer that the family covers or covered."""
    return sorted(set(family.coverage.values_list("customer__ref", flat=True))) if family else []


def _check_form(document: Document) -> None:
    """A form is accepted for a time in which it counts: its clauses count by the dates of the acceptance."""
    if document.form is None or document.effective_on is None:
        return
    head = readings.of(document.form).head
    if head.effective_on is not None and document.effective_on < head.effective_on:
        raise NotReady(f"the form counts from {head.effective_on:%-d %B %Y} on, and no earlier", where="effective_on")
    moment = datetime.combine(document.effective_on, time.min, tzinfo=UTC)
    if renewals.expired(head, moment) or document.form.ends.filter(ends_at__lte=moment).exists():
        raise NotReady("the form counts no longer by then: accept the present one", where="effective_on")


def _step(document: Document, verb: str) -> Document:
    row = locked(document)
    starts, row_to = states.TRANSITIONS[verb]
    if row.state not in starts:
        wanted = " or ".join(sorted(State(start).label for start in starts))
        raise WrongState(f"the document is {State(row.state).label}; this needs one that is {wanted}", state=row.state)
    row.state = row_to
    return row


def _close(document: Document, verb: str, reason: str, *, by: Actor) -> Document:
    row = _step(document, verb)
    row.closing_note = reasoned(reason)
    row.save(update_fields=["state", "closing_note"])
    record(f"document-{row.state}", row, by=by)
    return row


def locked(document: Document) -> Document:
    """Return the row, locked until the transaction ends; not its key, so that others may name it meanwhile (else two could wait for each other)."""
    return Document.objects.select_for_update(no_key=True).get(pk=document.pk)


def reasoned(reason: str, most: int = 500) -> str:
    """Return the trimmed reason; raises `Unprocessable` for none, or one that is too long."""
    text = reason.strip()
    if not text or len(text) > most or "\0" in text:
        raise errors.Unprocessable(f"say why, in 1 to {most} characters", code="reason-needed", where="reason")
    return text


def _fill(document: Document, fields: Mapping[str, Any]) -> None:
    if unknown := sorted(set(fields) - set(EDITABLE)):
        raise errors.Unprocessable(f"a document has no {unknown[0]}", code="unknown-field", where=unknown[0])
    for name, value in fields.items():
        setattr(document, name, value)
    if document.form is not None and document.form.state != State.ACTIVATED:
        raise errors.Unprocessable(
            "only an activated standard form can be accepted", code="form-not-activated", where="form"
        )
    clean(document)


def clean(row: Document | Correction) -> None:
    """Raise `Unprocessable` with the field that no column or constraint takes."""
    for name in ("title", "number", "file_name"):
        encoding.plain(getattr(row, name), where=name)
    try:
        row.full_clean(exclude=["drafted_by", "authors", "ref"])
    except ValidationError as error:
        where, message = _first(error)
        raise errors.Unprocessable(message, code="bad-document", where=where) from error


def _first(error: ValidationError) -> tuple[str, str]:
    name, found = next(iter(error.error_dict.items()))
    # The document's constraints carry the field that they are about as their code.
    return (str(found[0].code) if name == "__all__" else name), found[0].messages[0]


def about(document: Document) -> list[str]:
    """What the ledger's entries about a document are found by."""
    family = document.family
    return [document.ref, *([family.ref] if family else []), *covered(family)]


def record(kind: str, document: Document, *, by: Actor, **more: object) -> None:
    """Enter in the ledger what happened to a document."""
    # The ledger gets a digest, not the text: drafts are privileged, and entries are open to auditors.
    family = document.family
    payload = {"document": document.ref, "family": family.ref if family else None, "digest": digest(document), **more}
    entries.record(kind, payload, by=by.ref, about=about(document))
