"""The half-open period that a report speaks of."""

from dataclasses import dataclass
from datetime import datetime

from lineage import errors


@dataclass(frozen=True)
class Period:
    """[start, end), both in UTC."""

    start: datetime
    end: datetime

    def meets(self, start: datetime | None, end: datetime | None) -> bool:
        """Say whether something that held from `start` until `end` (None: open) held at any time in the period."""
        return (start is None or start < self.end) and (end is None or end > self.start)


def of(start: datetime, end: datetime, *, at: datetime) -> Period:
    """Return the period, cut off at `at`; raises `Unprocessable` for one that is empty or lies ahead."""
    if start >= min(end, at):
        raise errors.Unprocessable(
            "the period is empty, or lies ahead", where="to", remedy="let it start before it ends, and before now"
        )
    return Period(start, min(end, at))
