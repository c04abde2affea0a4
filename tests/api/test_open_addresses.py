"""What anybody may read, and nothing else."""

import json

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests import cast

OPEN = {
    "/health/live": 200,
    "/health/ready": 200,
    "/ledger/checkpoint": (200, 404),
    "/.well-known/jwks.json": 200,
    "/.well-known/authzen-configuration": 200,
    "/api/v1/permits/status": 200,
    "/api/schema/": 200,
    "/schema/governance_permit-run-facet.json": 200,
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", sorted(OPEN))
def test_what_is_open_answers_without_a_login(address):
    wanted = OPEN[address]
    assert cast.caller().get(address).status_code in (wanted if isinstance(wanted, tuple) else (wanted,))


def test_a_schema_that_an_event_names_can_be_fetched():
    answer = cast.caller().get("/schema/governance_permit-run-facet.json")
    assert "governance_permit" in json.dumps(json.loads(b"".join(answer.streaming_content)))
    assert cast.caller().get("/schema/..%2fpyproject.toml").status_code == 404


def _addresses(patterns, prefix=""):
    for each in patterns:
        here = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _addresses(each.url_patterns, here)
        elif isinstance(each, URLPattern):
            yield here, each


def test_every_other_address_of_the_api_wants_to_know_who_asks():
    """Every route below /api/v1/ and /access/v1/ but the status list: a caller without key or login is turned away, whatever the rest of the address."""
    import re

    checked = 0
    for route, _ in _addresses(get_resolver().url_patterns):
        if not route.startswith(("api/v1/", "access/v1/")) or route == "api/v1/permits/status":
            continue
        address = "/" + re.sub(r"<(int:)[^>]+>", "1", route)
        address = re.sub(r"<[^>]+>", "x_0", address)
        if any(sign in address for sign in "^$(\\"):
            continue
        status = cast.caller().get(address).status_code
        assert status in (401, 403, 405), (address, status)
        checked += 1
    assert checked > 40
