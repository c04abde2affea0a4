"""Where the ledger hangs."""

from django.urls import path, re_path

from lineage.journal import api

urlpatterns = [
    path("ledger/checkpoint", api.checkpoint),
    re_path(r"^ledger/tile/(?P<address>[0-9]{1,2}/[x0-9/]{3,40}(?:\.p/[0-9]{1,3})?)$", api.tile),
    path("ledger/keys", api.endorsement),
    path(".well-known/jwks.json", api.jwks),
    path("api/v1/ledger/entries/<int:index>", api.EntryView.as_view()),
    path("api/v1/ledger/entries/<int:index>/proof", api.ProofView.as_view()),
    path("api/v1/ledger/consistency/<int:first>/<int:second>", api.ConsistencyView.as_view()),
]
