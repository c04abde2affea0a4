"""Declare whose data a dataset holds: one customer's, every customer's of a tenant-key space, or nobody's (two persons)."""

from dataclasses import dataclass
from datetime import datetime

from consent.models import IdentifierSpace
from governance.access.actors import Actor
from governance.catalogue import declarations
from governance.catalogue.models import SourceDeclaration
from governance.catalogue.places import Place
from governance.parties.models import Customer, Product, TenantKeySpace
from lineage import errors


@dataclass(frozen=True, slots=True)
class People:
    """Who the persons in the data are: the column that identifies them, the space it means something in, whose people they are."""

    column: str
    space: IdentifierSpace


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the data belongs: product key, environment and region, each empty when not known; and the controller's reference."""

    product: str = ""
    environment: str = ""
    region: str = ""
    controller: str = ""


def of_customer(
    place: Place,
    customer: Customer,
    *,
    people: People | None = None,
    setting: Setting,
    valid_from: datetime,
    valid_to: datetime | None = None,
    reason: str = "",
    by: Actor,
) -> SourceDeclaration:
    """Declare that all rows belong to one customer."""
    row = _row(place, people, setting, valid_from, valid_to, reason)
    row.customer = customer
    row.controller_ref = row.controller_ref or customer.ref
    return declarations.declare(row, by=by)


def of_space(
    place: Place,
    space: TenantKeySpace,
    *,
    tenant_column: str,
    people: People | None = None,
    setting: Setting,
    valid_from: datetime,
    valid_to: datetime | None = None,
    reason: str = "",
    by: Actor,
) -> SourceDeclaration:
    """Declare that each row belongs to the customer whose key in `space` stands in `tenant_column`."""
    if not tenant_column:
        raise errors.Unprocessable(
            "name the column that holds the tenant key", code="bad-column", where="tenant_column"
        )
    row = _row(place, people, setting, valid_from, valid_to, reason)
    row.tenant_space, row.tenant_column = space, tenant_column
    return declarations.declare(row, by=by)


def of_nobody(
    place: Place,
    *,
    setting: Setting,
    people: People | None = None,
    valid_from: datetime,
    valid_to: datetime | None = None,
    reason: str,
    by: Actor,
) -> SourceDeclaration:
    """Declare that a dataset holds no customer's data and no licensor's. It counts once a second person has confirmed it."""
    if not reason.strip():
        raise errors.Unprocessable("say why no customer's data is in there", where="reason")
    row = _row(place, people, setting, valid_from, valid_to, reason)
    row.no_customer_data = True
    return declarations.declare(row, by=by)


def one_of_whose(row: SourceDeclaration) -> None:
    """Raise unless a typed declaration says exactly one of: a customer, a tenant-key space, no customer data."""
    if sum([row.customer_id is not None, row.tenant_space_id is not None, row.no_customer_data]) != 1:
        raise errors.Unprocessable("say one of: a customer, a tenant-key space, no customer data", where="customer")
    if bool(row.subject_space_id) != bool(row.subject_column):
        raise errors.Unprocessable("the column of persons and its identifier space go together", where="subject_column")


def _row(
    place: Place, people: People | None, setting: Setting, valid_from: datetime, valid_to: datetime | None, reason: str
) -> SourceDeclaration:
    if setting.product and not Product.objects.filter(key=setting.product).exists():
        raise errors.Unprocessable("no product of that key", code="unknown-product", where="product")
    if valid_to and valid_to <= valid_from:
        raise errors.Unprocessable("the period ends before it starts", code="bad-period", where="valid_to")
    return SourceDeclaration(
        **place.fields(),
        subject_column=people.column if people else "",
        subject_space=people.space if people else None,
        controller_ref=setting.controller,
        product=setting.product,
        environment=setting.environment,
        region=setting.region,
        valid_from=valid_from,
        valid_to=valid_to,
        reason=reason,
    )
