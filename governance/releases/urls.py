"""Addresses of releases."""

from django.urls import path

from governance.releases import api, asking, authzen_api, overrides_api, standing_api

urlpatterns = [
    path("api/v1/releases", asking.ask),
    path("api/v1/releases/bulk", api.Bulk.as_view()),
    path("access/v1/evaluation", asking.evaluate),
    path("access/v1/evaluations", authzen_api.EvaluationsView.as_view()),
    path(".well-known/authzen-configuration", authzen_api.configuration),
    path("api/v1/releases/<str:ref>", api.Release.as_view()),
    path("api/v1/releases/<str:ref>/explanation", api.Explanation.as_view()),
    path("api/v1/releases/<str:ref>/proof-tree", api.ProofTree.as_view()),
    path("api/v1/releases/<str:ref>/plan", api.Plan.as_view()),
    path("api/v1/releases/<str:ref>/permit", api.PermitView.as_view()),
    path("api/v1/releases/<str:ref>/replay", api.Replay.as_view()),
    path("api/v1/releases/<str:ref>/override", overrides_api.OverrideOf.as_view()),
    path("api/v1/overrides", overrides_api.Overrides.as_view()),
    path("api/v1/overrides/<str:ref>", overrides_api.OverrideView.as_view()),
    path("api/v1/overrides/<str:ref>/review", overrides_api.OverrideReview.as_view()),
    path("api/v1/overrides/<str:ref>/withdraw", overrides_api.OverrideWithdrawal.as_view()),
    path("api/v1/permits/status", api.status_list),
    path("api/v1/permits/<str:ref>/renew", standing_api.Renewals.as_view()),
]
