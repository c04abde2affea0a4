"""PDFs are archivable, load nothing foreign, say what their characters say, and no byte of them can change unnoticed."""

import io
import subprocess
from datetime import UTC, datetime, timedelta
from shutil import which

import pypdf
import pytest
import weasyprint
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from governance.publishing import assets, documents, signatures, text

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
PEM = serialization.Encoding.PEM


def authority(name):
    """Return (credentials of a leaf, PEM of its root)."""
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate(f"{name} authority", root_key, f"{name} authority", root_key, ca=True)
    leaf = certificate(name, leaf_key, f"{name} authority", root_key, ca=False)
    key = leaf_key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pass"))
    chain = (leaf.public_bytes(PEM), root.public_bytes(PEM))
    return signatures.Credentials(key, b"pass", chain), root.public_bytes(PEM)


def certificate(name, key, issuer, issuer_key, *, ca):
    def dn(common):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    now = datetime.now(UTC)
    usage = dict.fromkeys(
        [
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    return (
        x509.CertificateBuilder(dn(issuer), dn(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def page(name="Acme GmbH", **more):
    context = {"ref": "crt_test", "issuer": "Vendor SE", "at": AT, "name": name, **more}
    files = [
        documents.Attachment(
            "facts.json", b'{"a":1}', "application/vnd.in-toto+json", "Data", "The same facts as data"
        ),
        documents.Attachment("facts.tlog-proof", b"proof", "text/plain", "Supplement", "Proof of inclusion"),
    ]
    return documents.render(
        "documents/stamp.html", context, title="Certificate", at=AT, verify="https://x.example/v?d=1", attachments=files
    )


@pytest.fixture(scope="module")
def sealed():
    credentials, root = authority("Vendor SE")
    return signatures.sign(page(), credentials, reason="Certificate of deletion", at=AT), root


def test_a_document_declares_pdf_a_3_and_carries_its_fonts_language_tags_and_attachments():
    reader = pypdf.PdfReader(io.BytesIO(page()))
    catalog = reader.trailer["/Root"]
    metadata = catalog["/Metadata"].get_data().decode()
    assert 'pdfaid:part="3"' in metadata and 'pdfaid:conformance="A"' in metadata
    assert catalog["/MarkInfo"]["/Marked"] and catalog["/Lang"] == "en" and catalog["/OutputIntents"]
    assert all(_embedded(font.get_object()) for font in reader.pages[0]["/Resources"]["/Font"].values())
    files = {each.get_object()["/UF"]: each.get_object() for each in catalog["/AF"]}
    assert {name: file["/AFRelationship"] for name, file in files.items()} == {
        "facts.json": "/Data",
        "facts.tlog-proof": "/Supplement",
    }
    stream = files["facts.json"]["/EF"]["/F"].get_object()
    assert stream["/Subtype"] == "/application/vnd.in-toto+json" and stream.get_data() == b'{"a":1}'


def _embedded(font):
    descendant = font["/DescendantFonts"][0].get_object()
    return "/FontFile2" in descendant["/FontDescriptor"] or "/FontFile3" in descendant["/FontDescriptor"]


def test_a_hostile_name_stands_as_text_and_loads_nothing(monkeypatch, tmp_path):
    asked = []
    fetch = assets.OwnAssets.fetch
    monkeypatch.setattr(
        assets.OwnAssets, "fetch", lambda self, url, headers=None: (asked.append(url), fetch(self, url))[1]
    )
    name = (
        '<img src="file:///etc/passwd"><link rel=attachment href="file:///etc/passwd"><style>@import url(http://169.254.169.254/);'
        "</style><script>x</script>{{ issuer }}{% include '/etc/passwd' %}"
    )
    shown = pypdf.PdfReader(io.BytesIO(page(name))).pages[0].extract_text().replace("\n", "")
    assert '<img src="file' in shown and "{{ issuer }}" in shown.replace("{{issuer}}", "{{ issuer }}")
    assert all(url.startswith("asset:") for url in asked)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/x.png",
        "ftp://example.com/x",
        "data:image/svg+xml,<svg/>",
        "asset:../settings.py",
        "asset:/etc/passwd",
        "asset:OFL.txt",
        "ASSET:document.css",
        "//example.com/x",
    ],
)
def test_even_a_template_that_asks_for_it_gets_nothing_foreign(url):
    with pytest.raises(assets.ForeignAsset):
        weasyprint.HTML(string=f'<img src="{url}">', base_url="asset:", url_fetcher=assets.OwnAssets({})).write_pdf()


def test_characters_that_hide_or_reorder_text_are_written_out():
    assert (
        text.visible("Acme \u202egmbh\u200b \u2066x\x07 k ≥ 20 → ok")
        == "Acme [U+202E]gmbh\u200b [U+2066]x[U+0007] k ≥ 20 → ok"
    )
    assert text.visible("社") == "[U+793E]"
    assert text.visible("Zażółć Ελλάδα Москва") == "Zażółć Ελλάδα Москва"


def test_a_sealed_document_is_valid_over_its_whole_length(sealed):
    pdf, root = sealed
    seal = signatures.validate(pdf, [root])
    assert seal.signer == "Vendor SE" and seal.reason == "Certificate of deletion"


def test_the_seal_is_pades_and_certifies_without_allowing_changes(sealed):
    field = pypdf.PdfReader(io.BytesIO(sealed[0])).trailer["/Root"]["/AcroForm"]["/Fields"][0].get_object()
    signature = field["/V"].get_object()
    assert signature["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature["/Reference"][0]["/TransformParams"]["/P"] == 1


def test_a_seal_of_another_authority_is_refused(sealed):
    with pytest.raises(signatures.BrokenSeal, match="trusted authority"):
        signatures.validate(sealed[0], [authority("Somebody else")[1]])


def test_an_unsealed_document_is_refused(sealed):
    with pytest.raises(signatures.BrokenSeal, match="0 seals"):
        signatures.validate(page(), [sealed[1]])


@pytest.mark.parametrize("tail", [b"\n", b" ", b"%%EOF\n", b"\x00" * 64])
def test_an_appended_tail_is_refused(sealed, tail):
    with pytest.raises(signatures.BrokenSeal):
        signatures.validate(sealed[0] + tail, [sealed[1]])


@pytest.mark.parametrize("cut", [1, 2, 100])
def test_a_truncated_file_is_refused(sealed, cut):
    with pytest.raises(signatures.BrokenSeal):
        signatures.validate(sealed[0][:-cut], [sealed[1]])


def test_an_incremental_update_is_refused(sealed):
    pdf, root = sealed
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer.root["/Note"] = generic.pdf_string("added later")
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(signatures.BrokenSeal, match="whole file"):
        signatures.validate(out.getvalue(), [root])


def test_a_second_seal_is_refused(sealed):
    pdf, root = sealed
    credentials, other = authority("Second")
    with pytest.raises(Exception):  # noqa: B017 - pyHanko may refuse to sign on top; if it does not, we refuse the result
        signatures.validate(signatures.sign(pdf, credentials, reason="again", at=AT), [root, other])


def test_a_swapped_attachment_is_refused(sealed):
    pdf, root = sealed
    out = io.BytesIO()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf))
    writer.add_attachment("facts.json", b'{"a":2}')
    writer.write(out)
    with pytest.raises(signatures.BrokenSeal):
        signatures.validate(out.getvalue(), [root])


def flips(length, step):
    return range(0, length, step)


def test_no_byte_can_change_unnoticed(sealed):
    pdf, root = sealed
    hole = pdf.index(b"/Contents <") if b"/Contents <" in pdf else pdf.index(b"/Contents<")
    places = [*flips(len(pdf), max(1, len(pdf) // 40)), *range(hole, hole + 2600, 97)]
    for place in places:
        if place >= len(pdf):
            continue
        changed = pdf[:place] + bytes([pdf[place] ^ 0x01]) + pdf[place + 1 :]
        with pytest.raises(signatures.BrokenSeal):
            signatures.validate(changed, [root])
            pytest.fail(f"a changed byte at {place} went unnoticed")


def test_the_letters_of_the_signature_itself_have_one_spelling(sealed):
    pdf, root = sealed
    start = pdf.index(b"<3082") + 1
    with pytest.raises(signatures.BrokenSeal):
        signatures.validate(pdf[:start] + pdf[start : start + 200].lower() + pdf[start + 200 :], [root])


@pytest.mark.skipif(not which("pdfsig"), reason="poppler-utils is not installed")
def test_poppler_finds_the_signature_valid_too(sealed, tmp_path):
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed[0])
    said = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said and "Total document signed" in said


@pytest.mark.skipif(not which("qpdf"), reason="qpdf is not installed")
def test_qpdf_finds_the_structure_sound(sealed, tmp_path):
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed[0])
    assert subprocess.run(["qpdf", "--check", str(path)], capture_output=True, check=False).returncode == 0
