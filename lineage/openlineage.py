"""PURE. Our own typed reading of OpenLineage 2-0-2 events: one `Report` per RunEvent, JobEvent or DatasetEvent.

Strict where the specification is. Leniencies, each with a note in `Report.notes`: no `schemaURL`; a time without offset is UTC
(`time-assumed-utc`); a RunEvent without `eventType` is OTHER; null where something optional is left out; facets without `_producer`.
Nanoseconds are kept exactly. Facets that lineage does not read are not looked into and stay in the stored bytes as they came.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from lineage.errors import Malformed, Unprocessable
from lineage.facets import Dataset, DatasetLineage, Entry, InputField, Job, JobFacets, Run, Source
from lineage.values import SECOND, Name, nanoseconds

MAX_NAMESPACE, MAX_NAME, MAX_COLUMN = 800, 1600, 1600  # bytes: a name must fit an index entry of PostgreSQL


class NotAnEvent(Malformed):
    """The body is no OpenLineage event; `where` is a JSON pointer."""

    code = "not-an-openlineage-event"


class FromTheFuture(Unprocessable):
    """The event time lies more than five minutes ahead of our clock."""

    code = "event-time-in-the-future"


class _Message(Struct, frozen=True):
    eventTime: str
    producer: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.\-]*:[^\x00\s]+$")]
    schemaURL: str | None = None
    eventType: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] | None = None
    run: Run | None = None
    job: Job | None = None
    dataset: Dataset | None = None
    inputs: tuple[Dataset, ...] | None = None
    outputs: tuple[Dataset, ...] | None = None


class Report(Struct, frozen=True):
    """A parsed event: what somebody reports about a run, or declares about a job or a dataset. `at` in nanoseconds.

    `run` names the run; of a declared run it says what it is about, and `key` tells the declarations about it apart.
    """

    kind: Literal["run", "job", "dataset"]
    at: int
    type: str
    run: str
    job: Name | None
    producer: str
    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]
    job_facets: JobFacets
    unknown_source: bool
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """The run that this event is about: its runId, or the declaration of that time about a job or a dataset (rule 17)."""
        return self.run if self.kind == "run" else f"{self.run} @{self.at}"


_decoder = msgspec.json.Decoder()


def decode(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; raises `NotAnEvent`."""
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnEvent(f"the body cannot be read as JSON: {_plain(error)}") from None
    if not isinstance(found, dict):
        raise NotAnEvent("an event is one JSON object", remedy="send several events as NDJSON to /api/v1/lineage/batch")
    return found


def read(message: Mapping[str, Any]) -> Report:
    """Return what a decoded event says; raises `NotAnEvent` with the place, `Unprocessable` for names that are too long."""
    notes: list[str] = []
    try:
        parsed = msgspec.convert(_without_deleted(message, notes), _Message)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _complaint(error) from None
    at = read_time(parsed.eventTime, notes)
    if parsed.schemaURL is None:
        notes.append("schema-url-missing")
    return _report(parsed, at, notes)


def must_not_be_ahead(report: Report, *, now: int, by_at_most: int = 300 * SECOND) -> None:
    """Raise `FromTheFuture` when the event claims a time more than five minutes ahead (SEMANTICS §2)."""
    if report.at > now + by_at_most:
        raise FromTheFuture(
            "the event time is more than five minutes ahead of our clock",
            where="/eventTime",
            remedy="set the sender's clock",
        )


def _report(parsed: _Message, at: int, notes: list[str]) -> Report:
    job = Name(parsed.job.namespace, parsed.job.name) if parsed.job else None
    kind: Literal["run", "job", "dataset"]
    if parsed.run is not None:
        if parsed.job is None:
            raise NotAnEvent("a RunEvent needs its job", where="/job")
        kind, key = "run", str(parsed.run.runId)
    elif job is not None:
        if parsed.dataset is not None:
            raise NotAnEvent("this is both a JobEvent and a DatasetEvent: send two", where="/dataset")
        kind, key = "job", f"job {len(job.namespace)} {job.namespace} {job.name}"
    elif parsed.dataset is not None:
        kind, key = (
            "dataset",
            f"dataset {len(parsed.dataset.namespace)} {parsed.dataset.namespace} {parsed.dataset.name}",
        )
    else:
        raise NotAnEvent("an event is about a run, a job or a dataset; this one names none", where="/run")
    if kind == "run" and parsed.eventType is None:
        notes.append("event-type-missing")
    outputs = (parsed.dataset,) if kind == "dataset" and parsed.dataset else parsed.outputs or ()
    facets = parsed.run.facets if parsed.run else None
    report = Report(
        kind=kind, at=at, type=(parsed.eventType or "OTHER") if kind == "run" else "", run=key, job=job, producer=parsed.producer,
        inputs=parsed.inputs or () if kind != "dataset" else (), outputs=outputs,
        job_facets=(parsed.job and parsed.job.facets) or JobFacets(),
        unknown_source=bool(facets and facets.unknownSourceAttribute is not None), notes=tuple(notes),
    )  # fmt: skip
    _check(report)
    return report


