"""The lists of people that a build applies, taken anew when it runs, and the keys that its SQL needs; both only for one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from consent import consents, subjects
from consent.models import IdentifierSpace
from consent.scope import Need
from governance.building import compiler, keyed
from governance.building.planning import ListKey, Planned
from governance.policy import values
from governance.releases import people
from lineage.journal import keys

CREATE = f"CREATE TEMP TABLE {compiler.ALLOWED} (list integer NOT NULL, subject text NOT NULL, PRIMARY KEY (list, subject)) ON COMMIT DROP"


@dataclass(frozen=True)
class Applied:
    """One list as it was applied."""

    key: ListKey
    kind: str
    count: int
    digest: str
    position: int
    applied_at: datetime

    def plain(self) -> dict[str, Any]:
        """Return it as `BuiltVersion` keeps it."""
        return {
            "space": self.key.space,
            "named": self.key.named,
            "controller": self.key.controller,
            "need": self.key.need,
            "kind": self.kind,
            "count": self.count,
            "digest": self.digest,
            "position": self.position,
            "applied_at": self.applied_at.isoformat(),
        }


def load(
    connection: Connection, planned: Planned, question: values.Question, customers: Iterable[str]
) -> list[Applied]:
    """Make the temporary table with every list of the recipe, as of the question's instant; return what was loaded."""
    connection.execute(CREATE)
    members = sorted(customers)
    return [_load(connection, number, key, question, members) for number, key in enumerate(planned.lists)]


def secrets(planned: Planned, *, release: str) -> Mapping[str, bytes]:
    """Return the keys by the names that the SQL uses: pseudonyms of this release, subject references of each space."""
    spaces = {space.ref: space for space in IdentifierSpace.objects.filter(ref__in=planned.spaces)}
    found = {f"subject_{number}": subjects.key(spaces[ref]) for number, ref in enumerate(planned.spaces)}
    return found | {"pseudonym": keys.pseudonym_key(release)}


def prepare(connection: Connection, planned: Planned, *, release: str) -> None:
    """Put the keys into the session settings of the running transaction."""
    keyed.load(connection, secrets(planned, release=release))


def _load(
    connection: Connection, number: int, key: ListKey, question: values.Question, customers: list[str]
) -> Applied:
    if not key.need:
        due = people.due_subjects(customers, key.space, at=question.at, as_known_at=question.as_known_at)
        _copy(connection, number, due)
        count, digest = people.erased(due)
        return Applied(key, "except", count, digest, 0, question.at)
    space = IdentifierSpace.objects.get(ref=key.space)
    ask = people.asked(space, key.controller, Need(key.need), question)
    head = consents.write_list(ask, lambda batch: _copy(connection, number, batch))
    return Applied(key, head.kind, head.count, head.digest, head.position, question.at)


def _copy(connection: Connection, number: int, batch: Iterable[str]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {compiler.ALLOWED} (list, subject) FROM STDIN") as copy:
        for subject in batch:
            copy.write_row((number, subject))
