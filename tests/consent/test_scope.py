"""Laws of effective consent, on the pure fold."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent import scope
from consent.scope import REFUSING, Event, Need, Standing, State
from tests.consent.worlds import DAY, START, actions, events, histories, instants, needs, purposes

QUESTION = {"action": "train.finetune", "purpose": "analytics.reporting"}


def said(state: State, day: int, action: str = "train", purpose: str = "analytics", **more: object) -> Event:
    return Event(action, purpose, state, START + day * DAY, START + day * DAY, **more)  # type: ignore[arg-type]


def standing(*history: Event, day: int = 5, need: Need = Need.CONSENT, **asked: str) -> Standing:
    return scope.standing(history, at=START + day * DAY, need=need, **{**QUESTION, **asked})


def test_nobody_who_said_nothing_has_given() -> None:
    assert standing() is Standing.SILENT


def test_a_giving_covers_what_lies_below_it() -> None:
    assert standing(said(State.GIVEN, 1)) is Standing.GIVEN


@pytest.mark.parametrize(
    ("action", "purpose"),
    [("train", "analytics.reporting"), ("train.finetune", "analytics"), ("review", "analytics.reporting")],
)
def test_a_narrow_giving_permits_no_broader_and_no_other_use(action: str, purpose: str) -> None:
    given_narrowly = said(State.GIVEN, 1, "train.finetune", "analytics.reporting")
    assert standing(given_narrowly, action=action, purpose=purpose) is Standing.SILENT


def test_a_narrow_refusal_stops_broad_use() -> None:
    history = [said(State.GIVEN, 1), said(State.REFUSED, 2, "train.align", "analytics.reporting.ad_performance")]
    assert standing(*history, action="train", purpose="analytics") is Standing.REFUSED
    assert standing(*history) is Standing.GIVEN


def test_a_refusal_wins_a_tie_and_the_latest_wins_otherwise() -> None:
    assert standing(said(State.GIVEN, 2), said(State.REFUSED, 2)) is Standing.REFUSED
    assert standing(said(State.REFUSED, 2), said(State.GIVEN, 3)) is Standing.GIVEN


def test_an_expired_giving_is_left_out_before_the_latest_is_chosen() -> None:
    brief = said(State.GIVEN, 3, expires_at=START + 4 * DAY)
    assert standing(brief) is Standing.EXPIRED
    assert standing(said(State.GIVEN, 1), brief) is Standing.GIVEN
    assert standing(said(State.REFUSED, 1), brief) is Standing.REFUSED
    assert standing(brief, day=3) is Standing.GIVEN


def test_a_giving_ends_at_its_expiry_and_not_later() -> None:
    assert standing(said(State.GIVEN, 3, expires_at=START + 5 * DAY), day=5) is Standing.EXPIRED


def test_plain_consent_is_no_explicit_consent() -> None:
    assert standing(said(State.GIVEN, 1), need=Need.EXPLICIT) is Standing.SILENT
    assert standing(said(State.GIVEN, 1, explicit=True), need=Need.EXPLICIT) is Standing.GIVEN
    assert standing(said(State.GIVEN, 1, explicit=True), need=Need.GUARDED) is Standing.SILENT
    assert standing(said(State.GIVEN, 1, explicit=True, represented=True), need=Need.GUARDED) is Standing.GIVEN


def test_an_old_question_is_answered_as_it_was_known() -> None:
    late = replace(said(State.WITHDRAWN, 1), recorded_at=START + 4 * DAY)
    history, at = [said(State.GIVEN, 0), late], START + 2 * DAY
    assert scope.standing(history, at=at, as_known_at=START + 3 * DAY, **QUESTION) is Standing.GIVEN
    assert scope.standing(history, at=at, as_known_at=START + 4 * DAY, **QUESTION) is Standing.WITHDRAWN


def test_silence_permits_under_legitimate_interest_and_objection_refuses() -> None:
    assert scope.allows(standing(), Need.NO_OBJECTION)
    assert not scope.allows(standing(said(State.OBJECTED, 1)), Need.NO_OBJECTION)
    assert not scope.allows(standing(), Need.CONSENT)


@pytest.mark.parametrize("need", list(Need))
@pytest.mark.parametrize("found", list(Standing))
def test_who_may_be_used_by_what_a_basis_asks_and_what_they_said(found: Standing, need: Need) -> None:
    said_so = {Standing.GIVEN, Standing.EXPIRED, Standing.SILENT} if need is Need.NO_OBJECTION else {Standing.GIVEN}
    assert scope.allows(found, need) is (need is Need.NOTHING or found in said_so)


@given(histories, events(), actions, purposes, instants, instants, needs)
def test_a_refusing_consent_event_never_adds_a_row(history, more, action, purpose, at, known, need) -> None:  # type: ignore[no-untyped-def]
    refusing = replace(more, state=State.REFUSED, expires_at=None)
    asked = {"action": action, "purpose": purpose, "at": at, "as_known_at": known, "need": need}
    before, after = scope.standing(history, **asked), scope.standing([*history, refusing], **asked)
    assert scope.allows(before, need) or not scope.allows(after, need)


@given(histories, st.randoms(), actions, purposes, instants, needs)
def test_order_and_repetition_of_events_do_not_matter(
    history, chance: random.Random, action, purpose, at, need
) -> None:  # type: ignore[no-untyped-def]
    shuffled = [*history, *history]
    chance.shuffle(shuffled)
    asked = {"action": action, "purpose": purpose, "at": at, "need": need}
    assert scope.standing(shuffled, **asked) is scope.standing(history, **asked)


@given(histories, actions, purposes, instants)
def test_asking_more_broadly_never_permits_more(history, action, purpose, at) -> None:  # type: ignore[no-untyped-def]
    broad = scope.standing(history, action=action.split(".")[0], purpose=purpose, at=at)
    narrow = scope.standing(history, action=action, purpose=purpose, at=at)
    assert narrow is Standing.GIVEN or broad is not Standing.GIVEN


@given(histories, actions, purposes, instants)
def test_events_after_the_instant_do_not_matter(history, action, purpose, at) -> None:  # type: ignore[no-untyped-def]
    past = [event for event in history if event.at <= at]
    asked = {"action": action, "purpose": purpose, "at": at}
    assert scope.standing(history, **asked) is scope.standing(past, **asked)


@given(histories, actions, purposes, instants)
def test_a_stronger_need_never_allows_more(history, action, purpose, at) -> None:  # type: ignore[no-untyped-def]
    allowed = [
        scope.allows(scope.standing(history, action=action, purpose=purpose, at=at, need=need), need)
        for need in (Need.GUARDED, Need.EXPLICIT, Need.CONSENT, Need.NO_OBJECTION, Need.NOTHING)
    ]
    assert allowed == sorted(allowed)


def test_every_refusing_state_is_one_a_person_can_say() -> None:
    assert {str(standing) for standing in REFUSING} == {str(state) for state in State} - {"given"}
