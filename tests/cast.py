"""The named cast: one person per role, service keys by scope, and the shortest way to a contract that counts.

Use the fixtures of `conftest.py` (`cast`, `caller`), or these functions where a test tells its own story.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from rest_framework.test import APIClient

from governance.access import actors, keys, roles
from governance.access.actors import Actor
from governance.access.models import ServiceKey, User
from governance.contracts import clauses, documents, families
from governance.contracts.models import ContractFamily, Document
from governance.parties import customers, keyspaces, organisations
from governance.parties.models import Customer, Party, TenantKeySpace
from lineage.journal import clock, entries

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def person(username: str, *role_names: str, **fields: Any) -> User:
    """Return an account with these roles and the password `correct horse battery`."""
    staff = any(roles.ROLES[name].staff for name in role_names)
    user = User.objects.create_user(
        username, f"{username}@vendor.example", "correct horse battery", is_staff=staff, **fields
    )
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in role_names])
    return user


@dataclass(frozen=True)
class Cast:
    """People, one per role; a second lawyer for four eyes among lawyers; and a stranger with no role at all."""

    administrator: User
    lawyer: User
    second_lawyer: User
    approver: User
    privacy_officer: User
    pipeline_owner: User
    auditor: User
    stranger: User


def assemble() -> Cast:
    """Create the cast in the database."""
    return Cast(
        administrator=person("ada", roles.ADMINISTRATOR, first_name="Ada"),
        lawyer=person("laura", roles.LAWYER, first_name="Laura"),
        second_lawyer=person("luis", roles.LAWYER, roles.APPROVER, first_name="Luis"),
        approver=person("anton", roles.APPROVER, first_name="Anton"),
        privacy_officer=person("paula", roles.PRIVACY_OFFICER, first_name="Paula"),
        pipeline_owner=person("pedro", roles.PIPELINE_OWNER, first_name="Pedro"),
        auditor=person("aurel", roles.AUDITOR, first_name="Aurel"),
        stranger=person("stefan", first_name="Stefan"),
    )


@contextmanager
def at_once() -> Iterator[None]:
    """Make a world in one transaction, its entries with one statement: by the same verbs, with a tenth of the work."""
    with transaction.atomic(), entries.together(at=clock.now()):
        yield


def key(*scopes: str, owner: User) -> tuple[ServiceKey, str]:
    """Return a service key with these scopes and its secret."""
    return keys.issue("test key", scopes=scopes, owner=owner, by=actors.SYSTEM)


def caller(who: User | str | None = None) -> APIClient:
    """Return an API client for a person (session), for a service key's secret (bearer), or for nobody."""
    client = APIClient()
    if isinstance(who, User):
        client.force_login(who, backend="governance.access.backends.RoleBackend")
    elif who is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {who}")
    return client


def vendor(name: str = "Lumen Desk GmbH") -> Party:
    """Return our own entity, made once."""
    return Party.objects.filter(name=name, kind=Party.Kind.VENDOR).first() or organisations.register(
        name, kind=Party.Kind.VENDOR, by=actors.SYSTEM
    )


def customer(name: str) -> Customer:
    """Return a new customer with a party of the same name."""
    return customers.register(name, party=organisations.register(name, by=actors.SYSTEM), by=actors.SYSTEM)


def space(key_: str = "crm", **keys_: Customer) -> TenantKeySpace:
    """Return a tenant-key space in which each key has meant its customer since long ago."""
    found = keyspaces.create(key_, title=key_.upper(), by=actors.SYSTEM)
    for value, holder in keys_.items():
        keyspaces.assign(found, value, customer=holder, valid_from=LONG_AGO, by=actors.SYSTEM)
    return found


def family(*covered: Customer, by: Actor, title: str = "") -> ContractFamily:
    """Return a contract with the party of the first customer, covering all of them since long ago."""
    found = families.create(
        title or f"Contract with {covered[0].name}", vendor=vendor(), counterparty=covered[0].party, by=by
    )
    for each in covered:
        families.cover(found, each, valid_from=LONG_AGO, by=by)
    return found


def draft(of: ContractFamily | None, *terms: tuple[str, dict[str, Any]], by: Actor, **fields: Any) -> Document:
    """Return a draft with one clause per (kind, body), numbered from 1."""
    given = {
        "kind": Document.Kind.MSA,
        "title": "Master Services Agreement",
        "signed_on": date(2025, 1, 14),
        "effective_on": date(2025, 2, 1),
    }
    document = documents.draft(of, by=by, **{**given, **fields})
    for number, (kind, body) in enumerate(terms, start=1):
        clauses.add(document, number=str(number), passage=f"The words of clause {number}.", kind=kind, body=body, by=by)
    return document


def activated(
    of: ContractFamily, *terms: tuple[str, dict[str, Any]], lawyer: User, approver: User, **fields: Any
) -> Document:
    """Return a document that counts: drafted and submitted by the lawyer, approved by the approver, activated."""
    document = draft(of, *terms, by=lawyer.actor, **fields)
    documents.submit(document, by=lawyer.actor)
    documents.approve(document, by=approver.actor)
    return documents.activate(document, by=lawyer.actor, at=datetime.now(UTC))
