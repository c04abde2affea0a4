"""Contracts, documents, clauses and opt-ins as JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.contracts import readings
from governance.contracts.encoded import HEAD
from governance.contracts.models import (
    Clause,
    ContractFamily,
    CorrectedClause,
    Document,
    DocumentEnd,
    FamilyCustomer,
    OptIn,
    Prevails,
    Repeal,
)
from governance.parties.models import Customer

REF = 40


class ContractIn(serializers.Serializer[ContractFamily]):
    """A contract to be opened, with the customers whose data it covers."""

    title = serializers.CharField(max_length=200)
    vendor = serializers.CharField(max_length=REF)
    counterparty = serializers.CharField(max_length=REF)


class CoverageIn(serializers.Serializer[FamilyCustomer]):
    """A customer that the contract covers for a period."""

    customer = serializers.CharField(max_length=REF)
    valid_from = serializers.DateTimeField()
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)


class CoverageOut(serializers.ModelSerializer[FamilyCustomer]):
    """Who is covered, from when to when, known since when."""

    customer = serializers.CharField(source="customer.ref")

    class Meta:
        model = FamilyCustomer
        fields = ("customer", "valid_from", "valid_to", "recorded_at")


class ContractOut(serializers.ModelSerializer[ContractFamily]):
    """A contract with who it covers and its documents."""

    vendor = serializers.CharField(source="vendor.ref")
    counterparty = serializers.CharField(source="counterparty.ref")
    customers = CoverageOut(source="coverage", many=True)
    documents = serializers.SlugRelatedField[Document](slug_field="ref", many=True, read_only=True)

    class Meta:
        model = ContractFamily
        fields = ("ref", "title", "vendor", "counterparty", "customers", "documents", "created_at")


class ClauseIn(serializers.Serializer[Clause]):
    """A clause. Without a kind its text is kept as an unencoded term."""

    number = serializers.CharField(max_length=40)
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    passage = serializers.CharField()
    page = serializers.IntegerField(min_value=1, max_value=32767, required=False, allow_null=True)
    kind = serializers.ChoiceField(choices=Clause.Kind.choices, required=False)
    body = serializers.DictField(required=False)
    products = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    environments = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    regions = serializers.ListField(child=serializers.CharField(max_length=60), required=False)


class ClauseOut(serializers.ModelSerializer[Clause | CorrectedClause]):
    """A clause with its words and its encoding."""

    class Meta:
        model = Clause
        fields = ("ref", "number", "title", "passage", "page", "kind", "body", "products", "environments", "regions")


class RepealIn(serializers.Serializer[Repeal]):
    """A clause of another document that is taken back."""

    clause = serializers.CharField(max_length=REF)


class PrevailsIn(serializers.Serializer[Prevails]):
    """The document prevails over another for these actions and categories."""

    over = serializers.CharField(max_length=REF)
    actions = serializers.ListField(child=serializers.CharField(max_length=80), min_length=1)
    categories = serializers.ListField(child=serializers.CharField(max_length=120), min_length=1)


class PrevailsOut(serializers.ModelSerializer[Prevails]):
    """The same, as it stands."""

    over = serializers.CharField(source="over.ref")

    class Meta:
        model = Prevails
        fields = ("over", "actions", "categories")


class DocumentFields(serializers.Serializer[Document]):
    """What a draft says besides its clauses."""

    title = serializers.CharField(max_length=200)
    number = serializers.CharField(max_length=100, required=False, allow_blank=True)
    signed_on = serializers.DateField(required=False, allow_null=True)
    effective_on = serializers.DateField(required=False, allow_null=True)
    expires_on = serializers.DateField(required=False, allow_null=True)
    renewal = serializers.ChoiceField(choices=Document.Renewal.choices, required=False)
    renewal_months = serializers.IntegerField(min_value=1, max_value=1200, required=False, allow_null=True)
    notice_days = serializers.IntegerField(min_value=0, max_value=3660, required=False, allow_null=True)
    file_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    file_digest = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)


class DocumentChange(DocumentFields):
    """Any of those fields."""

    def get_fields(self) -> dict[str, Any]:
        """All of them optional."""
        found = super().get_fields()
        for field in found.values():
            field.required = False
        return found


class DocumentIn(DocumentFields):
    """A document to be drafted, with its clauses, what it repeals and what it prevails over."""

    contract = serializers.CharField(max_length=REF, required=False, help_text="none for a standard form")
    form = serializers.CharField(max_length=REF, required=False, help_text="the standard form that is accepted")
    kind = serializers.ChoiceField(choices=Document.Kind.choices)
    clauses = ClauseIn(many=True, required=False)
    repeals = serializers.ListField(child=serializers.CharField(max_length=REF), required=False)
    prevails = PrevailsIn(many=True, required=False)


class SignIn(serializers.Serializer[Document]):
    """The signature."""

    signed_on = serializers.DateField()
    file_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    file_digest = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, default="")


class EndIn(serializers.Serializer[DocumentEnd]):
    """From when on it counts no longer, and why."""

    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500)
    ground = serializers.ChoiceField(
        choices=DocumentEnd.Ground.choices,
        default=DocumentEnd.Ground.NOTICE,
        help_text="notice ends an automatic renewal at the end of a term only; another ground takes a person",
    )
    noticed_on = serializers.DateField(required=False, allow_null=True, default=None)


class EndOut(serializers.ModelSerializer[DocumentEnd]):
    """A termination."""

    document = serializers.CharField(source="document.ref")

    class Meta:
        model = DocumentEnd
        fields = ("document", "ends_at", "ground", "noticed_on", "reason", "recorded_at")


class ClosingIn(serializers.Serializer[Document]):
    """Why."""

    reason = serializers.CharField(max_length=500)


class DocumentOut(serializers.ModelSerializer[Document]):
    """A document as it reads now: as it was activated, or as the last applied correction has it."""

    contract = serializers.CharField(source="family.ref", allow_null=True, default=None)
    form = serializers.CharField(source="form.ref", allow_null=True, default=None)
    clauses = serializers.SerializerMethodField()
    repeals = serializers.SerializerMethodField()
    prevails = serializers.SerializerMethodField()
    ends = EndOut(many=True)
    corrected_by = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = (
            "ref", "contract", "kind", "form", "title", "number", "state", "signed_on", "effective_on", "expires_on", "renewal",
            "renewal_months", "notice_days", "file_name", "file_digest", "drafted_by", "approved_by", "approved_at", "activated_by",
            "recorded_at", "clauses", "repeals", "prevails", "ends", "corrected_by",
        )  # fmt: skip

    def to_representation(self, instance: Document) -> dict[str, Any]:
        """Dates and title as corrected."""
        self._reading = readings.of(instance)
        shown: dict[str, Any] = super().to_representation(instance)
        if self._reading.correction is not None:
            given = {name: getattr(self._reading.head, name) for name in HEAD}
            fields = self.fields
            shown |= {
                name: None if value is None else fields[name].to_representation(value) for name, value in given.items()
            }
        return shown

    @extend_schema_field(ClauseOut(many=True))
    def get_clauses(self, row: Document) -> list[dict[str, Any]]:
        """Its clauses."""
        return [dict(ClauseOut(each).data) for each in self._reading.clauses]

    def get_repeals(self, row: Document) -> list[str]:
        """References of the clauses that it repeals."""
        return list(self._reading.repeals)

    @extend_schema_field(PrevailsOut(many=True))
    def get_prevails(self, row: Document) -> list[dict[str, Any]]:
        """Over which documents it prevails, for what."""
        return [
            {"over": said.over, "actions": list(said.actions), "categories": list(said.categories)}
            for said in self._reading.prevails
        ]

    def get_corrected_by(self, row: Document) -> str | None:
        """Reference of the correction that it reads as."""
        return self._reading.correction.ref if self._reading.correction else None


class OptInIn(serializers.Serializer[OptIn]):
    """A customer takes up an offer."""

    offer = serializers.CharField(max_length=REF)
    customer = serializers.CharField(max_length=REF)
    valid_from = serializers.DateTimeField()
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)
    evidence = serializers.CharField(max_length=500)


class AtIn(serializers.Serializer[Customer]):
    """From when on."""

    at = serializers.DateTimeField()


class OptInOut(serializers.ModelSerializer[OptIn]):
    """An opt-in with its period."""

    offer = serializers.CharField(source="offer.ref")
    customer = serializers.CharField(source="customer.ref")

    class Meta:
        model = OptIn
        fields = ("ref", "offer", "customer", "valid_from", "valid_to", "evidence", "recorded_at")
