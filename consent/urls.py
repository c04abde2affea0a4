"""Addresses of consent."""

from django.urls import path

from consent import api

urlpatterns = [
    path("api/v1/consents", api.Consents.as_view()),
    path("api/v1/consents/bulk", api.Bulk.as_view()),
    path("api/v1/consents/bulk/<str:ref>", api.BulkReport.as_view()),
    path("api/v1/consents/<str:ref>", api.Consent.as_view()),
    path("api/v1/identifier-spaces", api.Spaces.as_view()),
    path("api/v1/identifier-spaces/<str:ref>/registrations", api.Registrations.as_view()),
    path("api/v1/bases", api.Bases.as_view()),
    path("api/v1/bases/<str:ref>/approve", api.BasisStep.as_view(step="approve")),
    path("api/v1/bases/<str:ref>/end", api.BasisStep.as_view(step="end")),
    path("api/v1/bases/<str:ref>/end/approve", api.BasisStep.as_view(step="approve-end")),
]
