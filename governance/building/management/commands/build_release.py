"""`manage.py build_release REF --output schema.table`: build a decision's plan where its data lies."""

import json
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance.access import actors
from governance.building import builder
from governance.building.models import Build
from governance.releases import decisions
from lineage import errors


class Command(BaseCommand):
    """Exit code 0 when the release permit was given, 1 when it was refused or nothing could be built."""

    help = "Build the plan of a decision, measure it, report it as OpenLineage and ask for the release permit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`REF --output schema.table`."""
        parser.add_argument("ref")
        parser.add_argument(
            "--output", default="", metavar="SCHEMA.TABLE", help="where to write; beside its source when left out"
        )

    def handle(self, *args: object, ref: str, output: str, **options: object) -> None:
        """Build, and say what came of it."""
        try:
            decision = decisions.find(ref)
            place = {"namespace": decision.namespace, "name": output} if output else None
            made = builder.build(decision, output=place, by=actors.SYSTEM, at=timezone.now())
        except errors.Problem as problem:
            raise CommandError(f"{problem.detail}. {problem.remedy}".strip()) from problem
        self.stdout.write(f"{made.name}: {made.state}" + (f" ({made.detail})" if made.detail else ""))
        self.stdout.write(json.dumps(made.counts, indent=2))
        if made.state != Build.State.RELEASED:
            raise SystemExit(1)
