"""`manage.py sequence`: give ledger entries their index in the background (`SEQUENCER=background`), so that no commit waits for it."""

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections, connection

from lineage.journal import sequencer

log = logging.getLogger(__name__)
REST = 1.0  # seconds after a failure


class Command(BaseCommand):
    """Once, or again and again until it is told to stop."""

    help = "give what was recorded its place in the ledger and sign the head; --loop keeps at it"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--loop` and how long to pause."""
        parser.add_argument("--loop", action="store_true", help="until SIGTERM")
        parser.add_argument("--pause", type=float, default=0.05, help="seconds between two batches (default 0.05)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run. A kill at any moment loses nothing: a batch is one transaction, and what waits stays in the outbox."""
        if not options["loop"]:
            self.stdout.write(f"the ledger has {sequencer.run().size} entries")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.wait(options["pause"]):
            if not _round():
                stop.wait(REST)


def _round() -> bool:
    """One batch; return whether it went well. Nothing ends the loop but a signal: without it entries would wait for ever."""
    try:
        close_old_connections()
        sequencer.batch()
    except sequencer.LedgerHeld as error:
        log.error("the ledger is held: %s; %s", error.detail, error.remedy)
        return False
    except Error as error:  # PostgreSQL restarts
        log.warning("the database does not answer (%s); trying again", error)
        connection.close()
        return False
    return True
