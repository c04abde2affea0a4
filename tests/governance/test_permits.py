"""Permits: bound to a decision, short, revocable; verified by the stand-alone gate, which shares no code with the service."""

import base64
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import InternalError, connection, transaction
from django.db.utils import DatabaseError, IntegrityError
from joserfc import jwk, jws
from joserfc.errors import JoseError

from clients import gate
from governance.access import actors
from governance.releases import permits, statuses
from governance.releases.models import Decision, Permit, StoredAnswer, StoredFacts
from lineage import errors
from lineage.journal import keys

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 3, 12, 0, 0, 700_000, tzinfo=UTC)
DATASET = {"namespace": "postgres://db:5432", "name": "shop.train_set"}


def decision(verdict: str = "permit", **fields: Any) -> Decision:
    facts, _ = StoredFacts.objects.get_or_create(digest="0" * 64, defaults={"body": b"{}"})
    answer, _ = StoredAnswer.objects.get_or_create(digest="0" * 64, defaults={"body": b"{}"})
    given: dict[str, Any] = {
        "namespace": DATASET["namespace"],
        "name": DATASET["name"],
        "action": "train.finetune",
        "purpose": "functional",
        "question": {},
        "verdict": verdict,
        "enforcement": "enforce",
        "rules_version": "1",
        "facts": facts,
        "answer": answer,
        "contract_epoch": 3,
        "valid_at": AT,
        "as_known_at": AT,
        "about_now": True,
        "entry_ref": "ent_0",
        "by": "key:key_0",
    }
    return Decision.objects.create(**given | fields)


def issue(of: Decision | None = None, kind: Permit.Kind = Permit.Kind.RELEASE, **terms: Any) -> Permit:
    given: dict[str, Any] = {"dataset": DATASET, "versions": [], "columns": ["text"]}
    return permits.issue(of or decision(), kind=kind, terms=permits.Terms(**given | terms), at=AT, by=actors.SYSTEM)


def verified(permit: Permit, at: datetime = AT) -> dict[str, Any]:
    return gate.verify(permit.token, keys.public_jwks(), now=at.timestamp())


def test_a_permit_says_what_it_binds_and_the_gate_accepts_it() -> None:
    claims = verified(issue(recipient="pty_1", outputs=[DATASET], lists=[{"digest": "ab"}], list_hours=24))
    assert claims["dataset"] == DATASET and claims["columns"] == ["text"] and claims["action"] == "train.finetune"
    assert claims["contract_epoch"] == 3 and claims["allow_list_max_age"] == 86400 and claims["recipient"] == "pty_1"


def test_permit_expiry_is_never_late() -> None:
    change = AT + timedelta(hours=2, microseconds=999_999)
    assert issue().expires_at == (AT + timedelta(hours=24)).replace(microsecond=0)
    permit = issue(first_change=change, delete_by=AT + timedelta(hours=5))
    assert permit.expires_at <= change and verified(permit)["exp"] <= change.timestamp()


def test_what_ends_at_once_is_not_permitted() -> None:
    with pytest.raises(permits.NotNow):
        issue(first_change=AT)


def test_only_questions_about_now_get_a_permit() -> None:
    with pytest.raises(permits.NotNow):
        issue(decision(about_now=False))


@pytest.mark.parametrize(("verdict", "kind"), [("deny", "release"), ("deny", "build"), ("permit_with_plan", "release")])
def test_no_permit_beyond_the_verdict(verdict: str, kind: str) -> None:
    with pytest.raises(errors.Conflict):
        issue(decision(verdict), Permit.Kind(kind))
    assert not Permit.objects.exists()


def test_every_flipped_byte_is_refused() -> None:
    permit = issue()
    for place in range(len(permit.token)):
        for other in ("A", "B"):
            altered = permit.token[:place] + other + permit.token[place + 1 :]
            if altered != permit.token:
                with pytest.raises(gate.Refused):
                    gate.verify(altered, keys.public_jwks(), now=AT.timestamp())


def test_expired_early_and_foreign_permits_are_refused() -> None:
    permit = issue()
    with pytest.raises(gate.Refused, match="expired"):
        verified(permit, permit.expires_at)
    with pytest.raises(gate.Refused, match="future"):
        verified(permit, AT - timedelta(minutes=5))
    with pytest.raises(gate.Refused, match="not among"):
        gate.verify(permit.token, {"keys": []}, now=AT.timestamp())


@pytest.mark.parametrize(
    "change", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "statuslist+jwt"}, {"crit": ["b64"]}, {"alg": "EdDSA"}]
)
def test_another_header_is_refused(change: dict[str, Any]) -> None:
    head, body, signature = issue().token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(header | change).encode()).decode().rstrip("=")
    for token in (f"{forged}.{body}.{signature}", f"{forged}.{body}."):
        with pytest.raises(gate.Refused):
            gate.verify(token, keys.public_jwks(), now=AT.timestamp())


