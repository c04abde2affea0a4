"""Make the derived graph again from the stored events' atoms: after a change of clock skew, assumed run length or trusted producers."""

from typing import Any

from django.core.management.base import BaseCommand

from lineage import derivation


class Command(BaseCommand):
    """`manage.py rederive_lineage`"""

    help = "derive the lineage graph again, as after a change of LINEAGE_SKEW_SECONDS or LINEAGE_TRUSTED_PRODUCERS"

    def handle(self, *args: Any, **options: Any) -> None:
        """Run in one transaction; questions asked meanwhile see the graph as it was."""
        self.stdout.write(f"{derivation.rederive_all()} runs derived again")
