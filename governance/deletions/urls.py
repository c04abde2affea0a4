"""Addresses of deletions and certificates."""

from django.urls import path, re_path

from governance.deletions import api

DELETION = "api/v1/deletions/<str:ref>"
TASK = f"{DELETION}/tasks/<str:task>"

urlpatterns = [
    path("api/v1/deletions", api.Deletions.as_view()),
    path(DELETION, api.Deletion.as_view()),
    path(f"{DELETION}/confirm", api.Confirmation.as_view()),
    path(f"{DELETION}/dismiss", api.Dismissal.as_view()),
    path(f"{DELETION}/inventory", api.Inventories.as_view()),
    path(f"{DELETION}/tasks", api.Tasks.as_view()),
    path(TASK, api.TaskDetail.as_view()),
    path(f"{TASK}/evidence", api.TaskEvidence.as_view()),
    path(f"{TASK}/execute", api.TaskExecution.as_view()),
    path(f"{TASK}/check", api.TaskCheck.as_view()),
    path(f"{TASK}/exception", api.TaskException.as_view()),
    path(f"{DELETION}/certificate", api.Certification.as_view()),
    path("api/v1/certificates", api.Certificates.as_view()),
    re_path(
        r"^api/v1/certificates/(?P<ref>crt_[0-9a-z]+)\.(?P<form>pdf|json|tlog-proof)$",
        api.CertificateFile.as_view(),
        name="certificate-file",
    ),
    path("api/v1/certificates/<str:ref>", api.CertificateDetail.as_view()),
]
