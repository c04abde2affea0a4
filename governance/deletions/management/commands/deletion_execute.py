"""`manage.py deletion_execute obl_…`: delete what can be deleted by the product's own executor, sources first."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from governance.access import actors
from governance.deletions import rounds, worklists


class Command(BaseCommand):
    """Runs every open task of an obligation; what cannot be deleted here stays open and is named. Exit code 1 when anything does."""

    help = (
        "Delete the rows of an obligation's tables under the executor's account; other items stay open and are named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The obligation; `--dry-run` only counts."""
        parser.add_argument("ref")
        parser.add_argument("--dry-run", action="store_true", help="count what would go, and change nothing")

    def handle(self, *args: object, ref: str, dry_run: bool, **options: object) -> None:
        """Print one line per task."""
        work = rounds.dry if dry_run else rounds.execute
        lines = work(worklists.of(ref, by=actors.SYSTEM), by=actors.SYSTEM, at=timezone.now())
        for line in lines:
            self.stdout.write(f"{line.task.ref} {line.task.kind} {line.task.name}: {line.said}")
        left = sum(not line.ok for line in lines)
        if left:
            self.stdout.write(f"{left} of {len(lines)} tasks stay open")
            raise SystemExit(1)
