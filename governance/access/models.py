"""People and service keys."""

from typing import Any

import pgtrigger
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.functional import cached_property

from governance.access import roles
from governance.access.actors import Actor
from lineage import refs


def user_ref() -> str:
    return f"user:{refs.new('usr')}"


def key_ref() -> str:
    return f"key:{refs.new('key')}"


class User(AbstractUser):
    """A person. Roles are groups by the names of `roles.ROLES`; `ref` is what rows and the ledger store."""

    ref = models.CharField(max_length=64, unique=True, default=user_ref, editable=False)

    class Meta:
        triggers = (pgtrigger.ReadOnly(name="user_ref_stays", fields=["ref"]),)

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @cached_property
    def roles(self) -> frozenset[str]:
        """Names of the roles held; a superuser is an administrator and nothing more."""
        held = frozenset(self.groups.values_list("name", flat=True)) & frozenset(roles.ROLES)
        return held | {roles.ADMINISTRATOR} if self.is_superuser else held

    @property
    def scopes(self) -> frozenset[str]:
        """Scopes that the roles carry."""
        return roles.scopes(self.roles)

    @property
    def actor(self) -> Actor:
        """This person as a plain value; an inactive one may do nothing."""
        if not self.is_active:
            return Actor(ref=self.ref)
        return Actor(
            ref=self.ref, roles=self.roles, scopes=self.scopes, every_customer=roles.every_customer(self.roles)
        )


class Idempotency(models.Model):
    """What was answered to a creating request, so that the same request sent twice creates once."""

    actor = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    location = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (models.UniqueConstraint(fields=["actor", "key"], name="idempotency_actor_key"),)

    def __str__(self) -> str:
        return self.key


class ServiceKeyQuerySet(models.QuerySet["ServiceKey"]):
    def live(self, at: Any) -> "ServiceKeyQuerySet":
        """Keys that are neither revoked nor expired and whose owner is active."""
        return self.filter(revoked_at=None, owner__is_active=True).exclude(expires_at__lte=at)


class ServiceKey(models.Model):
    """A machine's credential: only a digest is kept. It sees the customers that its owner sees."""

    ref = models.CharField(max_length=64, unique=True, default=key_ref, editable=False)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=32))
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="service_keys")
    issued_by = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="to the hour")

    objects = ServiceKeyQuerySet.as_manager()

    is_authenticated = True
    is_anonymous = False
    is_staff = False
    is_superuser = False

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=sorted(roles.SCOPES)) & models.Q(scopes__len__gt=0),
                name="service_key_scopes_known",
            ),
        )
        triggers = (
            pgtrigger.ReadOnly(
                name="service_key_stays", fields=["ref", "prefix", "digest", "scopes", "owner", "issued_by"]
            ),
            pgtrigger.Protect(
                name="service_key_stays_revoked",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__revoked_at__isnull=False)
                & pgtrigger.Q(old__revoked_at__df=pgtrigger.F("new__revoked_at")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_active(self) -> bool:
        return self.is_live(timezone.now())

    def is_live(self, at: Any) -> bool:
        """Say whether the key may be used at this moment."""
        return self.revoked_at is None and self.owner.is_active and (self.expires_at is None or self.expires_at > at)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """A key holds scopes, never Django permissions."""
        return False

    @property
    def actor(self) -> Actor:
        """This key as a plain value: its scopes, no roles, its owner's sight of customers."""
        return Actor(ref=self.ref, scopes=frozenset(self.scopes), every_customer=self.owner.actor.every_customer)
