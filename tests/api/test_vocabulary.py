"""The vocabulary over HTTP: read by whoever may call, written by two persons."""

from typing import Any

import pytest

from consent.models import OwnKey
from tests import cast as named
from tests.cast import Cast

pytestmark = pytest.mark.django_db
KEY = {"tree": "contract", "key": "customer.usage.uptime", "title": "Uptime", "definition": "hours in which it ran"}


def post(client: Any, path: str, body: Any = None) -> Any:
    return client.post(f"/api/v1/vocabulary/{path}", body if body is not None else {}, format="json")


def test_a_key_goes_from_proposal_to_tree_to_another_name_to_retirement(cast: Cast) -> None:
    laura, paula = named.caller(cast.lawyer), named.caller(cast.privacy_officer)
    made = post(laura, "keys", KEY)
    assert made.status_code == 201 and made.headers["Location"].endswith(made.json()["ref"])
    ref = made.json()["ref"]
    assert post(laura, f"keys/{ref}/approve").status_code == 403
    assert post(paula, f"keys/{ref}/approve").status_code == 200
    moved = post(laura, f"keys/{ref}/rename", {"new": "customer.usage.online", "reason": "clearer"})
    assert moved.status_code == 201
    assert post(paula, f"renames/{moved.json()['ref']}/approve").status_code == 200
    entry = next(each for each in laura.get("/api/v1/vocabulary").json()["contract"] if each.get("own") == ref)
    assert (entry["key"], entry["title"], entry["former_names"]) == (
        "customer.usage.online",
        "Uptime",
        ["customer.usage.uptime"],
    )
    assert post(laura, f"keys/{ref}/retire", {"reason": "over"}).json()["retired_why"] == "over"
    assert laura.get(f"/api/v1/vocabulary/keys/{ref}").json()["retired_at"]
    assert len(laura.get("/api/v1/vocabulary/keys").json()["keys"]) == 1


def test_the_trees_come_whole_with_titles(cast: Cast) -> None:
    found = named.caller(cast.pipeline_owner).get("/api/v1/vocabulary").json()
    assert {name: len(found[name]) for name in found} == {"actions": 17, "contract": 9, "personal": 85, "purposes": 49}
    assert {"key": "train", "title": "train a model"} in found["actions"]
    assert next(each for each in found["personal"] if each["key"] == "user.biometric")["special"] is True
    assert named.caller().get("/api/v1/vocabulary").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"key": "customer.Uptime"}, {"key": ""}, {"key": None}, {"key": 7}, {"key": "x" * 200}, {"tree": "actions"}, {"title": ""},
        {"definition": "\0"}, {"special": True}, {"valid_from": "yesterday"}, {"key": "train.more"}, {"key": "customer.usage"},
    ],
)  # fmt: skip
def test_a_bad_key_is_refused_with_what_where_and_leaves_nothing(cast: Cast, change: dict[str, Any]) -> None:
    answer = post(named.caller(cast.lawyer), "keys", KEY | change)
    assert 400 <= answer.status_code < 500 and answer.headers["Content-Type"] == "application/problem+json"
    assert not OwnKey.objects.exists()


def test_only_the_roles_that_may_write_the_vocabulary_write_it(cast: Cast) -> None:
    assert post(named.caller(cast.pipeline_owner), "keys", KEY).status_code == 403
    _, secret = named.key("vocabulary:write", owner=cast.lawyer)
    assert post(named.caller(secret), "keys", KEY).status_code == 403  # a key is no person
    assert post(named.caller(cast.lawyer), "keys/voc_nowhere/approve").status_code == 404
    assert not OwnKey.objects.exists()
