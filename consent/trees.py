"""The trees as they stand in the database: the built-in keys, the vendor's own, and what a key was called before.

Rows keep the name by which something was written down; whoever reads them for a new decision takes the name of the moment
(`current`, `spellings`). Stored facts keep their names, so that old decisions replay byte for byte.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from consent import vocabulary
from consent.key_models import KeyRename, OwnKey
from lineage import noted

TREES = {
    OwnKey.Tree.CONTRACT: vocabulary.CONTRACT,
    OwnKey.Tree.PERSONAL: vocabulary.PERSONAL,
    OwnKey.Tree.PURPOSES: vocabulary.PURPOSES,
}

type Named = Iterable[tuple[OwnKey, tuple[str, ...]]]


def renames(as_known_at: datetime | None = None) -> vocabulary.Renames:
    """Return the renames that count, as they were known then (None: now), in the order in which they were made."""
    known = Q(approved_at__isnull=False) if as_known_at is None else Q(approved_at__lte=as_known_at)
    return tuple(KeyRename.objects.filter(known).order_by("approved_at", "id").values_list("old", "new"))


def current(key: str, as_known_at: datetime | None = None) -> str:
    """Return what a key is called."""
    return vocabulary.current(key, renames(as_known_at))


def called(key: str, as_known_at: datetime) -> str:
    """Return what a key, given by any of its names, was called as known then."""
    every, then = renames(), renames(as_known_at)
    key = vocabulary.current(key, every)
    return vocabulary.former(key, every[len(then) :])


def standing(*, at: datetime, as_known_at: datetime) -> vocabulary.Own:
    """Return the keys that stand in the trees at `at`, as known then, each by its name of then: what facts are judged with."""
    rows = list(OwnKey.objects.filter(approved_at__lte=as_known_at, valid_from__lte=at))
    if note := noted.current():
        coming = OwnKey.objects.filter(approved_at__lte=as_known_at, valid_from__gt=at)
        note.turns_on(coming.values_list("valid_from", flat=True))
    named = renames(as_known_at) if rows else ()
    return _own((row, (vocabulary.current(row.key, named),)) for row in rows)


def speakable() -> vocabulary.Own:
    """Return the keys that something new may name, by their present name or an earlier one: what is typed is checked with."""
    return _own(_named(_begun()))


def sayable() -> vocabulary.Own:
    """Return the same with the retired keys: what a person says of a purpose is taken as it is said."""
    return _own(_all_named(_begun()))


def offered() -> dict[str, dict[str, str]]:
    """Return, per tree (`OwnKey.Tree`), the keys that something new may name, by their present names, with their titles."""
    found: dict[str, dict[str, str]] = {str(tree): {} for tree in OwnKey.Tree}
    for row, names in _named(_begun()):
        found[row.tree][names[0]] = row.title
    return {tree: dict(sorted(keys.items())) for tree, keys in found.items()}


def listed(*names: str) -> dict[str, str]:
    """Return the keys of some trees (`actions`, `contract`, `personal`, `purposes`) that something new may name, with titles."""
    own = offered()
    known: dict[str, dict[str, str]] = {
        "actions": vocabulary.ACTIONS,
        **{str(tree): keys for tree, keys in TREES.items()},
    }
    return {key: title for name in names for key, title in sorted({**known[name], **own.get(name, {})}.items())}


def titles() -> dict[str, str]:
    """Return the title of every own key by every name that it ever had."""
    return {name: row.title for row, names in _all_named(_approved()) for name in names}


def titled(text: str, words: dict[str, str]) -> str:
    """Put titles in the place of own keys in a sentence; longer keys first, and only where they stand alone."""
    for key in sorted(words, key=len, reverse=True):
        if key in text:
            text = re.sub(rf"(?<![\w.]){re.escape(key)}(?![\w])(?!\.[a-z])", lambda _, key=key: words[key], text)  # type: ignore[misc]
    return text


def names(row: OwnKey) -> list[str]:
    """Return every name of an own key, the present one first."""
    named = renames()
    return vocabulary.spellings(vocabulary.current(row.key, named), named)


def current_rows() -> list[tuple[OwnKey, str]]:
    """Return the own keys that stand in the trees, the retired ones too, each with its present name."""
    return [(row, names[0]) for row, names in _all_named(_begun())]


def present() -> dict[OwnKey.Tree, set[str]]:
    """Return, per tree, the present names of the own keys that are not retired, whenever they begin."""
    found: dict[OwnKey.Tree, set[str]] = {tree: set() for tree in OwnKey.Tree}
    for row, names in _named(_approved()):
        found[OwnKey.Tree(row.tree)].add(names[0])
    return found


def taken() -> set[str]:
    """Return every name that is a key, was one, or is proposed to be one."""
    rows = OwnKey.objects.filter(Q(approved_at__isnull=False) | Q(retired_at=None))
    found = {name for _, names in _all_named(rows) for name in names}
    found |= set(KeyRename.objects.filter(approved_at=None, withdrawn_at=None).values_list("new", flat=True))
    return found | {key for known in (vocabulary.ACTIONS, *TREES.values()) for key in known}


def _approved() -> QuerySet[OwnKey]:
    return OwnKey.objects.filter(approved_at__isnull=False)


def _begun() -> QuerySet[OwnKey]:
    return _approved().filter(valid_from__lte=Now())


def _all_named(rows: Iterable[OwnKey]) -> list[tuple[OwnKey, tuple[str, ...]]]:
    """Each with every name that it ever had, the present one first."""
    listed = list(rows)
    named = renames() if listed else ()
    return [(row, tuple(vocabulary.spellings(vocabulary.current(row.key, named), named))) for row in listed]


def _named(rows: QuerySet[OwnKey]) -> list[tuple[OwnKey, tuple[str, ...]]]:
    """The same without those that are retired, or lie below one that is."""
    standing = _all_named(rows)
    gone = [names[0] for _, names in _all_named(_approved().filter(retired_at__isnull=False))] if standing else []
    return [(row, names) for row, names in standing if not any(vocabulary.covers(above, names[0]) for above in gone)]


def _own(rows: Named) -> vocabulary.Own:
    found: dict[str, set[str]] = {"contract": set(), "personal": set(), "special": set(), "purposes": set()}
    for row, names in rows:
        found["special" if row.special else row.tree].update(names)
    return vocabulary.Own(**{name: frozenset(keys) for name, keys in found.items()})
