"""`manage.py grant_app_role`: what the application's database role may do. Run as the owner, after every `migrate`."""

from django.conf import settings
from django.core.management.base import BaseCommand

from lineage.journal import guards


class Command(BaseCommand):
    """Idempotent. On the ledger the application may read and add, on every other table also change and delete."""

    help = "Grant settings.APP_ROLE what the application needs; on the ledger's tables that is reading and adding only."

    def handle(self, *args: object, **options: object) -> None:
        """Say what was done, also where there is nothing to do."""
        role = settings.APP_ROLE
        if guards.grant(role):
            self.stdout.write(f"the role {role} may read and add to the ledger, and change everything else")
        else:
            self.stdout.write(f"this database has no role {role}: nothing granted")
