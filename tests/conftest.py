"""What every test gets: keys and checkpoint copies of its own, and a database that can be emptied although it refuses to forget."""

import itertools
import os
import unittest.mock
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from django.db import connection
from django.test import TransactionTestCase

# Machines vary: no example fails for being slow. `make prove` looks much longer.
hypothesis.settings.register_profile("test", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("prove", parent=hypothesis.settings.get_profile("test"), max_examples=3_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


def _empty(self: TransactionTestCase) -> None:
    """Tests that commit are cleaned up by our own means: the database refuses to forget."""
    from governance.releases import kept
    from tests import emptying

    emptying.empty()
    kept.forget()  # what was deleted with the triggers off is noted by nobody


TransactionTestCase._fixture_teardown = _empty  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, django_db_blocker) -> None:  # type: ignore[no-untyped-def]
    """Copy a migrated database instead of migrating anew, and do not wait for the disk: what tests write need not last."""
    from tests import template

    settings = connection.settings_dict
    settings["OPTIONS"] = {**settings["OPTIONS"], "options": "-c synchronous_commit=off"}
    with django_db_blocker.unblock():
        settings["TEST"]["TEMPLATE"] = template.prepare()


@pytest.fixture(scope="session")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One keystore for a test process; making keys for every test would take longer than the tests."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tests find folders of their own for copies of checkpoints."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What tests write into files need not last either."""
    with unittest.mock.patch("os.fsync", new=lambda _: None):
        yield


_NUMBERS = itertools.count()
PASSPHRASE = "a passphrase for tests only"


@pytest.fixture(autouse=True)
def _own_keys_and_copies(settings, keystore: Path, copies: Path) -> Iterator[None]:  # type: ignore[no-untyped-def]
    settings.KEYSTORE_DIR = keystore
    settings.KEYSTORE_PASSPHRASE = PASSPHRASE
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    settings.CHECKPOINT_COPY_DIR = copies / str(next(_NUMBERS))  # made when it is written to, which most tests never do
    yield


@pytest.fixture(scope="session")
def cast_scenery(django_db_setup: None, django_db_blocker, keystore: Path):  # type: ignore[no-untyped-def]
    """The cast as it is put up for every test that wants one."""
    from tests import cast as named
    from tests import scenery

    with django_db_blocker.unblock():
        return scenery.made(named.assemble)


@pytest.fixture
def cast(cast_scenery, db: None):  # type: ignore[no-untyped-def]
    """One person per role: a `tests.cast.Cast`. Imported here, so that tests without a database need no models."""
    return cast_scenery.put_up()


@pytest.fixture(scope="session")
def release_scenery(cast_scenery, django_db_blocker, keystore: Path):  # type: ignore[no-untyped-def]
    """What `release_world` is put up from; its rows in the data plane are filled for each test."""
    from tests import scenery
    from tests.governance import releases_world

    kept = {"KEYSTORE_DIR": keystore, "KEYSTORE_PASSPHRASE": PASSPHRASE, "LINEAGE_SKEW_SECONDS": 0}
    with django_db_blocker.unblock():
        return scenery.made(lambda: releases_world.make(cast_scenery.put_up()), on=cast_scenery.rows, **kept)


@pytest.fixture
def release_world(cast, release_scenery, settings, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Three customers, their rows in a real data plane, contracts and lineage: a `tests.governance.releases_world.World`."""
    from tests.governance import releases_world

    with releases_world.plane(settings, tmp_path / "planes.json") as plane:
        releases_world.fill(plane)
        yield replace(release_scenery.put_up(), cast=cast, plane=plane)
