"""Addresses of the catalogue."""

from django.urls import URLPattern, path

from governance.catalogue import api, models
from governance.catalogue.declared import Declared

KINDS: dict[str, type[api.Declarations]] = {
    "sources": api.Sources,
    "categories": api.Categories,
    "key-columns": api.Keys,
    "quasi-identifiers": api.Quasi,
    "generalisations": api.Generalisations,
    "safeguards": api.Safeguards,
    "lineage-statements": api.Statements,
}


def _steps(address: str, kind: type[Declared]) -> list[URLPattern]:
    at = f"api/v1/{address}/<str:ref>"
    return [
        path(f"{at}/approve", api.Step.as_view(kind=kind, step="approve")),
        path(f"{at}/end", api.Step.as_view(kind=kind, step="end")),
        path(f"{at}/end/approve", api.Step.as_view(kind=kind, step="approve-end")),
    ]


urlpatterns = [
    *(path(f"api/v1/{address}", view.as_view()) for address, view in KINDS.items()),
    *(step for address, view in KINDS.items() for step in _steps(address, view.kind)),
    path("api/v1/models", api.Models.as_view()),
    path("api/v1/models/<str:ref>", api.ModelDetail.as_view()),
    path("api/v1/models/<str:ref>/services", api.ModelServices.as_view()),
    path("api/v1/models/<str:ref>/retire", api.ModelRetirement.as_view()),
    *_steps("services", models.Service),
    path("api/v1/models/<str:ref>/owner-releases", api.OwnerReleases.as_view()),
    *_steps("owner-releases", models.OwnerRelease),
    path("api/v1/modes", api.Modes.as_view()),
    path("api/v1/modes/<str:ref>/approve", api.ModeApproval.as_view()),
    path("api/v1/namespace-owners", api.Owners.as_view()),
]
