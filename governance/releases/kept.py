"""Facts and answers that are kept from one question to the next: never stale, or not kept.

What is kept is used only where one look at the database (`changes.look`) shows that nothing it rests on has changed since it was read,
and while no instant lies in between at which time alone might change it. It is looked at before the facts are read and again after,
so that a change committed meanwhile is noticed. A table that nobody watches, or a transaction with changes of its own, and the facts
serve this one question only.
"""

import hashlib
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypedDict

import msgspec
from django.apps import apps
from django.conf import settings
from django.db import connection

from consent import writers
from governance.access import keys
from governance.access.keys import Asker
from governance.catalogue import modes
from governance.policy import answers, engine, values
from governance.releases import changes, gathering, requests, resting, rulebook
from governance.releases.changes import Look, Seen
from governance.releases.models import Override, PermitBasis
from governance.releases.requests import Ask
from lineage import errors, noted
from lineage.noted import Note
from lineage.values import SECOND, Name, nanoseconds

log = logging.getLogger(__name__)
TRIES = 5
LONGEST = 600 * SECOND
ASKERS = 100  # of one question
PATIENCE = 10.0  # seconds to wait for another thread that gathers the same
type Columns = Callable[[Ask, datetime], tuple[str, ...]]


class Taking(TypedDict):
    """The numbers that a look takes for what will be stored."""

    deciding: bool
    permits: int


class Unsteady(errors.Conflict):
    """What a decision rests on changed faster than it could be read."""

    code = "contracts-changing"


class AskedAnew(errors.Conflict):
    """Somebody's key, account or roles changed since they were kept: the question has to be asked as if for the first time."""

    code = "asked-anew"


