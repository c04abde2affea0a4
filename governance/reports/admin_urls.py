"""Pages of reports that hang below the admin's address; they stand before the admin's own, which takes every address it is asked."""

from django.contrib import admin
from django.urls import path

from governance.reports import impact_pages, mended_pages

urlpatterns = [
    path("admin/impact/<str:ref>/", admin.site.admin_view(impact_pages.page), name="document-impact"),
    path("admin/correction-effects/<str:ref>/", admin.site.admin_view(mended_pages.page), name="correction-effects"),
]
