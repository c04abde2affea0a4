"""PAdES seals on finished PDFs, and the check that says whether a seal covers the whole file.

Baseline B-B (ETSI EN 319 142-1): a CMS signature by ECDSA P-256 with the signing certificate bound in, no time stamp. DocMDP
level 1 forbids every later change, so a file with anything added after the seal is refused, whatever was added.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import cms, core, pem, x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, InnerScaling, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from governance.publishing import documents
from lineage.errors import Unprocessable

FIELD = "Seal"
MM = 72 / 25.4
# Where document.css leaves room on the first page: 62 x 27 mm under the top right corner of the text area (x1, y1, x2, y2 in points).
STAMP_BOX = (round(126 * MM), round(248 * MM), round(188 * MM), round(275 * MM))


class BrokenSeal(Unprocessable):
    """The file is not what was sealed, or was not sealed by whom the caller trusts."""

    code = "broken-seal"


@dataclass(frozen=True)
class Credentials:
    """A P-256 private key (PKCS #8, PEM) and its certificate chain (PEM, leaf first)."""

    key: bytes
    passphrase: bytes | None
    chain: tuple[bytes, ...]


@dataclass(frozen=True)
class Seal:
    """What a valid seal says: by whom (subject of the certificate), its issuer, when (the signer's own clock) and why."""

    signer: str
    issuer: str
    signed_at: datetime | None
    reason: str
    fingerprint: str


def sign(pdf: bytes, credentials: Credentials, *, reason: str, at: datetime) -> bytes:
    """Return `pdf` with a visible, certifying seal on its first page. Raises whatever pyHanko does on a damaged input."""
    chain = [_certificate(data) for data in credentials.chain]
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    signer = signers.SimpleSigner(chain[0], _key(credentials), _store(chain[1:]), embed_roots=False)
    name = chain[0].subject.native.get("common_name", chain[0].subject.human_friendly)
    style = _stamp(name=name, reason=reason, at=at)
    seal = signers.PdfSigner(_metadata(name=name, reason=reason), signer, stamp_style=style, new_field_spec=_field())
    return bytes(seal.sign_pdf(writer).getvalue())


def validate(pdf: bytes, trust_roots: Sequence[bytes], *, at: datetime | None = None) -> Seal:
    """Return the one seal of `pdf`; raise `BrokenSeal` unless it is intact, trusted, and covers every byte of the file.

    `trust_roots` are PEM certificates of the authorities that the caller trusts; nothing is fetched from the network.
    """
    try:
        return _validated(pdf, [_certificate(root) for root in trust_roots], at=at)
    except BrokenSeal:
        raise
    except Exception as error:
        # pyHanko has several error trees, and parsing hostile bytes may end in any exception: none of them is a valid seal.
        raise BrokenSeal(f"the file cannot be read as a sealed PDF: {error}") from error


def _validated(pdf: bytes, roots: list[x509.Certificate], *, at: datetime | None) -> Seal:
    reader = PdfFileReader(io.BytesIO(pdf), strict=True)
    if len(reader.embedded_signatures) != 1:
        raise BrokenSeal(
            f"the file carries {len(reader.embedded_signatures)} seals; a document of ours carries exactly one"
        )
    embedded = reader.embedded_signatures[0]
    first, length, second, rest = (int(number) for number in embedded.byte_range)
    if first != 0 or second + rest != len(pdf) or length >= second:
        raise BrokenSeal("the seal does not cover the whole file: bytes were added or taken away after signing")
    _must_be_plain(pdf[length:second], bytes(embedded.pkcs7_content))
    context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=at, best_signature_time=at)
    status = validate_pdf_signature(
        embedded, context, key_usage_settings=KeyUsageConstraints(key_usage={"digital_signature"})
    )
    _must_hold(status)
    certificate = status.signing_cert
    return Seal(
        signer=certificate.subject.native.get("common_name", certificate.subject.human_friendly),
        issuer=certificate.issuer.human_friendly,
        signed_at=status.signer_reported_dt,
        reason=str(embedded.sig_object.get("/Reason", "")),
        fingerprint=certificate.sha256.hex(),
    )


