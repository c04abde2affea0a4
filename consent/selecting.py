"""The SQL of consent: which people a question lists, over all of them at once. The same fold as `consent.scope`, rule for rule.

Each builder returns a query and its values; nothing a caller sends ever stands in the text of a query.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from django.db import connection, transaction

from consent import trees, vocabulary
from consent.models import IdentifierSpace
from consent.scope import Need

BATCH = 10_000
_CURSORS = itertools.count()

type Values = list[Any]


@dataclass(frozen=True, slots=True)
class Question:
    """Whose consent is asked for: (space, controller, action, purpose) at an instant, as known at another, at a strength."""

    space: IdentifierSpace
    controller: str
    action: str
    purpose: str
    at: datetime
    as_known_at: datetime | None = None
    need: Need = Need.CONSENT

    @property
    def kind(self) -> Literal["only", "except"]:
        """`only` these people may be used (consent), or everybody `except` these (legitimate interest and the rest)."""
        return "only" if self.need in (Need.CONSENT, Need.EXPLICIT, Need.GUARDED) else "except"


def listed(question: Question) -> tuple[str, Values]:
    """The references that stand on the list: those who are allowed (`only`), or those who are not (`except`)."""
    standing, values = standings(question, None)
    if question.kind == "only":
        return f"SELECT subject FROM ({standing}) s WHERE standing = 'given' ORDER BY subject", values  # noqa: S608
    minors, minor_values = _minors(question)
    refusing = (
        " WHERE standing IN ('refused', 'withdrawn', 'objected')"
        if question.need is Need.NO_OBJECTION
        else " WHERE false"
    )
    guarded, guarded_values = standings(replace(question, need=Need.GUARDED), None)
    return (
        f"SELECT subject FROM ({standing}) s{refusing} UNION (({minors}) EXCEPT "  # noqa: S608
        f"SELECT subject FROM ({guarded}) g WHERE standing = 'given') ORDER BY subject",
        [*values, *minor_values, *guarded_values],
    )


def standings(question: Question, only: list[str] | None) -> tuple[str, Values]:
    """One row per person with events that count: the living event that wins, or `expired`. Mirrors `scope.standing`."""
    known, known_values = known_by(question, "e.recorded_at")
    narrow, narrow_values = (" AND e.subject = ANY(%s)", [only]) if only is not None else ("", [])
    minors, minor_values = _minors(question)
    above_action, purposes = vocabulary.ancestors(question.action), _names(question)
    above_purpose = sorted({above for name in purposes for above in vocabulary.ancestors(name)})
    sql = f"""
        SELECT DISTINCT ON (subject) subject, CASE WHEN living THEN state ELSE 'expired' END AS standing
        FROM (
            SELECT e.subject, e.state, e.at,
                   (e.state <> 'given' OR e.expires_at IS NULL OR e.expires_at > %s) AS living
            FROM consent_consentevent e
            WHERE e.space_id = %s AND e.controller_ref = %s AND e.at <= %s{known}{narrow}
              AND CASE WHEN e.state = 'given'
                  THEN e.action = ANY(%s) AND e.purpose = ANY(%s) AND {_strength(question.need, minors)}
                  ELSE (e.action = ANY(%s) OR starts_with(e.action, %s))
                   AND (e.purpose = ANY(%s) OR e.purpose ^@ ANY(%s)) END
        ) counting
        ORDER BY subject, living DESC, at DESC,
                 array_position(ARRAY['objected', 'withdrawn', 'refused', 'given'], state::text)
    """  # noqa: S608 - only our own fragments
    values: Values = [
        question.at,
        question.space.pk,
        question.controller,
        question.at,
        *known_values,
        *narrow_values,
    ]
    values += [above_action, above_purpose, *(minor_values if question.need is not Need.GUARDED else [])]
    values += [above_action, question.action + ".", above_purpose, [f"{name}." for name in purposes]]
    return sql, values


def _names(question: Question) -> list[str]:
    """Every name of the purpose that was known: events keep the one by which a person was asked."""
    named = trees.renames(question.as_known_at)
    return vocabulary.spellings(vocabulary.current(question.purpose, named), named)


def _strength(need: Need, minors: str) -> str:
    """Which givings are strong enough: a minor's always come from a representative, and explicitly."""
    guarded = "(e.explicit AND e.representative <> '')"
    if need is Need.GUARDED:
        return guarded
    plain = "e.explicit" if need is Need.EXPLICIT else "true"
    return f"CASE WHEN e.subject IN ({minors}) THEN {guarded} ELSE {plain} END"


def _minors(question: Question) -> tuple[str, Values]:
    """People whom some customer's latest registration calls minors."""
    known, moment = known_by(question, "r.recorded_at")
    later, later_moment = known_by(question, "n.recorded_at")
    sql = (
        f"SELECT r.subject FROM consent_registration r WHERE r.minor AND r.space_id = %s{known} AND NOT EXISTS "  # noqa: S608
        "(SELECT FROM consent_registration n WHERE n.space_id = r.space_id AND n.subject = r.subject "
        f"AND n.customer_ref = r.customer_ref AND NOT n.minor AND n.id > r.id{later})"
    )
    return sql, [question.space.pk, *moment, *later_moment]


def known_by(question: Question, column: str) -> tuple[str, Values]:
    """The condition, to be appended, that a row was recorded by the moment of knowledge."""
    return ("", []) if question.as_known_at is None else (f" AND {column} <= %s", [question.as_known_at])


def stream(sql: str, values: Values) -> Iterator[tuple[str, ...]]:
    """Rows of a query through a server-side cursor, within the caller's transaction or one of its own."""
    with transaction.atomic():
        connection.ensure_connection()
        with connection.connection.cursor(name=f"consent_{next(_CURSORS)}") as cursor:
            cursor.itersize = BATCH
            cursor.execute(sql, values)
            yield from cursor
