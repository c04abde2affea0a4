"""Addresses of building."""

from django.urls import path

from governance.building import api

urlpatterns = [
    path("api/v1/releases/<str:ref>/sql", api.Sql.as_view()),
    path("api/v1/releases/<str:ref>/build", api.BuildView.as_view()),
]
