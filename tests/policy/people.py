"""What the people of an entry said, and what that comes to: consent views by the fold of `consent.scope`, deletions, applied lists."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from consent import scope
from consent.scope import Event, Standing
from governance.policy import engine
from governance.policy import values as v
from lineage import errors
from tests.policy.worlds import LONG_AGO, PURPOSE

SPACE = "people"
SAID_ON = datetime.fromisoformat("2026-06-01T09:00:00+00:00")


@dataclass(frozen=True)
class Said:
    """One person of a customer, and one thing they said to a controller (`event` None: nothing; they are only registered)."""

    customer: str
    person: str
    controller: str
    minor: bool = False
    event: Event | None = None


def read(told: dict[str, dict[str, Any]], question: v.Question) -> tuple[Said, ...]:
    """Read `customer: {person: what they said, or a list of it}`."""
    return tuple(
        _said(customer, person, each, question)
        for customer, persons in told.items()
        for person, said in persons.items()
        for each in (said if isinstance(said, list) else [said])
    )


def _said(customer: str, person: str, said: Any, question: v.Question) -> Said:
    given = dict(said) if isinstance(said, dict) else {"said": said}
    only(given, "said to minor at until known_from action purpose explicit represented")
    state, until = given["said"], given.get("until")
    if state == "expired":
        state, until = "given", datetime.fromisoformat("2026-10-01T00:00:00+00:00").date()
    controller = "pty-vendor" if given.get("to") == "vendor" else given.get("to", customer)
    if state == "nothing":
        return Said(customer, person, controller, given.get("minor", False))
    event = Event(
        given.get("action", "train"),
        given.get("purpose", PURPOSE),
        scope.State(state),
        _moment(given["at"]) if "at" in given else SAID_ON,
        recorded_at=_moment(given["known_from"]) if "known_from" in given else LONG_AGO,
        expires_at=_moment(until) if until else None,
        explicit=given.get("explicit", False),
        represented=given.get("represented", False),
    )
    return Said(customer, person, controller, given.get("minor", False), event)


def only(said: dict[Any, Any], words: str) -> None:
    """Raise `ValueError` for a word that there is not: a misspelt one would otherwise fall silently."""
    if strange := {str(word) for word in said} - set(words.split()):
        raise ValueError(f"no entry has {sorted(strange)[0]!r} there; use {words}")


def _moment(day: Any) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00")


def views(said: Iterable[Said], facts: v.Facts, question: v.Question) -> tuple[v.ConsentView, ...]:
    """What they come to, for every customer, controller and strength that the decision asks for: what whoever gathers facts provides."""
    try:
        needed = engine.consents_needed(question, facts)
    except errors.Problem:  # a question that means nothing
        return ()
    rows = tuple(said)
    return tuple(_view(rows, n.customer, n.controller, n.need, question) for n in needed if n.space == SPACE)


def _view(rows: tuple[Said, ...], customer: str, controller: str, need: v.Need, question: v.Question) -> v.ConsentView:
    standings = {
        p: _standing(rows, p, controller or customer, need, question) for p in sorted({row.person for row in rows})
    }
    only = need in (v.Need.CONSENT, v.Need.EXPLICIT, v.Need.GUARDED)
    listed = [p for p in standings if _listed(rows, p, standings[p], controller or customer, need, question)]
    mine = sorted({row.person for row in rows if row.customer == customer})
    count = {s: sum(standings[p] is s for p in mine) for s in Standing}
    return v.ConsentView(
        customer, SPACE, controller, need, "only" if only else "except", len(listed), hashlib.sha256(" ".join(listed).encode()).hexdigest(), 0,
        registered=len(mine), allowed=sum((p in listed) is only for p in mine), refused=count[Standing.REFUSED],
        withdrawn=count[Standing.WITHDRAWN], objected=count[Standing.OBJECTED], expired=count[Standing.EXPIRED], silent=count[Standing.SILENT],
    )  # fmt: skip


def _standing(rows: tuple[Said, ...], person: str, to: str, need: v.Need, question: v.Question) -> Standing:
    """One person's standing; a minor's consent always comes from a representative, explicitly."""
    strength = v.Need.GUARDED if _is_minor(rows, person) else need
    events = [row.event for row in rows if row.event and (row.person, row.controller) == (person, to)]
    return scope.standing(
        events, action=question.action, purpose=question.purpose, at=question.at, as_known_at=question.as_known_at, need=scope.Need(strength)
    )  # fmt: skip


def _is_minor(rows: tuple[Said, ...], person: str) -> bool:
    return any(row.minor for row in rows if row.person == person)


def _listed(rows: tuple[Said, ...], person: str, found: Standing, to: str, need: v.Need, question: v.Question) -> bool:
    if need in (v.Need.CONSENT, v.Need.EXPLICIT, v.Need.GUARDED):
        return found is Standing.GIVEN
    refusing = need is v.Need.NO_OBJECTION and found in scope.REFUSING
    unguarded = _is_minor(rows, person) and _standing(rows, person, to, v.Need.GUARDED, question) is not Standing.GIVEN
    return refusing or unguarded


def duties(told: Iterable[dict[str, Any]], moment: Callable[[Any], datetime]) -> tuple[v.Obligation, ...]:
    """Deletions that are open or proposed: of a customer, or of persons (one duty per customer)."""
    return tuple(_duty(each, n, moment) for n, each in enumerate(told, 1))


def _duty(said: dict[str, Any], number: int, moment: Callable[[Any], datetime]) -> v.Obligation:
    only(said, "of state due spares_models persons")
    persons = said.get("persons", [])
    return v.Obligation(
        f"obl-{number}", said["of"], said.get("state", "open"), moment(said["due"]) if "due" in said else SAID_ON,
        covers_models=not said.get("spares_models", False), subject_space=SPACE if persons else "", subjects=len(persons),
        digest=hashlib.sha256(" ".join(sorted(persons)).encode()).hexdigest() if persons else "",
    )  # fmt: skip


def built(said: dict[str, Any] | None, question: v.Question) -> v.Built | None:
    """A version that the builder made, with the lists that it applied `hours_ago`."""
    if said is None:
        return None
    only(said, "lists erased")
    return v.Built(
        "0" * 64, tuple(_applied(said.get("lists", ()), question)), tuple(_applied(said.get("erased", ()), question))
    )


def _applied(rows: Iterable[dict[str, Any]], question: v.Question) -> Iterator[v.AppliedList]:
    for row in rows:
        only(row, "need controller hours_ago unapplied")
        at = question.at - timedelta(hours=row.get("hours_ago", 1))
        yield v.AppliedList(
            SPACE, row.get("controller", ""), v.Need(row.get("need", "consent")), at, row.get("unapplied", 0)
        )