# -- time ---------------------------------------------------------------------------------------------------------------------

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):?(\d\d))?(?:\[[\w/+\-]+\])?",
    re.ASCII,
)


def read_time(text: str, notes: list[str]) -> int:
    """Return an RFC 3339 time as nanoseconds since 1970, exact; digits beyond nanoseconds are cut. Raises `NotAnEvent`."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise NotAnEvent("eventTime is no RFC 3339 time such as 2026-11-22T01:23:50.653691Z", where="/eventTime")
    *date, second = (int(part) for part in match.groups()[:6])
    try:
        minute = datetime(date[0], date[1], date[2], date[3], date[4], tzinfo=UTC)
    except ValueError as error:
        raise NotAnEvent(f"eventTime is no time: {error}", where="/eventTime") from None
    if second > 60 or minute.year < 1970 or minute.year > 2200:
        raise NotAnEvent("eventTime is no time between 1970 and 2200", where="/eventTime")
    if not match[8] and not match[9]:
        notes.append("time-assumed-utc")
    fraction = int((match[7] or "0").ljust(9, "0")[:9])
    return nanoseconds(minute) + second * SECOND + fraction - _offset(match)


def _offset(match: re.Match[str]) -> int:
    if not match[9]:
        return 0
    hours, minutes = int(match[10]), int(match[11])
    if hours > 23 or minutes > 59:
        raise NotAnEvent("eventTime has no such offset", where="/eventTime")
    return (1 if match[9] == "+" else -1) * (hours * 3600 + minutes * 60) * SECOND


# -- checks that types do not make --------------------------------------------------------------------------------------------


def _check(report: Report) -> None:
    if report.job:
        _fits(report.job, "/job")
    for side in ("inputs", "outputs"):
        for index, dataset in enumerate(getattr(report, side)):
            where = f"/{side}/{index}" if report.kind != "dataset" else "/dataset"
            _check_dataset(dataset, where)
    for index, entry in enumerate(report.job_facets.lineage.entries if report.job_facets.lineage else ()):
        where = f"/job/facets/lineage/entries/{index}"
        _check_reference(entry, where)
        _check_sources(entry, where)


def _check_dataset(dataset: Dataset, where: str) -> None:
    _fits(dataset, where)
    facets = dataset.facets
    if facets is None:
        return
    where += "/facets"
    if lineage := facets.columnLineage:
        for column, sources in lineage.fields.items():
            _fits_column(column, f"{where}/columnLineage/fields")
            for source in sources.inputFields:
                _fits(source, f"{where}/columnLineage/fields/{_pointed(column)}")
        for source in lineage.dataset or ():
            _fits(source, f"{where}/columnLineage/dataset")
    if facets.lineage:
        _check_sources(facets.lineage, f"{where}/lineage")
    for field in (facets.schema and facets.schema.fields) or ():
        _fits_column(field.name, f"{where}/schema/fields")
    for identifier in (facets.symlinks and facets.symlinks.identifiers) or ():
        _fits(identifier, f"{where}/symlinks/identifiers")
    if facets.lifecycleStateChange and facets.lifecycleStateChange.previousIdentifier:
        _fits(facets.lifecycleStateChange.previousIdentifier, f"{where}/lifecycleStateChange/previousIdentifier")


def _check_sources(lineage: DatasetLineage | Entry, where: str) -> None:
    for source in lineage.inputs or ():
        _check_reference(source, f"{where}/inputs")
    for column, sources in (lineage.fields or {}).items():
        _fits_column(column, f"{where}/fields")
        for source in sources.inputs:
            _check_reference(source, f"{where}/fields/{_pointed(column)}/inputs")


def _check_reference(one: Source | Entry, where: str) -> None:
    if one.type == "DATASET" and not (one.namespace and one.name):
        raise NotAnEvent("a dataset is named by namespace and name", where=where)
    if one.type == "JOB" and bool(one.namespace) != bool(one.name):
        raise NotAnEvent("a job is named by both namespace and name, or by neither", where=where)
    if one.namespace and one.name:
        _fits(one, where)
    if isinstance(one, Source) and one.field:
        _fits_column(one.field, where)


def _fits(name: Any, where: str) -> None:
    for attribute, limit in (("namespace", MAX_NAMESPACE), ("name", MAX_NAME)):
        _fits_bytes(getattr(name, attribute), limit, f"{where}/{attribute}")
    if isinstance(name, InputField):
        _fits_column(name.field, f"{where}/field")


def _fits_column(column: str, where: str) -> None:
    _fits_bytes(column, MAX_COLUMN, where)
    if column == "*":
        raise NotAnEvent("a column cannot be called *", where=where)


def _fits_bytes(text: str, limit: int, where: str) -> None:
    if len(text) * 4 <= limit and text.isascii():
        return
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise NotAnEvent("half of a surrogate pair is no text", where=where) from None
    if size > limit:
        raise Unprocessable(f"a name here has at most {limit} bytes", code="name-too-long", where=where)


# -- dropped at intake --------------------------------------------------------------------------------------------------------

DROPPED = {"environmentVariables": "run", "environment-properties": "run", "errorMessage": "run", "sourceCode": "job"}


def without_secrets(message: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return an event without the facets that may hold secrets, and notes that say which: `dropped:/run/facets/errorMessage`."""
    kept, notes = dict(message), []
    for name, holder in DROPPED.items():
        facets = _facets(kept, holder)
        if name in facets:
            kept[holder] = {**kept[holder], "facets": {key: value for key, value in facets.items() if key != name}}
            notes.append(f"dropped:/{holder}/facets/{name}")
    errors = _facets(kept, "run").get("extractionError")
    if isinstance(errors, dict) and errors.get("errors"):
        facets = {**kept["run"]["facets"], "extractionError": {**errors, "errors": []}}
        kept["run"] = {**kept["run"], "facets": facets}
        notes.append("dropped:/run/facets/extractionError/errors")
    return kept, notes


def _facets(message: Mapping[str, Any], holder: str) -> Mapping[str, Any]:
    facets = message[holder].get("facets") if isinstance(message.get(holder), dict) else None
    return facets if isinstance(facets, dict) else {}


def _without_deleted(message: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """Leave out facets that say of themselves that they are deleted; check that every facet is an object."""
    plain = dict(message)
    for holder in ("run", "job", "dataset"):
        plain[holder] = _facets_checked(plain.get(holder), f"/{holder}", notes)
    for side in ("inputs", "outputs"):
        if isinstance(plain.get(side), list):
            plain[side] = [_facets_checked(one, f"/{side}/{index}", notes) for index, one in enumerate(plain[side])]
    return plain


def _facets_checked(holder: Any, where: str, notes: list[str]) -> Any:
    facets = holder.get("facets") if isinstance(holder, dict) else None
    if not isinstance(facets, dict):
        return holder
    for key, facet in facets.items():
        if not isinstance(facet, dict):
            raise NotAnEvent("a facet is an object", where=f"{where}/facets/{_pointed(key)}")
        if "_producer" not in facet and "facet-without-producer" not in notes:
            notes.append("facet-without-producer")
    if any(facet.get("_deleted") is True for facet in facets.values()):
        return {**holder, "facets": {key: facet for key, facet in facets.items() if facet.get("_deleted") is not True}}
    return holder


_WHERE = re.compile(r" - at `(?:key in )?\$?([^`]*)`")


def _complaint(error: Exception) -> NotAnEvent:
    text = _plain(error)
    found = _WHERE.search(text)
    where = re.sub(r"\[(\d+)\]", r"/\1", found[1]).replace("[...]", "").replace(".", "/") if found else ""
    return NotAnEvent(_WHERE.sub("", text).replace("`", ""), where=where)


def _plain(error: Exception) -> str:
    text = str(error) or "nested too deeply"
    return text[:300] if text.startswith("JSON") else text[:1].lower() + text[1:300]


def _pointed(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")[:100]
