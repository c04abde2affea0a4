"""Notes, checkpoints, tiles, entries, proofs: one spelling each, and nothing else is read."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from lineage.ledger import (
    bundles,
    canonical,
    checkpoints,
    commitments,
    dsse,
    entries,
    hashing,
    notes,
    text,
    tiles,
    tree,
)
from lineage.ledger.checkpoints import TreeHead
from lineage.ledger.errors import BadForm, BadProof, BadSignature, LedgerError

ORIGIN = "ledger.example/one"
SIGNER = notes.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
TRUSTED = [SIGNER.verifier]
# From the specification's own text (c2sp.org/signed-note).
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
AT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


def entry(number: int = 0) -> tuple[bytes, bytes, bytes]:
    salt, payload = bytes([number]) * 32, b'{"number":%d}' % number
    said = entries.write(
        ref=f"ent_{number}",
        kind="test.noted",
        by="user:usr_1",
        at=AT,
        about=("cus_1",),
        commitment=commitments.commit(salt, payload),
    )
    return said, payload, salt


def bundle(index: int = 2, size: int = 5) -> bundles.Bundle:
    stored = [entry(number) for number in range(size)]
    nodes = tree.of_leaves([hashing.leaf(each) for each, _, _ in stored])
    head = checkpoints.sign(TreeHead(ORIGIN, size, tree.root(size, nodes)), SIGNER)
    return bundles.Bundle(*stored[index], index, tuple(tree.inclusion(index, size, nodes)), head.note)


def test_the_example_of_the_specification_is_verified() -> None:
    verifier = notes.Verifier.parse(SPEC_KEY)
    assert notes.verify(SPEC_NOTE, [verifier]) == "This is an example message.\n"
    assert verifier.vkey == SPEC_KEY


def test_every_flipped_bit_of_a_checkpoint_is_refused() -> None:
    note = checkpoints.sign(TreeHead(ORIGIN, 5, bytes(range(32))), SIGNER).note.encode()
    assert checkpoints.verify(note.decode(), TRUSTED, origin=ORIGIN).size == 5
    for at in range(len(note) * 8):
        changed = bytearray(note)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises((LedgerError, UnicodeDecodeError)):
            checkpoints.verify(changed.decode(), TRUSTED, origin=ORIGIN)


def test_every_flipped_byte_of_a_proof_is_refused() -> None:
    good = bundles.write(bundle()).encode()
    bundles.verify(bundles.read(good.decode()), TRUSTED, origin=ORIGIN)
    for at in range(len(good)):
        for bit in (1, 64):
            changed = bytearray(good)
            changed[at] ^= bit
            with pytest.raises((LedgerError, UnicodeDecodeError)):
                bundles.verify(bundles.read(changed.decode()), TRUSTED, origin=ORIGIN)


def test_a_checkpoint_may_carry_signatures_of_keys_we_do_not_know() -> None:
    note = checkpoints.sign(TreeHead(ORIGIN, 5, bytes(range(32))), SIGNER).note
    witness = notes.Signer("witness.example", Ed25519PrivateKey.generate())
    cosigned = note + witness.line(note.split("\n\n")[0] + "\n")
    assert checkpoints.verify(cosigned, TRUSTED, origin=ORIGIN).size == 5
    with pytest.raises(BadSignature):
        checkpoints.verify(cosigned, [notes.Verifier("witness.example", SIGNER.verifier.public)], origin=ORIGIN)


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    good = checkpoints.sign(TreeHead(ORIGIN, 5, bytes(range(32))), SIGNER).note
    other = checkpoints.sign(TreeHead(ORIGIN, 6, bytes(range(32))), SIGNER).note
    with pytest.raises(BadSignature):
        notes.verify(good + other.split("\n\n")[1], TRUSTED)


@pytest.mark.parametrize(
    "body",
    [
        f"{ORIGIN}\n0\n{text.encode(hashing.EMPTY_ROOT)}\n",
        f"{ORIGIN}\n5\n{text.encode(hashing.EMPTY_ROOT)}\n",
        f"{ORIGIN}\n0\n{text.encode(bytes(32))}\n",
        f"{ORIGIN}\n05\n{text.encode(bytes(32))}\n",
        f"{ORIGIN}\n-5\n{text.encode(bytes(32))}\n",
        f"{ORIGIN}\n٥\n{text.encode(bytes(32))}\n",
        f"{ORIGIN}\n99999999999999999999\n{text.encode(bytes(32))}\n",
        f"{ORIGIN}\n5\n{text.encode(bytes(31))}\n",
        f"{ORIGIN}\n5\n{text.encode(bytes(33))}\n",
        f"{ORIGIN}\n5\n{text.encode(bytes(32))}\nextension\n",
        f"{ORIGIN}\n5\n",
        f"other.example\n5\n{text.encode(bytes(32))}\n",
        "\n",
    ],
)
def test_degenerate_checkpoints_are_refused_though_signed(body: str) -> None:
    with pytest.raises(BadForm):
        checkpoints.verify(notes.sign(body, SIGNER), TRUSTED, origin=ORIGIN)


def test_an_empty_ledger_is_not_signed() -> None:
    with pytest.raises(BadForm):
        checkpoints.sign(TreeHead(ORIGIN, 0, hashing.EMPTY_ROOT), SIGNER)


@pytest.mark.parametrize(
    "vkey", ["", "a", "a+b", "a+00000000+AA==", SPEC_KEY[:-1], SPEC_KEY.replace("530d", "530e"), "b" + SPEC_KEY]
)
def test_malformed_verifier_keys_are_refused(vkey: str) -> None:
    with pytest.raises(BadForm):
        notes.Verifier.parse(vkey)


def test_a_verifier_key_of_another_kind_or_size_is_refused() -> None:
    with pytest.raises(BadForm, match="type 1"):
        notes.Verifier.parse(f"a+00000000+{text.encode(b'\x02' + bytes(32))}")
    with pytest.raises(BadForm, match="32 bytes"):
        notes.Verifier("a", bytes(31))


@pytest.mark.parametrize("name", ["", "with space", "plus+plus", "line\nbreak"])
def test_a_key_name_has_no_spaces_and_no_plus(name: str) -> None:
    with pytest.raises(BadForm):
        notes.Verifier(name, bytes(32))


def test_a_text_without_its_last_newline_is_not_signed() -> None:
    with pytest.raises(BadForm, match="newline"):
        notes.sign("no end", SIGNER)


def test_a_note_is_read_up_to_a_length_and_a_number_of_signatures() -> None:
    body = "x" * (notes.MAX_BYTES - 1 - len(notes.sign("\n", SIGNER)) + 1) + "\n"
    longest = notes.sign(body, SIGNER)
    assert len(longest) == notes.MAX_BYTES
    assert notes.verify(longest, TRUSTED) == body
    with pytest.raises(BadForm, match="too long"):
        notes.verify("x" + longest, TRUSTED)
    full = "t\n\n" + SIGNER.line("t\n") * notes.MAX_SIGNATURES
    assert notes.verify(full, TRUSTED) == "t\n"
    with pytest.raises(BadForm, match="more than 64 signatures"):
        notes.verify(full + SIGNER.line("t\n"), TRUSTED)


def test_a_signature_line_holds_more_than_a_key_id() -> None:
    (known,) = TRUSTED
    with pytest.raises(BadForm, match="key id"):
        notes.verify(f"t\n\n— {known.name} {text.encode(known.key_id)}\n", TRUSTED)


def test_a_number_is_below_two_to_the_sixty_third() -> None:
    assert text.number(str(2**63 - 1)) == 2**63 - 1
    with pytest.raises(BadForm, match="larger"):
        text.number(str(2**63))


@given(st.text(max_size=300))
def test_arbitrary_text_is_refused_with_our_own_error(value: str) -> None:
    with pytest.raises(LedgerError):
        checkpoints.verify(value, TRUSTED, origin=ORIGIN)
    with pytest.raises(LedgerError):
        bundles.read(value)


@given(st.binary(max_size=60))
def test_base64_has_one_spelling(value: bytes) -> None:
    assert text.decode(text.encode(value)) == value
    for bent in (text.encode(value) + "=", text.encode(value) + "\n", " " + text.encode(value)):
        with pytest.raises(BadForm):
            text.decode(bent)


def test_base64_with_stray_bits_is_refused() -> None:
    assert text.decode("AA==") == b"\x00"
    with pytest.raises(BadForm):
        text.decode("AB==")


@given(st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_a_tile_has_one_address(level: int, index: int, width: int) -> None:
    tile = tiles.Tile(level, index, width)
    assert tiles.parse(tile.path) == tile


def test_addresses_of_the_specification() -> None:
    for tile, path in (
        (tiles.Tile(0, 1_234_067), "0/x001/x234/067"),
        (tiles.Tile(63, 5), "63/005"),
        (tiles.Tile(1, 999, 255), "1/999.p/255"),
        (tiles.Tile(1, 1_000, 1), "1/x001/000.p/1"),
    ):
        assert tile.path == path
        assert tiles.parse(path) == tile
    assert [tiles.width_at(70_000, 0, 272), tiles.width_at(70_000, 0, 273), tiles.width_at(70_000, 0, 274)] == [
        256,
        112,
        0,
    ]
    assert [tiles.width_at(70_000, 1, 0), tiles.width_at(70_000, 1, 1), tiles.width_at(70_000, 2, 0)] == [256, 17, 1]


@pytest.mark.parametrize(
    "path", ["", "0", "0/", "0/0", "0/0000", "0/x000/001", "64/000", "00/000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "0/001/000", "x/000"]
)  # fmt: skip
def test_other_addresses_are_refused(path: str) -> None:
    with pytest.raises(BadForm):
        tiles.parse(path)


def test_a_proof_of_an_erased_payload_still_shows_the_entry() -> None:
    without = bundles.without_payload(bundle())
    assert bundles.verify(bundles.read(bundles.write(without)), TRUSTED, origin=ORIGIN).size == 5


def test_a_proof_with_another_payload_is_refused() -> None:
    good, other = bundle(2), bundle(3)
    with pytest.raises(BadProof):
        bundles.verify(
            bundles.Bundle(good.entry, other.payload, other.salt, good.index, good.hashes, good.checkpoint),
            TRUSTED,
            origin=ORIGIN,
        )


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_salt_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(BadForm):
        commitments.commit(bytes(size), b"payload")


@pytest.mark.parametrize(
    "reference", ["ada@example.com", "Ada Lovelace", "", "x" * 201, "f" * 64, f"subject:{'0a' * 32}", "postgres://h/d"]
)
def test_what_may_be_a_person_is_not_entered(reference: str) -> None:
    with pytest.raises(BadForm):
        entries.write(ref="ent_1", kind="test.noted", by="system", at=AT, about=(reference,), commitment="0" * 64)
    with pytest.raises(BadForm):
        entries.write(ref="ent_1", kind="test.noted", by=reference, at=AT, about=(), commitment="0" * 64)


def test_a_digest_of_a_file_may_be_entered() -> None:
    assert entries.write(
        ref="ent_1", kind="test.noted", by="system", at=AT, about=("sha256:" + "0a" * 32,), commitment="0" * 64
    )


@pytest.mark.parametrize("kind", ["", "Upper", "a b", ".a", "a.", "é", "a" * 101])
def test_a_kind_is_words_with_dots(kind: str) -> None:
    with pytest.raises(BadForm):
        entries.write(ref="ent_1", kind=kind, by="system", at=AT, about=(), commitment="0" * 64)


def test_an_entry_longer_than_a_c2sp_bundle_holds_is_refused() -> None:
    with pytest.raises(BadForm, match="payload"):
        entries.write(ref="ent_1", kind="a", by="b", at=AT, about=("x" * 200,) * 400, commitment="0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said | {"v": 2},
        lambda said: said | {"v": True},
        lambda said: said | {"more": 1},
        lambda said: {name: value for name, value in said.items() if name != "by"},
        lambda said: said | {"about": "cus_1"},
        lambda said: said | {"about": [1]},
        lambda said: said | {"commitment": "x"},
        lambda said: [said],
    ],
)
def test_other_json_is_no_entry(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadForm):
        entries.parse(canonical.encode(change(json.loads(entry()[0]))))


def test_an_entry_in_another_spelling_is_no_entry() -> None:
    assert entries.parse(entry()[0]).kind == "test.noted"
    with pytest.raises(BadForm):
        entries.parse(entry()[0] + b"\n")
    with pytest.raises(BadForm):
        entries.parse(json.dumps(json.loads(entry()[0])).encode())


@given(
    st.dictionaries(
        st.text(), st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text()), max_size=8
    )
)
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    try:
        encoded = canonical.encode(value)
    except BadForm:
        return
    assert canonical.encode(dict(reversed(value.items()))) == encoded
    assert canonical.encode(json.loads(encoded)) == encoded


class Colour(Enum):
    RED = "red"


def test_a_choice_is_written_as_its_value() -> None:
    assert canonical.encode({"colour": Colour.RED}) == b'{"colour":"red"}'


ANY = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(), st.floats(allow_nan=False, allow_infinity=False))  # fmt: skip


@given(st.recursive(ANY, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)))
@example([chr(each) for each in range(0x300)])
@example({"\ue000": 1, "\U00010000": 2, "a": -0.0, "b": 1e21, "c": 2.0})
def test_the_quick_bytes_are_those_of_rfc_8785(value: object) -> None:
    try:
        expected = rfc8785.dumps(value)  # type: ignore[arg-type]
    except UnicodeEncodeError:
        with pytest.raises(BadForm):
            canonical.encode(value)
        return
    assert canonical.encode(value) == expected


def test_values_of_the_domain_have_one_spelling() -> None:
    assert canonical.encode({"at": AT, "n": Decimal("0.10"), "s": {"b", "a"}}) == (
        b'{"at":"2026-11-22T04:30:00.000000Z","n":"0.10","s":["a","b"]}'
    )


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), {1: 2}, 2**53, float("nan"), "\ud800", object(), b"bytes"])  # noqa: DTZ001
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(BadForm):
        canonical.encode({"value": value})


def test_pae_of_the_dsse_protocol() -> None:
    assert (
        dsse.pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_pae_is_that_of_securesystemslib() -> None:
    from securesystemslib.dsse import Envelope

    assert Envelope(b"\x00\xffpayload", "application/x+json", {}).pae() == dsse.pae(
        "application/x+json", b"\x00\xffpayload"
    )


def test_a_payload_without_its_salt_is_no_proof() -> None:
    lines = bundles.write(bundle()).split("\n")
    held = json.loads(text.decode(lines[1].removeprefix("extra ")))
    del held["salt"]
    lines[1] = "extra " + b64encode(canonical.encode(held)).decode()
    with pytest.raises(BadForm):
        bundles.read("\n".join(lines))
