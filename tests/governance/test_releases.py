"""Decisions end to end: what is asked, gathered, decided, stored, permitted, replayed."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from governance.policy.answers import Treatment, Verdict
from governance.releases import decisions, permits, rechecks, verifying
from governance.releases.models import Decision, Permit
from governance.releases.requests import DatasetName
from lineage import errors
from lineage.journal import keys
from tests.governance import releases_world
from tests.governance.releases_world import ASKED, NAMESPACE, TICKETS, TRAIN_SET, World

pytestmark = pytest.mark.django_db


def codes(found: decisions.Answered) -> set[str]:
    return {reason.code for reason in found.answer.reasons}


def test_a_part_is_permitted_and_the_rest_left_out_for_its_reason(release_world: World) -> None:
    found = release_world.ask()
    assert found.answer.verdict is Verdict.PERMIT_WITH_PLAN
    assert found.answer.members == {"class-1": (release_world.customers["acme"].ref,)}
    assert {code for each in found.answer.left_out for code in each.codes} >= {"prohibition", "contract-silent"}
    assert "unmapped-tenant" in codes(found)
    assert found.permit is not None and found.permit.kind == Permit.Kind.BUILD
