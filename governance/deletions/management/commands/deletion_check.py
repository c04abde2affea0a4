"""`manage.py deletion_check obl_…`: count what is left, under the checker's account."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from governance.access import actors
from governance.deletions import rounds, worklists


class Command(BaseCommand):
    """Looks at every executed task. Exit code 1 when anything was left, or could not be looked at."""

    help = "Count what is left of an obligation's executed items under the checker's account; survivors open the item again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The obligation."""
        parser.add_argument("ref")

    def handle(self, *args: object, ref: str, **options: object) -> None:
        """Print one line per task."""
        lines = rounds.check(worklists.of(ref, by=actors.SYSTEM), by=actors.SYSTEM, at=timezone.now())
        for line in lines:
            self.stdout.write(f"{line.task.ref} {line.task.kind} {line.task.name}: {line.said}")
        if not all(line.ok for line in lines):
            raise SystemExit(1)
