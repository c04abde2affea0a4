"""Rows of the catalogue: whose data a dataset holds, what its columns are, and what people vouch for.

A dataset is named as OpenLineage names it (namespace, name); `is_pattern` makes both globs (`*` any run, `?` one character).
Subject and customer references are opaque.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.catalogue import declared
from governance.catalogue.declared import Declared, DeclaredQuerySet


class SourceDeclaration(Declared):
    """Whose data a dataset (or every dataset that a pattern names) holds: one customer, a tenant-key space, or nobody."""

    KIND = "source"

    ref = declared.reference("src")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    is_pattern = models.BooleanField(default=False)
    customer = models.ForeignKey("parties.Customer", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    tenant_space = models.ForeignKey(
        "parties.TenantKeySpace", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    tenant_column = models.CharField(max_length=300, blank=True, default="")
    no_customer_data = models.BooleanField(default=False)
    subject_column = models.CharField(max_length=300, blank=True, default="")
    subject_space = models.ForeignKey(
        "consent.IdentifierSpace", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    controller_ref = models.CharField(max_length=40, blank=True, default="")
    product = models.CharField(max_length=200, blank=True, default="")
    environment = models.CharField(max_length=200, blank=True, default="")
    region = models.CharField(max_length=200, blank=True, default="")

    objects = DeclaredQuerySet["SourceDeclaration"].as_manager()

    class Meta:
        constraints = [
            *declared.invariants("source", Q(no_customer_data=True)),
            models.CheckConstraint(
                condition=Q(customer__isnull=False, tenant_space=None, no_customer_data=False)
                | Q(customer=None, tenant_space__isnull=False, no_customer_data=False)
                | Q(customer=None, tenant_space=None, no_customer_data=True),
                name="source_says_exactly_one_of_whose",
            ),
            models.CheckConstraint(
                condition=Q(tenant_space=None, tenant_column="")
                | (Q(tenant_space__isnull=False) & ~Q(tenant_column="")),
                name="source_tenant_space_needs_its_column",
            ),
            models.CheckConstraint(
                condition=Q(subject_column="", subject_space=None)
                | (~Q(subject_column="") & Q(subject_space__isnull=False)),
                name="source_subject_column_needs_its_space",
            ),
        ]
        indexes = [models.Index(fields=["namespace", "name"], name="source_by_dataset")]
        triggers = declared.history("source")

    def takes_two(self) -> bool:
        return self.no_customer_data

    def __str__(self) -> str:
        return f"{self.name} in {self.namespace}"


class CategoryDeclaration(Declared):
    """A column bears a category, of the contract or of the personal axis. Added by one person, removed by two."""

    KIND = "category"

    class Axis(models.TextChoices):
        CONTRACT = "contract"
        PERSONAL = "personal"

    ref = declared.reference("cat")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    is_pattern = models.BooleanField(default=False)
    column = models.CharField(max_length=300)
    axis = models.CharField(max_length=10, choices=Axis.choices)
    category = models.CharField(max_length=200)

    objects = DeclaredQuerySet["CategoryDeclaration"].as_manager()

    class Meta:
        constraints = declared.invariants("category", False)
        indexes = [models.Index(fields=["namespace", "name"], name="category_by_dataset")]
        triggers = declared.history("category")

    def __str__(self) -> str:
        return f"{self.category} on {self.name}.{self.column}"


class KeyColumn(Declared):
    """A column of a dataset identifies the customer (tenant key) or the person, for one source declaration or a whole space.

    This is the *identity* that makes rows separable: without `source` it identifies for every declaration of its space.
    """

    KIND = "key-column"
    TWO_TO_END = False  # ending one only makes rows less separable

    class Kind(models.TextChoices):
        TENANT = "tenant"
        PERSON = "person"

    ref = declared.reference("key")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    is_pattern = models.BooleanField(default=False)
    column = models.CharField(max_length=300)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    tenant_space = models.ForeignKey(
        "parties.TenantKeySpace", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    subject_space = models.ForeignKey(
        "consent.IdentifierSpace", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    source = models.ForeignKey(SourceDeclaration, on_delete=models.PROTECT, null=True, blank=True, related_name="keys")

    objects = DeclaredQuerySet["KeyColumn"].as_manager()

    class Meta:
        constraints = [
            *declared.invariants("key_column", False, two_to_end=False),
            models.CheckConstraint(
                condition=Q(kind="tenant", tenant_space__isnull=False, subject_space=None)
                | Q(kind="person", tenant_space=None, subject_space__isnull=False),
                name="key_column_names_the_space_of_its_kind",
            ),
        ]
        indexes = [models.Index(fields=["namespace", "name"], name="key_column_by_dataset")]
        triggers = declared.history("key_column")

    def __str__(self) -> str:
        return f"{self.kind} key {self.name}.{self.column}"


class QuasiIdentifiers(Declared):
    """The columns of a dataset over which k is measured, declared together by two persons."""

    KIND = "quasi-identifiers"
    TWO_TO_ADD = True

    ref = declared.reference("qid")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    is_pattern = models.BooleanField(default=False)
    columns = ArrayField(models.CharField(max_length=300))

    objects = DeclaredQuerySet["QuasiIdentifiers"].as_manager()

    class Meta:
        verbose_name_plural = "quasi-identifiers"
        constraints = declared.invariants("quasi_identifiers", True)
        triggers = declared.history("quasi_identifiers")

    def __str__(self) -> str:
        return f"quasi-identifiers of {self.name}"


class Generalisation(Declared):
    """How a column is made coarser when it must be de-identified: bands, truncation or blank. Declared by two persons."""

    KIND = "generalisation"
    TWO_TO_ADD = True

    class Method(models.TextChoices):
        BANDS = "bands"  # {"width": 10}: numbers or years to the lower edge of their band
        TRUNCATE = "truncate"  # {"length": 3}: the first characters; for dates {"unit": "month"}
        BLANK = "blank"

    ref = declared.reference("gen")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    is_pattern = models.BooleanField(default=False)
    column = models.CharField(max_length=300)
    method = models.CharField(max_length=10, choices=Method.choices)
    parameters = models.JSONField(default=dict, blank=True)

    objects = DeclaredQuerySet["Generalisation"].as_manager()

    class Meta:
        constraints = declared.invariants("generalisation", True)
        triggers = declared.history("generalisation")

    def __str__(self) -> str:
        return f"{self.method} on {self.name}.{self.column}"


class SafeguardDeclaration(Declared):
    """Two persons vouch for a safeguard of one dataset version (what one run wrote), on the columns named."""

    KIND = "safeguard"
    TWO_TO_ADD = True

    class Safeguard(models.TextChoices):
        PSEUDONYMISED = "pseudonymised"
        DEIDENTIFIED = "deidentified"
        AGGREGATED = "aggregated"
        SYNTHETIC = "synthetic"
        DP = "dp"
        ANONYMISED = "anonymised"

    ref = declared.reference("sfg")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    run = models.CharField(max_length=200)
    columns = ArrayField(models.CharField(max_length=300))
    safeguard = models.CharField(max_length=20, choices=Safeguard.choices)
    standard = models.CharField(max_length=200, blank=True, default="")
    bounds = models.JSONField(
        default=dict, blank=True
    )  # {"k": 20, "quasi_identifiers": […]}, {"n":, "c":}, {"epsilon": "1.5"}
    evidence_digest = models.CharField(max_length=64, blank=True, default="")

    objects = DeclaredQuerySet["SafeguardDeclaration"].as_manager()

    class Meta:
        constraints = declared.invariants("safeguard", True)
        triggers = declared.history("safeguard")

    def __str__(self) -> str:
        return f"{self.safeguard} {self.name} as run {self.run} wrote it"


class LineageStatement(Declared):
    """What a person says about how data moved: a job replaces a dataset whole, a column map, an absence, a dead run."""

    KIND = "lineage-statement"

    class Kind(models.TextChoices):
        REPLACES_WHOLE = "replaces-whole"
        COLUMN_MAP = "column-map"
        ABSENCE = "absence"
        RUN_CLOSED = "run-closed"

    ref = declared.reference("lin")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    payload: "models.JSONField[Any, Any]" = models.JSONField(default=dict)

    objects = DeclaredQuerySet["LineageStatement"].as_manager()

    class Meta:
        constraints = declared.invariants("lineage_statement", ~Q(kind="run-closed"))
        triggers = declared.history("lineage_statement")

    def takes_two(self) -> bool:
        return self.kind != self.Kind.RUN_CLOSED

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Model(models.Model):
    """A trained model: a node of lineage, with the run that made it and what it was trained on."""

    ref = declared.reference("mdl")
    namespace = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    title = models.CharField(max_length=300, blank=True, default="")
    run = models.CharField(max_length=200, blank=True, default="")
    trained_on: "models.JSONField[Any, Any]" = models.JSONField(default=list)  # [{"namespace","name","run"}]
    adapted_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="adaptations"
    )
    registered_by = declared.PERSON()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_by = declared.PERSON()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "name"], name="model_is_one_node"),
            models.CheckConstraint(
                condition=Q(retired_at=None, retired_by="") | (Q(retired_at__isnull=False) & ~Q(retired_by="")),
                name="model_retired_by_somebody",
            ),
        ]
        triggers = declared.kept("model", ("retired_at", "retired_by"))

    def __str__(self) -> str:
        return self.title or self.name


class Service(Declared):
    """A model serves a party, over a period."""

    KIND = "service"

    ref = declared.reference("srv")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="services")
    party_ref = models.CharField(max_length=40)

    objects = DeclaredQuerySet["Service"].as_manager()

    class Meta:
        constraints = declared.invariants("service", False)
        triggers = declared.history("service")

    def __str__(self) -> str:
        return f"{self.model} serves {self.party_ref}"


class OwnerRelease(Declared):
    """The owner of a model lets it be served, or assigned, to one party: a customer's recorded word, with its evidence (SEMANTICS §3).

    Recorded by one person and confirmed by another; taking it back takes one, for that only ever permits less.
    """

    KIND = "owner-release"
    SCOPE = "contracts:write"  # it is the customer's word: lawyers record it
    TWO_TO_ADD = True
    TWO_TO_END = False

    class Action(models.TextChoices):
        SERVE = "serve", "be served to"
        ASSIGN = "assign", "pass to"

    ref = declared.reference("orl")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="owner_releases")
    customer = models.ForeignKey("parties.Customer", on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=10, choices=Action.choices)
    recipient_ref = models.CharField(max_length=40)
    evidence = models.TextField()  # what was received, in words: a letter, its date, who signed
    evidence_digest = models.CharField(max_length=64, blank=True, default="")

    objects = DeclaredQuerySet["OwnerRelease"].as_manager()

    class Meta:
        constraints = [
            *declared.invariants("owner_release", True, two_to_end=False),
            models.CheckConstraint(condition=Q(action__in=["serve", "assign"]), name="owner_release_action_is_known"),
            models.CheckConstraint(
                condition=~Q(evidence="") & ~Q(recipient_ref=""), name="owner_release_rests_on_something"
            ),
            models.CheckConstraint(
                condition=Q(evidence_digest="") | Q(evidence_digest__regex=r"^[0-9a-f]{64}$"),
                name="owner_release_evidence_digest_is_sha256",
            ),
        ]
        indexes = [models.Index(fields=["model", "action"], name="owner_release_by_model")]
        triggers = declared.history("owner_release")

    def __str__(self) -> str:
        return f"{self.customer} lets {self.model} {self.get_action_display()} another party"


class EnforcementMode(models.Model):
    """A proposed change of a namespace's mode; the latest approved one counts, and a namespace without one observes."""

    class Mode(models.TextChoices):
        OBSERVE = "observe"
        WARN = "warn"
        ENFORCE = "enforce"

    ref = declared.reference("mod")
    namespace = models.CharField(max_length=500)
    mode = models.CharField(max_length=10, choices=Mode.choices)
    reason = models.TextField(blank=True, default="")
    proposed_by = declared.PERSON()
    proposed_at = models.DateTimeField(db_default=Now(), editable=False)
    approved_by = declared.PERSON()
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(proposed_by=""), name="mode_is_proposed_by_somebody"),
            models.CheckConstraint(
                condition=Q(approved_by="", approved_at=None)
                | (~Q(approved_by="") & Q(approved_at__isnull=False) & ~Q(approved_by=F("proposed_by"))),
                name="mode_takes_a_second_person",
            ),
        ]
        indexes = [models.Index(fields=["namespace", "-approved_at"], name="mode_by_namespace")]
        triggers = declared.kept("mode", ("approved_by", "approved_at"))

    def __str__(self) -> str:
        return f"{self.namespace}: {self.mode}"


class NamespaceOwner(models.Model):
    """Who owns the jobs of a namespace: they can neither declare nor confirm what removes risk there."""

    namespace = models.CharField(max_length=500)
    owner = models.CharField(max_length=100)
    recorded_by = declared.PERSON()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["namespace", "owner"], name="namespace_owner_once")]

    def __str__(self) -> str:
        return f"{self.owner} owns {self.namespace}"
