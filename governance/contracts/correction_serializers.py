"""Corrections as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.contracts import differences, readings
from governance.contracts.encoded import CLAUSE, HEAD
from governance.contracts.models import Clause, CorrectedClause, Correction
from governance.contracts.serializers import REF, DocumentFields, PrevailsIn, PrevailsOut


class CorrectedClauseIn(serializers.Serializer[CorrectedClause]):
    """A clause typed anew: what is not given stays. Without a reference, one that was forgotten; `struck`, one that never was."""

    ref = serializers.CharField(max_length=REF, required=False)
    struck = serializers.BooleanField(required=False, default=False)
    number = serializers.CharField(max_length=40, required=False)
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    passage = serializers.CharField(required=False)
    page = serializers.IntegerField(min_value=1, max_value=32767, required=False, allow_null=True)
    kind = serializers.ChoiceField(choices=Clause.Kind.choices, required=False)
    body = serializers.DictField(required=False)
    products = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    environments = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    regions = serializers.ListField(child=serializers.CharField(max_length=60), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A clause that was forgotten has a number and words; a struck one is named."""
        needed = ("ref",) if attrs["struck"] else () if "ref" in attrs else ("number", "passage")
        missing = {name: "this is needed" for name in needed if name not in attrs}
        if missing:
            raise serializers.ValidationError(missing)
        return attrs


class CorrectionChange(DocumentFields):
    """What is typed anew in a draft; what is not given stays. Repeals and precedence are given whole."""

    reason = serializers.CharField(max_length=1000)
    clauses = CorrectedClauseIn(many=True)
    repeals = serializers.ListField(child=serializers.CharField(max_length=REF))
    prevails = PrevailsIn(many=True)

    def get_fields(self) -> dict[str, Any]:
        """All of them optional."""
        found = super().get_fields()
        for field in found.values():
            field.required = False
        return found


class CorrectionIn(CorrectionChange):
    """A correction to be drafted."""

    def get_fields(self) -> dict[str, Any]:
        """A reason is needed."""
        found = super().get_fields()
        found["reason"].required = True
        return found


class CorrectedClauseOut(serializers.ModelSerializer[CorrectedClause]):
    """A clause as the correction has it."""

    class Meta:
        model = CorrectedClause
        fields = ("ref", *CLAUSE)


class DifferenceOut(serializers.Serializer[differences.Difference]):
    """One thing that reads otherwise, in sentences; `clause` is the reference of the clause it is in."""

    what = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()
    clause = serializers.CharField()


class CorrectionOut(serializers.ModelSerializer[Correction]):
    """A correction: the document as it should have been typed, and what that changes."""

    document = serializers.CharField(source="document.ref")
    contract = serializers.CharField(source="document.family.ref", allow_null=True, default=None)
    clauses = CorrectedClauseOut(many=True)
    repeals = serializers.SerializerMethodField()
    prevails = PrevailsOut(many=True)
    changes = serializers.SerializerMethodField()

    class Meta:
        model = Correction
        fields = (
            "ref", "document", "contract", "reason", "state", "drafted_by", "drafted_at", "applied_by", "recorded_at", "closing_note",
            *HEAD, "clauses", "repeals", "prevails", "changes",
        )  # fmt: skip

    def get_repeals(self, row: Correction) -> list[str]:
        """References of the clauses that the document repeals."""
        return [each.clause.ref for each in row.repeals.select_related("clause")]

    @extend_schema_field(DifferenceOut(many=True))
    def get_changes(self, row: Correction) -> list[dict[str, str]]:
        """Before and after."""
        found = differences.between(readings.before(row), readings.corrected(row.document, row))
        return [dict(DifferenceOut(each).data) for each in found]
