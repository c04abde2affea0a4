"""The people in D as the engine takes them: what they said, in numbers and as lists with a digest; whose deletion is due."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent import consents
from consent.models import IdentifierSpace
from consent.scope import Need, Standing
from governance.catalogue.models import SourceDeclaration
from governance.obligations import queries as obligations
from governance.policy import values
from governance.releases.models import BuiltVersion

NEEDS = (Need.NO_OBJECTION, Need.CONSENT, Need.EXPLICIT, Need.GUARDED)


@dataclass(frozen=True)
class Crowd:
    """Customers whose people are told apart in one space and speak to one controller."""

    space: IdentifierSpace
    controller: str
    customers: tuple[str, ...]


def crowds(sources: Mapping[str, SourceDeclaration], holders: Mapping[str, tuple[str, ...]]) -> list[Crowd]:
    """Return the crowds of these declarations; where none is named, each customer is the controller of its own people."""
    found: dict[tuple[str, str], set[str]] = {}
    spaces: dict[str, IdentifierSpace] = {}
    for ref, row in sources.items():
        if row.subject_space is None:
            continue
        spaces[row.subject_space.ref] = row.subject_space
        for customer in holders[ref]:
            found.setdefault((row.subject_space.ref, row.controller_ref or customer), set()).add(customer)
    return [
        Crowd(spaces[space], controller, tuple(sorted(mine))) for (space, controller), mine in sorted(found.items())
    ]


def views(found: Iterable[Crowd], question: values.Question) -> tuple[values.ConsentView, ...]:
    """Return what the people of each crowd said about the question's action and purpose, for every strength of need."""
    return tuple(view for crowd in found for need in NEEDS for view in _views(crowd, need, question))


def asked(space: IdentifierSpace, controller: str, need: Need, question: values.Question) -> consents.Question:
    """Return the question to the consents room that a decision's question makes."""
    return consents.Question(
        space=space,
        controller=controller,
        action=question.action,
        purpose=question.purpose,
        at=question.at,
        as_known_at=question.as_known_at,
        need=need,
    )


def duties(customers: Iterable[str], question: values.Question) -> tuple[values.Obligation, ...]:
    """Return the deletions that are due or proposed: one per customer's duty, one per customer and space for persons'."""
    found = obligations.open_for(customers, at=question.at, as_known_at=question.as_known_at)
    whole = [_obligation(each) for each in found if not each.subject]
    persons: dict[tuple[str, str], list[obligations.Pending]] = {}
    for each in found:
        if each.subject:
            persons.setdefault((each.customer, each.space), []).append(each)
    due = {
        space: erased(each.subject for each in found if each.space == space)
        for space in {each.space for each in found if each.space}
    }
    return (*whole, *(_of_persons(mine, due[space]) for (_, space), mine in sorted(persons.items())))


def erased(subjects: Iterable[str]) -> tuple[int, str]:
    """Return number and digest of a list of people, as allow-lists have them: sorted, one per line."""
    listed = sorted(set(subjects))
    return len(listed), hashlib.sha256("".join(f"{subject}\n" for subject in listed).encode()).hexdigest()


def due_subjects(customers: Iterable[str], space: str, *, at: datetime, as_known_at: datetime) -> list[str]:
    """Return the people of a space whose deletion is due."""
    found = obligations.open_for(customers, at=at, as_known_at=as_known_at)
    return sorted({each.subject for each in found if each.subject and each.space == space})


def applied(built: BuiltVersion, question: values.Question) -> tuple[values.AppliedList, ...]:
    """Return the lists that the builder applied, with how many people would have to go since."""
    return tuple(_applied(each, question) for each in built.lists)


def erasures_applied(
    built: BuiltVersion, customers: Iterable[str], question: values.Question
) -> tuple[values.AppliedList, ...]:
    """Return the same for people whose deletion was due when it was built, and is due now."""
    found = []
    for each in built.erased:
        due = set(due_subjects(customers, each["space"], at=question.at, as_known_at=question.as_known_at))
        moment = datetime.fromisoformat(each["applied_at"])
        before = set(due_subjects(customers, each["space"], at=moment, as_known_at=moment))
        found.append(values.AppliedList(each["space"], "", values.Need.NOTHING, moment, unapplied=len(due - before)))
    return tuple(found)


def _applied(each: Mapping[str, Any], question: values.Question) -> values.AppliedList:
    moment, need = datetime.fromisoformat(each["applied_at"]), Need(each["need"])
    space = IdentifierSpace.objects.get(ref=each["space"])
    now = asked(space, each["controller"], need, question)
    before = consents.Question(space, each["controller"], question.action, question.purpose, moment, moment, need)
    return values.AppliedList(
        space=space.ref,
        controller=each["controller"],
        need=values.Need(need),
        applied_at=moment,
        unapplied=consents.no_longer_allowed(before, now),
    )


def _views(crowd: Crowd, need: Need, question: values.Question) -> list[values.ConsentView]:
    ask = asked(crowd.space, crowd.controller, need, question)
    head = consents.write_list(ask, lambda batch: None)
    return [
        _view(crowd, ask, head, customer, tally)
        for customer, tally in sorted(consents.tally(ask, list(crowd.customers)).items())
    ]


def _view(
    crowd: Crowd, ask: consents.Question, head: consents.ListHead, customer: str, tally: consents.Tally
) -> values.ConsentView:
    return values.ConsentView(
        customer=customer,
        space=crowd.space.ref,
        controller=crowd.controller,
        need=values.Need(ask.need),
        kind=head.kind,
        count=head.count,
        digest=head.digest,
        position=head.position,
        registered=tally.registered,
        allowed=tally.allowed,
        refused=tally.standings.get(Standing.REFUSED, 0),
        withdrawn=tally.standings.get(Standing.WITHDRAWN, 0),
        objected=tally.standings.get(Standing.OBJECTED, 0),
        expired=tally.standings.get(Standing.EXPIRED, 0),
        silent=tally.standings.get(Standing.SILENT, 0),
    )


def _obligation(each: obligations.Pending) -> values.Obligation:
    return values.Obligation(
        ref=each.ref, customer=each.customer, state=each.state, due_at=each.due_on, covers_models=each.covers_models
    )


def _of_persons(mine: list[obligations.Pending], due: tuple[int, str]) -> values.Obligation:
    first = min(mine, key=lambda each: (each.due_on, each.ref))
    return values.Obligation(
        ref=first.ref,
        customer=first.customer,
        state=first.state,
        due_at=first.due_on,
        covers_models=any(each.covers_models for each in mine),
        subject_space=first.space,
        subjects=due[0],
        digest=due[1],
    )
