"""A folder of outputs that can be checked offline with `clients/verify.py` and one key.

The chain: the printed verification key (checkpoint key) signs a note that endorses the other keys; the statement key, one of them,
signs the manifest; the manifest names every file by SHA-256. Finished files carry their own proof beside them. `manifest.json` is
canonical JSON, so that it has one spelling only.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction

from lineage import errors
from lineage.journal import clock, entries, files, keys, proofs, sequencer, stored
from lineage.journal.models import Entry
from lineage.ledger import bundles, canonical, checkpoints, text, tiles
from lineage.ledger import entries as ledger_entries
from lineage.ledger.checkpoints import TreeHead

NAME = "manifest.json"
PRIVATE = "credentials.json"  # never named in a manifest: who checks a folder must not need the logins
TYPE = "application/vnd.governance.manifest+json"
LEAF_HASHES_UP_TO = 65_536  # 2 MB: then any old checkpoint can be compared offline; beyond, consistency proofs serve


def write(folder: Path | str, outputs: Mapping[str, Entry | None], *, older: Sequence[str] = ()) -> Path:
    """Write proofs, checkpoint, keys and the signed manifest into `folder`; return the manifest's path.

    `outputs`: file name -> the entry of `entries.record_file` that recorded the finished file (None for a file without proof of its
    own, such as a text for people). `older`: checkpoints whose consistency with the present one shall be provable from the folder.
    Files that are not named stay outside. Raise `Conflict` where a recorded digest is not that of the file.
    """
    home = Path(folder)
    head = sequencer.run()
    named = dict(outputs)
    for name, entry in named.items():
        if entry is not None:
            _check_recorded(home / name, entry)
            proofs.write_proof_file(home / name, entry, head)
    _write(home / "checkpoint.txt", head.note)
    _write(home / "jwks.json", canonical.encode(keys.public_jwks()).decode())
    extra = ["checkpoint.txt", "jwks.json", *_history(home, head, older)]
    listed = [_listed(home, name, bool(entry)) for name, entry in named.items()]
    listed += [_listed(home, f"{name}.tlog-proof", False) for name, entry in named.items() if entry]
    listed += [_listed(home, name, False) for name in extra if name not in named]
    return _sign(home, head, sorted(listed, key=lambda each: str(each["name"])))


def seal(folder: Path | str, *, by: str, leave_out: Collection[str] = (PRIVATE,)) -> Path:
    """Write the manifest over everything that lies in `folder`, each file with a proof of its own; return the manifest's path.

    A file whose `.tlog-proof` is there keeps its entry (the proof is renewed); any other is recorded now, as `file.finished`.
    """
    home = Path(folder)
    names = sorted(
        path.name
        for path in home.iterdir()
        if path.is_file() and path.name not in leave_out and not _made_here(path.name)
    )
    with transaction.atomic():
        recorded = {name: _recorded(home / name) or _record(home / name, by=by) for name in names}
    return write(home, recorded)


def _made_here(name: str) -> bool:
    return name in {NAME, "checkpoint.txt", "jwks.json", "consistency.json", "leaf-hashes.bin"} or name.endswith(
        ".tlog-proof"
    )


def _recorded(path: Path) -> Entry | None:
    proof = Path(f"{path}.tlog-proof")
    if not proof.exists():
        return None
    ref = ledger_entries.parse(bundles.read(proof.read_bytes().decode()).entry).ref
    return entries.read(ref)


def _record(path: Path, *, by: str) -> Entry:
    return entries.record_file("file.finished", path.name, sha256(path.read_bytes()).hexdigest(), by=by)


def _sign(home: Path, head: TreeHead, listed: Sequence[Mapping[str, object]]) -> Path:
    payload = {
        "v": 1,
        "origin": settings.LEDGER_ORIGIN,
        "made_at": canonical.moment(clock.now()),
        "ledger": {"size": head.size, "root": text.encode(head.root)},
        "files": list(listed),
    }
    envelope = keys.sign_dsse(TYPE, canonical.encode(payload)) | {"endorsement": keys.endorsement()}
    files.write(home / NAME, canonical.encode(envelope), mode=0o644)
    return home / NAME


def _listed(home: Path, name: str, proven: bool) -> dict[str, object]:
    if Path(name).name != name or name == NAME:
        raise errors.Malformed(f"{name!r} is not the name of a file in the folder", where="outputs")
    content = (home / name).read_bytes()
    return {"name": name, "sha256": sha256(content).hexdigest(), "size": len(content), "proven": proven}


def _check_recorded(path: Path, entry: Entry) -> None:
    """The entry must speak of this very file; the name may differ (a certificate is recorded before it is handed out)."""
    recorded = entries.payload(entry)
    if recorded is None or json.loads(recorded).get("sha256") != sha256(path.read_bytes()).hexdigest():
        raise errors.Conflict(f"the entry {entry.ref} does not speak of {path.name} as it is now")


def _history(home: Path, head: TreeHead, older: Sequence[str]) -> list[str]:
    """What shows that older heads are prefixes of this one; the names of the files written."""
    heads = [checkpoints.verify(note, [keys.checkpoint_verifier()], origin=settings.LEDGER_ORIGIN) for note in older]
    sizes = sorted({each.size for each in heads if each.size < head.size})
    written = []
    if sizes:
        (home / "consistency.json").write_bytes(proofs.consistency_file([(each, head.size) for each in sizes]))
        written.append("consistency.json")
    if head.size <= LEAF_HASHES_UP_TO:
        (home / "leaf-hashes.bin").write_bytes(_leaf_hashes(head.size))
        written.append("leaf-hashes.bin")
    return written


def _leaf_hashes(size: int) -> bytes:
    widths = [tiles.Tile(0, at, tiles.width_at(size, 0, at)) for at in range(-(-size // tiles.WIDTH))]
    return b"".join(each for tile in widths for each in stored.read_tile(tile))


def _write(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8", newline="\n")