def _must_be_plain(hole: bytes, content: bytes) -> None:
    # The only bytes a signature cannot cover are its own envelope's. They must be the one spelling that we write: the message put
    # together again from what is signed, in upper-case hex, then zeros. Otherwise a file could be changed without breaking the seal.
    plain = _message(cms.ContentInfo.load(content)["content"]).dump()
    if hole != b"<" + plain.hex().upper().encode().ljust(len(hole) - 2, b"0") + b">":
        raise BrokenSeal("the bytes around the signature were changed after signing")


def _message(found: cms.SignedData) -> cms.ContentInfo:
    (signer,) = found["signer_infos"]
    number = signer["sid"].chosen["serial_number"].native
    signed_by = next(each.chosen for each in found["certificates"] if each.chosen.serial_number == number)
    sha256 = {"algorithm": "sha256", "parameters": core.Null()}
    again = cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": {"issuer": signed_by.issuer, "serial_number": signed_by.serial_number}},
            "digest_algorithm": sha256,
            "signed_attrs": signer["signed_attrs"],
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": signer["signature"],
        }
    )
    message = {
        "version": "v1",
        "digest_algorithms": [sha256],
        "encap_content_info": {"content_type": "data"},
        "certificates": found["certificates"],
        "signer_infos": [again],
    }
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(message)})


def _must_hold(status: object) -> None:
    # Named one by one, so that the message says what is wrong; `bottom_line` stays as the net below them.
    checks = [
        (getattr(status, "intact", False), "the content was changed after signing"),
        (getattr(status, "valid", False), "the signature value does not belong to the certificate"),
        (getattr(status, "trusted", False), "the signer's certificate does not lead to a trusted authority"),
        (
            getattr(status, "coverage", None) == SignatureCoverageLevel.ENTIRE_FILE,
            "the seal does not cover the whole file",
        ),
        (getattr(status, "modification_level", None) == ModificationLevel.NONE, "the file was changed after signing"),
        (getattr(status, "docmdp_ok", False), "the file was changed in a way that the seal forbids"),
        (getattr(status, "bottom_line", False), "the seal is not valid"),
    ]
    for holds, otherwise in checks:
        if not holds:
            raise BrokenSeal(otherwise)


def _metadata(*, name: str, reason: str) -> signers.PdfSignatureMetadata:
    return signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        name=name,
        reason=reason,
        subfilter=fields.SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        signer_key_usage={"digital_signature"},
    )


def _field() -> fields.SigFieldSpec:
    return fields.SigFieldSpec(FIELD, on_page=0, box=STAMP_BOX, readable_field_name="Electronic seal of the issuer")


def _stamp(*, name: str, reason: str, at: datetime) -> StaticStampStyle:
    page = documents.drawing("documents/stamp.html", {"name": name, "reason": reason, "at": at})
    fill = SimpleBoxLayoutRule(AxisAlignment.ALIGN_MID, AxisAlignment.ALIGN_MID, Margins(), InnerScaling.STRETCH_FILL)
    return StaticStampStyle(border_width=0, background=_Drawing(page), background_opacity=1.0, background_layout=fill)


class _Drawing(PdfContent):
    """The first page of a PDF held in memory; pyHanko's own class for this reads named files only."""

    def __init__(self, pdf: bytes) -> None:
        super().__init__()
        self._pdf = pdf

    def render(self) -> bytes:
        """Import the page beside the seal and return the operator that draws it."""
        page = self._ensure_writer.import_page_as_xobject(PdfFileReader(io.BytesIO(self._pdf)))
        left, bottom, right, top = page.get_object()["/BBox"]
        self.resources.xobject["/Drawing"] = page
        self.box = BoxConstraints(width=abs(right - left), height=abs(top - bottom))
        return b"/Drawing Do"


def _certificate(data: bytes) -> x509.Certificate:
    der = pem.unarmor(data)[2] if pem.detect(data) else data
    return x509.Certificate.load(der)


def _key(credentials: Credentials) -> PrivateKeyInfo:
    key = serialization.load_pem_private_key(credentials.key, credentials.passphrase)
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return PrivateKeyInfo.load(plain)


def _store(certificates: list[x509.Certificate]) -> SimpleCertificateStore:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(certificates)
    return store
