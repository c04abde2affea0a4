"""`manage.py deletion_execute obl_…`: delete what can be deleted by the product's own executor, sources first."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from governance.access import actors
from governance.deletions import executor, worklists
from governance.deletions.machine import State
from lineage.errors import Problem


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
        left = 0
        duty = worklists.of(ref, by=actors.SYSTEM)
        tasks = sorted(duty.tasks.filter(state=State.OPEN), key=lambda task: (len(task.path), task.name))
        for task in tasks:
            try:
                if dry_run:
                    said = f"{executor.dry_run(task, by=actors.SYSTEM, at=timezone.now())} rows would go"
                else:
                    said = f"{executor.run(task, by=actors.SYSTEM, at=timezone.now()).affected} rows deleted"
            except Problem as problem:
                left += 1
                said = f"stays open: {problem.detail}"
            self.stdout.write(f"{task.ref} {task.kind} {task.name}: {said}")
        if left:
            self.stdout.write(f"{left} of {len(tasks)} tasks stay open")
            raise SystemExit(1)
