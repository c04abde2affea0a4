"""The last checkpoint, kept outside the database: what a restored or rewritten database is held against."""

from pathlib import Path

from django.conf import settings

from lineage.journal import files, keys
from lineage.ledger import checkpoints
from lineage.ledger.checkpoints import TreeHead


def path() -> Path:
    """Where it lies."""
    return Path(settings.CHECKPOINT_COPY_DIR) / "checkpoint.txt"


def all_paths() -> list[Path]:
    """Every checkpoint in that folder: ours, and older ones that people put beside it."""
    return sorted(path().parent.glob("*.txt"))


def read() -> TreeHead | None:
    """The copied head, its signature verified; None when there is none. Raise `LedgerError` for one that cannot be believed."""
    try:
        note = path().read_bytes()
    except FileNotFoundError:
        return None
    return checkpoints.verify(
        note.decode(errors="replace"), [keys.checkpoint_verifier()], origin=settings.LEDGER_ORIGIN
    )


def write(note: str) -> None:
    """Replace the copy, unless a later one has been written meanwhile."""
    path().parent.mkdir(parents=True, exist_ok=True)
    with files.locked(path().parent):
        present = read()
        if present is None or present.size < checkpoints.parse(note).size:
            files.write(path(), note.encode(), mode=0o644)
