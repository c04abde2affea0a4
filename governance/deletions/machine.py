"""The states of a deletion task and the ways between them, and what may be done to an item: tables, read by verbs and database."""

from enum import StrEnum


class State(StrEnum):
    """Where a task stands. Only `verified` and `excepted` let a certificate through."""

    OPEN = "open"  # nothing done yet, or what was done did not hold
    EXECUTED = "executed"  # done, says its executor; nobody else has looked
    VERIFIED = "verified"  # looked at under another account than the executor's
    EXCEPTED = "excepted"  # kept with a ground: a backup until it expires, a legal hold, a term that allows keeping


class Action(StrEnum):
    """What was done to an item (SEMANTICS §8)."""

    DELETED = "deleted"
    CRYPTO_ERASED = "cryptographically-erased"
    REBUILT = "rebuilt-without"
    RETRAINED = "retrained"
    ADAPTER_REMOVED = "adapter-removed"
    UNLEARNED = "unlearned"
    RETIRED = "retired"
    RETAINED = "retained"


class Kind(StrEnum):
    """What an item is."""

    DATASET = "dataset"
    MODEL = "model"
    EXPORT = "export"
    RELEASE = "release"
    BACKUP = "backup"


class Ground(StrEnum):
    """Why an item is kept."""

    BACKUP_EXPIRY = "backup-expiry"
    LEGAL_HOLD = "legal-hold"
    LEGAL_DUTY = "legal-duty"
    TERM_ALLOWS = "term-allows"


class Method(StrEnum):
    """How: of the data, or NIST SP 800-88 rev. 1 where media are meant."""

    ROWS = "rows-deleted"
    TABLE_DROPPED = "table-dropped"
    FILE_REMOVED = "file-removed"
    KEY_DESTROYED = "key-destroyed"
    MODEL_WORK = "model-work"
    CLEAR = "nist-clear"
    PURGE = "nist-purge"
    DESTROY = "nist-destroy"


STEPS: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.EXECUTED, State.EXCEPTED}),
    State.EXECUTED: frozenset({State.VERIFIED, State.OPEN}),  # back to open: the check found survivors
    State.VERIFIED: frozenset({State.OPEN}),  # resurrection
    State.EXCEPTED: frozenset({State.OPEN}),  # the ground fell away
}
TRANSITIONS = [(str(before), str(after)) for before, afters in STEPS.items() for after in sorted(afters)]
SETTLED = frozenset({State.VERIFIED, State.EXCEPTED})

_DATA = frozenset({Action.DELETED, Action.CRYPTO_ERASED, Action.REBUILT})
FITTING: dict[Kind, frozenset[Action]] = {
    Kind.DATASET: _DATA,
    Kind.EXPORT: _DATA,
    Kind.RELEASE: _DATA,
    Kind.BACKUP: _DATA,
    Kind.MODEL: frozenset(
        {
            Action.DELETED,
            Action.RETRAINED,
            Action.ADAPTER_REMOVED,
            Action.UNLEARNED,
            Action.RETIRED,
            Action.CRYPTO_ERASED,
        }
    ),
}


def choices(members: type[StrEnum]) -> list[tuple[str, str]]:
    """Return an enum as Django choices."""
    return [(str(member), str(member).replace("-", " ")) for member in members]


def diagram() -> str:
    """Return the machine as a Mermaid state diagram."""
    lines = [f"    {before} --> {after}" for before, after in TRANSITIONS]
    return "\n".join(["stateDiagram-v2", "    [*] --> open", *lines])
