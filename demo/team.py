"""The people and keys of the demo, and the file that holds their secrets."""

import json
import secrets
from dataclasses import dataclass

from demo import places
from governance.access import actors, keys, people, roles
from governance.access.actors import Actor
from governance.access.models import User

PEOPLE = {
    "admin": ("Ada Admin", (roles.ADMINISTRATOR,)),
    "lawyer": ("Laura Lawyer", (roles.LAWYER,)),
    "approver": ("Anton Approver", (roles.APPROVER,)),
    "officer": ("Paula Privacy", (roles.PRIVACY_OFFICER,)),
    "pipeline": ("Pedro Pipeline", (roles.PIPELINE_OWNER,)),
    "auditor": ("Aurel Auditor", (roles.AUDITOR,)),
}
KEYS = {
    "pipeline_key": (
        "nightly pipeline",
        "pipeline",
        ("lineage:write", "lineage:read", "release:request", "explanation:read"),
    ),
    "consent_key": ("preference centre", "officer", ("consent:write",)),
    "deletion_key": ("deletion job", "officer", ("deletion:evidence",)),
}


@dataclass(frozen=True)
class Team:
    """Everybody who acts in the story: accounts by name, passwords, and the secrets of the service keys."""

    users: dict[str, User]
    passwords: dict[str, str]
    keys: dict[str, str]
    key_refs: dict[str, str]

    def actor(self, name: str) -> Actor:
        """Return the person as a verb takes them."""
        return User.objects.get(pk=self.users[name].pk).actor


def assemble() -> Team:
    """Create accounts and keys and write `demo-output/credentials.json`, which only its owner can read."""
    passwords = {name: secrets.token_urlsafe(12) for name in PEOPLE}
    users = {
        name: people.create(
            name,
            password=passwords[name],
            role_names=wanted,
            full_name=full,
            email=f"{name}@lumen.example",
            by=actors.SYSTEM,
        )
        for name, (full, wanted) in PEOPLE.items()
    }
    issued = {
        name: keys.issue(title, scopes=scopes, owner=users[owner], by=actors.SYSTEM)
        for name, (title, owner, scopes) in KEYS.items()
    }
    team = Team(
        users, passwords, {n: text for n, (_, text) in issued.items()}, {n: key.ref for n, (key, _) in issued.items()}
    )
    write(team)
    return team


def write(team: Team) -> None:
    """Write the credentials with mode 0600 from the first byte on."""
    path = places.OUT / "credentials.json"
    path.touch(mode=0o600)
    path.chmod(0o600)
    logins = {name: {"username": name, "password": password} for name, password in team.passwords.items()}
    path.write_text(json.dumps({**logins, **team.keys}, indent=2) + "\n")
