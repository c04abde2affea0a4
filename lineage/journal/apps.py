from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "lineage.journal"
    label = "journal"
