from django.apps import AppConfig


class ReactionsConfig(AppConfig):
    name = "governance.reactions"
    label = "reactions"
