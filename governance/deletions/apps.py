from django.apps import AppConfig


class DeletionsConfig(AppConfig):
    name = "governance.deletions"
    label = "deletions"
