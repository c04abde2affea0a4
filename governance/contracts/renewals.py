"""When a document's terms end, and when notice must be given: dates of UTC days, from what the document says."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta

from governance.contracts.encoded import EncodedHead


def term_end(head: EncodedHead, *, on: date) -> date | None:
    """Return the first day after the term that runs on that day (00:00 UTC of it); None where no term ends by itself.

    Terms of an automatic renewal are counted from the first end, not from each other: the 31st stays the 31st where a month has one.
    """
    if head.expires_on is None or head.renewal == EncodedHead.Renewal.EVERGREEN:
        return None
    if head.renewal == EncodedHead.Renewal.NONE or not head.renewal_months:
        return head.expires_on
    if on < head.expires_on:
        return head.expires_on
    passed = (on.year - head.expires_on.year) * 12 + on.month - head.expires_on.month
    times = max(passed // head.renewal_months - 1, 0)
    while (end := later(head.expires_on, times * head.renewal_months)) <= on and end < date.max:
        times += 1
    return end


def notice_until(head: EncodedHead, *, on: date) -> date | None:
    """Return the last day on which notice ends the term that runs on that day."""
    end = term_end(head, on=on)
    return _plus(end, -(head.notice_days or 0)) if end else None


def first_end(head: EncodedHead, *, noticed_on: date) -> date:
    """Return the first day on which a document no longer counts when notice is given on that day."""
    noticed = _plus(noticed_on, head.notice_days or 0)
    if head.renewal != EncodedHead.Renewal.AUTOMATIC:
        return noticed
    # Whoever gives notice on the last day ends the term: the term that runs on the last day of the notice ends with it.
    return term_end(head, on=_plus(noticed, -1)) or noticed


def ends_a_term(head: EncodedHead, day: date) -> bool:
    """Say whether a term ends on that day."""
    return term_end(head, on=_plus(day, -1)) == day


def expired(head: EncodedHead, moment: datetime) -> bool:
    """Say whether a document that nothing renews is over at that moment."""
    if head.renewal != EncodedHead.Renewal.NONE or head.expires_on is None:
        return False
    return datetime.combine(head.expires_on, time.min, tzinfo=UTC) <= moment


def later(day: date, months: int) -> date:
    """Return the same day of a later month, or its last one; the calendar's last day where there is none."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    if year > date.max.year:
        return date.max
    return day.replace(year=year, month=month, day=min(day.day, monthrange(year, month)[1]))


def _plus(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min
