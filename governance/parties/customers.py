"""Customers: who they are, and which of them an actor may see."""

from django.db import transaction
from django.db.models import QuerySet
from guardian.shortcuts import assign_perm, get_objects_for_user, remove_perm

from governance.access import actors, roles
from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.parties.models import Customer, Party
from governance.parties.organisations import may_edit, named
from lineage import errors
from lineage.journal import entries

SEE = "parties.view_customer"


@transaction.atomic
def register(name: str, *, party: Party, by: Actor) -> Customer:
    """Add a customer of this party; whoever registers it through a key or role without sight of all is given it."""
    may_edit(by)
    customer = Customer.objects.create(name=named(name), party=party)
    entries.record(
        "customer-registered",
        {"customer": customer.ref, "name": customer.name, "party": party.ref},
        by=by.ref,
        about=[customer.ref, party.ref],
    )
    person = _person(by)
    if person is not None and not by.every_customer:
        assign_perm(SEE, person, customer)
    return customer


@transaction.atomic
def rename(customer: Customer, name: str, *, by: Actor) -> Customer:
    """Correct or change the name; the reference stays."""
    may_edit(by)
    customer.name = named(name)
    customer.save(update_fields=["name"])
    entries.record(
        "customer-renamed", {"customer": customer.ref, "name": customer.name}, by=by.ref, about=[customer.ref]
    )
    return customer


@transaction.atomic
def give(customer: Customer, *, to: User, by: Actor) -> None:
    """Let a person (and the service keys they own) see the customer."""
    by.must(roles.ADMINISTRATOR)
    assign_perm(SEE, to, customer)
    entries.record(
        "customer-given", {"customer": customer.ref, "user": to.ref}, by=by.ref, about=[customer.ref, to.ref]
    )


@transaction.atomic
def take(customer: Customer, *, from_: User, by: Actor) -> None:
    """Take that sight away again."""
    by.must(roles.ADMINISTRATOR)
    remove_perm(SEE, from_, customer)
    entries.record(
        "customer-taken", {"customer": customer.ref, "user": from_.ref}, by=by.ref, about=[customer.ref, from_.ref]
    )


def visible_to(who: Actor | User | ServiceKey) -> QuerySet[Customer]:
    """Return the customers that this caller may see: every list, page and message is drawn from here.

    All for roles that see every customer and for the system, else those given to the person (for a key: to its owner).
    """
    actor = who if isinstance(who, Actor) else actors.of(who)
    if actor.every_customer:
        return Customer.objects.all()
    person = _person(actor)
    if person is None or not person.is_active:
        return Customer.objects.none()
    found: QuerySet[Customer] = get_objects_for_user(
        person, SEE, klass=Customer, with_superuser=False, accept_global_perms=False
    )
    return found


def parties_visible_to(who: Actor | User | ServiceKey) -> QuerySet[Party]:
    """Return all parties, or for one who does not see every customer our own entities and the parties of their customers."""
    actor = who if isinstance(who, Actor) else actors.of(who)
    if actor.every_customer:
        return Party.objects.all()
    own = Party.objects.filter(kind=Party.Kind.VENDOR).distinct()
    return Party.objects.filter(customers__in=visible_to(actor)).distinct() | own


def get(ref: str, *, by: Actor | User | ServiceKey) -> Customer:
    """Return a visible customer; raises `NotFound` for one that is not there or not to be seen, in the same words."""
    customer = visible_to(by).filter(ref=ref).first()
    if customer is None:
        raise errors.NotFound("no such customer, or none that you may see", where="customer")
    return customer


def _person(actor: Actor) -> User | None:
    if actor.is_person:
        return User.objects.filter(ref=actor.ref).first()
    key = ServiceKey.objects.select_related("owner").filter(ref=actor.ref).first()
    return key.owner if key else None
