"""Who acts: a plain value that verbs of the governance storey take as `by`.

`ref` is what rows and ledger entries store: `user:usr_...` for a person, `key:key_...` for a service key, `system` for ourselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, cast

from governance.access import roles
from lineage import errors


class NotAllowed(errors.Forbidden):
    """The actor is known, but lacks the role or scope."""

    code = "not-allowed"


@dataclass(frozen=True)
class Actor:
    """A person, a service key or the system, with what it may do right now."""

    ref: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    every_customer: bool = False

    @property
    def is_person(self) -> bool:
        """Four-eyes steps need people: a key never approves."""
        return self.ref.startswith("user:")

    def must(self, role_or_roles: str | Iterable[str]) -> None:
        """Raise `NotAllowed` unless the actor is a person in one of the roles."""
        wanted = [role_or_roles] if isinstance(role_or_roles, str) else list(role_or_roles)
        if not self.roles.intersection(wanted):
            raise NotAllowed(
                f"this takes a person with the role {_either(wanted)}", remedy="ask someone who holds that role"
            )

    def needs(self, scope: str) -> None:
        """Raise `NotAllowed` unless the actor (person or key) carries the scope."""
        if scope not in self.scopes:
            raise NotAllowed(f"this takes the scope {scope}", remedy="use a key or an account that carries it")


class Acting(Protocol):
    """What both kinds of `request.user` offer."""

    @property
    def actor(self) -> Actor: ...


SYSTEM = Actor(ref="system", roles=frozenset(roles.ROLES), scopes=frozenset(roles.SCOPES), every_customer=True)


def of(user: object) -> Actor:
    """Return the actor behind `request.user`, a person or a service key; raises `Unauthenticated` for anyone else."""
    if not getattr(user, "is_authenticated", False):
        raise errors.Unauthenticated("log in or send a service key")
    return cast(Acting, user).actor


def _either(names: list[str]) -> str:
    return " or ".join(name.replace("_", " ") for name in names)
