"""Addresses of consent."""

from django.urls import path

from consent import api, keys_api

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
    path("api/v1/vocabulary", keys_api.Trees.as_view()),
    path("api/v1/vocabulary/export", keys_api.TreesAbroad.as_view()),
    path("api/v1/vocabulary/keys", keys_api.Keys.as_view()),
    path("api/v1/vocabulary/keys/<str:ref>", keys_api.Key.as_view()),
    path("api/v1/vocabulary/keys/<str:ref>/approve", keys_api.Approve.as_view()),
    path("api/v1/vocabulary/keys/<str:ref>/retire", keys_api.Retire.as_view()),
    path("api/v1/vocabulary/keys/<str:ref>/rename", keys_api.Rename.as_view()),
    path("api/v1/vocabulary/renames/<str:ref>/approve", keys_api.RenameStep.as_view(step="approve")),
    path("api/v1/vocabulary/renames/<str:ref>/withdraw", keys_api.RenameStep.as_view(step="withdraw")),
]
