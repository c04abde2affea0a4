"""Misconfiguration of the ledger is found at start, not at the first signature."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from lineage.ledger.errors import BadForm
from lineage.ledger.notes import Verifier

SHORTEST_PASSPHRASE = 16


def check(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The ledger's name must be fit for a key's name, and the passphrase too long to guess."""
    found: list[CheckMessage] = []
    try:
        Verifier(settings.LEDGER_ORIGIN, bytes(32))
    except BadForm as error:
        found.append(Error(f"LEDGER_ORIGIN cannot name the ledger: {error}", id="journal.E001"))
    if len(settings.KEYSTORE_PASSPHRASE) < SHORTEST_PASSPHRASE:
        found.append(Error(f"KEYSTORE_PASSPHRASE has fewer than {SHORTEST_PASSPHRASE} characters", id="journal.E002"))
    return found
