"""Who asks is kept with the question, so that a decision takes two statements, and is never believed when it has changed."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.access import actors, keys, roles
from governance.access.models import ServiceKey
from governance.policy import canonical
from governance.releases import changes, decisions, kept, requests
from governance.releases.models import Decision
from tests import cast as people
from tests.governance.releases_world import ACTION, ASKED, NAMESPACE, PURPOSE, TRAIN_SET, World, now

pytestmark = pytest.mark.django_db(transaction=True)
RELEASES, EVALUATION = "/api/v1/releases", "/access/v1/evaluation"
PATHS = [RELEASES, EVALUATION]


@pytest.fixture
def world(release_world: World, settings: Any) -> World:
    settings.SEQUENCER = "background"
    return release_world


def post(world: World, path: str, secret: str = "") -> Any:
    question = {"purpose": PURPOSE, "columns": list(ASKED)}
    if path == RELEASES:
        body = question | {"dataset": {"namespace": NAMESPACE, "name": TRAIN_SET}, "action": ACTION}
    else:
        body = {
            "subject": {"type": "pipeline", "id": "trainer"}, "action": {"name": ACTION},
            "resource": {"type": "dataset", "id": f"{NAMESPACE}/{TRAIN_SET}"}, "context": question | {"dry_run": True},
        }  # fmt: skip
    client = people.caller(secret or world.secret)
    return client.post(path, data=json.dumps(body), content_type="application/json")


def known(world: World, path: str) -> None:
    """Ask until who asks is kept: the first time facts are gathered, the second time who asks is read beside them."""
    for _ in range(2):
        assert post(world, path).status_code in (200, 201)
    assert any(keys.digest(world.secret) in each.mark.askers for each in kept._STORE._rows.values())


@pytest.mark.parametrize(("path", "statements"), [(RELEASES, 2), (EVALUATION, 1)])
def test_what_was_asked_before_takes_a_look_and_a_statement_that_stores(
    world: World, path: str, statements: int
) -> None:
    known(world, path)
    with CaptureQueriesContext(connection) as seen:
        assert post(world, path).status_code in (200, 201)
    assert len(seen.captured_queries) == statements, [each["sql"][:60] for each in seen.captured_queries]


ENDS: dict[str, Callable[[World], object]] = {
    "the key is revoked": lambda w: keys.revoke(w.key, by=w.cast.administrator.actor, at=now()),
    "its owner's account is closed": lambda w: (
        type(w.key.owner).objects.filter(pk=w.key.owner.pk).update(is_active=False)
    ),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_key_that_ends_is_refused_at_once(world: World, path: str, end: Callable[[World], object]) -> None:
    known(world, path)
    before = Decision.objects.count()
    end(world)
    assert post(world, path).status_code == 401
    assert Decision.objects.count() == before


@pytest.mark.parametrize("path", PATHS)
def test_another_key_is_not_taken_for_the_one_that_asked(world: World, path: str) -> None:
    known(world, path)
    _, other = people.key("lineage:read", owner=world.cast.pipeline_owner)
    assert post(world, path, other).status_code == 403
    assert post(world, path, world.secret + "x").status_code == 401


def test_what_its_owner_may_see_is_read_anew_when_their_roles_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(world, RELEASES)
    seen: list[actors.Actor] = []
    request = decisions.request
    monkeypatch.setattr(decisions, "request", lambda *a, by, **k: (seen.append(by), request(*a, by=by, **k))[1])
    post(world, RELEASES)
    world.key.owner.groups.add(Group.objects.get(name=roles.PRIVACY_OFFICER))
    post(world, RELEASES)
    assert [each.every_customer for each in seen] == [False, False, True]  # asked, asked and not believed, asked anew


def test_a_key_is_not_believed_past_its_own_end_or_when_its_use_is_to_be_written_down_again(world: World) -> None:
    at = now()
    asker = keys.Asker(actors.SYSTEM, at + timedelta(minutes=1), at)
    assert asker.stands(at) and not asker.stands(at + timedelta(minutes=1))
    assert keys.Asker(actors.SYSTEM, None, at).stands(at + keys.USED_STEP)
    assert not keys.Asker(actors.SYSTEM, None, at).stands(at + keys.USED_STEP + timedelta(seconds=1))
    found = keys.asker(world.secret, at=at)
    assert found.until == ServiceKey.objects.get(pk=world.key.pk).expires_at and found.used_at == at


def test_a_key_revoked_after_it_was_read_and_before_the_look_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(world, RELEASES)
    read = keys.asker

    def then_revoked(text: str, *, at: Any) -> keys.Asker:
        found = read(text, at=at)
        keys.revoke(world.key, by=world.cast.administrator.actor, at=at)
        return found

    with monkeypatch.context() as late:
        late.setattr(keys, "asker", then_revoked)
        post(world, RELEASES)
    assert not any(each.mark.askers for each in kept._STORE._rows.values())
    assert post(world, RELEASES).status_code == 401


def test_who_asks_is_not_believed_by_a_look_that_goes_back_less_far_than_they_were_known(world: World) -> None:
    """Somebody else's look notices the revocation and moves the mark on, between our taking what is kept and our own look."""
    known(world, RELEASES)
    question = requests.parse({"dataset": {"namespace": NAMESPACE, "name": TRAIN_SET}, "action": ACTION, "purpose": PURPOSE, "columns": list(ASKED)})  # fmt: skip
    ours = kept.Asking(question, world.secret, at=now())
    assert ours.believed
    keys.revoke(world.key, by=world.cast.administrator.actor, at=now())
    kept.current(question, at=now(), columns=decisions._columns)
    with pytest.raises(kept.AskedAnew):
        kept.current(question, at=now(), columns=decisions._columns, asking=ours)
    assert not any(each.mark.askers for each in kept._STORE._rows.values())


def test_one_read_before_another_noticed_the_revocation_is_not_kept(world: World) -> None:
    post(world, RELEASES)
    question = requests.parse({"dataset": {"namespace": NAMESPACE, "name": TRAIN_SET}, "action": ACTION, "purpose": PURPOSE, "columns": list(ASKED)})  # fmt: skip
    ours = kept.Asking(question, world.secret, at=now())
    assert not ours.believed
    keys.revoke(world.key, by=world.cast.administrator.actor, at=now())
    kept.current(question, at=now(), columns=decisions._columns)
    kept.current(question, at=now(), columns=decisions._columns, asking=ours)
    assert not any(each.mark.askers for each in kept._STORE._rows.values())


def test_the_quick_answer_is_the_stored_one(world: World) -> None:
    known(world, RELEASES)
    answer = post(world, RELEASES)
    row = Decision.objects.get(ref=answer.data["ref"])
    assert answer.data["verdict"] == row.verdict and answer.data["digest"] == row.digest
    assert decisions.replay(row) == row.body and row.recorded_at is not None
    assert canonical.to_bytes(decisions.question_of(row)) == canonical.to_bytes(row.question)


def test_every_table_that_tells_who_asks_is_watched() -> None:
    assert set(re.findall(r"(?:FROM|JOIN) (\w+)", keys._ACTOR)) == set(changes.ASKERS)
