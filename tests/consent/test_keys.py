"""The vendor's own keys: two persons, names that are used once, renames that change no answer, retirement that takes nothing away."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from consent import bases, consents, keys, statements, trees, vocabulary
from consent.keys import Proposal
from consent.models import IdentifierSpace, KeyRename, OwnKey
from consent.scope import Standing
from lineage import errors
from lineage.journal.models import Entry

LAURA, PAULA = "user:usr_laura", "user:usr_paula"  # Paula is the privacy officer
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def proposal(key: str, tree: str = "contract", **more: Any) -> Proposal:
    return Proposal(
        **{"tree": tree, "key": key, "title": f"title of {key}", "definition": "what it means", "valid_from": LONG_AGO}
        | more
    )


def added(key: str, tree: str = "contract", **more: Any) -> OwnKey:
    row = keys.propose(proposal(key, tree, **more), by=LAURA, officer=False)
    return keys.approve(row.ref, by=PAULA, officer=True)


def renamed(row: OwnKey, new: str) -> KeyRename:
    made = keys.rename(row.ref, new, reason="a better word", by=LAURA, officer=False)
    return keys.approve_rename(made.ref, by=PAULA, officer=True)


@pytest.mark.django_db
def test_a_key_counts_when_a_second_person_has_approved_it_and_one_of_the_two_is_the_officer() -> None:
    row = keys.propose(proposal("customer.usage.uptime"), by=LAURA, officer=False)
    assert not trees.speakable().contract
    with pytest.raises(keys.SecondPersonNeeded):
        keys.approve(row.ref, by=LAURA, officer=True)
    with pytest.raises(keys.OfficerNeeded):
        keys.approve(row.ref, by="user:usr_luis", officer=False)
    with pytest.raises(keys.SecondPersonNeeded):
        keys.approve(row.ref, by="key:key_machine", officer=True)
    keys.approve(row.ref, by=PAULA, officer=True)
    assert trees.speakable().contract == {"customer.usage.uptime"}
    assert list(Entry.objects.filter(about=[row.ref]).order_by("pk").values_list("kind", flat=True)) == [
        "key-proposed",
        "key-added",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "tree", "code"),
    [
        ("customer.Usage", "contract", "bad-key"),
        ("customer usage", "contract", "bad-key"),
        ("customer..x", "contract", "bad-key"),
        (".", "contract", "bad-key"),
        ("customer.usage\n", "contract", "bad-key"),
        ("a.b.c.d.e.f.g.h.i", "contract", "bad-key"),
        ("x" * 121, "contract", "bad-key"),
        ("train.secretly", "purposes", "bad-key"),
        ("train", "contract", "bad-key"),
        ("analytics.train", "purposes", "bad-key"),
        ("customer.usage", "contract", "key-taken"),
        ("user", "contract", "key-taken"),
        ("user.implant", "contract", "bad-key"),
        ("customer.nowhere.below", "contract", "bad-key"),
        ("customer.uptime", "personal", "bad-key"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_stand_in_its_tree_is_refused_and_leaves_nothing(key: str, tree: str, code: str) -> None:
    with pytest.raises(errors.Problem) as refused:
        keys.propose(proposal(key, tree), by=LAURA, officer=False)
    assert refused.value.code == code
    assert not OwnKey.objects.exists() and not Entry.objects.exists()


@pytest.mark.django_db
def test_a_root_of_ones_own_says_whether_it_is_personal_and_special() -> None:
    added("fleet")
    added("driver", "personal")
    added("driver.fitness", "personal", special=True)
    added("acme_research", "purposes")
    own = trees.standing(at=NOW, as_known_at=datetime.now(UTC))
    assert vocabulary.is_contract("fleet", own) and not vocabulary.is_personal("fleet", own)
    assert vocabulary.is_about_people("driver", own) and not vocabulary.is_contract("driver", own)
    assert vocabulary.is_special("driver.fitness", own) and vocabulary.is_special("driver", own)  # which may hold it
    assert vocabulary.is_purpose("acme_research", own)
    with pytest.raises(keys.BadKey):
        keys.propose(proposal("fleet.secret", special=True), by=LAURA, officer=False)


@pytest.mark.django_db
def test_a_key_stands_from_its_day_on_and_since_it_was_known() -> None:
    before = datetime.now(UTC)
    added("customer.usage.uptime", valid_from=NOW)
    known = datetime.now(UTC) + timedelta(seconds=1)
    assert trees.standing(at=NOW, as_known_at=known).contract
    assert not trees.standing(at=NOW - timedelta(seconds=1), as_known_at=known).contract
    assert not trees.standing(at=NOW, as_known_at=before - timedelta(seconds=1)).contract


@pytest.mark.django_db
def test_a_retired_key_is_offered_no_more_and_goes_on_counting() -> None:
    row, below = added("customer.usage.uptime"), added("customer.usage.uptime.daily")
    keys.retire(row.ref, why="nobody counts it any more", by=LAURA)
    assert not trees.speakable().contract and not trees.offered()["contract"]
    assert trees.standing(at=NOW, as_known_at=datetime.now(UTC)).contract == {row.key, below.key}
    for name in ("customer.usage.uptime", "customer.usage.uptime.weekly"):
        with pytest.raises(errors.Problem):
            keys.propose(proposal(name), by=LAURA, officer=False)
    with pytest.raises(errors.Conflict):
        keys.rename(row.ref, "customer.usage.other", reason="too late", by=LAURA, officer=False)


@pytest.mark.django_db
def test_a_proposal_taken_back_frees_its_name() -> None:
    row = keys.propose(proposal("customer.usage.uptme"), by=LAURA, officer=False)
    keys.retire(row.ref, why="misspelt", by=LAURA)
    with pytest.raises(errors.Conflict):
        keys.approve(row.ref, by=PAULA, officer=True)
    added("customer.usage.uptme")


@pytest.mark.django_db
def test_a_rename_carries_what_lies_below_and_no_name_is_ever_used_again() -> None:
    top, below = added("acme", "purposes"), added("acme.lab", "purposes")
    renamed(top, "lumen")
    assert trees.names(below) == ["lumen.lab", "acme.lab"]
    renamed(below, "lumen.studies")
    assert trees.names(below) == ["lumen.studies", "lumen.lab", "acme.lab"]
    assert trees.current("acme.lab") == "lumen.studies" and trees.current("acmeology") == "acmeology"
    for name in ("acme", "acme.lab", "lumen.lab", "lumen.studies"):
        with pytest.raises(errors.Problem):
            keys.propose(proposal(name, "purposes"), by=LAURA, officer=False)
    with pytest.raises(keys.BadKey):  # it would come under other grants
        keys.rename(below.ref, "analytics.studies", reason="elsewhere", by=LAURA, officer=False)
    assert trees.titles()["acme.lab"] == "title of acme.lab"


@pytest.mark.django_db
def test_a_rename_takes_two_persons_and_can_be_withdrawn() -> None:
    row = added("acme", "purposes")
    made = keys.rename(row.ref, "lumen", reason="a better word", by=PAULA, officer=True)
    with pytest.raises(keys.SecondPersonNeeded):
        keys.approve_rename(made.ref, by=PAULA, officer=True)
    with pytest.raises(errors.Conflict):  # one at a time
        keys.rename(row.ref, "lumina", reason="or this", by=LAURA, officer=False)
    keys.withdraw_rename(made.ref, by=LAURA)
    with pytest.raises(errors.Conflict):
        keys.approve_rename(made.ref, by=LAURA, officer=False)
    assert trees.names(row) == ["acme"]
    renamed(row, "lumen")


@pytest.mark.django_db
def test_a_rename_under_a_key_that_was_renamed_meanwhile_is_outdated() -> None:
    top, below = added("acme", "purposes"), added("acme.lab", "purposes")
    waits = keys.rename(below.ref, "acme.studies", reason="a better word", by=LAURA, officer=False)
    renamed(top, "lumen")
    with pytest.raises(errors.Conflict):
        keys.approve_rename(waits.ref, by=PAULA, officer=True)


@pytest.mark.django_db
def test_people_who_were_asked_by_the_old_name_have_answered_for_the_new_one(space: IdentifierSpace) -> None:
    row = added("acme", "purposes")
    added("acme.lab", "purposes")

    def say(who: str, state: str, purpose: str) -> None:
        said = {"subject_id": who, "controller": "cus_a", "action": "train", "purpose": purpose, "state": state}
        consents.record(statements.parse(said, space=space, now=datetime.now(UTC), own=trees.sayable()), by=LAURA)

    def standings(purpose: str) -> list[Standing]:
        moment = datetime.now(UTC) + timedelta(seconds=1)
        asked = consents.Question(space, "cus_a", "train", purpose, moment, moment)
        return sorted(standing for _, standing in consents.standings(asked))

    say("ann", "given", "acme")
    say("bob", "given", "acme")
    say("bob", "withdrawn", "acme.lab")
    before = {purpose: standings(purpose) for purpose in ("acme", "acme.lab")}
    assert before == {"acme": ["given", "withdrawn"], "acme.lab": ["given", "withdrawn"]}
    renamed(row, "lumen")
    assert {purpose: standings(purpose) for purpose in ("lumen", "lumen.lab")} == {
        "lumen": before["acme"],
        "lumen.lab": before["acme.lab"],
    }
    assert standings("acme") == before["acme"]  # a stored question still names it so
    say("ann", "withdrawn", "lumen.lab")
    assert standings("lumen") == ["withdrawn", "withdrawn"]


@pytest.mark.django_db
def test_bases_and_consents_take_own_keys_and_nothing_that_is_in_no_tree(space: IdentifierSpace) -> None:
    said = {"subject_id": "ann", "controller": "cus_a", "action": "train", "purpose": "acme", "state": "given"}
    terms = bases.Terms("cus_a", "driver", "train", "acme", "processor", "consent", "looked at", LONG_AGO)
    with pytest.raises(errors.Problem):
        statements.parse(said, space=space, now=NOW, own=trees.sayable())
    with pytest.raises(errors.Problem):
        bases.declare(terms, by=LAURA, officer=False)
    row = added("acme", "purposes")
    added("driver", "personal")
    assert statements.parse(said, space=space, now=NOW, own=trees.sayable()).purpose == "acme"
    assert bases.declare(terms, by=LAURA, officer=False).category == "driver"
    keys.retire(row.ref, why="over", by=LAURA)
    assert statements.parse(said, space=space, now=NOW, own=trees.sayable())  # a person's word is taken as it is said
    with pytest.raises(errors.Problem):
        bases.declare(terms, by=LAURA, officer=False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM consent_ownkey",
        "UPDATE consent_ownkey SET key = 'customer.other'",
        "UPDATE consent_ownkey SET special = true, tree = 'personal'",
        "UPDATE consent_ownkey SET approved_at = now() + interval '1 day'",
        "UPDATE consent_ownkey SET approved_by = proposed_by",
        "DELETE FROM consent_keyrename",
        "UPDATE consent_keyrename SET new = 'customer.usage.hours'",
        "INSERT INTO consent_ownkey (ref, tree, key, special, title, definition, valid_from, proposed_by, officer, approved_by, retired_by, retired_why) "
        "VALUES ('voc_x', 'contract', 'customer.usage.uptime', false, 't', 'd', now(), 'user:usr_x', '', '', '', '')",
    ],
)
def test_the_database_forgets_no_key_and_lets_no_name_be_used_twice(statement: str) -> None:
    renamed(added("customer.usage.uptime"), "customer.usage.online")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_titles_stand_for_keys_only_where_they_stand_alone() -> None:
    words = {"acme": "our research", "acme.lab": "the lab"}
    assert trees.titled("for acme, acme.lab and acme.labs, not pacme or acme_x.", words) == (
        "for our research, the lab and acme.labs, not pacme or acme_x."
    )


_parts = st.sampled_from(["a", "b", "ab", "a_b"])
_keys = st.lists(_parts, min_size=1, max_size=3).map(".".join)


@given(st.lists(st.tuples(_keys, st.integers(0, 9)), max_size=4), _keys, _keys)
def test_renaming_keeps_who_covers_whom(changes: list[tuple[str, int]], one: str, other: str) -> None:
    """A rename is a bijection that keeps the tree: so permissions still cover, and refusals still touch, what they did."""
    named: vocabulary.Renames = tuple(
        (old, ".".join([*old.split(".")[:-1], f"new{number}_{n}"])) for n, (old, number) in enumerate(changes)
    )
    new_one, new_other = vocabulary.current(one, named), vocabulary.current(other, named)
    assert vocabulary.covers(new_one, new_other) == vocabulary.covers(one, other)
    assert vocabulary.former(new_one, named) == one
    assert one in vocabulary.spellings(new_one, named) and vocabulary.spellings(new_one, named)[0] == new_one
