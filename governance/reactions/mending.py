"""A correction was applied: the list of everything that it would have changed is made and kept (SEMANTICS §3).

Not in the transaction in which its entry is worked through: where many decisions rest on the document the list takes long, and permits
that must be revoked do not wait for it. Until it is kept, the correction's page shows the list as it is computed now.
"""

import logging

from django.db import InterfaceError, OperationalError, connection, transaction

from governance.access.actors import SYSTEM
from governance.contracts.models import Correction
from governance.reactions import alerts
from governance.reactions.models import Alert
from governance.reports import mended_records
from lineage.journal import clock
from lineage.journal.models import Entry

logger = logging.getLogger(__name__)
LOCK = 0x6D65_6E64  # "mend"


def due() -> int:
    """Keep the list of every applied correction that has none yet, each in a transaction of its own; return of how many.

    One that cannot be made raises an alert, holds up no other, and is tried again the next time.
    """
    return sum(_keep(correction) for correction in mended_records.owed())


def _keep(correction: Correction) -> bool:
    try:
        with transaction.atomic():
            if not _alone():
                return False
            mended_records.keep(correction, by=SYSTEM, at=clock.now())
            return True
    except (OperationalError, InterfaceError):
        raise  # the database went away: it stays due
    except Exception:
        logger.exception("what correction %s changed could not be listed", correction.ref)
        text = (
            f"what correction {correction.ref} changed could not be listed; see the log, mend the cause, and it will be"
        )
        with transaction.atomic():
            entry = Entry.objects.get(kind="document-corrected", about__contains=[correction.ref])
            alerts.raise_once(Alert.Kind.STUCK, text, key=f"{correction.ref}:list", entry=entry, about=[correction.ref])
        return False


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])
