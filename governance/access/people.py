"""Accounts and their roles."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from governance.access import roles
from governance.access.actors import Actor
from governance.access.models import User
from lineage import errors
from lineage.journal import entries


@transaction.atomic
def create(
    username: str, *, password: str | None, role_names: Iterable[str], by: Actor, full_name: str = "", email: str = ""
) -> User:
    """Create an account with its roles; auditors have no access to the admin site."""
    by.must(roles.ADMINISTRATOR)
    first, _, last = full_name.partition(" ")
    user = User.objects.create_user(username, email, password, first_name=first, last_name=last)
    give_roles(user, role_names, by=by)
    return user


@transaction.atomic
def give_roles(user: User, role_names: Iterable[str], *, by: Actor) -> None:
    """Set exactly these roles. Nobody sets their own."""
    by.must(roles.ADMINISTRATOR)
    if user.ref == by.ref:
        raise errors.Forbidden("nobody changes their own roles", code="own-roles", remedy="ask another administrator")
    wanted = sorted(set(role_names))
    if unknown := [name for name in wanted if name not in roles.ROLES]:
        raise errors.Unprocessable(
            f"unknown role {unknown[0]}", code="unknown-role", where="roles", known=sorted(roles.ROLES)
        )
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in wanted])
    user.is_staff = any(roles.ROLES[name].staff for name in wanted)
    user.save(update_fields=["is_staff"])
    user.__dict__.pop("roles", None)
    entries.record("roles-given", {"user": user.ref, "roles": wanted}, by=by.ref, about=[user.ref])


@transaction.atomic
def set_password(user: User, password: str, *, by: Actor) -> None:
    """Give an account another password; raises `Unprocessable` for one that the house's rules refuse."""
    by.must(roles.ADMINISTRATOR)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise errors.Unprocessable(" ".join(error.messages), code="weak-password", where="password") from error
    user.set_password(password)
    user.save(update_fields=["password"])
    entries.record("password-set", {"user": user.ref}, by=by.ref, about=[user.ref])


@transaction.atomic
def set_active(user: User, *, active: bool, by: Actor) -> None:
    """Close or reopen an account; its service keys stop with it."""
    by.must(roles.ADMINISTRATOR)
    if user.ref == by.ref:
        raise errors.Forbidden(
            "nobody closes their own account", code="own-account", remedy="ask another administrator"
        )
    User.objects.filter(pk=user.pk).update(is_active=active)
    user.is_active = active
    entries.record("account-reopened" if active else "account-closed", {"user": user.ref}, by=by.ref, about=[user.ref])


@transaction.atomic
def rename(user: User, *, first_name: str, last_name: str, email: str, by: Actor) -> User:
    """Correct a name or address; the ledger keeps the fact, not the name."""
    by.must(roles.ADMINISTRATOR)
    User.objects.filter(pk=user.pk).update(first_name=first_name, last_name=last_name, email=email)
    entries.record("account-changed", {"user": user.ref}, by=by.ref, about=[user.ref])
    return User.objects.get(pk=user.pk)
