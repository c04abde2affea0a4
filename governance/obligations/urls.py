"""Addresses of obligations."""

from django.urls import path

from governance.obligations import api

urlpatterns = [
    path("api/v1/obligations", api.Obligations.as_view()),
    path("api/v1/obligations/<str:ref>/confirm", api.ObligationStep.as_view(step="confirm")),
    path("api/v1/obligations/<str:ref>/dismiss", api.ObligationStep.as_view(step="dismiss")),
    path("api/v1/legal-holds", api.Holds.as_view()),
    path("api/v1/legal-holds/<str:ref>/lift", api.HoldLift.as_view()),
]
