"""Every address of the service. A room adds its own `urls.py`; this file only says where it hangs."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from governance import health, schemas

handler404 = "governance.problems.page_404"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("governance.releases.urls")),  # first: every decision comes this way
    path("", RedirectView.as_view(url="/login/")),  # which sends each person on to the pages of their role
    path("", include("governance.reports.admin_urls")),
    path("admin/", admin.site.urls),
    path("", include("governance.access.urls")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("schema/<str:name>", schemas.schema),
    path("api/schema/", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[])),
    path("", include("consent.urls")),
    path("", include("governance.catalogue.urls")),
    path("", include("governance.obligations.urls")),
    # rooms, from the ground up
    path("", include("lineage.journal.urls")),
    path("api/v1/", include("lineage.urls")),
    path("", include("governance.parties.urls")),
    path("", include("governance.contracts.urls")),
    path("", include("governance.building.urls")),
    path("", include("governance.deletions.urls")),
    path("", include("governance.reports.urls")),
    path("", include("governance.reactions.urls")),
]
