"""The end of a document before or beside its own date: notice at the end of a term, or another ground that a person states."""

from datetime import UTC, date, datetime, time

from django.db import transaction

from governance.access.actors import Actor
from governance.contracts import documents, may, readings, renewals
from governance.contracts.documents import WrongState, reasoned
from governance.contracts.encoded import EncodedHead
from governance.contracts.models import Document, DocumentEnd
from governance.contracts.states import State
from governance.parties import epoch
from lineage import errors


class OutOfTerm(errors.Unprocessable):
    """Notice does not end the document then."""

    code = "out-of-term"


@transaction.atomic
def terminate(
    document: Document,
    *,
    ends_at: datetime,
    reason: str,
    by: Actor,
    ground: str = DocumentEnd.Ground.NOTICE,
    noticed_on: date | None = None,
) -> DocumentEnd:
    """Record that an activated document counts no longer from `ends_at` on. Reactions propose the deletions that follow.

    Notice ends an automatic renewal at the end of a term only, and keeps the notice that the document states; a person may state
    another ground. Raises `OutOfTerm` with the first day on which notice would end it.
    """
    may.draft(by)
    row = documents.locked(document)
    if row.state != State.ACTIVATED:
        raise WrongState("only an activated document can be terminated", remedy="withdraw a draft instead")
    if row.ends.filter(ends_at__lte=ends_at).exists():
        raise errors.Conflict("the document ends by then already", code="already-ended", where="ends_at")
    _check(readings.of(row).head, ends_at, ground, noticed_on, by)
    end = DocumentEnd.objects.create(
        document=row, ends_at=ends_at, reason=reasoned(reason), ground=ground, noticed_on=noticed_on, recorded_by=by.ref
    )
    end.refresh_from_db()
    epoch.bump()
    documents.record(
        "document-terminated",
        row,
        by=by,
        ends_at=ends_at.isoformat(),
        ground=ground,
        noticed_on=noticed_on.isoformat() if noticed_on else None,
        customers=documents.covered(row.family),
    )
    return end


def _check(head: EncodedHead, ends_at: datetime, ground: str, noticed_on: date | None, by: Actor) -> None:
    if ground not in DocumentEnd.Ground.values:
        raise errors.Unprocessable(
            f"there is no ground {ground!r}", code="bad-ground", where="ground", known=list(DocumentEnd.Ground.values)
        )
    if noticed_on is not None and noticed_on > ends_at.date():
        raise errors.Unprocessable("notice is given before the end", code="notice-late", where="noticed_on")
    if ground != DocumentEnd.Ground.NOTICE:
        if not by.is_person:
            raise errors.Forbidden(
                "another ground than notice takes a person", code="person-needed", remedy="let a lawyer record it"
            )
        return
    _check_notice(head, ends_at, noticed_on)


def _check_notice(head: EncodedHead, ends_at: datetime, noticed_on: date | None) -> None:
    automatic = head.renewal == EncodedHead.Renewal.AUTOMATIC
    if head.notice_days and noticed_on is None:
        raise errors.Unprocessable(
            f"the document asks for {head.notice_days} days of notice: say when it was given",
            code="notice-needed",
            where="noticed_on",
            remedy="or state another ground",
        )
    if automatic and not (_is_midnight(ends_at) and renewals.ends_a_term(head, ends_at.date())):
        raise _out_of_term(
            head, "the document renews itself: notice ends it at the end of a term", noticed_on or ends_at.date()
        )
    if noticed_on is not None and ends_at < _midnight(renewals.first_end(head, noticed_on=noticed_on)):
        raise _out_of_term(head, f"notice on {noticed_on:%-d %B %Y} is too late for that day", noticed_on)


def _out_of_term(head: EncodedHead, why: str, noticed_on: date) -> OutOfTerm:
    first = renewals.first_end(head, noticed_on=noticed_on)
    return OutOfTerm(
        why,
        where="ends_at",
        first=first.isoformat(),
        remedy=f"end it from {first:%-d %B %Y} on, or state another ground: agreement, or cause",
    )


def _is_midnight(moment: datetime) -> bool:
    return moment == _midnight(moment.astimezone(UTC).date())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
