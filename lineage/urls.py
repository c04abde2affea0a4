"""Addresses of lineage."""

from django.urls import path

from lineage import api

urlpatterns = [
    path("lineage", api.EventsView.as_view()),
    path("lineage/batch", api.BatchView.as_view()),
    path("datasets", api.DatasetsView.as_view()),
    path("runs/<str:run>", api.RunView.as_view()),
]
