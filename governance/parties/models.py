"""Organisations, their groups, customers with their tenant keys, products."""

import pgtrigger
from django.db import models
from django.db.models.functions import Now
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from governance.parties import periods
from governance.parties.periods import Period
from lineage import refs


def party_ref() -> str:
    return refs.new("pty")


def group_ref() -> str:
    return refs.new("grp")


def customer_ref() -> str:
    return refs.new("cus")


class Party(models.Model):
    """An organisation: a vendor entity, or anyone who signs, receives, is served or must not be."""

    class Kind(models.TextChoices):
        VENDOR = "vendor", "our own entity"
        OTHER = "other", "other organisation"

    ref = models.CharField(max_length=40, unique=True, default=party_ref, editable=False)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OTHER)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code, such as DE")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "parties"
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=models.Q(kind__in=["vendor", "other"]), name="party_kind_known"),
            models.CheckConstraint(condition=~models.Q(name=""), name="party_has_name"),
        )
        triggers = (pgtrigger.ReadOnly(name="party_ref_stays", fields=["ref"]),)

    def __str__(self) -> str:
        return self.name


class PartyGroup(models.Model):
    """A named set of parties (competitors, affiliates of ...); may hold other groups."""

    ref = models.CharField(max_length=40, unique=True, default=group_ref, editable=False)
    name = models.CharField(max_length=200, unique=True)

    class Meta:
        ordering = ("name",)
        triggers = (pgtrigger.ReadOnly(name="party_group_ref_stays", fields=["ref"]),)

    def __str__(self) -> str:
        return self.name


# One membership insert at a time, so that two halves of a circle cannot be written beside each other.
_NO_CYCLE = """
PERFORM pg_advisory_xact_lock(hashtextextended('parties.groupmembership', 0));
IF NEW.subgroup_id IS NOT NULL AND EXISTS (
    WITH RECURSIVE below(id) AS (
        SELECT NEW.subgroup_id
        UNION
        SELECT m.subgroup_id FROM parties_groupmembership m JOIN below ON m.group_id = below.id WHERE m.subgroup_id IS NOT NULL
    ) SELECT 1 FROM below WHERE id = NEW.group_id
) THEN
    RAISE EXCEPTION 'a party group cannot contain itself' USING ERRCODE = 'check_violation', CONSTRAINT = 'party_group_no_cycle';
END IF;
RETURN NEW;
"""


class GroupMembership(Period):
    """A party, or a whole group, belongs to a group for a period."""

    group = models.ForeignKey(PartyGroup, on_delete=models.PROTECT, related_name="memberships")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, null=True, blank=True, related_name="memberships")
    subgroup = models.ForeignKey(
        PartyGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="memberships_above"
    )

    class Meta:
        constraints = (
            *periods.constraints("group_membership"),
            models.CheckConstraint(
                condition=models.Q(party=None, subgroup__isnull=False) | models.Q(party__isnull=False, subgroup=None),
                name="group_membership_party_or_group",
            ),
            periods.no_overlap(
                "group_membership_party_once",
                models.F("group_id"),
                models.F("party_id"),
                message="it is a member already in that period",
                condition=models.Q(party__isnull=False),
            ),
            periods.no_overlap(
                "group_membership_subgroup_once",
                models.F("group_id"),
                models.F("subgroup_id"),
                message="it is a member already in that period",
                condition=models.Q(subgroup__isnull=False),
            ),
        )
        triggers = (
            *periods.trigger("group_membership", "group", "party", "subgroup"),
            pgtrigger.Trigger(
                name="party_group_no_cycle", when=pgtrigger.Before, operation=pgtrigger.Insert, func=_NO_CYCLE
            ),
        )

    def __str__(self) -> str:
        return f"{self.party or self.subgroup} in {self.group}"


class Customer(models.Model):
    """Somebody whose data we hold. What others store is `ref`; the name needs `explanation:read`."""

    ref = models.CharField(max_length=40, unique=True, default=customer_ref, editable=False)
    name = models.CharField(max_length=200)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="customers")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("name", "id")
        constraints = (models.CheckConstraint(condition=~models.Q(name=""), name="customer_has_name"),)
        triggers = (
            pgtrigger.ReadOnly(name="customer_ref_stays", fields=["ref", "party"]),
            pgtrigger.Protect(name="customer_stays", operation=pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return self.name


class CustomerUserObjectPermission(UserObjectPermissionBase):
    """A person may see a customer (direct foreign key: the generic tables are many times slower)."""

    content_object = models.ForeignKey(Customer, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        verbose_name = "customer given to a person"
        verbose_name_plural = "customers given to people"


class CustomerGroupObjectPermission(GroupObjectPermissionBase):
    """A role may see a customer."""

    content_object = models.ForeignKey(Customer, on_delete=models.CASCADE)


class TenantKeySpace(models.Model):
    """A system whose rows name customers by its own keys, such as the CRM's account numbers."""

    key = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=200)

    class Meta:
        ordering = ("key",)
        triggers = (pgtrigger.ReadOnly(name="tenant_key_space_stays", fields=["key"]),)

    def __str__(self) -> str:
        return self.title or self.key


class TenantKey(Period):
    """In this space and period, this value in the tenant column means this customer."""

    space = models.ForeignKey(TenantKeySpace, on_delete=models.PROTECT, related_name="keys")
    value = models.CharField(max_length=200)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="tenant_keys")

    class Meta:
        ordering = ("space", "value", "valid_from")
        constraints = (
            *periods.constraints("tenant_key"),
            periods.no_overlap(
                "tenant_key_one_customer",
                models.F("space_id"),
                models.Func(
                    models.F("value"),
                    models.Value(0),
                    function="hashtextextended",
                    output_field=models.BigIntegerField(),
                ),
                message="this key already means a customer in that period",
            ),
        )
        triggers = periods.trigger("tenant_key", "space", "value", "customer")

    def __str__(self) -> str:
        return f"{self.space.key}: {self.value}"


class Product(models.Model):
    """A product of ours: clauses may be scoped to it, source declarations name it."""

    key = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=200)

    class Meta:
        ordering = ("key",)
        triggers = (pgtrigger.ReadOnly(name="product_stays", fields=["key"]),)

    def __str__(self) -> str:
        return self.title or self.key


class Epoch(models.Model):
    """One row, raised by every change to contracts, opt-ins, groups and coverage, in the transaction of the change.

    A counter row and no sequence: a sequence moves before its transaction commits, and a reader could take old facts for new ones.
    """

    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = "contract epoch"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="epoch_one_row"),)
        triggers = (
            pgtrigger.Protect(
                name="epoch_only_rises",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("NEW.number <= OLD.number"),
            ),
            pgtrigger.Protect(name="epoch_stays", operation=pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return str(self.number)