@dataclass(frozen=True)
class Answer:
    """The engine's answer as it is stored."""

    value: answers.Decision
    body: bytes
    digest: str
    plan_digest: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment at which something that is kept was all there is, and who was known to ask it then, by the digest of their key.

    Both change together or not at all: an asker is believed only by a look that goes back to where they were known.
    """

    seen: Seen
    askers: Mapping[str, Asker]


@dataclass
class Kept:
    """Everything that a question of the same words needs, and on what it rests. Only `mark` and what is computed late ever change."""

    question: values.Question
    gathered: gathering.Gathered
    mode: modes.Mode
    rules: str  # the version that answers
    overridden: bool  # somebody ever gave an override for this dataset
    rests_on: frozenset[str]
    until: int  # nanoseconds
    mark: Mark
    turn: datetime | None = None  # when lineage changes by itself, next
    shown: dict[str, Any] = field(default_factory=dict)  # what `answering` made of it
    stored: bool = False  # the facts are in the database, committed
    based: bool = False  # so is what permits rest on
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _facts: tuple[bytes, str] | None = None
    _whole: Answer | None = None
    _bare: answers.Decision | None = None
    _basis: PermitBasis | None = None

    def stands(self, look: Look, now: datetime) -> bool:
        """Say whether it is still all there is."""
        unchanged = look.changed is not None and self.rests_on.isdisjoint(look.changed)
        return unchanged and nanoseconds(now) < self.until

    @property
    def facts(self) -> tuple[bytes, str]:
        """The canonical bytes of the facts, and their digest."""
        if self._facts is None:
            body = self.gathered.facts.normal().to_bytes()
            self._facts = (body, hashlib.sha256(body).hexdigest())
        return self._facts

    @property
    def basis(self) -> PermitBasis:
        """What a permit rests on."""
        if self._basis is None:
            self._basis = resting.basis(self.question, self.gathered)
        return self._basis

    @property
    def whole(self) -> Answer:
        """The answer with its remedies; found once, by one thread."""
        with self._lock:
            if self._whole is None:
                found = engine.decide(self.question, self.gathered.facts, by_rules=self.rules)
                body = found.to_bytes()
                digest = hashlib.sha256(body).hexdigest()
                self._whole = Answer(found, body, digest, found.plan.digest() if found.plan else "")
            return self._whole

    @property
    def bare(self) -> answers.Decision:
        """The answer without remedies."""
        if self._whole is not None:
            return self._whole.value
        with self._lock:
            if self._bare is None:
                facts = self.gathered.facts
                self._bare = engine.decide(self.question, facts, with_remedies=False, by_rules=self.rules)
            return self._bare


@dataclass(frozen=True)
class Current:
    """A question now: what is kept of it, the question with its times, and what the look at the database told."""

    kept: Kept
    question: values.Question
    look: Look
    now: datetime
    steady: bool = False  # it was kept, and nothing changed of who asks since they were known


class _Store:
    """The least recently used go first. One per process; every worker keeps its own."""

    def __init__(self) -> None:
        self._rows: OrderedDict[bytes, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[bytes, threading.Lock] = {}

    def get(self, key: bytes) -> Kept | None:
        with self._lock:
            found = self._rows.get(key)
            if found is not None:
                self._rows.move_to_end(key)
            return found

    def put(self, key: bytes, kept: Kept) -> None:
        with self._lock:
            self._rows[key] = kept
            self._rows.move_to_end(key)
            while len(self._rows) > settings.DECISIONS_KEPT:
                self._rows.popitem(last=False)

    def drop(self, key: bytes, kept: Kept) -> None:
        with self._lock:
            if self._rows.get(key) is kept:
                del self._rows[key]

    def clear(self) -> None:
        with self._lock:
            self._rows.clear()

    @contextmanager
    def making(self, key: bytes) -> Iterator[None]:
        """One thread makes, the others wait, though not for ever: whom they wait for might be waiting for a lock of theirs."""
        with self._lock:
            lock = self._making.setdefault(key, threading.Lock())
        mine = lock.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if mine:
                lock.release()
                with self._lock:
                    if not lock.locked():
                        self._making.pop(key, None)


_STORE = _Store()


def forget() -> None:
    """Keep nothing any more."""
    _STORE.clear()


class Asking:
    """Who asks a question with a key: as kept with it, until the question's look tells whether they are still known, else read now.

    What is kept is taken before a key is read, so that the look covers all that may have changed since either.
    """

    def __init__(self, ask: Ask, secret: str, *, at: datetime) -> None:
        self.ask, self.digest = ask, keys.digest(secret)
        self.kept = _STORE.get(_key(ask) or b"")
        self.mark = self.kept.mark if self.kept else None
        found = self.mark.askers.get(self.digest) if self.mark else None
        self.believed = found is not None and found.stands(at)
        self.asker = found if found and self.believed else keys.asker(secret, at=at)
        self.by = self.asker.actor


def current(
    ask: Ask, *, at: datetime, columns: Columns, deciding: bool = False, permits: int = 0, asking: Asking | None = None
) -> Current:
    """Return what a question rests on now, from what is kept or gathered anew; `at` is now, `columns` names those of an open question.

    Raises `BadRequest`, `Unsteady` where everything changes all the time, and `AskedAnew` where who asks is `asking` as was kept, and may have changed.
    """
    key, taking = _key(ask), Taking(deciding=deciding, permits=permits)
    found = _standing(key, ask, at, taking, asking) if key else None
    if asking and asking.believed and not (found and found.steady):
        raise AskedAnew("who asks must be read anew")
    if found is not None:
        return found
    if key is None:
        return _gathered(ask, at, columns, taking)[0]
    with _STORE.making(key):
        found = _standing(key, ask, at, taking, None)  # another thread may have made it meanwhile
        if found is None:
            found, keep = _gathered(ask, at, columns, taking)
            if keep:
                _STORE.put(key, found.kept)
    return found


def _key(ask: Ask) -> bytes | None:
    """The words of a question about now; a question about another time is not kept."""
    if ask.at or ask.as_known_at or ask.ran_unasked_at:
        return None
    return msgspec.json.encode(msgspec.structs.replace(ask, output=None, writes=(), standing=None))


def _standing(key: bytes, ask: Ask, at: datetime, taking: Taking, asking: Asking | None) -> Current | None:
    kept = _STORE.get(key)
    if kept is None:
        return None
    if changes.CONSENT in kept.rests_on:
        writers.settle()  # a statement under way carries a moment before ours: its commit must be seen
    theirs = asking.mark if asking and asking.kept is kept else None
    mark = theirs or kept.mark
    look = changes.look(mark.seen, **taking)
    now = max(at, look.at)
    if not kept.stands(look, now):
        _STORE.drop(key, kept)
        return None
    unchanged = changes.WHO not in (look.changed or ())
    askers = mark.askers if unchanged else {}
    if theirs and unchanged and asking and not asking.believed:
        askers = {**(askers if len(askers) < ASKERS else {}), asking.digest: asking.asker}
    if look.clean:
        kept.mark = Mark(changes.seen(look), askers)
    return Current(
        kept, replace(kept.question, at=now, as_known_at=now), look, now, steady=unchanged and theirs is not None
    )


def _gathered(ask: Ask, at: datetime, columns: Columns, taking: Taking) -> tuple[Current, bool]:
    """Read everything, under one picture of the database: looked at before and after, so that no half of a change is seen."""
    for _ in range(TRIES):
        before = changes.look(None)
        now = max(at, before.at)
        with noted.noting() as note, _tables() as read:
            question = requests.question(ask, columns=columns(ask, now), now=now)
            gathered = gathering.gather(question)
            mode, rules = modes.of(question.namespace), rulebook.active()
            overridden = Override.objects.filter(namespace=question.namespace, name=question.dataset).exists()
        after = changes.look(changes.seen(before), others=True, **taking)
        rests_on = _rests_on(question, gathered, note, read)
        if after.changed is not None and rests_on.isdisjoint(after.changed) and before.epoch == after.epoch:
            until, mark = _until(question, gathered, note), Mark(changes.seen(after), {})
            turn = resting.turn(note, at=question.at)
            kept = Kept(question, gathered, mode, rules, overridden, rests_on, until, mark, turn)
            keep = before.clean and after.clean and _all_watched(read)
            return Current(kept, question, after, now), keep
    raise Unsteady("what this rests on changes while it is being read", remedy="ask again")


def _rests_on(question: values.Question, gathered: gathering.Gathered, note: Note, read: set[str]) -> frozenset[str]:
    places = {*note.names, Name(question.namespace, question.dataset)}
    consent = {changes.CONSENT} if read & {"consent_consentevent", "consent_registration"} else set()
    duties = {changes.customer(pk) for pk in gathered.customers}
    return frozenset({changes.RULES, *consent, *duties, *map(changes.place, places)})


def _until(question: values.Question, gathered: gathering.Gathered, note: Note) -> int:
    """The first instant at which facts read anew, or the answer from these facts, might differ; everything is read anew at times."""
    at = nanoseconds(question.at)
    moments = (gathered.first_change, engine.stands_until(question, gathered.facts))
    turns = {nanoseconds(moment) for moment in moments if moment is not None}
    for instant in note.instants:
        turns |= {
            instant,
            instant + 1000,
        }  # a bound that counts itself turns just after: a microsecond, as moments count
    return min([turn for turn in turns if turn > at] + [at + LONGEST])


# -- which tables were read ---------------------------------------------------------------------------------------------------

_WORD = re.compile(r"\b[a-z]+_[a-z]+\b")
UNWATCHED = frozenset({"parties_epoch", "releases_era", "releases_change", "journal_head"})  # read by every look


@contextmanager
def _tables() -> Iterator[set[str]]:
    """Collect the tables that the statements of the block name."""
    read: set[str] = set()
    known = {model._meta.db_table for model in apps.get_models()}

    def collect(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        read.update(known.intersection(_WORD.findall(str(sql))))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(collect):
        yield read


def unwatched(read: set[str]) -> set[str]:
    """Return those tables whose changes nobody notes."""
    return read - changes.KEYED.keys() - changes.WHOLE.keys() - changes.FOLLOWING - UNWATCHED


def _all_watched(read: set[str]) -> bool:
    if missing := unwatched(read):
        log.warning("decisions are not kept: facts are read from %s, which nobody watches", ", ".join(sorted(missing)))
    return not missing
