"""`manage.py react`: the service's other process. It works through what was recorded."""

import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError, close_old_connections, connection

from governance.reactions import mending, proposals, reading, rechecks, watching
from governance.releases import changes
from lineage.journal import clock

DATES_EVERY = 60.0  # seconds between two looks at contracts that end by their own date
LISTS_EVERY = 5.0  # seconds between two looks at corrections whose effects have not been listed yet


class Command(BaseCommand):
    """Once, or again and again until it is told to stop."""

    help = "give ledger entries their index, re-check permits, find violations, propose deletions; --loop keeps at it"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--loop` and how long to pause."""
        parser.add_argument("--loop", action="store_true", help="until SIGTERM")
        parser.add_argument("--pause", type=float, default=0.5, help="seconds between two looks (default 0.5)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        if not options["loop"]:
            self.stdout.write(f"{_round()} entries worked through")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        # Lists may take minutes, and what must be revoked does not wait for them; what the end interrupts is begun anew.
        threading.Thread(target=self._list, args=(stop,), daemon=True).start()
        looked = 0.0
        while not stop.wait(options["pause"]):
            try:
                close_old_connections()
                reading.keep_up()
                rechecks.due(at=clock.now())
                if time.monotonic() - looked > DATES_EVERY:
                    _look_at_dates()
                    changes.purge()
                    looked = time.monotonic()
            except OperationalError as error:  # PostgreSQL restarts: nothing is lost, the cursor stands in the database
                self.stderr.write(f"the database does not answer ({error}); trying again")
                connection.close()
                time.sleep(2)

    def _list(self, stop: threading.Event) -> None:
        """Keep what corrections changed, on a connection of its own."""
        while not stop.wait(LISTS_EVERY):
            try:
                close_old_connections()
                mending.due()
            except OperationalError:  # said by the main loop
                connection.close()


def _round() -> int:
    done = reading.run()
    while rechecks.due(at=clock.now()):
        pass
    mending.due()
    _look_at_dates()
    return done


def _look_at_dates() -> None:
    """What comes with time alone: contracts that end, overrides that nobody reviewed."""
    now = clock.now()
    proposals.due(at=now)
    watching.due(at=now)
