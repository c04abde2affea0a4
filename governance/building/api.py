"""HTTP of building: the statement of a plan, the build that the service runs, how it went."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors
from governance.building import builder
from governance.building.models import Build
from governance.releases import answering, decisions, permits
from governance.releases.api import TextRenderer, visible
from governance.releases.requests import BadRequest, DatasetName
from lineage import errors

NOTE = """\
-- Run this in one transaction of the database where the data lies, after preparing the session:
--   CREATE TEMP TABLE governance_allowed (list integer, subject text);   with the lists of people, as keyed hashes
--   SELECT set_config('governance.pseudonym_inner', …, true)             and the other keys it reads by current_setting
-- `manage.py build_release` does all of it, and no key or person ever stands in this text.
"""


class Sql(APIView):
    """The plan as one statement."""

    required_scopes: ClassVar = {"GET": decisions.SCOPE}
    renderer_classes = (TextRenderer, JSONRenderer)

    @extend_schema(
        operation_id="releases_sql",
        parameters=[OpenApiParameter("dialect", str, enum=["postgres"]), OpenApiParameter("output", str)],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, ref: str) -> Response:
        """Return a SELECT, or with `output=schema.table` a CREATE TABLE AS."""
        dialect = request.query_params.get("dialect", "postgres")
        if dialect != "postgres":
            raise errors.Unprocessable(
                f"plans are not compiled to {dialect!r} yet",
                code="unknown-dialect",
                where="dialect",
                remedy="use postgres",
            )
        row = visible(ref, by=actors.of(request.user))
        output = request.query_params.get("output", "")
        place = {"namespace": row.namespace, "name": output} if output else None
        return Response(f"{NOTE}{builder.statement(row, output=place)};\n")


class BuildView(APIView):
    """The build of a decision."""

    required_scopes: ClassVar = {"GET": decisions.SCOPE, "POST": decisions.SCOPE}

    @extend_schema(operation_id="releases_build_read", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, ref: str) -> Response:
        """Return the last attempt."""
        by = actors.of(request.user)
        row = visible(ref, by=by).builds.first()
        if row is None:
            raise errors.NotFound("nothing was built for this decision", code="no-build")
        return Response(shown(row))

    @extend_schema(operation_id="releases_build", request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request, ref: str) -> Response:
        """Build the plan and answer with the release permit, or why there is none. Safe to repeat: what was built is not built again."""
        by = actors.of(request.user)
        made = builder.build(visible(ref, by=by), output=_output(request.data), by=by, at=timezone.now())
        return Response(shown(made))


def shown(row: Build) -> dict[str, Any]:
    """Return an attempt as answers carry it."""
    return {
        "ref": row.ref,
        "decision": row.decision.ref,
        "state": row.state,
        "why": row.detail,
        "dataset": {"namespace": row.namespace, "name": row.name},
        "counts": row.counts,
        "measured": row.measured,
        "run": row.run,
        "release": answering.head(row.release) if row.release else None,
        "permit": permits.shown(row.release_permit) if row.release_permit else None,
    }


def _output(body: object) -> Mapping[str, str] | None:
    """`{"output": {"namespace": …, "name": …}}`, or nothing."""
    if not body:
        return None
    if not isinstance(body, dict) or set(body) - {"output"}:
        raise BadRequest("the body is empty or names the output", where="output")
    try:
        return msgspec.convert(body["output"], DatasetName).plain()
    except msgspec.ValidationError as error:
        raise BadRequest(str(error), where="output") from None
