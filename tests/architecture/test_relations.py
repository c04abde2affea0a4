"""String foreign keys escape the import linter, so the models themselves are asked: every relation points down."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models
from django.db.models.fields.related import RelatedField

# From the ground up. What stands in one row may know each other and everything in the rows before it.
STOREYS = [
    ["lineage.journal"],
    ["lineage"],
    ["consent"],
    ["django"],
    ["governance.publishing"],
    ["governance.access"],
    ["governance.parties"],
    ["governance.contracts"],
    ["governance.catalogue"],
    ["governance.obligations"],
    ["governance.releases"],
    ["governance.building"],
    ["governance.deletions"],
    ["governance.reports"],
    ["governance.reactions"],
]
HEIGHT = {name: height for height, names in enumerate(STOREYS) for name in names}


def height(model: type[models.Model]) -> int:
    name = apps.get_app_config(model._meta.app_label).name
    return HEIGHT.get(name, HEIGHT["django"])


def is_ours(model: type[models.Model]) -> bool:
    """Others' models (Django's log, guardian's permissions) point at whatever AUTH_USER_MODEL names."""
    return apps.get_app_config(model._meta.app_label).name in HEIGHT


def relations() -> Iterator[tuple[type[models.Model], str, type[models.Model]]]:
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            if isinstance(field, RelatedField) and isinstance(field.related_model, type):
                yield model, field.name, field.related_model


def test_every_relation_points_down() -> None:
    upward = [
        f"{model._meta.label}.{name} -> {other._meta.label}"
        for model, name, other in relations()
        if is_ours(model) and height(other) > height(model)
    ]
    assert not upward


def test_every_room_is_in_the_list() -> None:
    ours = {
        config.name for config in apps.get_app_configs() if config.name.startswith(("governance", "lineage", "consent"))
    }
    assert ours <= set(HEIGHT)


@pytest.mark.parametrize("ground", ["lineage", "journal", "consent"])
def test_the_lower_storeys_know_nobody_above_not_even_a_user(ground: str) -> None:
    abroad = [
        f"{model._meta.label}.{name} -> {other._meta.label}"
        for model, name, other in relations()
        if model._meta.app_label == ground and other._meta.app_label not in {"lineage", "journal", "consent"}
    ]
    assert not abroad


def test_the_ledger_points_by_identifier_never_by_foreign_key() -> None:
    foreign = [
        f"{model._meta.label}.{name} -> {other._meta.label}"
        for model, name, other in relations()
        if model._meta.app_label == "journal" and other._meta.app_label != "journal"
    ]
    assert not foreign
