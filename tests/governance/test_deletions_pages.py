"""The admin's pages of deletions open for those who decide, and show nothing to those who do not."""

import pytest
from django.test import Client
from django.urls import reverse

from governance.access import actors
from governance.deletions import rounds, worklists
from tests.governance import deletions_world
from tests.governance.deletions_world import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast, monkeypatch):
    made = deletions_world.build(monkeypatch, cast)
    worklists.confirm(made.duty.ref, by=made.lawyer, at=NOW)
    return made


def signed_in(user):
    client = Client()
    client.force_login(user, backend="governance.access.backends.RoleBackend")
    return client


def test_a_lawyer_sees_what_must_go_and_how_it_was_reached(world):
    client = signed_in(world.people.lawyer)
    shown = client.get(reverse("admin:obligations_obligation_change", args=[world.duty.pk])).content.decode()
    assert "crm.contacts → features.people" in shown and "Certify" in shown
    task = world.duty.tasks.get(name="features.people")
    assert client.get(reverse("admin:deletions_task_change", args=[task.pk])).status_code == 200
    assert client.get(reverse("admin:deletions_task_changelist")).status_code == 200
    assert client.get(reverse("admin:deletions_certificate_changelist")).status_code == 200


def test_a_pipeline_owner_has_no_such_page(world):
    client = signed_in(world.people.pipeline_owner)
    assert client.get(reverse("admin:deletions_task_changelist")).status_code == 403


def test_a_round_deletes_what_it_can_and_names_the_rest(world, settings, tmp_path):
    with deletions_world.plane(settings, tmp_path / "planes.json"):
        done = {line.task.name: line for line in rounds.execute(world.duty, by=actors.SYSTEM, at=NOW)}
        assert done["crm.contacts"].said == "10 rows deleted" and done["features.people"].ok
        assert not done["models.triage"].ok and "left as it is" in done["models.triage"].said
        assert all(line.ok for line in rounds.check(world.duty, by=actors.SYSTEM, at=NOW))
