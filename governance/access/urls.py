"""Signing in and out."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from governance.access import views

urlpatterns = [
    path(
        "login/", LoginView.as_view(template_name="access/login.html", redirect_authenticated_user=True), name="login"
    ),
    path("login/done/", views.after_login, name="after-login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
