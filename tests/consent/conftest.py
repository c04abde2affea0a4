"""Fixtures for consent: one identifier space."""

import pytest

from consent import subjects
from consent.models import IdentifierSpace


@pytest.fixture
def space(db: None) -> IdentifierSpace:
    return subjects.open_space(name="crm-contact", by="user:usr_paula")
