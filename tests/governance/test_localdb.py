"""The embedded PostgreSQL survives what a laptop does to it. Each test has a cluster of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from governance import localdb, localplaces

ASK = "import sys; from governance import localdb; print(localdb.url(sys.argv[1]))"


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose path holds a space, a quote and a comma, below one that only its owner may enter."""
    folder = tmp_path_factory.mktemp("project of, an 'owner'") / "postgres"
    yield folder
    home = localplaces.locate(folder).home
    localdb.stop(folder)
    if home.parent == localplaces.ELSEWHERE:
        shutil.rmtree(home)


def postmaster(state: Path) -> int:
    pid = localdb._postmaster(localplaces.locate(state))
    assert pid is not None
    return pid


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def write(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def modes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mode for path in [folder, *folder.parents]}


def test_a_start_changes_no_permission_of_an_existing_folder_and_listens_on_a_socket_only(state: Path) -> None:
    before = modes(state.parent)
    url = localdb.url(state)
    assert modes(state.parent) == before
    assert value(url, "SHOW listen_addresses") == ""
    assert value(url, "SHOW fsync") == "on"
    assert value(url, "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is True
    cluster = localplaces.locate(state)
    assert cluster.socket_dir.stat().st_mode & 0o077 == 0
    assert cluster.data.stat().st_uid != 0


def test_killing_postgres_loses_nothing(state: Path) -> None:
    write(localdb.url(state))
    for round_ in (2, 3):
        os.kill(postmaster(state), signal.SIGKILL)
        url = localdb.url(state)
        write(url)
        assert value(url, "SELECT count(*) FROM kept") == round_


def test_a_lock_file_that_names_a_foreign_process_does_not_stop_the_start(state: Path) -> None:
    write(localdb.url(state))
    cluster = localplaces.locate(state)
    os.kill(postmaster(state), signal.SIGKILL)
    lock = cluster.data / "postmaster.pid"
    lines = lock.read_text().splitlines(keepends=True)
    lock.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
    assert value(localdb.url(state), "SELECT count(*) FROM kept") == 1


def test_killing_the_process_that_starts_it_leaves_a_cluster_that_the_next_one_finishes(state: Path) -> None:
    for delay in (0.2, 0.7, 1.2):
        starter = subprocess.Popen([sys.executable, "-c", ASK, str(state)], stdout=subprocess.DEVNULL)
        time.sleep(delay)
        starter.kill()
        starter.wait()
    assert value(localdb.url(state, role="app"), "SELECT current_user") == "governance_app"


def test_two_processes_that_start_it_at_once_share_one_cluster(state: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", ASK, str(state)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    urls = {starter.communicate(timeout=120)[0].strip() for starter in starters}
    assert len(urls) == 1
    assert value(urls.pop(), "SELECT 1") == 1


def test_a_stop_ends_it_and_a_start_finds_everything_again(state: Path) -> None:
    write(localdb.url(state))
    assert localdb.stop(state) is True
    assert localdb.stop(state) is False
    assert value(localdb.url(state), "SELECT count(*) FROM kept") == 1


def test_a_path_longer_than_a_socket_address_still_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long " * 20) / "postgres"
    try:
        assert value(localdb.url(folder), "SELECT 1") == 1
    finally:
        localdb.stop(folder)
        cluster = localplaces.locate(folder)
        shutil.rmtree(cluster.socket_dir, ignore_errors=True)
        if cluster.home.parent == localplaces.ELSEWHERE:
            shutil.rmtree(cluster.home)


def test_databases_come_and_go_by_plain_names_only(state: Path) -> None:
    localdb.url(state)
    localdb.create(state, "another")
    localdb.create(state, "another")
    assert value(localdb.url(state, database="another"), "SELECT current_database()") == "another"
    localdb.drop(state, "another")
    with pytest.raises(localplaces.LocalDatabaseError, match="no plain database name"):
        localdb.create(state, 'x"; DROP DATABASE governance')


def test_data_of_another_postgresql_are_left_alone(state: Path) -> None:
    localdb.url(state)
    localdb.stop(state)
    version = localplaces.locate(state).data / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(localplaces.LocalDatabaseError, match="of PostgreSQL 16"):
        localdb.url(state)
    version.write_text("18\n")
