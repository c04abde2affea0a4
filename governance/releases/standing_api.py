"""HTTP of standing permits: a run renews."""

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, reading
from governance.access.idempotency import Once
from governance.releases import answering, decisions, requests, standing
from governance.releases import serializers as forms


class Renewals(Once, APIView):
    """A permit for one run of a scheduled job."""

    required_scopes: ClassVar = {"POST": decisions.SCOPE}

    @extend_schema(operation_id="permits_renew", request=forms.RenewalIn, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, ref: str) -> Response:
        """Decide the job's question now; the answer is that of a release, with the run's permit, or with why there is none."""
        by = actors.of(request.user)
        given = reading.body(forms.RenewalIn, request)
        job = requests.JobName(**given["job"])
        found = standing.renew(ref, job=job, run=str(given["run"]), by=by, at=timezone.now())
        location = f"/api/v1/releases/{found.answered.decision.ref}"
        return Response(answering.renewed(found, by=by), status=201, headers={"Location": location})
