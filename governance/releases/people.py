"""The people in D as the engine takes them: what they said, in numbers and as lists with a digest; whose deletion is due."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from consent import consents
from consent.models import IdentifierSpace
from consent.scope import Need, Standing
from governance.obligations import queries as obligations
from governance.policy import people as policy
from governance.policy import values
from governance.releases.models import BuiltVersion


def views(needed: Iterable[policy.Needed], question: values.Question) -> tuple[values.ConsentView, ...]:
    """Return what people said about the question's action and purpose, for each (customer, space, controller, need) the engine will ask."""
    groups: dict[tuple[str, str, str], list[policy.Needed]] = {}
    for each in needed:
        groups.setdefault((each.space, speaks_to(each.controller, each.customer), str(each.need)), []).append(each)
    spaces = {space.ref: space for space in IdentifierSpace.objects.filter(ref__in={ref for ref, _, _ in groups})}
    found = [
        view
        for (space, controller, need), wanted in sorted(groups.items())
        for view in _views(asked(spaces[space], controller, Need(need), question), wanted)
    ]
    return tuple(sorted(found, key=lambda view: (view.customer, view.space, view.controller, view.need)))


def speaks_to(controller: str, customer: str) -> str:
    """Return whom a customer's people speak to: the controller that the declaration names, else the customer itself."""
    return controller or customer


def strictest(needs: Iterable[values.Need]) -> values.Need:
    """Return the strictest of some needs."""
    return policy.strictest(needs)


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
    """Return the lists that the builder applied, with how many people would have to go since. Lists of several customers under one
    name (no controller declared) are one: the oldest moment, everybody's number."""
    by_name: dict[tuple[str, str, str], list[values.AppliedList]] = {}
    for each in built.lists:
        by_name.setdefault((each["space"], each["named"], each["need"]), []).append(_applied(each, question))
    return tuple(
        values.AppliedList(
            space=space,
            controller=controller,
            need=values.Need(need),
            applied_at=min(one.applied_at for one in rows),
            unapplied=sum(one.unapplied for one in rows),
        )
        for (space, controller, need), rows in sorted(by_name.items())
    )


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


def _views(ask: consents.Question, wanted: list[policy.Needed]) -> list[values.ConsentView]:
    head = consents.write_list(ask, lambda batch: None)
    tallies = consents.tally(ask, sorted({each.customer for each in wanted}))
    return [_view(each, head, tallies[each.customer]) for each in wanted]


def _view(each: policy.Needed, head: consents.ListHead, tally: consents.Tally) -> values.ConsentView:
    return values.ConsentView(
        customer=each.customer,
        space=each.space,
        controller=each.controller,
        need=each.need,
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
