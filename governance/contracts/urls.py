"""Addresses of contracts, documents and opt-ins."""

from django.urls import path

from governance.contracts import api, corrections_api, documents_api, exchange_api

urlpatterns = [
    path("api/v1/contracts", api.Contracts.as_view()),
    path("api/v1/contracts/cover-page", exchange_api.CoverPage.as_view()),
    path("api/v1/contracts/import", exchange_api.ContractImport.as_view()),
    path("api/v1/contracts/<str:ref>/export", exchange_api.ContractExport.as_view()),
    path("api/v1/contracts/<str:ref>", api.ContractDetail.as_view()),
    path("api/v1/contracts/<str:ref>/documents/import", exchange_api.CoverPageImport.as_view()),
    path("api/v1/imports/<str:ref>", exchange_api.ImportDetail.as_view()),
    path("api/v1/imports/<str:ref>/activate", exchange_api.ImportStep.as_view()),
    path("api/v1/imports/<str:ref>/reject", exchange_api.ImportRejection.as_view()),
    path("api/v1/contracts/<str:ref>/customers", api.ContractCustomers.as_view()),
    path("api/v1/contracts/<str:ref>/end", api.ContractEnd.as_view()),
    path("api/v1/contracts/<str:ref>/corrections", corrections_api.ContractCorrections.as_view()),
    path("api/v1/corrections/<str:ref>", corrections_api.CorrectionDetail.as_view()),
    path("api/v1/corrections/<str:ref>/submit", corrections_api.Submit.as_view()),
    path("api/v1/corrections/<str:ref>/take-back", corrections_api.TakeBack.as_view()),
    path("api/v1/corrections/<str:ref>/apply", corrections_api.Apply.as_view()),
    path("api/v1/corrections/<str:ref>/reject", corrections_api.Reject.as_view()),
    path("api/v1/corrections/<str:ref>/withdraw", corrections_api.Withdraw.as_view()),
    path("api/v1/documents", documents_api.Documents.as_view()),
    path("api/v1/documents/<str:ref>", documents_api.DocumentDetail.as_view()),
    path("api/v1/documents/<str:ref>/clauses", documents_api.Clauses.as_view()),
    path("api/v1/documents/<str:ref>/clauses/<str:clause>", documents_api.ClauseDetail.as_view()),
    path("api/v1/documents/<str:ref>/corrections", corrections_api.DocumentCorrections.as_view()),
    path("api/v1/documents/<str:ref>/submit", documents_api.Submit.as_view()),
    path("api/v1/documents/<str:ref>/take-back", documents_api.TakeBack.as_view()),
    path("api/v1/documents/<str:ref>/approve", documents_api.Approve.as_view()),
    path("api/v1/documents/<str:ref>/reject", documents_api.Reject.as_view()),
    path("api/v1/documents/<str:ref>/withdraw", documents_api.Withdraw.as_view()),
    path("api/v1/documents/<str:ref>/sign", documents_api.Sign.as_view()),
    path("api/v1/documents/<str:ref>/activate", documents_api.Activate.as_view()),
    path("api/v1/documents/<str:ref>/terminate", documents_api.Terminate.as_view()),
    path("api/v1/opt-ins", api.OptIns.as_view()),
    path("api/v1/opt-ins/<str:ref>", api.OptInDetail.as_view()),
    path("api/v1/opt-ins/<str:ref>/end", api.OptInEnd.as_view()),
]
