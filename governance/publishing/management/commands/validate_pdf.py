"""`manage.py validate_pdf FILE…`: is this PDF as it was sealed, from its first byte to its last?"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.publishing import signatures
from lineage.journal import authority


class Command(BaseCommand):
    """Judges with pyHanko's validator; trusts this installation's authority, or the certificate given with `--root`."""

    help = "check that sealed PDFs are intact, trusted and covered by their seal over the whole file"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Files, and whom to trust."""
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--root", type=Path, help="PEM certificate of the authority to trust (default: our own)")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per file; exit 1 when one of them does not hold."""
        roots = [options["root"].read_bytes()] if options["root"] else [authority.chain()[-1]]
        broken = 0
        for path in options["files"]:
            try:
                seal = signatures.validate(path.read_bytes(), roots)
            except (OSError, signatures.BrokenSeal) as error:
                broken += 1
                self.stdout.write(f"BROKEN  {path}: {error}")
            else:
                self.stdout.write(
                    f"valid   {path}: sealed by {seal.signer} at {seal.signed_at:%Y-%m-%d %H:%M:%S %Z}, the whole file covered"
                )
        if broken:
            raise CommandError(f"{broken} of {len(options['files'])} do not hold")
