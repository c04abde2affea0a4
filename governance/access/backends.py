"""Django's permission questions, answered from the role table."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from governance.access import roles
from governance.access.models import User

_CHANGES = {"add": True, "change": True, "delete": True, "view": False}


class RoleBackend(ModelBackend):
    """Passwords as Django keeps them; `has_perm("contracts.change_document")` as `roles.ROLES` says; knows nothing of single rows."""

    def has_perm(self, user_obj: Any, perm: str, obj: object = None) -> bool:
        """Answer for an active person; unknown verbs are refused."""
        app, _, codename = perm.partition(".")
        verb, _, model = codename.partition("_")
        if not isinstance(user_obj, User) or not user_obj.is_active or verb not in _CHANGES or obj is not None:
            return False
        return roles.allows(user_obj.roles, app, model, change=_CHANGES[verb])

    def get_all_permissions(self, user_obj: Any, obj: object = None) -> set[str]:
        """No permission is stored: the table is asked."""
        return set()

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Say whether a room appears in the admin at all."""
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return any(
            name.partition(".")[0] == app_label
            for role in user_obj.roles
            for name in roles.ROLES[role].sees | roles.ROLES[role].changes
        )
