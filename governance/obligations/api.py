"""HTTP of obligations and legal holds: who asks for a deletion, who confirms it, what must stay."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import subjects
from governance.access import actors, paging, reading
from governance.access.idempotency import Once
from governance.obligations import duties, holds
from governance.obligations.models import LegalHold, Obligation
from governance.parties import customers
from lineage import errors

ANSWER = OpenApiTypes.OBJECT
READ = {
    "GET": "contracts:read",
    "POST": "contracts:read",
}  # who may decide is said by the verbs: named people with a role
Text = serializers.CharField


class ProposalIn(serializers.Serializer[Any]):
    """Whose data must go and why; one person by `subject` (a reference) in `space`."""

    customer = Text(max_length=40)
    trigger = serializers.ChoiceField(Obligation.Trigger.choices)
    on = serializers.DateTimeField(required=False, default=None)
    space = Text(max_length=200, required=False, default="")
    subject = Text(max_length=64, required=False, default="")
    reason = Text(max_length=10_000, required=False, allow_blank=True, default="")


class ObligationReasonIn(serializers.Serializer[Any]):
    reason = Text(max_length=10_000, required=False, allow_blank=True, default="")


class HoldIn(serializers.Serializer[Any]):
    customer = Text(max_length=40)
    ground = Text(max_length=10_000)
    on = serializers.DateTimeField(required=False, default=None)
    space = Text(max_length=200, required=False, default="")
    subject = Text(max_length=64, required=False, default="")


class Obligations(Once):
    """Duties to delete."""

    required_scopes = READ

    @extend_schema(parameters=paging.PARAMETERS, responses=ANSWER)
    def get(self, request: Request) -> Response:
        """List the duties of the customers that the caller may see, of one with `?customer=`, in one state with `?state=`."""
        rows = Obligation.objects.filter(customer__in=customers.visible_to(actors.of(request.user)))
        for name, field in (("customer", "customer__ref"), ("state", "state")):
            if value := request.query_params.get(name, ""):
                rows = rows.filter(**{field: value})
        return paging.respond(request, rows.select_related("customer", "subject_space"), shown)

    @extend_schema(request=ProposalIn, responses=ANSWER)
    def post(self, request: Request) -> Response:
        """Propose that data must go; a named person confirms it."""
        given, by = reading.body(ProposalIn, request), actors.of(request.user)
        duty = duties.propose(
            customers.get(given["customer"], by=by),
            trigger=given["trigger"],
            on=given["on"] or timezone.now(),
            person=_person(given),
            reason=given["reason"],
            by=by,
        )
        return Response(shown(duty), status=201)


class ObligationStep(APIView):
    """Confirm a proposed duty, or say why the data need not go."""

    required_scopes = READ
    step = ""

    @extend_schema(request=ObligationReasonIn, responses=ANSWER)
    def post(self, request: Request, ref: str) -> Response:
        """Take the step as the calling person."""
        by, reason = actors.of(request.user), reading.body(ObligationReasonIn, request)["reason"]
        customers.get(duties.find(ref).customer.ref, by=by)
        step = duties.confirm if self.step == "confirm" else duties.dismiss
        return Response(shown(step(ref, reason=reason, by=by)))


class Holds(Once):
    """Legal holds."""

    required_scopes = READ

    @extend_schema(parameters=paging.PARAMETERS, responses=ANSWER)
    def get(self, request: Request) -> Response:
        """List the holds on data of the customers that the caller may see."""
        rows = LegalHold.objects.filter(customer__in=customers.visible_to(actors.of(request.user)))
        return paging.respond(request, rows.select_related("customer"), shown_hold)

    @extend_schema(request=HoldIn, responses=ANSWER)
    def post(self, request: Request) -> Response:
        """Place a hold."""
        given, by = reading.body(HoldIn, request), actors.of(request.user)
        customer, on = customers.get(given["customer"], by=by), given["on"] or timezone.now()
        return Response(
            shown_hold(holds.place(customer, ground=given["ground"], on=on, person=_person(given), by=by)), status=201
        )


class HoldLift(APIView):
    """The end of a hold."""

    required_scopes = READ

    @extend_schema(request=None, responses=ANSWER)
    def post(self, request: Request, ref: str) -> Response:
        """Lift it."""
        return Response(shown_hold(holds.lift(ref, on=timezone.now(), by=actors.of(request.user))))


def shown(duty: Obligation) -> dict[str, Any]:
    """Return a duty as callers see it; a person's reference is not shown, only that it is about one person."""
    plain = (
        "ref trigger state triggered_on due_on clause_ref method covers_source covers_derived covers_training_copies "
        "covers_models proposed_by confirmed_by confirmed_at reason"
    )
    fields = {name: getattr(duty, name) for name in plain.split()}
    return {"customer": duty.customer.ref, "of_one_person": bool(duty.subject), **fields}


def shown_hold(hold: LegalHold) -> dict[str, Any]:
    """Return a hold as callers see it."""
    fields = ("ref", "ground", "valid_from", "placed_by", "lifted_on", "lifted_by")
    return {
        "customer": hold.customer.ref,
        "of_one_person": bool(hold.subject),
        **{name: getattr(hold, name) for name in fields},
    }


def _person(given: dict[str, Any]) -> duties.Person | None:
    if not given["subject"] and not given["space"]:
        return None
    if not subjects.is_reference(given["subject"]):
        raise errors.Unprocessable("name the person by reference (64 hexadecimal digits)", where="subject")
    return duties.Person(subjects.space(given["space"]), given["subject"])
