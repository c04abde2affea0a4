"""`manage.py deletion_check obl_…`: count what is left, under the checker's account."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from governance.access import actors
from governance.deletions import checker, worklists
from governance.deletions.machine import State
from lineage.errors import Problem


class Command(BaseCommand):
    """Looks at every executed task. Exit code 1 when anything was left, or could not be looked at."""

    help = "Count what is left of an obligation's executed items under the checker's account; survivors open the item again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The obligation."""
        parser.add_argument("ref")

    def handle(self, *args: object, ref: str, **options: object) -> None:
        """Print one line per task."""
        bad = 0
        duty = worklists.of(ref, by=actors.SYSTEM)
        tasks = sorted(duty.tasks.filter(state=State.EXECUTED), key=lambda task: (len(task.path), task.name))
        for task in tasks:
            try:
                remaining = checker.run(task, by=actors.SYSTEM, at=timezone.now()).remaining
                said = f"{remaining} rows left: open again" if remaining else "none left"
                bad += bool(remaining)
            except Problem as problem:
                bad += 1
                said = f"not looked at: {problem.detail}"
            self.stdout.write(f"{task.ref} {task.kind} {task.name}: {said}")
        if bad:
            raise SystemExit(1)
