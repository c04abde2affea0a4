"""The admin's sidebar: by topic, in the order in which people work. Only what the signed-in person may see is shown."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

# topic -> (app.model, icon); a model that has no admin page is left out.
TOPICS: dict[str, tuple[tuple[str, str], ...]] = {
    "Contracts": (
        ("contracts.contractfamily", "handshake"),
        ("contracts.document", "description"),
        ("contracts.correction", "edit_note"),
        ("contracts.optin", "redeem"),
        ("contracts.import", "upload_file"),
    ),
    "Parties": (
        ("parties.customer", "apartment"),
        ("parties.party", "domain"),
        ("parties.partygroup", "groups"),
        ("parties.tenantkeyspace", "key_vertical"),
        ("parties.product", "widgets"),
    ),
    "Consent": (("consent", "how_to_reg"),),
    "Catalogue": (("catalogue", "database"),),
    "Lineage": (("lineage", "account_tree"),),
    "Releases": (("releases", "verified"), ("building", "build")),
    "Deletion": (("obligations", "gavel"), ("deletions", "delete_sweep")),
    "Ledger": (("journal", "receipt_long"), ("reports", "summarize"), ("reactions", "notifications")),
    "Access": (
        ("access.user", "person"),
        ("access.servicekey", "key"),
        ("axes", "lock_clock"),
    ),
}

OPEN = frozenset({"Contracts", "Parties"})  # the others unfold when asked, or when one is there


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return unfold's navigation for this person."""
    groups = [
        {"title": title, "collapsible": title not in OPEN, "items": list(_items(request, wanted))}
        for title, wanted in TOPICS.items()
    ]
    home = {"items": [{"title": "Home", "icon": "home", "link": reverse("admin:index")}]}
    return [home, *(group for group in groups if group["items"])]


def _items(request: HttpRequest, wanted: tuple[tuple[str, str], ...]) -> Iterator[dict[str, Any]]:
    for name, icon in wanted:
        app, _, model_name = name.partition(".")
        for model in apps.get_app_config(app).get_models():
            page = admin.site._registry.get(model)
            if (
                page is None
                or (model_name and model._meta.model_name != model_name)
                or not page.has_view_permission(request)
            ):
                continue
            title = str(model._meta.verbose_name_plural)
            yield {
                "title": title[:1].upper() + title[1:],
                "icon": icon,
                "link": reverse(f"admin:{app}_{model._meta.model_name}_changelist"),
            }
