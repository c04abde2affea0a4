"""`manage.py seal_folder FOLDER`: proofs, keys, checkpoint and a signed manifest beside the files that lie there."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from lineage import errors
from lineage.journal import keys, manifest
from lineage.ledger.errors import LedgerError


class Command(BaseCommand):
    """Makes a folder that `clients/verify.py` can check, and prints the key to check it with."""

    help = "Seal a folder of finished files for clients/verify.py; credentials.json stays outside."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder, and what else to leave out."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--leave-out", action="append", default=[], metavar="NAME")

    def handle(self, *args: object, folder: Path, leave_out: list[str], **options: object) -> None:
        """Seal, and say how to check."""
        if not folder.is_dir():
            raise CommandError(f"there is no folder {folder}")
        try:
            manifest.seal(folder, by="system", leave_out=(manifest.PRIVATE, *leave_out))
        except (errors.Problem, LedgerError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"python clients/verify.py {folder} --key '{keys.checkpoint_verifier().vkey}'")
