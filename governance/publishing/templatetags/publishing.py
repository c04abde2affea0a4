"""Filters for documents and the auditor's pages: moments, words, numbers as people read them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from django import template

from consent import vocabulary

register = template.Library()

WORDS = {
    "permit": "permitted",
    "permit_with_plan": "permitted in part",
    "deny": "refused",
    "training_copies": "copies made for training",
    "source": "the source data",
    "derived": "derived data",
    "models": "models trained on them",
}


@register.filter
def when(value: object) -> str:
    """Write a moment as `22 November 2026, 04:30 UTC`; RFC 3339 text is read first. Nothing stays nothing."""
    moment = _moment(value)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC" if moment else ""


@register.filter
def day(value: object) -> str:
    """Write a moment's day as `22 November 2026`."""
    moment = _moment(value)
    return f"{moment.day} {moment:%B %Y}" if moment else ""


@register.filter
def words(value: object) -> str:
    """Write a key as words: `contract-end` as `contract end`."""
    text = str(value)
    return WORDS.get(text, text.replace("-", " ").replace("_", " "))


@register.filter
def title_of(key: object) -> str:
    """Write an action, a purpose or a category as its tree calls it."""
    return vocabulary.title(str(key)) if key else ""


@register.filter
def number(value: object) -> str:
    """Write a whole number with thin spaces between thousands, and nothing as a dash."""
    return "–" if value is None or value == "" else f"{int(str(value)):,}".replace(",", "\u202f")


@register.filter
def ways(path: Iterable[Mapping[str, str]], namespace: str) -> list[str]:
    """Write the steps of a path as names, each namespace only where it changes (the item's own is known to the reader)."""
    lines, last = [], namespace
    for step in path:
        lines.append(step["name"] if step["namespace"] in ("", last) else f"{step['name']} in {step['namespace']}")
        last = step["namespace"]
    return lines


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return datetime.fromisoformat(str(value)).astimezone(UTC) if value else None
