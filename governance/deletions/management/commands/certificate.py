"""`manage.py certificate crt_… --out DIR`: write a certificate's files."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from governance.access import actors
from governance.deletions import certificates
from lineage.journal import sequencer


class Command(BaseCommand):
    """Writes the sealed PDF, the signed statement and the PDF's `.tlog-proof`."""

    help = "Write a certificate's PDF, signed statement and ledger proof into a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The certificate and the folder."""
        parser.add_argument("ref")
        parser.add_argument("--out", type=Path, default=Path())

    def handle(self, *args: object, ref: str, out: Path, **options: object) -> None:
        """Write three files and print their names."""
        certificate = certificates.of(ref, by=actors.SYSTEM)
        sequencer.run()
        name = certificates.file_name(certificate)
        files = {
            name: bytes(certificate.pdf),
            name.replace(".pdf", ".json"): bytes(certificate.envelope),
            f"{name}.tlog-proof": certificates.tlog_proof(certificate).encode(),
        }
        out.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (out / file).write_bytes(content)
            self.stdout.write(str(out / file))
