from django.apps import AppConfig


class PublishingConfig(AppConfig):
    name = "governance.publishing"
    label = "publishing"
