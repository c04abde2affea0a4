"""HTTP of the catalogue. Each kind of declaration has a list, a POST, and the steps approve, end, approve the end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from consent import subjects
from governance.access import actors, paging, reading
from governance.access.actors import Actor
from governance.access.idempotency import Once
from governance.catalogue import columns, declarations, modes, movements, safeguards, sources, trained
from governance.catalogue import models as rows
from governance.catalogue import serializers as forms
from governance.catalogue.declared import Declared
from governance.catalogue.places import Place
from governance.parties import customers
from governance.parties.models import TenantKeySpace
from lineage import errors

ANSWER = OpenApiTypes.OBJECT
READ_WRITE = {"GET": "catalogue:read", "POST": "catalogue:write"}
STEP = {"POST": "catalogue:read"}  # who may take a step is said by the verbs: a second person with the right role


class Declarations(Once):
    """The list of one kind of declaration, and the way to add one."""

    required_scopes = READ_WRITE
    kind: ClassVar[type[Declared]]
    serializer_class: ClassVar[type[drf.Serializer[Any]]]  # of what is sent

    @extend_schema(parameters=paging.PARAMETERS, responses=ANSWER)
    def get(self, request: Request) -> Response:
        """List them, of one dataset where `?namespace=` and `?name=` say so, waiting ones with `?waiting=yes`."""
        found = self.kind._default_manager.all()
        for field in ("namespace", "name"):
            if value := request.query_params.get(field, ""):
                found = found.filter(**{field: value})
        if request.query_params.get("waiting") == "yes":
            found = found.waiting()  # type: ignore[attr-defined]
        return paging.respond(request, found, shown)

    @extend_schema(responses={201: ANSWER})
    def post(self, request: Request) -> Response:
        """Declare one; the answer says whether it counts already or waits for a second person."""
        given, by = reading.body(self.serializer_class, request), actors.of(request.user)
        given["valid_from"] = given.get("valid_from") or timezone.now()
        row = self.declare(given, by)
        return Response(shown(row), status=201)

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Call the verb."""
        raise NotImplementedError


class Sources(Declarations):
    kind, serializer_class = rows.SourceDeclaration, forms.SourceIn

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Declare whose data a dataset holds."""
        said = [name for name in ("customer", "tenant_space", "no_customer_data") if given[name]]
        if len(said) != 1:
            raise errors.Malformed("say one of customer, tenant_space and no_customer_data", where="customer")
        common: dict[str, Any] = _when(given) | {"setting": _setting(given), "people": _people(given), "by": by}
        place = _place(given)
        match said[0]:
            case "customer":
                return sources.of_customer(place, customers.get(given["customer"], by=by), **common)
            case "tenant_space":
                space = _tenant_space(given["tenant_space"])
                return sources.of_space(place, space, tenant_column=given["tenant_column"], **common)
            case _:
                return sources.of_nobody(place, **common)


class Categories(Declarations):
    kind, serializer_class = rows.CategoryDeclaration, forms.CategoryIn

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Declare that a column bears a category."""
        return columns.categorise(_place(given), given["column"], given["category"], **_since(given), by=by)


class Keys(Declarations):
    kind, serializer_class = rows.KeyColumn, forms.KeyColumnIn

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Declare a key column."""
        source = declarations.find(rows.SourceDeclaration, given["source"]) if given["source"] else None
        common: dict[str, Any] = _since(given) | {"source": source, "by": by}
        if given["kind"] == rows.KeyColumn.Kind.TENANT:
            return columns.tenant_key(_place(given), given["column"], _tenant_space(given["space"]), **common)
        return columns.person_key(_place(given), given["column"], subjects.space(given["space"]), **common)


class Quasi(Declarations):
    kind, serializer_class = rows.QuasiIdentifiers, forms.QuasiIn

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Declare quasi-identifiers."""
        return columns.quasi_identifiers(_place(given), given["columns"], **_since(given), by=by)


class Generalisations(Declarations):
    kind, serializer_class = rows.Generalisation, forms.GeneralisationIn

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Declare how a column is made coarser."""
        return columns.generalise(
            _place(given), given["column"], given["method"], given["parameters"], **_since(given), by=by
        )


class Safeguards(Declarations):
    kind, serializer_class = rows.SafeguardDeclaration, forms.SafeguardIn

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Vouch for a safeguard of a version."""
        more = {name: given[name] for name in ("standard", "bounds", "evidence_digest")}
        return safeguards.declare(
            _place(given), given["run"], given["columns"], given["safeguard"], **more, **_since(given), by=by
        )


