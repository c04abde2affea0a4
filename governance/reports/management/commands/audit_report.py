"""`manage.py audit_report cus_… --from 2026-01-01 --to 2026-12-01 --out DIR`: make a report and write its files."""

from argparse import ArgumentParser
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils import timezone

from governance.access import actors
from governance.parties import customers
from governance.reports import audits
from lineage.journal import sequencer


class Command(BaseCommand):
    """Writes the sealed PDF, its facts and its `.tlog-proof`."""

    help = "Make an audit report on a customer over a period (last day included) and write its files into a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Customer, period, folder."""
        parser.add_argument("customer")
        parser.add_argument("--from", dest="start", type=date.fromisoformat, required=True)
        parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True)
        parser.add_argument("--out", type=Path, default=Path())

    def handle(self, *args: object, customer: str, start: date, last: date, out: Path, **options: object) -> None:
        """Make it and print the names of its files."""
        begin, end = (datetime.combine(day, time.min, tzinfo=UTC) for day in (start, last + timedelta(days=1)))
        by = actors.SYSTEM
        report = audits.make(customers.get(customer, by=by), start=begin, end=end, by=by, at=timezone.now())
        sequencer.run()
        name = audits.file_name(report)
        files = {
            name: bytes(report.pdf),
            name.replace(".pdf", ".json"): bytes(report.facts),
            f"{name}.tlog-proof": audits.tlog_proof(report).encode(),
        }
        out.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (out / file).write_bytes(content)
            self.stdout.write(str(out / file))
