from django.apps import AppConfig


class ContractsConfig(AppConfig):
    name = "governance.contracts"
    label = "contracts"
