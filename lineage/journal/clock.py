"""The only clock of the ledger: the database's."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """When the present transaction began, in UTC: the same moment as the `recorded_at` of the rows it writes."""
    return _read("transaction_timestamp()")


def present() -> datetime:
    """This very moment, in UTC: later than everything whose commit the present transaction has seen."""
    return _read("clock_timestamp()")


def _read(what: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {what}")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment
