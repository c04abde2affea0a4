"""What the builder tells lineage about a build: OpenLineage run events in the words of spec 2-0-2, with our permit facet."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from governance.building.recipes import Band, Blank, Keep, Prefix, Pseudonym, Recipe, Treatment, Truncate
from governance.releases.models import Permit
from lineage import ingest

JOB = "governance.build_release"
PATH = "/governance/building"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = "https://openlineage.io/spec/facets"
PERMIT_SCHEMA = "/schema/governance_permit-run-facet.json"


@dataclass(frozen=True)
class Report:
    """One build, as its events tell it."""

    run: str
    permit: Permit
    source: Mapping[str, str]
    output: Mapping[str, str]
    recipe: Recipe


def producer() -> str:
    """Return the address that names the builder in events."""
    return settings.SITE_URL + PATH


def send(report: Report, kind: str, *, at: datetime, rows: int | None = None, by: str) -> None:
    """Hand one event (START, COMPLETE, FAIL) to lineage's intake, in the caller's transaction."""
    ingest.accept(json.dumps(event(report, kind, at=at, rows=rows)).encode(), by=by)


def event(report: Report, kind: str, *, at: datetime, rows: int | None = None) -> dict[str, Any]:
    """Return one run event. Every event names inputs and outputs, so that a lost one hides nothing."""
    return {
        "eventType": kind,
        "eventTime": at.astimezone(UTC).isoformat(),
        "producer": producer(),
        "schemaURL": SPEC,
        "run": {"runId": report.run, "facets": {"governance_permit": _permit(report.permit)}},
        "job": {"namespace": report.output["namespace"], "name": JOB, "facets": {}},
        "inputs": [{"namespace": report.source["namespace"], "name": report.source["name"], "facets": {}}],
        "outputs": [_output(report, rows)],
    }


def _permit(permit: Permit) -> dict[str, Any]:
    return {
        "_producer": producer(),
        "_schemaURL": settings.SITE_URL + PERMIT_SCHEMA,
        "permit": permit.ref,
        "digest": f"sha256:{permit.digest}",
    }


def _output(report: Report, rows: int | None) -> dict[str, Any]:
    recipe = report.recipe
    facets: dict[str, Any] = {
        "schema": _facet("1-2-0", "SchemaDatasetFacet", fields=[{"name": name} for name in recipe.columns]),
        "columnLineage": _facet(
            "1-2-0",
            "ColumnLineageDatasetFacet",
            fields={name: {"inputFields": [_field(report, name, treatments(recipe, name))]} for name in recipe.columns},
            dataset=[_filter(report, name) for name in filters(recipe)],
        ),
    }
    output: dict[str, Any] = {"namespace": report.output["namespace"], "name": report.output["name"], "facets": facets}
    if rows is not None:
        output["outputFacets"] = {
            "outputStatistics": _facet("1-0-2", "OutputStatisticsOutputDatasetFacet", rowCount=rows)
        }
    return output


def treatments(recipe: Recipe, name: str) -> set[Treatment]:
    """Return what happens to a column, over the classes that are included."""
    return {each.columns.get(name, Blank()) for each in recipe.classes if each.included}


def filters(recipe: Recipe) -> list[str]:
    """Return the columns that decide which rows are written."""
    people = {one.column for each in recipe.classes for one in each.people}
    return sorted(
        people
        | {key.column for key in recipe.keys}
        | (set(recipe.quasi_identifiers) if recipe.k is not None else set())
    )


def _field(report: Report, name: str, found: Iterable[Treatment]) -> dict[str, Any]:
    kinds = {type(treatment) for treatment in found} - {Blank}
    subtype = "IDENTITY" if kinds <= {Keep} else "TRANSFORMATION"
    masked = bool(kinds) and kinds <= {Pseudonym, Band, Prefix, Truncate}
    return _input(report, name, {"type": "DIRECT", "subtype": subtype, "description": "", "masking": masked})


def _filter(report: Report, name: str) -> dict[str, Any]:
    return _input(report, name, {"type": "INDIRECT", "subtype": "FILTER", "description": "", "masking": False})


def _input(report: Report, name: str, transformation: Mapping[str, Any]) -> dict[str, Any]:
    return {**report.source, "field": name, "transformations": [dict(transformation)]}


def _facet(version: str, name: str, **members: Any) -> dict[str, Any]:
    return {"_producer": producer(), "_schemaURL": f"{FACETS}/{version}/{name}.json#/$defs/{name}", **members}
