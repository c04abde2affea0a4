"""HTTP of overrides: give, read, review, withdraw. Who may is said by the verbs."""

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, paging, reading
from governance.access.idempotency import Once
from governance.releases import answering, explaining, overrides
from governance.releases import serializers as forms
from governance.releases.api import OBJECT, visible
from governance.releases.models import Override


class OverrideOf(Once, APIView):
    """Override a refusal: for persons with that role."""

    required_scopes: ClassVar = {"POST": explaining.SCOPE}

    @extend_schema(operation_id="releases_override", request=forms.OverrideIn, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, ref: str) -> Response:
        """Let the version be used for its purpose; the pipeline then asks again. 409 for what no person can lift."""
        by = actors.of(request.user)
        given = reading.body(forms.OverrideIn, request)
        row = overrides.grant(visible(ref, by=by), reason=given["reason"], hours=given["hours"], by=by)
        return Response(answering.override(row), status=201, headers={"Location": f"/api/v1/overrides/{row.ref}"})


class Overrides(APIView):
    """What persons have overridden."""

    required_scopes: ClassVar = {"GET": explaining.SCOPE}

    @extend_schema(operation_id="overrides_list", parameters=paging.PARAMETERS, responses=OBJECT)
    def get(self, request: Request) -> Response:
        """List them, oldest first."""
        return paging.respond(request, Override.objects.select_related("decision"), answering.override)


class OverrideView(APIView):
    """One override."""

    required_scopes: ClassVar = {"GET": explaining.SCOPE}

    @extend_schema(operation_id="overrides_read", responses=OBJECT)
    def get(self, request: Request, ref: str) -> Response:
        """Return it with its state."""
        return Response(answering.override(overrides.find(ref)))


class OverrideReview(APIView):
    """The second person's step."""

    required_scopes: ClassVar = {"POST": explaining.SCOPE}

    @extend_schema(operation_id="overrides_review", request=forms.OverrideReviewIn, responses=OBJECT)
    def post(self, request: Request, ref: str) -> Response:
        """Agree, or end it at once."""
        given = reading.body(forms.OverrideReviewIn, request)
        row = overrides.review(ref, agreed=given["agreed"], note=given["note"], by=actors.of(request.user))
        return Response(answering.override(row))


class OverrideWithdrawal(APIView):
    """The early end of an override."""

    required_scopes: ClassVar = {"POST": explaining.SCOPE}

    @extend_schema(operation_id="overrides_withdraw", request=forms.WhyIn, responses=OBJECT)
    def post(self, request: Request, ref: str) -> Response:
        """Withdraw it, with its permits."""
        why = reading.body(forms.WhyIn, request)["why"]
        return Response(answering.override(overrides.withdraw(ref, why=why, by=actors.of(request.user))))
