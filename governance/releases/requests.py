"""What callers send to `POST /api/v1/releases`, parsed once into a type; anything else is a 4xx that names the place."""

import re
from datetime import datetime
from typing import Any, Literal

import msgspec

from consent import trees
from governance.policy import values
from lineage import errors

PLACE = re.compile(r" - at `\$\.?(.*)`$")
LONGEST, MOST, MOST_SOURCES = 500, 2_000, 50


class BadRequest(errors.Malformed):
    """The body is not a question."""

    code = "bad-question"


class DatasetName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dataset as OpenLineage names it."""

    namespace: str
    name: str

    def plain(self) -> dict[str, str]:
        """Return the two names."""
        return {"namespace": self.namespace, "name": self.name}


class JobName(DatasetName, frozen=True, forbid_unknown_fields=True):
    """A job as OpenLineage names it."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a planned output will be made from: per planned column the source's columns that go into it; without `columns` all into all."""

    namespace: str
    name: str
    columns: dict[str, tuple[str, ...]] = {}
    filters: tuple[str, ...] = ()

    def value(self) -> values.PlannedSource:
        """Return it as the engine's question has it, in one order."""
        said = sorted((column, tuple(sorted(set(inputs)))) for column, inputs in self.columns.items())
        columns = tuple(values.PlannedColumn(*each) for each in said)
        return values.PlannedSource(self.namespace, self.name, columns, tuple(sorted(set(self.filters))))


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The question as it is sent. Without `columns` every column of the dataset but its declared keys is asked for."""

    dataset: DatasetName
    action: str
    purpose: str = ""
    columns: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    recipient: str | None = None
    model: str | None = None
    environment: str | None = None
    region: str | None = None
    mode: Literal["plan", "strict", "preflight"] = "plan"
    sources: tuple[Source, ...] = ()  # in preflight: what the dataset, which does not exist yet, will be made from
    output: DatasetName | None = None  # where a build of the plan is written
    writes: tuple[DatasetName, ...] = ()  # what the run that uses the data will write
    standing: JobName | None = None  # the scheduled job that will ask again for each of its runs
    at: datetime | None = None
    as_known_at: datetime | None = None
    ran_unasked_at: datetime | None = None

    @property
    def about_now(self) -> bool:
        """Only such questions get a permit."""
        return self.at is None and self.as_known_at is None and self.mode != "preflight" and self.ran_unasked_at is None


def parse(body: object) -> Ask:
    """Return the question in a decoded JSON body; raises `BadRequest`."""
    try:
        ask = msgspec.convert(body, Ask)
    except msgspec.ValidationError as error:
        found = PLACE.search(str(error))
        raise BadRequest(PLACE.sub("", str(error)), where=found.group(1) if found else "") from None
    _check(msgspec.to_builtins(ask), "")
    if len(ask.sources) > MOST_SOURCES:
        raise BadRequest(f"at most {MOST_SOURCES} sources at once", where="sources")
    if len(ask.columns) > MOST:
        raise BadRequest(f"at most {MOST} columns at once", where="columns")
    if ask.standing and not ask.about_now:
        raise BadRequest("a standing permit is given only for questions about now", where="standing")
    for field in ("at", "as_known_at", "ran_unasked_at"):
        moment: datetime | None = getattr(ask, field)
        if moment is not None and moment.tzinfo is None:
            raise BadRequest("a time needs its offset, such as 2026-11-01T12:00:00Z", where=field)
    return ask


def question(ask: Ask, *, columns: tuple[str, ...], now: datetime) -> values.Question:
    """Return the engine's question; `now` stands for times that were not given. Raises `BadRequest` for knowledge from the future."""
    known = ask.as_known_at or now
    if known > now:
        raise BadRequest("nobody knows now what will be known then", where="as_known_at")
    return values.Question(
        namespace=ask.dataset.namespace,
        dataset=ask.dataset.name,
        columns=columns,
        action=ask.action,
        purpose=trees.called(ask.purpose, known),
        at=ask.at or now,
        as_known_at=known,
        recipient=ask.recipient,
        model=ask.model,
        environment=ask.environment,
        region=ask.region,
        mode=values.Mode(ask.mode),
        required=ask.required,
        sources=tuple(source.value() for source in ask.sources),
    )


def _check(value: Any, where: str) -> None:
    """Every text must be one that can be stored, and a name that says something."""
    match value:
        case dict():
            for name, inner in value.items():
                _check(name, where)
                _check(inner, f"{where}.{name}" if where else name)
        case list() | tuple():
            for index, inner in enumerate(value):
                _check(inner, f"{where}[{index}]")
        case str():
            if len(value) > LONGEST or "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
                raise BadRequest(f"a text has up to {LONGEST} characters that can be stored", where=where)
            if not value and where != "purpose":
                raise BadRequest("this must not be empty", where=where)
