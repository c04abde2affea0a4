"""A stage for entries of the corpus: what they share is made once per module, what each of them builds is undone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from tests import cast as people


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any, keystore: Path) -> Iterator[Any]:
    """A `tests.api.staging.Stage`, in a transaction that is never committed; the tests of the module must be marked `django_db`."""
    from tests.api import staging

    kept = {"KEYSTORE_DIR": keystore, "KEYSTORE_PASSPHRASE": "a passphrase for tests only"}
    with django_db_blocker.unblock(), override_settings(**kept), transaction.atomic():
        yield staging.ready(people.assemble())
        transaction.set_rollback(True)