def test_a_status_list_is_no_permit_and_the_other_way_round() -> None:
    with pytest.raises(gate.Refused):
        gate.verify(statuses.token(at=AT), keys.public_jwks(), now=AT.timestamp())
    with pytest.raises(gate.Refused):
        gate.verify(issue().token, keys.public_jwks(), now=AT.timestamp(), typ=gate.STATUS_TYPE)


def test_a_revoked_permit_and_only_it_is_refused_by_the_status_list() -> None:
    made = [issue() for _ in range(11)]
    permits.revoke(made[9], why="the contract ended", by=actors.SYSTEM)
    status = gate.verify(statuses.token(at=AT), keys.public_jwks(), now=AT.timestamp(), typ=gate.STATUS_TYPE)
    for permit in made:
        if permit.index == made[9].index:
            with pytest.raises(gate.Refused, match="revoked"):
                gate.check_status(verified(permit), status)
        else:
            gate.check_status(verified(permit), status)


def test_a_status_list_from_before_the_permit_does_not_answer_for_it() -> None:
    issue()
    old = gate.verify(statuses.token(at=AT), keys.public_jwks(), now=AT.timestamp(), typ=gate.STATUS_TYPE)
    later = [issue() for _ in range(8)][-1]
    with pytest.raises(gate.Refused, match="cannot answer"):
        gate.check_status(verified(later), old)


def test_the_status_list_carries_the_cursor_of_reactions_which_never_goes_back() -> None:
    statuses.move_cursor(7)
    statuses.move_cursor(3)
    assert keys.verify_jws(statuses.token(at=AT), typ=statuses.TYPE)["reactions"]["cursor"] == 7


def test_the_status_list_is_read_by_others_as_the_token_status_list_draft_says() -> None:
    """Signature by a JOSE library, bits by the draft's own words: zlib, base64url without padding, lowest bit of a byte first."""
    made = [issue() for _ in range(19)]
    gone = {made[number].index for number in (0, 7, 8, 18)}
    for permit in made:
        if permit.index in gone:
            permits.revoke(permit, why="the contract ended", by=actors.SYSTEM)
    statuses.move_cursor(5)
    token = statuses.token(at=AT)
    trusted = jwk.KeySet.import_key_set(keys.public_jwks())
    found = jws.deserialize_compact(token, trusted, algorithms=["Ed25519"])
    said = json.loads(found.payload)
    assert found.headers()["typ"] == "statuslist+jwt" and said["status_list"]["bits"] == 1
    packed = said["status_list"]["lst"]
    bits = zlib.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    revoked = {8 * place + bit for place, byte in enumerate(bits) for bit in range(8) if byte >> bit & 1}
    assert revoked == gone and 8 * len(bits) > max(permit.index for permit in made)
    for permit in made:
        claims = json.loads(jws.deserialize_compact(permit.token, trusted, algorithms=["Ed25519"]).payload)
        assert claims["status"]["status_list"] == {"idx": permit.index, "uri": said["sub"]}
    assert said["reactions"]["cursor"] == 5 and said["exp"] > said["iat"]
    head, body, signature = token.split(".")
    with pytest.raises(JoseError):
        jws.deserialize_compact(
            f"{head}.{body[:-1]}{'A' if body[-1] != 'A' else 'B'}.{signature}", trusted, algorithms=["Ed25519"]
        )


def test_revoking_again_keeps_the_first_reason() -> None:
    permit = issue()
    permits.revoke(permit, why="first", by=actors.SYSTEM)
    assert permits.revoke(permit, why="second", by=actors.SYSTEM).revoked_why == "first"
    assert not permits.is_live(Permit.objects.get(pk=permit.pk), at=AT)


def test_the_database_keeps_decisions_and_permits_as_they_were() -> None:
    permit = issue()
    permits.revoke(permit, why="over", by=actors.SYSTEM)
    attempts = [
        "UPDATE releases_decision SET verdict = 'permit_with_plan'",
        "DELETE FROM releases_decision",
        "DELETE FROM releases_permit",
        "UPDATE releases_permit SET token = 'x'",
        "UPDATE releases_permit SET revoked_at = NULL, revoked_by = '', revoked_why = ''",
        "UPDATE releases_storedfacts SET body = 'x'",
    ]
    for sql in attempts:
        with (
            pytest.raises((InternalError, DatabaseError, IntegrityError)),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)


def test_an_advisory_says_that_it_permits_nothing_and_is_never_live() -> None:
    permit = issue(decision("deny", enforcement="observe"), Permit.Kind.ADVISORY)
    assert verified(permit)["kind"] == "advisory" and "no permission" in verified(permit)["advisory"]
    assert not permits.is_live(permit, at=AT) and permit not in permits.live(at=AT)
