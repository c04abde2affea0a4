"""Erasing what an entry committed to. The entry, its place and every proof stay; what it said can no longer be guessed."""

from django.db import connection, transaction

from lineage import errors
from lineage.journal import entries
from lineage.journal.models import Entry, Payload

ERASED = "payload.erased"


@transaction.atomic
def erase(entry_ref: str, *, by: str, reason: str) -> Entry:
    """Drop payload and salt of `entry_ref` and enter the erasure, in one transaction; return the new entry.

    Raise `NotFound` for an entry that does not exist, `Conflict` when there is nothing left to erase, `Malformed` without a reason.
    """
    if not reason.strip():
        raise errors.Malformed("say why the payload is erased", where="reason")
    entry = entries.read(entry_ref)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('journal.erasing', %s, true)", [entry.ref])
        gone, _ = Payload.objects.filter(entry_ref=entry.ref).delete()
        cursor.execute("SELECT set_config('journal.erasing', '', true)")
    if not gone:
        raise errors.Conflict("the payload of this entry was erased before", code="already-erased")
    return entries.record(ERASED, {"entry": entry.ref, "reason": reason}, by=by, about=(entry.ref,))
