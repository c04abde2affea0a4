"""The vendor's own keys: proposed and approved by two persons of whom one is the privacy officer; renamed and retired, never deleted.

Why two persons for every new key: a key that is put below another is covered by every grant and every consent that names the other, and
a root that is called impersonal asks no person. Both let more through. To retire a key takes one: nothing new may name it, and whatever
names it goes on counting. A name has no valid time of its own: it is what we call a thing, from the moment at which two persons said so.

This storey knows no roles: the caller says whether the acting person holds the privacy officer's (`officer`).
"""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from consent import trees, vocabulary
from consent.bases import OfficerNeeded, SecondPersonNeeded
from consent.key_models import KEY, LONGEST, KeyRename, OwnKey, Proposed
from lineage import errors
from lineage.journal import entries

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('consent.keys', 0))"


class BadKey(errors.Unprocessable):
    """A key that cannot stand in the tree; the message says why."""

    code = "bad-key"


class KeyTaken(errors.Conflict):
    """One name means one thing, now and in every stored decision."""

    code = "key-taken"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A key to be added to a tree (`OwnKey.Tree`). `special` says that data of it need explicit consent."""

    tree: str
    key: str
    title: str
    definition: str
    valid_from: datetime
    special: bool = False


def propose(proposal: Proposal, *, by: str, officer: bool) -> OwnKey:
    """Propose a key; it stands in its tree once a second person has approved it. Raises `BadKey`, `KeyTaken`."""
    _must_be_person(by)
    with transaction.atomic():
        _lock()
        _check(proposal)
        said = {name: getattr(proposal, name) for name in Proposal.__dataclass_fields__}
        said |= {name: said[name].strip() for name in ("title", "definition")}
        row: OwnKey = _new(OwnKey(**said, proposed_by=by, officer=by if officer else ""))
        _record("key-proposed", row, row.key, by=by)
    return row


def approve(ref: str, *, by: str, officer: bool) -> OwnKey:
    """Put a key into its tree, as the second person; raises `SecondPersonNeeded`, `OfficerNeeded`."""
    _must_be_person(by)
    with transaction.atomic():
        _lock()
        row = find(ref)
        if row.approved_at or row.retired_at:
            raise errors.Conflict("this key is decided already", code="already-decided")
        _parent(row.key, OwnKey.Tree(row.tree))  # which may have been renamed or retired since
        _second(row, by=by, officer=officer)
        _record("key-added", row, row.key, by=by)
    return row


def retire(ref: str, *, why: str, by: str) -> OwnKey:
    """Let nothing new name a key and what lies below it, or take back one that was never approved. What names it goes on counting."""
    _must_be_person(by)
    reason = _why(why)
    with transaction.atomic():
        _lock()
        row = find(ref)
        if row.retired_at:
            raise errors.Conflict("this key is retired already", code="already-retired")
        row.retired_by, row.retired_at, row.retired_why = by, Now(), reason
        row.save(update_fields=["retired_by", "retired_at", "retired_why"])
        row.refresh_from_db()
        _record("key-retired", row, row.key, by=by)
    return row


def rename(ref: str, new: str, *, reason: str, by: str, officer: bool) -> KeyRename:
    """Propose another name, below the same key: so no grant, ban or consent comes to speak of more or of less than before."""
    _must_be_person(by)
    said = _why(reason)
    with transaction.atomic():
        _lock()
        row = find(ref)
        if row.approved_at is None or row.retired_at:
            raise errors.Conflict("only a key that stands in its tree can be renamed", code="not-in-tree")
        old = trees.current(row.key)
        _well_formed(new, "new")
        if old.rpartition(".")[0] != new.rpartition(".")[0]:
            raise BadKey("a renamed key stays where it is in the tree", where="new", remedy="change its last part only")
        _unused(new, OwnKey.Tree(row.tree), "new")
        made: KeyRename = _new(
            KeyRename(own_key=row, old=old, new=new, reason=said, proposed_by=by, officer=by if officer else "")
        )
        _record("key-rename-proposed", made, old, by=by, new=new)
    return made


def approve_rename(ref: str, *, by: str, officer: bool) -> KeyRename:
    """Let the new name count from now on, as the second person."""
    _must_be_person(by)
    with transaction.atomic():
        _lock()
        row = find_rename(ref)
        if row.approved_at or row.withdrawn_at:
            raise errors.Conflict("this rename is decided already", code="already-decided")
        if trees.current(row.own_key.key) != row.old or row.own_key.retired_at:
            raise errors.Conflict(
                "the key is not called so any more",
                code="rename-outdated",
                remedy="withdraw this rename and propose another",
            )
        _second(row, by=by, officer=officer)
        _record("key-renamed", row, row.old, by=by, new=row.new)
    return row


def withdraw_rename(ref: str, *, by: str) -> KeyRename:
    """Take back a rename that was not approved."""
    _must_be_person(by)
    with transaction.atomic():
        _lock()
        row = find_rename(ref)
        if row.approved_at or row.withdrawn_at:
            raise errors.Conflict("this rename is decided already", code="already-decided")
        row.withdrawn_by, row.withdrawn_at = by, Now()
        row.save(update_fields=["withdrawn_by", "withdrawn_at"])
        row.refresh_from_db()
        _record("key-rename-withdrawn", row, row.old, by=by, new=row.new)
    return row


def find(ref: str) -> OwnKey:
    """Return the key of this reference; raises `NotFound`."""
    row = OwnKey.objects.filter(ref=ref).first()
    if row is None:
        raise errors.NotFound("no own key of that reference", where="key")
    return row


def find_rename(ref: str) -> KeyRename:
    """Return the rename of this reference; raises `NotFound`."""
    row = KeyRename.objects.filter(ref=ref).select_related("own_key").first()
    if row is None:
        raise errors.NotFound("no rename of that reference", where="rename")
    return row


def _check(proposal: Proposal) -> None:
    if proposal.tree not in OwnKey.Tree.values:
        raise BadKey(f"a tree is one of {', '.join(OwnKey.Tree.values)}", code="unknown-tree", where="tree")
    tree = OwnKey.Tree(proposal.tree)
    for field, most in (("title", 200), ("definition", 20_000)):
        text = getattr(proposal, field)
        if not text.strip() or len(text) > most or "\0" in text:
            raise BadKey(f"a {field} of 1 to {most} characters is needed", where=field)
    if proposal.special and tree is not OwnKey.Tree.PERSONAL:
        raise BadKey("only a category of people is of a special kind", where="special")
    _well_formed(proposal.key)
    _unused(proposal.key, tree)
    _parent(proposal.key, tree)


def _well_formed(key: str, where: str = "key") -> None:
    if not isinstance(key, str) or len(key) > LONGEST or not re.fullmatch(KEY[1:-1], key):
        raise BadKey(
            f"a key is up to eight words of a to z, 0 to 9 and _, with dots between them, of up to {LONGEST} characters",
            where=where,
            remedy="such as customer.usage.uptime",
        )
    root = key.split(".", maxsplit=1)[0]
    if root in vocabulary.ACTIONS:
        raise BadKey("a key cannot stand below an action: the tree of actions is fixed", where=where)


def _unused(key: str, tree: OwnKey.Tree, where: str = "key") -> None:
    """No name is used twice, in whichever tree; and a purpose says what for, never what is done."""
    if key in trees.taken():
        raise KeyTaken("this name is, or was, a key", where=where, remedy="choose a name that was never used")
    words = {word for action in vocabulary.ACTIONS for word in action.split(".")}
    if tree is OwnKey.Tree.PURPOSES and key.rsplit(".", maxsplit=1)[-1] in words:
        raise BadKey("a purpose says what for, and never repeats an action", where=where)


def _parent(key: str, tree: OwnKey.Tree) -> None:
    """What lies above a key stands in the same tree; a root of one's own has nothing above it."""
    above, _, _ = key.rpartition(".")
    known = {each: {*trees.TREES[each], *names} for each, names in trees.present().items()}
    if above and above not in known[tree]:
        other = next((each for each, keys in known.items() if above in keys), None)
        said = f"{above!r} is a {other.label}" if other else f"there is no key {above!r} to stand below"
        raise BadKey(said, where="key", remedy="add the keys above it first, in the same tree")


