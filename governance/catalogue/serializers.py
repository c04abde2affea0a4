"""What callers send to the catalogue, read once into plain values."""

from typing import Any

from rest_framework import serializers

from governance.catalogue.models import (
    EnforcementMode,
    Generalisation,
    KeyColumn,
    LineageStatement,
    OwnerRelease,
    SafeguardDeclaration,
)
from lineage import errors

Text = serializers.CharField


class Placed(serializers.Serializer[Any]):
    """A dataset by `name`, or every dataset that `pattern` (and then `namespace` too) names; since when; why."""

    namespace = Text(max_length=500)
    name = Text(max_length=500, required=False, default="")
    pattern = Text(max_length=500, required=False, default="")
    valid_from = serializers.DateTimeField(required=False, default=None)
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = Text(max_length=10_000, required=False, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of name and pattern."""
        if bool(attrs["name"]) == bool(attrs["pattern"]):
            raise errors.Malformed("name one dataset (name) or a pattern (pattern), one of the two", where="name")
        return attrs


class SourceIn(Placed):
    """Whose data: `customer`, or `tenant_space` with `tenant_column`, or `no_customer_data`."""

    customer = Text(max_length=40, required=False, default="")
    tenant_space = Text(max_length=60, required=False, default="")
    tenant_column = Text(max_length=300, required=False, default="")
    no_customer_data = serializers.BooleanField(required=False, default=False)
    subject_column = Text(max_length=300, required=False, default="")
    subject_space = Text(max_length=200, required=False, default="")
    controller = Text(max_length=40, required=False, default="")
    product = Text(max_length=60, required=False, default="")
    environment = Text(max_length=200, required=False, default="")
    region = Text(max_length=200, required=False, default="")


class CategoryIn(Placed):
    column = Text(max_length=300)
    category = Text(max_length=200)


class KeyColumnIn(Placed):
    column = Text(max_length=300)
    kind = serializers.ChoiceField(KeyColumn.Kind.choices)
    space = Text(max_length=200)
    source = Text(max_length=40, required=False, default="")  # type: ignore[assignment]  # DRF collects it as a field


class QuasiIn(Placed):
    columns = serializers.ListField(child=Text(max_length=300), min_length=1, max_length=200)


class GeneralisationIn(Placed):
    column = Text(max_length=300)
    method = serializers.ChoiceField(Generalisation.Method.choices)
    parameters = serializers.DictField(required=False, default=dict)


class SafeguardIn(Placed):
    run = Text(max_length=200)
    columns = serializers.ListField(child=Text(max_length=300), min_length=1, max_length=1000)
    safeguard = serializers.ChoiceField(SafeguardDeclaration.Safeguard.choices)
    standard = Text(max_length=200, required=False, allow_blank=True, default="")
    bounds = serializers.DictField(required=False, default=dict)
    evidence_digest = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, default="")


class JobIn(serializers.Serializer[Any]):
    namespace = Text(max_length=500)
    name = Text(max_length=500)


class FieldIn(serializers.Serializer[Any]):
    namespace = Text(max_length=500)
    name = Text(max_length=500)
    field = Text(max_length=300)


class StatementIn(Placed):
    """`replaces-whole` (job), `column-map` (job, fields), `absence` (job, customer, run, columns), `run-closed` (run)."""

    kind = serializers.ChoiceField(LineageStatement.Kind.choices)
    job = JobIn(required=False, default=None)
    fields_ = serializers.DictField(child=FieldIn(many=True), required=False, default=dict)
    customer = Text(max_length=40, required=False, default="")
    run = Text(max_length=200, required=False, default="")
    columns = serializers.ListField(child=Text(max_length=300), required=False, default=list, max_length=1000)

    def to_internal_value(self, data: Any) -> Any:
        """`fields` is a name that serializers keep to themselves."""
        if isinstance(data, dict) and "fields" in data:
            data = {**{k: v for k, v in data.items() if k != "fields"}, "fields_": data["fields"]}
        return super().to_internal_value(data)


class VersionIn(serializers.Serializer[Any]):
    namespace = Text(max_length=500)
    name = Text(max_length=500)
    run = Text(max_length=200)


class ModelIn(serializers.Serializer[Any]):
    namespace = Text(max_length=500)
    name = Text(max_length=500)
    title = Text(max_length=300, required=False, allow_blank=True, default="")
    run = Text(max_length=200, required=False, allow_blank=True, default="")
    trained_on = serializers.ListField(child=VersionIn(), required=False, default=list, max_length=10_000)
    adapted_from = Text(max_length=40, required=False, default="")
    served_to = serializers.ListField(child=Text(max_length=40), required=False, default=list, max_length=10_000)


class ServiceIn(serializers.Serializer[Any]):
    party = Text(max_length=40)
    valid_from = serializers.DateTimeField(required=False, default=None)
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)


class OwnerReleaseIn(serializers.Serializer[Any]):
    customer = Text(max_length=40)
    action = serializers.ChoiceField(OwnerRelease.Action.choices)
    recipient = Text(max_length=40)
    evidence = Text(max_length=10_000)
    evidence_digest = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, default="")
    valid_from = serializers.DateTimeField(required=False, default=None)
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ModeIn(serializers.Serializer[Any]):
    namespace = Text(max_length=500)
    mode = serializers.ChoiceField(EnforcementMode.Mode.choices)
    reason = Text(max_length=10_000, required=False, allow_blank=True, default="")


class OwnerIn(serializers.Serializer[Any]):
    namespace = Text(max_length=500)
    owner = Text(max_length=64)


class DeclarationEndIn(serializers.Serializer[Any]):
    on = serializers.DateTimeField(required=False, default=None)
