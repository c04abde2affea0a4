"""Address of the feed."""

from django.urls import path

from governance.reactions import api

urlpatterns = [path("api/v1/feed", api.Feed.as_view())]
