"""`manage.py count_rows [NAMESPACE NAME]`: count whose rows a dataset holds."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance.access import actors
from governance.building import counting
from lineage import errors


class Command(BaseCommand):
    """Counts one dataset, or every declared source of our data planes."""

    help = "Count the rows of each customer, so that reasons and remedies can say how many rows are at stake."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`NAMESPACE NAME`, or nothing."""
        parser.add_argument("namespace", nargs="?", default="")
        parser.add_argument("name", nargs="?", default="")

    def handle(self, *args: object, namespace: str, name: str, **options: object) -> None:
        """Count, and print the numbers."""
        now = timezone.now()
        for place in [(namespace, name)] if name else counting.countable(at=now):
            try:
                found = counting.count(*place, by=actors.SYSTEM, at=now)
            except errors.Problem as problem:
                raise CommandError(problem.detail) from problem
            self.stdout.write(
                f"{found.name}: {sum(found.rows.values())} rows of {len(found.rows)} customers, {found.unmapped} of nobody known"
            )
