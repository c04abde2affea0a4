"""What each mode let through is counted and shown, so that a namespace is switched to enforcing knowingly (SEMANTICS §7)."""

from datetime import timedelta

import pytest
from django.test import Client

from governance.access.models import User
from governance.catalogue import modes
from governance.catalogue.models import EnforcementMode
from governance.releases import enforcing
from governance.releases.enforcing import Namespace
from tests.governance.releases_world import NAMESPACE, World, now

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/releases/decision/modes/"


def shown(at: timedelta = timedelta(0)) -> Namespace:
    (found,) = enforcing.overview(at=now() + at)
    return found


def page(who: User) -> Client:
    client = Client()
    client.force_login(who, backend="governance.access.backends.RoleBackend")
    return client


@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_what_is_not_enforced_is_answered_the_same_with_an_advisory_and_the_refusal_counted(
    release_world: World, mode: str
) -> None:
    if mode != "observe":
        release_world.enforce(mode)
    refused = release_world.ask(mode="strict")
    assert (refused.decision.verdict, refused.permit, refused.decision.enforcement) == ("deny", None, mode)
    assert refused.advisory is not None and refused.decision.would_be_refused
    release_world.ask()
    found = shown()
    assert (found.mode, found.asked, found.planned, found.refused, found.let_through) == (mode, 2, 1, 1, 1)
    assert {"prohibition", "contract-silent"} <= {code for code, _, _ in found.reasons}
    assert all(number == 1 for _, _, number in found.reasons)
    assert found.last_asked is not None and abs(found.last_asked - now()) < timedelta(minutes=1)


def test_what_is_enforced_is_refused_and_no_longer_let_through(release_world: World) -> None:
    release_world.ask(mode="strict")
    release_world.enforce()
    refused = release_world.ask(mode="strict")
    assert refused.advisory is None and not refused.decision.would_be_refused
    found = shown()
    assert (found.mode, found.refused, found.let_through) == ("enforce", 2, 1)
    assert found.since == EnforcementMode.objects.get().approved_at
    assert {code: number for code, _, number in found.reasons}["prohibition"] == 2


def test_questions_about_other_times_and_long_ago_are_not_counted(release_world: World) -> None:
    release_world.ask(mode="strict", at=now() - timedelta(seconds=20))
    assert enforcing.overview(at=now()) == []
    release_world.ask(mode="strict")
    assert shown().asked == 1
    assert enforcing.overview(at=now() + timedelta(days=31)) == []


def test_a_namespace_that_was_never_asked_about_is_shown_once_it_has_a_mode_or_somebody_proposes_one(
    release_world: World,
) -> None:
    modes.propose("warehouse", "enforce", by=release_world.cast.privacy_officer.actor)
    found = shown()
    assert (found.name, found.mode, found.asked, found.since) == ("warehouse", "observe", 0, None)
    assert [change.mode for change in found.proposed] == ["enforce"]


def test_the_page_tells_and_the_page_of_a_mode_leads_there(release_world: World) -> None:
    cast = release_world.cast
    release_world.ask(mode="strict")
    row = modes.propose(NAMESPACE, "enforce", by=cast.privacy_officer.actor)
    text = " ".join(page(cast.approver).get(PAGE).content.decode().split())
    assert "<strong>1</strong> refusal of 1 question was let through" in text
    assert "prohibition" in text and "enforce is proposed" in text and NAMESPACE in text
    for address in (f"/admin/catalogue/enforcementmode/{row.pk}/change/", "/admin/catalogue/enforcementmode/add/"):
        assert PAGE in page(cast.privacy_officer).get(address).content.decode()
    assert NAMESPACE not in page(cast.approver).get(PAGE, {"namespace": "elsewhere"}).content.decode()
    assert page(cast.approver).get("/admin/releases/decision/").status_code == 200
    assert page(cast.stranger).get(PAGE).status_code in (302, 403)


def test_the_button_of_the_second_person_is_there_only_while_one_is_awaited(release_world: World) -> None:
    cast = release_world.cast
    row = modes.propose(NAMESPACE, "enforce", by=cast.privacy_officer.actor)
    address, button = f"/admin/catalogue/enforcementmode/{row.pk}/change/", f"{row.pk}/approve"
    assert button not in page(cast.privacy_officer).get(address).content.decode()
    assert button in page(cast.approver).get(address).content.decode()
    modes.approve(row.ref, by=cast.approver.actor)
    assert button not in page(cast.second_lawyer).get(address).content.decode()
