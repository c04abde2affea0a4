"""`manage.py replay REF`: decide the stored facts of a decision again."""

import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from governance.releases import decisions
from lineage import errors


class Command(BaseCommand):
    """Exit code 0 when the same bytes come out, 1 when they do not."""

    help = "Decide the stored facts of a decision again; the bytes must be those that were stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`REF`, and `--print` for the bytes themselves."""
        parser.add_argument("ref")
        parser.add_argument(
            "--print", action="store_true", dest="show", help="write the canonical bytes to standard output"
        )

    def handle(self, *args: object, ref: str, show: bool, **options: object) -> None:
        """Replay one decision."""
        try:
            body = decisions.replay(decisions.find(ref))
        except errors.Problem as problem:
            raise CommandError(problem.detail) from problem
        if show:
            sys.stdout.buffer.write(body + b"\n")
            return
        self.stdout.write(f"{ref}: {len(body)} bytes, the same as were stored")
