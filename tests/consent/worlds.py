"""Small worlds of consent for property tests: few keys and few instants, so that ties, overlaps and expiries are common."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from consent.scope import Event, Need, State

DAY = timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)
ACTIONS = ("train", "train.finetune", "train.align", "review", "ground.embed", "ground")
PURPOSES = ("analytics", "analytics.reporting", "analytics.reporting.ad_performance", "essential.service", "essential")
instants = st.integers(0, 6).map(lambda days: START + days * DAY)
actions, purposes, needs = st.sampled_from(ACTIONS), st.sampled_from(PURPOSES), st.sampled_from(list(Need))


@st.composite
def events(draw: st.DrawFn) -> Event:
    """One event of one person."""
    state, at = draw(st.sampled_from(list(State))), draw(instants)
    lasts = draw(st.none() | st.integers(1, 4)) if state is State.GIVEN else None
    explicit, represented = draw(st.booleans()), draw(st.booleans())
    return Event(
        action=draw(actions),
        purpose=draw(purposes),
        state=state,
        at=at,
        recorded_at=draw(instants),
        expires_at=at + lasts * DAY if lasts else None,
        explicit=explicit,
        represented=represented,
    )


histories = st.lists(events(), max_size=8)
