"""The law about people's events, on `consent.scope` (the engine's fold) and on a naive one: what somebody says against a use never helps it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent import scope, vocabulary
from consent.scope import Event, Need, State
from tests.policy.test_laws import EXAMPLES, pytestmark
from tests.policy.worlds import NOW

__all__ = ["pytestmark"]  # under the long profile these are proofs, too

ACTIONS = ("train", "train.finetune", "review")
PURPOSES = ("functional", "functional.service", "marketing")
type Allows = Callable[[list[Event], str, str, Need], bool]


def by_scope(events: list[Event], action: str, purpose: str, need: Need) -> bool:
    """The fold that the product uses."""
    return scope.allows(
        scope.standing(events, action=action, purpose=purpose, at=NOW, as_known_at=NOW, need=need), need
    )


def naively(events: list[Event], action: str, purpose: str, need: Need) -> bool:
    """SEMANTICS §3, word by word: expired givings first, then the latest of those that count, and a refusal wins a tie."""
    if need is Need.NOTHING:
        return True
    counting: list[tuple[datetime, bool]] = []
    for event in events:
        if event.at > NOW or event.recorded_at > NOW:
            continue
        if event.state is not State.GIVEN:
            if vocabulary.touches(event.action, action) and vocabulary.touches(event.purpose, purpose):
                counting.append((event.at, False))
            continue
        strong = need not in (Need.EXPLICIT, Need.GUARDED) or event.explicit
        strong = strong and (need is not Need.GUARDED or event.represented)
        expired = event.expires_at is not None and event.expires_at <= NOW
        if (
            strong
            and not expired
            and vocabulary.covers(event.action, action)
            and vocabulary.covers(event.purpose, purpose)
        ):
            counting.append((event.at, True))
    if not counting:
        return need is Need.NO_OBJECTION
    latest = max(at for at, _ in counting)
    return all(given for at, given in counting if at == latest)


moments = st.sampled_from([NOW - timedelta(days=days) for days in (3, 2, 1, 0, -1)])


def _event(
    action: str, purpose: str, state: State, at: datetime, recorded: datetime, expires: bool, strength: int
) -> Event:
    end = at + timedelta(days=2) if expires and state is State.GIVEN else None
    return Event(action, purpose, state, at, recorded, end, explicit=strength > 0, represented=strength > 1)


def events(states: tuple[State, ...] = tuple(State)) -> st.SearchStrategy[Event]:
    """One thing somebody said."""
    return st.builds(
        _event, st.sampled_from(ACTIONS), st.sampled_from(PURPOSES), st.sampled_from(states), moments, moments, st.booleans(), st.integers(0, 2)
    )  # fmt: skip


both = pytest.mark.parametrize("allows", [by_scope, naively], ids=["scope", "naive"])
laws = settings(max_examples=EXAMPLES * 3)
said, needs = st.lists(events(), max_size=4), st.sampled_from(list(Need))
actions, purposes = st.sampled_from(ACTIONS), st.sampled_from(PURPOSES)


@laws
@given(said, actions, purposes, needs)
def test_scope_and_the_naive_fold_agree(events: list[Event], action: str, purpose: str, need: Need) -> None:
    assert by_scope(events, action, purpose, need) == naively(events, action, purpose, need)


@both
@laws
@given(said, events((State.REFUSED, State.WITHDRAWN, State.OBJECTED)), actions, purposes, needs)
def test_a_refusing_consent_event_never_adds_a_row(
    allows: Allows, events: list[Event], refusal: Event, action: str, purpose: str, need: Need
) -> None:
    if allows([*events, refusal], action, purpose, need):
        assert allows(events, action, purpose, need)


@both
@laws
@given(said, actions, purposes)
def test_a_narrow_refusal_stops_broad_use(allows: Allows, events: list[Event], action: str, purpose: str) -> None:
    """Refusing to be fine-tuned on, after everything else was said, stops training at large; refusing review does not."""
    narrow = Event("train.finetune", purpose, State.REFUSED, NOW, NOW)
    assert not allows([*events, narrow], "train", purpose, Need.NO_OBJECTION)
    elsewhere = Event("review", purpose, State.REFUSED, NOW, NOW)
    assert allows([*events, elsewhere], "train", purpose, Need.CONSENT) == allows(
        events, "train", purpose, Need.CONSENT
    )


@both
def test_consent_to_review_is_none_to_train(allows: Allows) -> None:
    given_to_review = [Event("review", "functional", State.GIVEN, NOW - timedelta(days=1), NOW)]
    assert not allows(given_to_review, "train", "functional", Need.CONSENT)
    assert allows(given_to_review, "review", "functional.service", Need.CONSENT)
