from django.apps import AppConfig
from django.core import checks


class JournalConfig(AppConfig):
    """The ledger's Django side."""

    name = "lineage.journal"
    label = "journal"

    def ready(self) -> None:
        """Register the system check."""
        from lineage.journal.checks import check

        checks.register(check)
