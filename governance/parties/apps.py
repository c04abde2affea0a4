from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "governance.parties"
    label = "parties"
