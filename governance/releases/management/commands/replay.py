"""`manage.py replay REF` or `--all`: decide the stored facts of decisions again."""

import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from governance.releases import decisions, redeciding
from governance.releases.models import Decision
from lineage import errors

EVERY = 500


class Command(BaseCommand):
    """Exit code 0 when the same bytes come out, 1 when they do not."""

    help = "Decide the stored facts of a decision, or of all, again; the bytes must be those that were stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`REF`, and `--print` for the bytes themselves; or `--all`."""
        parser.add_argument("ref", nargs="?")
        parser.add_argument("--all", action="store_true", dest="everything", help="every stored decision, one by one")
        parser.add_argument(
            "--print", action="store_true", dest="show", help="write the canonical bytes to standard output"
        )

    def handle(self, *args: object, ref: str | None, everything: bool, show: bool, **options: object) -> None:
        """Replay one decision, or every one, naming those that differ."""
        if everything == bool(ref) or (everything and show):
            raise CommandError("name one decision, or --all")
        if ref:
            self._one(ref, show)
        else:
            self._all()

    def _one(self, ref: str, show: bool) -> None:
        try:
            body = decisions.replay(decisions.find(ref))
        except errors.Problem as problem:
            raise CommandError(f"{problem.detail}{f': {problem.remedy}' if problem.remedy else ''}") from problem
        if show:
            sys.stdout.buffer.write(body + b"\n")
            return
        self.stdout.write(f"{ref}: {len(body)} bytes, the same as were stored")

    def _all(self) -> None:
        same = altered = not_run = 0
        for number, (row, why, runs) in enumerate(redeciding.replays(Decision.objects.all()), start=1):
            same, not_run, altered = same + (not why), not_run + (not runs), altered + (runs and bool(why))
            if why:
                self.stdout.write(f"{row.ref}: {why}")
            if number % EVERY == 0:
                self.stderr.write(f"{number} decisions")
        left = f", {not_run} of rules that this code does not run: nothing is said of them" if not_run else ""
        self.stdout.write(f"{same} gave the same bytes, {altered} did not{left}")
        if altered:
            sys.exit(1)
