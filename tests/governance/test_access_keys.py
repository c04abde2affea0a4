"""Service keys: shown once, hashed at rest, scoped, revocable; people by their roles."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.access import actors, keys, people, roles
from governance.access.models import ServiceKey
from lineage import errors
from tests import cast as named
from tests.cast import Cast

NOW = datetime.now(UTC)


class Open(APIView):
    required_scopes = {"GET": "lineage:read", "POST": "lineage:write"}

    def get(self, request: Request) -> Response:
        return Response({"ref": request.user.ref, "actor": request.user.actor.ref})

    def post(self, request: Request) -> Response:
        return Response({})


class Undeclared(APIView):
    def get(self, request: Request) -> HttpResponse:
        return Response({})


urlpatterns = [path("open", Open.as_view()), path("undeclared", Undeclared.as_view())]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def test_a_key_is_kept_as_a_digest_only(cast: Cast) -> None:
    key, secret = named.key("lineage:read", owner=cast.administrator)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM access_servicekey k WHERE id = %s", [key.pk])
        stored = cursor.fetchone()[0]
    assert secret not in stored
    assert secret.split("_", 2)[2] not in stored


def test_a_key_opens_what_its_scopes_name_and_nothing_else(cast: Cast) -> None:
    key, secret = named.key("lineage:read", owner=cast.administrator)
    assert named.caller(secret).get("/open").json() == {"ref": key.ref, "actor": key.ref}
    refused = named.caller(secret).post("/open")
    assert refused.status_code == 403
    assert "lineage:write" in refused.json()["detail"]


def test_a_view_that_declares_no_scope_is_refused_to_keys_and_people(cast: Cast) -> None:
    _, secret = named.key(*roles.SCOPES, owner=cast.administrator)
    assert named.caller(secret).get("/undeclared").status_code == 403
    assert named.caller(cast.administrator).get("/undeclared").status_code == 403


def test_nobody_and_a_wrong_key_are_asked_for_credentials(cast: Cast) -> None:
    _, secret = named.key("lineage:read", owner=cast.administrator)
    for wrong in (
        None,
        "",
        "cc_",
        secret[:-1],
        secret + "x",
        "cc_0000000000_" + secret.split("_", 2)[2],
        "x" * 10_000,
        "cc_\u00e9_x",
    ):
        client = named.caller(wrong)
        answer = client.get("/open")
        assert answer.status_code == 401, wrong
        assert "Bearer" in answer["WWW-Authenticate"]


def test_a_revoked_expired_or_orphaned_key_is_refused_in_the_same_words(cast: Cast) -> None:
    revoked, one = named.key("lineage:read", owner=cast.administrator)
    keys.revoke(revoked, by=cast.administrator.actor, at=NOW)
    _, two = keys.issue(
        "old",
        scopes=["lineage:read"],
        owner=cast.administrator,
        by=actors.SYSTEM,
        expires_at=NOW - timedelta(seconds=1),
    )
    _, three = named.key("lineage:read", owner=cast.pipeline_owner)
    people.set_active(cast.pipeline_owner, active=False, by=cast.administrator.actor)
    answers = [named.caller(secret).get("/open") for secret in (one, two, three)]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert len({answer.json()["detail"] for answer in answers}) == 1


def test_a_revoked_key_cannot_be_revived_even_by_sql(cast: Cast) -> None:
    key, _ = named.key("lineage:read", owner=cast.administrator)
    keys.revoke(key, by=cast.administrator.actor, at=NOW)
    for change in ("revoked_at = NULL", "scopes = '{audit:read}'", "digest = repeat('0', 64)"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE access_servicekey SET {change} WHERE id = %s", [key.pk])


def test_using_a_key_often_writes_rarely(cast: Cast, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    _, secret = named.key("lineage:read", owner=cast.administrator)
    named.caller(secret).get("/open")
    client = named.caller(secret)
    with django_assert_num_queries(2):  # the key with its owner, the owner's roles
        client.get("/open")


def test_unknown_and_missing_scopes_are_refused_at_issue(cast: Cast) -> None:
    for scopes in (["everything"], []):
        with pytest.raises(errors.Unprocessable):
            keys.issue("bad", scopes=scopes, owner=cast.lawyer, by=cast.administrator.actor)


def test_only_administrators_issue_and_revoke(cast: Cast) -> None:
    key, _ = named.key("lineage:read", owner=cast.administrator)
    for person in (cast.lawyer, cast.approver, cast.privacy_officer, cast.pipeline_owner, cast.auditor, cast.stranger):
        with pytest.raises(errors.Forbidden):
            keys.issue("mine", scopes=["lineage:read"], owner=person, by=person.actor)
        with pytest.raises(errors.Forbidden):
            keys.revoke(key, by=person.actor, at=NOW)


def test_a_person_carries_the_scopes_of_their_roles(cast: Cast) -> None:
    assert named.caller(cast.pipeline_owner).get("/open").status_code == 200
    assert named.caller(cast.auditor).get("/open").status_code == 403
    assert named.caller(cast.stranger).get("/open").status_code == 403


def test_nobody_changes_their_own_roles(cast: Cast) -> None:
    with pytest.raises(errors.Forbidden):
        people.give_roles(cast.administrator, roles.ROLES, by=cast.administrator.actor)


def test_a_superuser_is_an_administrator_and_no_approver(cast: Cast) -> None:
    boss = named.person("boss", is_superuser=True)
    assert boss.roles == {roles.ADMINISTRATOR}
    with pytest.raises(errors.Forbidden):
        boss.actor.must(roles.APPROVER)


def test_every_role_scope_is_a_known_scope() -> None:
    assert {scope for role in roles.ROLES.values() for scope in role.scopes} <= set(roles.SCOPES)


def test_a_key_holds_no_role(cast: Cast) -> None:
    key, _ = named.key(*roles.SCOPES, owner=cast.administrator)
    for role in roles.ROLES:
        with pytest.raises(errors.Forbidden):
            key.actor.must(role)


def test_five_wrong_passwords_close_the_account_to_that_address(cast: Cast, client, settings) -> None:  # type: ignore[no-untyped-def]
    settings.ROOT_URLCONF = "governance.urls"
    from django.urls import clear_url_caches, set_urlconf

    clear_url_caches()
    set_urlconf(None)
    for _ in range(5):
        client.post("/login/", {"username": "laura", "password": "wrong"})
    answer = client.post("/login/", {"username": "laura", "password": "correct horse battery"})
    assert answer.status_code == 429
    assert ServiceKey.objects.count() == 0
