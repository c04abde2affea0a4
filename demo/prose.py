"""Read the contracts as they stand in `demo/contracts/*.md`: dates, and the words of each numbered clause."""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

FOLDER = Path(__file__).parent / "contracts"
CLAUSE = re.compile(r"^(\d+(?:\.\d+)?)\.? ", re.MULTILINE)
DATES = re.compile(r"signed (\d+ \w+ \d{4}), effective (\d+ \w+ \d{4})")


@dataclass(frozen=True)
class Paper:
    """One signed document."""

    file: str
    title: str
    signed_on: date
    effective_on: date
    digest: str
    clauses: dict[str, str]  # number -> its words


def read(file: str) -> Paper:
    """Return the document in that file."""
    path = FOLDER / file
    text = path.read_text(encoding="utf-8")
    dates = DATES.search(text)
    assert dates is not None, f"{file} does not say when it was signed"
    return Paper(
        file=file,
        title=text.splitlines()[0].lstrip("# "),
        signed_on=_date(dates[1]),
        effective_on=_date(dates[2]),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        clauses=_clauses(text),
    )


def _clauses(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for written in re.split(r"\n\s*\n", text):
        paragraph = re.sub(r"\*\*(\d+\.) ", r"\1 **", written.strip())
        if number := CLAUSE.match(paragraph):
            words = paragraph[number.end() :].replace("**", "")
            found[number[1]] = " ".join(words.split())
    return found


def _date(words: str) -> date:
    return datetime.strptime(words, "%d %B %Y").date()  # noqa: DTZ007 - a date has no time zone
