from django.apps import AppConfig


class BuildingConfig(AppConfig):
    name = "governance.building"
    label = "building"
