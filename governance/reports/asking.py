"""What has been asked lately: one representative per distinct question, the latest first. Questions about another time are left out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from consent import trees
from governance.policy import canonical, values
from governance.releases.models import Decision, Permit, StoredFacts
from governance.releases.naming import naming

DECISIONS_AT_MOST = 20_000  # how far back we look
QUESTIONS_AT_MOST = 1_000


@dataclass(frozen=True)
class Asked:
    """A question as it was asked last (`decision`), and the live permits that rest on it."""

    decision: str
    question: values.Question
    permits: tuple[Permit, ...] = ()
    concerned: bool = True  # what it was decided from last names a customer of the change

    def at(self, moment: datetime, *, known: datetime) -> values.Question:
        """Return it as if asked about `moment`, from what is known at `known`."""
        purpose = trees.called(self.question.purpose, known)
        return replace(self.question, at=moment, as_known_at=known, purpose=purpose)


@dataclass(frozen=True)
class Lately:
    """The questions, those that matter first: with permits, then concerned, then the rest, each the latest first."""

    questions: tuple[Asked, ...]
    decisions: int  # that were read to find them
    older: bool  # there are decisions before those


def lately(permits: Iterable[Permit], *, references: Iterable[str]) -> Lately:
    """Return the distinct questions of recent decisions, and those of these permits; `references` are of what the change concerns."""
    resting: dict[str, list[Permit]] = {}
    questions: dict[str, tuple[str, Any, str]] = {}
    for permit in permits:
        key = _key(permit.decision.question)
        questions.setdefault(key, (permit.decision.ref, permit.decision.question, permit.decision.facts_id))
        resting.setdefault(key, []).append(permit)
    read = 0
    for ref, question, facts in _recent():
        read += 1
        if len(questions) < QUESTIONS_AT_MOST:
            questions.setdefault(_key(question), (ref, question, facts))
    stored = StoredFacts.objects.filter(digest__in={facts for _, _, facts in questions.values()})
    named = set(naming(references, stored).values_list("digest", flat=True))
    found = [
        Asked(ref, canonical.from_json(values.Question, question), tuple(resting.get(key, ())), facts in named)
        for key, (ref, question, facts) in questions.items()
    ]
    return Lately(
        tuple(sorted(found, key=lambda each: (not each.permits, not each.concerned))),
        decisions=read,
        older=read == DECISIONS_AT_MOST,
    )


def _recent() -> Iterator[tuple[str, Any, str]]:
    about_now = Q(about_now=True) | Q(question__mode=values.Mode.PREFLIGHT, asked__at=None, asked__as_known_at=None)
    rows = Decision.objects.filter(about_now).order_by("-pk").values_list("ref", "question", "facts_id")
    yield from rows[:DECISIONS_AT_MOST].iterator(1_000)


def _key(question: Any) -> str:
    """Two questions are one when all but their times agree; the order of columns is the caller's whim."""
    body = {name: value for name, value in question.items() if name not in ("at", "as_known_at")}
    return canonical.text({**body, "columns": sorted(body["columns"]), "required": sorted(body["required"])})
