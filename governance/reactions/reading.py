"""Reading the journal from a cursor and reacting to what it says: exactly once, in the ledger's order, never skipping.

One batch is one transaction: what the reactions wrote and the moved cursor commit together, so that a crash anywhere leaves either
both or neither. What cannot be worked through stops the reading there (an alert says so); the status list shows where it stands.
"""

import logging
from collections.abc import Callable, Mapping

from django.db import InterfaceError, OperationalError, connection, transaction

from governance.reactions import alerts, lateness, proposals, rechecks, violations, watching
from governance.reactions.models import Alert
from governance.releases import statuses
from lineage.journal import entries, sequencer
from lineage.journal.models import Entry

logger = logging.getLogger(__name__)
LOCK = 0x7265_6163  # "reac"
BATCH = 200

Reaction = Callable[[Entry], None]
REACTIONS: Mapping[str, tuple[Reaction, ...]] = {
    "lineage.event": (violations.look,),
    "document-terminated": (proposals.document_terminated,),
    "customer-uncovered": (proposals.customer_uncovered,),
    "consent-recorded": (proposals.consent_recorded,),
    "override-granted": (watching.granted,),
    "permit-revoked": (rechecks.revoked,),
}


def run() -> int:
    """Work through everything recorded so far and return how many entries that were; 0 when another process is at it."""
    sequencer.run()
    done = 0
    while (batch := _batch(BATCH)) > 0:
        done += batch
        sequencer.run()  # what the reactions themselves recorded is read too
    return done


def keep_up() -> int:
    """Work through what has its place in the ledger by now, and return how many entries that were: what a process does again and again.

    Giving entries their place is the sequencer's work, and is done here only while no sequencer is at it.
    """
    sequencer.watch()
    done = 0
    while (batch := _batch(BATCH)) > 0:
        done += batch
        if batch < BATCH:
            break  # what others record meanwhile is for the next turn: under load that would never end
    return done


def _batch(size: int) -> int:
    """Work through one batch. Where that fails it is tried entry by entry, so that only the one that cannot be worked through stops us."""
    found: list[tuple[int, Entry]] = []
    try:
        with transaction.atomic():
            found = entries.feed(statuses.cursor(), size) if _alone() else []
            if found:
                _react(found)
                statuses.move_cursor(found[-1][0])
    except (OperationalError, InterfaceError):
        raise  # the database went away: nothing was written, and whoever called tries again
    except Exception:
        logger.exception("reactions stopped at ledger entry %s", found[0][1].ref if found else "")
        if len(found) > 1:
            return _batch(1)
        if found:
            _stuck(found[0][1])
        return 0
    return len(found)


def _react(found: list[tuple[int, Entry]]) -> None:
    read = [entry for _, entry in found]
    for entry in read:
        for react in REACTIONS.get(entry.kind, ()):
            react(entry)
    rechecks.after([(position - 1, entry) for position, entry in found])
    lateness.after(read)


def _stuck(entry: Entry) -> None:
    with transaction.atomic():
        alerts.raise_once(
            Alert.Kind.STUCK,
            f"reactions stopped at ledger entry {entry.ref} ({entry.kind}); see the log, mend the cause, and they go on from there",
            key=entry.ref,
            entry=entry,
        )


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])
