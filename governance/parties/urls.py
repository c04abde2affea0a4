"""Addresses of parties and customers."""

from django.urls import path

from governance.parties import api, groups_api

urlpatterns = [
    path("api/v1/parties", api.Parties.as_view()),
    path("api/v1/party-groups", groups_api.Groups.as_view()),
    path("api/v1/party-groups/<str:ref>/members", groups_api.Members.as_view()),
    path("api/v1/party-groups/<str:ref>/members/<str:member>/end", groups_api.MemberEnd.as_view()),
    path("api/v1/customers", api.Customers.as_view()),
    path("api/v1/customers/<str:ref>", api.CustomerDetail.as_view()),
    path("api/v1/customers/<str:ref>/keys", api.CustomerKeys.as_view()),
]
