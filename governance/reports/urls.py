"""Addresses of reports, of the auditor's pages and of the page that says whether a paper still stands."""

from django.urls import path, re_path

from governance.reports import api, impact_pages, mended_pages, verifying, views

FORM = r"(?P<form>pdf|json|tlog-proof)"

urlpatterns = [
    path("api/v1/reports", api.Reports.as_view()),
    re_path(rf"^api/v1/reports/(?P<ref>rpt_[0-9a-z]+)\.{FORM}$", api.ReportFile.as_view()),
    path("api/v1/reports/<str:ref>", api.ReportDetail.as_view()),
    path("api/v1/documents/<str:ref>/impact", impact_pages.DocumentImpact.as_view()),
    path("api/v1/corrections/<str:ref>/effects", mended_pages.CorrectionEffects.as_view()),
    path("audit/", views.customers_page, name="audit"),
    path("audit/customers/<str:ref>/", views.customer_page, name="audit-customer"),
    path("audit/customers/<str:ref>/reports", views.make_report, name="audit-make-report"),
    re_path(rf"^audit/reports/(?P<ref>rpt_[0-9a-z]+)\.{FORM}$", views.report_file, name="audit-report"),
    re_path(rf"^audit/certificates/(?P<ref>crt_[0-9a-z]+)\.{FORM}$", views.certificate_file, name="audit-certificate"),
    path("verify", verifying.page, name="verify"),
]