class Statements(Declarations):
    kind, serializer_class = rows.LineageStatement, forms.StatementIn

    def declare(self, given: dict[str, Any], by: Actor) -> Declared:
        """Say how data moved."""
        payload = {name: given[name] for name in ("job", "customer", "run", "columns")} | {"fields": given["fields_"]}
        return movements.state(given["kind"], _place(given), payload, **_since(given), by=by)


class Step(APIView):
    """Approve a declaration, propose its end, approve its end."""

    required_scopes = STEP
    kind: type[Declared] = rows.SourceDeclaration
    step = ""

    @extend_schema(request=forms.DeclarationEndIn, responses=ANSWER)
    def post(self, request: Request, ref: str) -> Response:
        """Take the step as the calling person."""
        row, by = declarations.find(self.kind, ref), actors.of(request.user)
        match self.step:
            case "approve":
                return Response(shown(declarations.approve(row, by=by)))
            case "end":
                on = reading.body(forms.DeclarationEndIn, request)["on"] or timezone.now()
                return Response(shown(declarations.end(row, on=on, by=by)))
            case _:
                return Response(shown(declarations.approve_end(row, by=by)))


class Models(Once):
    """Trained models."""

    required_scopes = READ_WRITE

    @extend_schema(operation_id="models_list", parameters=paging.PARAMETERS, responses=ANSWER)
    def get(self, request: Request) -> Response:
        """List models."""
        return paging.respond(request, rows.Model.objects.prefetch_related("services"), shown_model)

    @extend_schema(request=forms.ModelIn, responses=ANSWER)
    def post(self, request: Request) -> Response:
        """Register a model as a node of lineage."""
        given, by = reading.body(forms.ModelIn, request), actors.of(request.user)
        model = trained.register(
            Place(given["namespace"], given["name"]),
            title=given["title"],
            run=given["run"],
            trained_on=[trained.Version(**version) for version in given["trained_on"]],
            adapted_from=trained.find(given["adapted_from"]) if given["adapted_from"] else None,
            served_to=given["served_to"],
            at=timezone.now(),
            by=by,
        )
        return Response(shown_model(model), status=201, headers={"Location": f"/api/v1/models/{model.ref}"})


class ModelDetail(APIView):
    """One model."""

    required_scopes = READ_WRITE

    @extend_schema(request=None, responses=ANSWER)
    def get(self, request: Request, ref: str) -> Response:
        """Return it, with whom it serves."""
        return Response(shown_model(trained.find(ref)))


class ModelServices(Once):
    """Whom a model serves."""

    required_scopes = READ_WRITE

    @extend_schema(request=forms.ServiceIn, responses=ANSWER)
    def post(self, request: Request, ref: str) -> Response:
        """Say that a model serves a party."""
        given = reading.body(forms.ServiceIn, request)
        since = given["valid_from"] or timezone.now()
        row = trained.serve(
            trained.find(ref), given["party"], valid_from=since, valid_to=given["valid_to"], by=actors.of(request.user)
        )
        return Response(shown(row), status=201)


class OwnerReleases(Once):
    """What the owners of a model have released it for."""

    required_scopes: ClassVar = {"GET": "contracts:read", "POST": rows.OwnerRelease.SCOPE}

    @extend_schema(parameters=paging.PARAMETERS, responses=ANSWER)
    def get(self, request: Request, ref: str) -> Response:
        """List them, of customers that the caller may see."""
        visible = customers.visible_to(actors.of(request.user))
        found = rows.OwnerRelease.objects.filter(model=trained.find(ref), customer__in=visible)
        return paging.respond(request, found.select_related("model", "customer"), shown)

    @extend_schema(request=forms.OwnerReleaseIn, responses={201: ANSWER})
    def post(self, request: Request, ref: str) -> Response:
        """Record that a customer lets the model be served or assigned to a party; a second person confirms it."""
        given, by = reading.body(forms.OwnerReleaseIn, request), actors.of(request.user)
        customer = customers.get(given.pop("customer"), by=by)
        given["valid_from"] = given["valid_from"] or timezone.now()
        return Response(shown(trained.release(trained.find(ref), customer, **given, by=by)), status=201)