def _new[M: OwnKey | KeyRename](row: M) -> M:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "one_at_a_time" in str(error):
            raise errors.Conflict("another rename of this key waits for approval", code="rename-waits") from error
        raise KeyTaken("this name is, or was, a key", where="key") from error
    row.refresh_from_db()
    return row


def _second(row: Proposed, *, by: str, officer: bool) -> None:
    if by == row.proposed_by:
        raise SecondPersonNeeded("whoever proposed this cannot approve it", remedy="ask a second person")
    if not (officer or row.officer):
        raise OfficerNeeded("one of the two must be the privacy officer", remedy="ask the privacy officer to approve")
    row.approved_by, row.approved_at, row.officer = by, Now(), row.officer or by
    row.save(update_fields=["approved_by", "approved_at", "officer"])
    row.refresh_from_db()


def _why(text: str) -> str:
    said = text.strip() if isinstance(text, str) else ""
    if not said or len(said) > 500 or "\0" in said:
        raise errors.Unprocessable("say why, in 1 to 500 characters", code="reason-needed", where="reason")
    return said


def _must_be_person(by: str) -> None:
    if not by.startswith("user:"):
        raise SecondPersonNeeded("keys of the vocabulary take named persons", remedy="log in as a person")


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)


def _record(kind: str, row: OwnKey | KeyRename, key: str, *, by: str, **more: str) -> None:
    said: dict[str, object] = {"key": key, "row": row.ref, **more}
    if isinstance(row, OwnKey):
        said |= {
            "tree": str(row.tree),
            "special": row.special,
            "title": row.title,
            "valid_from": row.valid_from.isoformat(),
        }
    entries.record(kind, said, by=by, about=[row.ref])
