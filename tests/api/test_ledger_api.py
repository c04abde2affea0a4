"""The ledger over HTTP: what everybody may fetch is enough to verify; what an entry says is for who may audit."""

import pytest
from django.db import transaction
from django.urls import reverse

from governance.access import roles
from lineage.journal import entries, keys, sequencer
from lineage.journal.models import Entry
from lineage.ledger import bundles, checkpoints, hashing, tiles, tree
from lineage.ledger.checkpoints import TreeHead
from lineage.ledger.errors import BadForm
from tests.cast import Cast, caller, key, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def ledger() -> list[Entry]:
    with transaction.atomic():
        found = entries.record_many(
            [entries.Draft("test.noted", {"secret": n}, ("cus_1",)) for n in range(300)], by="user:usr_1"
        )
    sequencer.run()
    return found


def verified(note: str) -> TreeHead:
    return checkpoints.verify(note, [keys.checkpoint_verifier()], origin=keys.checkpoint_verifier().name)


def test_anybody_can_rebuild_the_signed_root_from_the_tiles(ledger: list[Entry]) -> None:
    client = caller()
    answer = client.get("/ledger/checkpoint")
    head = verified(answer.content.decode())
    assert answer["Content-Type"] == "text/plain; charset=utf-8" and head.size >= 300

    def read(tile: tiles.Tile) -> list[bytes]:
        found = client.get(f"/ledger/tile/{tile.path}")
        assert found["Content-Type"] == "application/octet-stream" and "immutable" in found["Cache-Control"]
        return [found.content[at : at + 32] for at in range(0, len(found.content), 32)]

    assert tree.root(head.size, tiles.nodes(head.size, read)) == head.root
    assert read(tiles.Tile(0, 0))[7] == hashing.leaf(bytes(ledger[7].body))
    assert len(read(tiles.Tile(1, 0, 1))) == 1


def test_an_older_part_of_a_tile_is_still_served(ledger: list[Entry]) -> None:
    assert caller().get("/ledger/tile/0/000.p/5").content == caller().get("/ledger/tile/0/000").content[:160]


@pytest.mark.parametrize(
    "path",
    ["0/001", "0/001.p/250", "0/002.p/1", "1/000", "2/000.p/1", "0/000.p/0", "0/000.p/256", "0/0", "00/000", "64/000", "0/x999/x999/x999/x999/x999/x999/999", "entries/000", "-1/000", "0/000/.."],
)  # fmt: skip
def test_a_tile_that_is_not_there_is_not_found(ledger: list[Entry], path: str) -> None:
    assert caller().get(f"/ledger/tile/{path}").status_code == 404


def test_an_empty_ledger_has_no_checkpoint() -> None:
    assert caller().get("/ledger/checkpoint").status_code == 404
    assert caller().get("/ledger/tile/0/000.p/1").status_code == 404


def test_the_open_addresses_take_no_writing() -> None:
    for path in ("/ledger/checkpoint", "/ledger/tile/0/000", "/.well-known/jwks.json", "/ledger/keys"):
        assert caller().post(path).status_code == 405


def test_the_keys_are_open_and_hold_nothing_private() -> None:
    found = caller().get("/.well-known/jwks.json").json()
    assert found == keys.public_jwks()
    assert all(set(each) == {"kty", "crv", "x", "kid", "alg", "use"} for each in found["keys"])
    assert caller().get("/ledger/keys").content.decode() == keys.endorsement()


PATHS = ["/api/v1/ledger/entries/7", "/api/v1/ledger/entries/7/proof", "/api/v1/ledger/consistency/3/300"]


@pytest.mark.parametrize("path", PATHS)
def test_entries_take_the_scope_audit_read(ledger: list[Entry], cast: Cast, path: str) -> None:
    _, secret = key("release:request", owner=cast.pipeline_owner)
    assert caller().get(path).status_code == 401
    assert caller("wrong").get(path).status_code == 401
    assert caller(secret).get(path).status_code == 403
    assert caller(cast.pipeline_owner).get(path).status_code == 403
    assert caller(cast.lawyer).get(path).status_code == 200


def test_an_entry_is_shown_without_its_payload(ledger: list[Entry], cast: Cast) -> None:
    found = caller(cast.lawyer).get("/api/v1/ledger/entries/7").json()
    assert found["ref"] == ledger[7].ref and found["about"] == ["cus_1"] and found["index"] == 7
    assert found["leaf_hash"] == hashing.leaf(bytes(ledger[7].body)).hex()
    assert "secret" not in str(found)


def test_a_proof_is_verified_with_the_trust_anchor_alone(ledger: list[Entry], cast: Cast) -> None:
    answer = caller(cast.lawyer).get("/api/v1/ledger/entries/7/proof")
    found = bundles.read(answer.content.decode())
    assert found.payload is None and found.salt is None
    assert bundles.verify(found, [keys.checkpoint_verifier()], origin=keys.checkpoint_verifier().name).size == 300


def test_who_sees_some_customers_only_sees_commitments_only(ledger: list[Entry]) -> None:
    assert not roles.ROLES[roles.AUDITOR].every_customer
    auditor = person("audrey", roles.AUDITOR)
    found = caller(auditor).get("/api/v1/ledger/entries/7").json()
    assert set(found) == {"index", "leaf_hash", "commitment"}
    assert caller(auditor).get("/api/v1/ledger/entries/7/proof").status_code == 403


@pytest.mark.parametrize("path", ["entries/300", "entries/99999999999999999999999", "entries/300/proof", "consistency/0/3", "consistency/4/3", "consistency/3/301"])  # fmt: skip
def test_what_is_beyond_the_ledger_is_not_found(ledger: list[Entry], cast: Cast, path: str) -> None:
    answer = caller(cast.lawyer).get(f"/api/v1/ledger/{path}")
    assert answer.status_code == 404 and answer["Content-Type"].startswith("application/problem+json")


def test_the_admin_shows_entries_and_changes_nothing(ledger: list[Entry], cast: Cast) -> None:
    client = caller(cast.administrator)
    assert client.get(reverse("admin:journal_entry_changelist")).status_code == 200
    one = reverse("admin:journal_entry_change", args=[ledger[7].pk])
    assert "test.noted" in client.get(one).content.decode()
    assert client.post(one, {"kind": "x"}).status_code == 403
    assert client.get(reverse("admin:journal_entry_add")).status_code == 403
    assert client.post(reverse("admin:journal_entry_delete", args=[ledger[7].pk]), {"post": "yes"}).status_code == 403


def test_a_damaged_proof_is_never_served_as_whole(ledger: list[Entry], cast: Cast) -> None:
    good = caller(cast.lawyer).get("/api/v1/ledger/entries/7/proof").content.decode()
    with pytest.raises(BadForm):
        bundles.read(good.replace("index 7", "index 07"))
