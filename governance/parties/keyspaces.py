"""Tenant-key spaces: which value in a tenant column means which customer, when, as known when."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from governance.access.actors import Actor
from governance.parties import epoch, periods
from governance.parties.models import Customer, Product, TenantKey, TenantKeySpace
from governance.parties.organisations import may_edit, named
from lineage import errors
from lineage.journal import entries


@transaction.atomic
def create(key: str, *, title: str, by: Actor) -> TenantKeySpace:
    """Add a space; `key` is what declarations name."""
    may_edit(by)
    if TenantKeySpace.objects.filter(key=slug(key)).exists():
        raise errors.Conflict(f"the tenant-key space {key} exists", code="space-exists", where="key")
    space = TenantKeySpace.objects.create(key=key, title=named(title, "title"))
    entries.record("tenant-key-space-created", {"space": key}, by=by.ref, about=[f"space:{key}"])
    return space


@transaction.atomic
def assign(
    space: TenantKeySpace,
    value: str,
    *,
    customer: Customer,
    valid_from: datetime,
    valid_to: datetime | None = None,
    by: Actor,
) -> TenantKey:
    """Say that `value` means `customer` for a period; raises `Conflict` where it already means somebody then."""
    may_edit(by)
    periods.checked(valid_from, valid_to)
    if not value or len(value) > 200 or "\0" in value:
        raise errors.Unprocessable("a tenant key has 1 to 200 characters", code="bad-key", where="value")
    try:
        with transaction.atomic():
            row = TenantKey.objects.create(
                space=space,
                value=value,
                customer=customer,
                valid_from=valid_from,
                recorded_by=by.ref,
                **periods.known(valid_to),
            )
    except IntegrityError as error:
        raise errors.Conflict(
            "this key already means a customer in that period", code="period-overlap", where="valid_from"
        ) from error
    epoch.bump()
    entries.record(
        "tenant-key-assigned",
        {
            "space": space.key,
            "value": value,
            "customer": customer.ref,
            "valid_from": valid_from.isoformat(),
            "valid_to": valid_to.isoformat() if valid_to else None,
        },
        by=by.ref,
        about=[customer.ref, f"space:{space.key}"],
    )
    return row


@transaction.atomic
def end(tenant_key: TenantKey, *, at: datetime, by: Actor) -> TenantKey:
    """From `at` on the value means nobody, until it is assigned again."""
    may_edit(by)
    row = periods.close(tenant_key, at=at)
    epoch.bump()
    entries.record(
        "tenant-key-ended",
        {"space": row.space.key, "value": row.value, "customer": row.customer.ref, "at": at.isoformat()},
        by=by.ref,
        about=[row.customer.ref, f"space:{row.space.key}"],
    )
    return row


def mapping(
    space_key: str, *, at: datetime, as_known_at: datetime | None = None, customers: Iterable[str] | None = None
) -> dict[str, str]:
    """Return value -> customer reference in force at `at`, for these customers only when given."""
    rows = TenantKey.objects.filter(periods.holding(at, as_known_at), space__key=space_key)
    if customers is not None:
        rows = rows.filter(customer__ref__in=list(customers))
    return dict(rows.values_list("value", "customer__ref"))


@transaction.atomic
def add_product(key: str, *, title: str, by: Actor) -> Product:
    """Add a product that clauses and declarations can name."""
    may_edit(by)
    if Product.objects.filter(key=slug(key)).exists():
        raise errors.Conflict(f"the product {key} exists", code="product-exists", where="key")
    product = Product.objects.create(key=key, title=named(title, "title"))
    entries.record("product-added", {"product": key}, by=by.ref, about=[f"product:{key}"])
    return product


def slug(key: str) -> str:
    """Return `key` when it is one; raises `Unprocessable`."""
    if not key or len(key) > 60 or slugify(key) != key.lower():
        raise errors.Unprocessable("a key has 1 to 60 letters, digits, - and _", code="bad-key", where="key")
    return key
