"""The only clock of the ledger: the database's."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """When the present transaction began, in UTC: the same moment as the `recorded_at` of the rows it writes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment
