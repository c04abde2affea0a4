"""A folder of outputs, checked offline by the stand-alone verifier, and broken one byte at a time."""

import importlib.util
import json
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import call_command
from django.db import transaction

from lineage.errors import Conflict
from lineage.journal import entries, keys, manifest, proofs, sequencer
from lineage.ledger import bundles

ROOT = Path(__file__).parents[2]
PDF = b"%PDF-1.7\n" + random.Random(7).randbytes(3_000)


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_client", ROOT / "clients" / "verify.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_client"] = module
    spec.loader.exec_module(module)
    return module


verify = load()


@pytest.fixture
def folder(tmp_path: Path, db: None) -> Path:
    """What the demo leaves behind, smaller: two proven files, a permit, a certificate with a checkpoint inside, a text."""
    return build(tmp_path / "outputs", ("audit-report.pdf", "certificate.json"))


@pytest.fixture
def small(tmp_path: Path, db: None) -> Path:
    """The same with one proof, for checking it some thousand times."""
    return build(tmp_path / "outputs", ("certificate.json",))


def build(home: Path, proven: tuple[str, ...]) -> Path:
    home.mkdir()
    with transaction.atomic():
        entries.record_many([entries.Draft("test.noted", {"n": n}) for n in range(5)], by="system")
    earlier = sequencer.run()
    (home / "explanation.txt").write_text("Because clause 4.2 says so.\n")
    (home / "audit-report.pdf").write_bytes(PDF)
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "certificate", "checkpoint": earlier.note}
    (home / "certificate.json").write_text(
        json.dumps(keys.sign_dsse("application/vnd.in-toto+json", json.dumps(statement).encode()))
    )
    (home / "permit.jws").write_text(keys.sign_jws({"ref": "prm_1", "checkpoint": earlier.note}, typ="permit+jwt"))
    with transaction.atomic():
        recorded = {
            name: entries.record_file(
                "file.finished", name, sha256((home / name).read_bytes()).hexdigest(), by="system"
            )
            for name in proven
        }
    if "audit-report.pdf" not in proven:
        (home / "audit-report.pdf").unlink()
    manifest.write(home, {**recorded, "explanation.txt": None, "permit.jws": None})
    return home


def run(folder: Path, *more: str, key: str | None = None) -> int:
    code: int = verify.main([str(folder), "--key", key or keys.checkpoint_verifier().vkey, "--json", *more])
    return code


def test_the_outputs_are_accepted_by_a_plain_python(folder: Path) -> None:
    command = [
        sys.executable,
        "-I",
        str(ROOT / "clients" / "verify.py"),
        str(folder),
        "--key",
        keys.checkpoint_verifier().vkey,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("accepted")
    assert "audit-report.pdf.tlog-proof: entry 5" in done.stdout


def test_the_verifier_imports_nothing_of_ours() -> None:
    source = (ROOT / "clients" / "verify.py").read_text()
    modules = {
        line.split()[1].split(".")[0] for line in source.splitlines() if line.strip().startswith(("import ", "from "))
    }
    assert modules - set(sys.stdlib_module_names) == {"cryptography"}


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.prove)])
def test_every_changed_byte_of_the_small_files_is_rejected(
    small: Path, stride: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every byte in `make prove`; each fifth, from another start in each run, in the daily tests."""
    for path in sorted(small.iterdir()):
        if path.suffix == ".pdf":
            continue
        original = path.read_bytes()
        for at in range(random.randrange(stride), len(original), stride):
            changed = bytearray(original)
            changed[at] ^= 1 << at % 8
            path.write_bytes(changed)
            assert run(small) == 1, f"{path.name} byte {at}"
        path.write_bytes(original)
        capsys.readouterr()
    assert run(small) == 0


@pytest.mark.parametrize(
    "name", ["manifest.json", "audit-report.pdf", "checkpoint.txt", "audit-report.pdf.tlog-proof", "jwks.json"]
)
@pytest.mark.parametrize(
    "change", [lambda b: b + b"\n", lambda b: b + b" ", lambda b: b[:-1], lambda b: b"", lambda b: b"\n" + b]
)
def test_added_or_missing_bytes_are_rejected(folder: Path, name: str, change) -> None:  # type: ignore[no-untyped-def]
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    assert run(folder) == 1


def test_sampled_bytes_of_a_pdf_are_rejected(folder: Path) -> None:
    path, generator = folder / "audit-report.pdf", random.Random(11)
    for _ in range(100):
        changed = bytearray(PDF)
        changed[generator.randrange(len(PDF))] ^= 1 << generator.randrange(8)
        path.write_bytes(changed)
        assert run(folder) == 1


@pytest.mark.parametrize(
    "name", ["audit-report.pdf", "certificate.json", "jwks.json", "checkpoint.txt", "certificate.json.tlog-proof"]
)
def test_a_missing_file_is_rejected(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert run(folder) == 1


def test_two_swapped_proofs_are_rejected(folder: Path) -> None:
    one, two = folder / "audit-report.pdf.tlog-proof", folder / "certificate.json.tlog-proof"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert run(folder) == 1


def test_an_extra_file_is_reported_and_vouched_for_by_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "credentials.json").write_text("{}")
    assert run(folder) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [each["what"] for each in checks if each["status"] == "note"] == ["credentials.json"]


def test_another_key_is_rejected_and_a_malformed_one_cannot_be_used(folder: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from lineage.ledger.notes import Signer

    other = Signer(keys.checkpoint_signer().name, Ed25519PrivateKey.generate()).verifier.vkey
    assert run(folder, key=other) == 1
    assert run(folder, key="nonsense") == 2
    assert run(folder / "nowhere") == 2


def test_an_older_checkpoint_is_compared_and_a_forked_one_rejected(folder: Path, tmp_path: Path) -> None:
    from lineage.ledger import checkpoints, hashing
    from lineage.ledger.checkpoints import TreeHead

    signer = keys.checkpoint_signer()
    kept, fork, later = tmp_path / "kept.txt", tmp_path / "fork.txt", tmp_path / "later.txt"
    kept.write_text(json.loads(sign_payload(folder))["checkpoint"])
    assert run(folder, "--checkpoint", str(kept), "--checkpoint", str(kept)) == 0
    fork.write_text(checkpoints.sign(TreeHead(signer.name, 3, hashing.leaf(b"other")), signer).note)
    assert run(folder, "--checkpoint", str(fork)) == 1
    with transaction.atomic():
        entries.record("test.noted", {}, by="system")
    head = sequencer.run()
    later.write_text(head.note)
    assert run(folder, "--checkpoint", str(later)) == 1, "nothing proves it"
    proof = tmp_path / "consistency.json"
    proof.write_bytes(proofs.consistency_file([(head.size - 1, head.size)]))
    assert run(folder, "--checkpoint", str(later), "--consistency", str(proof)) == 0


def sign_payload(folder: Path) -> bytes:
    return keys.verify_dsse(json.loads((folder / "certificate.json").read_text()))[1]


def test_a_large_ledger_is_compared_by_consistency_proofs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "LEAF_HASHES_UP_TO", 0)
    (folder / "leaf-hashes.bin").unlink()
    older = json.loads(sign_payload(folder))["checkpoint"]
    names = dict.fromkeys(("explanation.txt", "certificate.json", "permit.jws"))
    manifest.write(folder, names)
    assert run(folder) == 1
    manifest.write(folder, names, older=[older])
    assert run(folder) == 0


def test_a_file_that_changed_after_it_was_recorded_gets_no_manifest(folder: Path) -> None:
    with transaction.atomic():
        entry = entries.record_file("file.finished", "explanation.txt", sha256(b"other").hexdigest(), by="system")
    with pytest.raises(Conflict, match=r"explanation\.txt"):
        manifest.write(folder, {"explanation.txt": entry})


def test_a_whole_folder_is_sealed_with_a_proof_for_each_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof = bundles.read((folder / "certificate.json.tlog-proof").read_text())
    (folder / "plan.sql").write_text("SELECT 1;\n")
    (folder / "credentials.json").write_text("{}")
    call_command("seal_folder", str(folder))
    assert keys.checkpoint_verifier().vkey in capsys.readouterr().out
    assert run(folder) == 0
    checks = {each["what"]: each["status"] for each in json.loads(capsys.readouterr().out)["checks"]}
    assert (
        checks["plan.sql.tlog-proof"] == checks["permit.jws.tlog-proof"] == "ok"
        and checks["credentials.json"] == "note"
    )
    assert bundles.read((folder / "certificate.json.tlog-proof").read_text()).entry == proof.entry
    call_command("seal_folder", str(folder))
    assert run(folder) == 0