class ModelRetirement(APIView):
    """The end of a model."""

    required_scopes = READ_WRITE

    @extend_schema(request=None, responses=ANSWER)
    def post(self, request: Request, ref: str) -> Response:
        """Retire a model."""
        return Response(shown_model(trained.retire(trained.find(ref), by=actors.of(request.user))))


class Modes(Once):
    """Enforcement modes."""

    required_scopes = READ_WRITE

    @extend_schema(parameters=paging.PARAMETERS, responses=ANSWER)
    def get(self, request: Request) -> Response:
        """List the changes, or with `?namespace=` say which mode is in force there."""
        if namespace := request.query_params.get("namespace", ""):
            return Response({"namespace": namespace, "mode": modes.of(namespace)})
        return paging.respond(request, rows.EnforcementMode.objects.all(), shown_mode)

    @extend_schema(request=forms.ModeIn, responses=ANSWER)
    def post(self, request: Request) -> Response:
        """Propose a mode for a namespace."""
        given = reading.body(forms.ModeIn, request)
        return Response(shown_mode(modes.propose(**given, by=actors.of(request.user))), status=201)


class ModeApproval(APIView):
    """The second person's step."""

    required_scopes = STEP

    @extend_schema(request=None, responses=ANSWER)
    def post(self, request: Request, ref: str) -> Response:
        """Approve a proposed mode."""
        return Response(shown_mode(modes.approve(ref, by=actors.of(request.user))))


class Owners(APIView):
    """Who owns the jobs of a namespace."""

    required_scopes = STEP

    @extend_schema(request=forms.OwnerIn, responses=ANSWER)
    def post(self, request: Request) -> Response:
        """Record an owner."""
        row = modes.own(**reading.body(forms.OwnerIn, request), by=actors.of(request.user))
        return Response({"namespace": row.namespace, "owner": row.owner}, status=201)


def shown(row: Declared) -> dict[str, Any]:
    """Return a declaration as callers see it, with who said it and since when it counts (`counts_since` null: it waits)."""
    life = {
        "declared_by": row.declared_by,
        "approved_by": row.approved_by,
        "counts_since": row.known_at,
        "ends_on": row.ended_on,
        "end_counts_since": row.end_known_at,
    }
    return declarations.summary(row) | life


def shown_model(model: rows.Model) -> dict[str, Any]:
    """Return a model as callers see it."""
    return {
        "ref": model.ref,
        "namespace": model.namespace,
        "name": model.name,
        "title": model.title,
        "run": model.run,
        "trained_on": model.trained_on,
        "adapted_from": model.adapted_from.ref if model.adapted_from else None,
        "served_to": [shown(service) for service in model.services.select_related("model").order_by("ref")],
        "retired_at": model.retired_at,
    }


def shown_mode(row: rows.EnforcementMode) -> dict[str, Any]:
    """Return a change of mode as callers see it."""
    fields = ("ref", "namespace", "mode", "reason", "proposed_by", "approved_by", "approved_at")
    return {name: getattr(row, name) for name in fields}


def _place(given: Mapping[str, Any]) -> Place:
    return Place(given["namespace"], given["name"] or given["pattern"], is_pattern=bool(given["pattern"]))


def _since(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"valid_from": given["valid_from"], "reason": given["reason"]}


def _when(given: Mapping[str, Any]) -> dict[str, datetime | str | None]:
    return {**_since(given), "valid_to": given["valid_to"]}


def _setting(given: Mapping[str, Any]) -> sources.Setting:
    return sources.Setting(**{name: given[name] for name in ("product", "environment", "region", "controller")})


def _people(given: Mapping[str, Any]) -> sources.People | None:
    if bool(given["subject_column"]) != bool(given["subject_space"]):
        raise errors.Malformed("subject_column and subject_space go together", where="subject_column")
    return (
        sources.People(given["subject_column"], subjects.space(given["subject_space"]))
        if given["subject_space"]
        else None
    )


def _tenant_space(key: str) -> TenantKeySpace:
    space = TenantKeySpace.objects.filter(key=key).first()
    if space is None:
        raise errors.Unprocessable("no tenant-key space of that key", code="unknown-space", where="tenant_space")
    return space
