"""`manage.py verify`: is everything still as it was recorded and signed?"""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from lineage.journal import verification
from lineage.journal.findings import Finding


class Command(BaseCommand):
    """Checks the ledger, then whatever `settings.VERIFY_CHECKS` names; exit code 1 when anything is wrong."""

    help = "Re-check the ledger and everything that rests on it; names what was changed, deleted, swapped or inserted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--checkpoint FILE`, repeatable."""
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="a checkpoint that was kept elsewhere",
        )

    def handle(self, *args: object, checkpoint: list[Path], **options: object) -> None:
        """Print one line for each finding, what is wrong first in each check."""
        wrong = 0
        for finding in _all(checkpoint):
            mark = self.style.SUCCESS("ok   ") if finding.ok else self.style.ERROR("WRONG")
            self.stdout.write(f"{mark} {finding.where}: {finding.what}")
            wrong += not finding.ok
        if wrong:
            self.stdout.write(self.style.ERROR(f"not as it was recorded: {wrong} finding{'s' if wrong > 1 else ''}"))
            raise SystemExit(1)
        self.stdout.write(self.style.SUCCESS("everything is as it was recorded and signed"))


def _all(outside: list[Path]) -> Iterator[Finding]:
    yield from _guarded("ledger", lambda: verification.check_ledger(outside))
    for name in getattr(settings, "VERIFY_CHECKS", []):
        yield from _guarded(name.rpartition(".")[2], partial(_named, name))


def _named(name: str) -> Iterator[Finding]:
    yield from import_string(name)()


def _guarded(where: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that breaks has not shown that anything is right. Damaged rows may break it anywhere, so any exception counts."""
    try:
        yield from check()
    except Exception as error:
        yield Finding(where, f"the check broke off: {error} ({type(error).__name__})")
