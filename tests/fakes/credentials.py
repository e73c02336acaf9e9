"""Pictures with Content Credentials (C2PA), signed by an authority that exists as long as the test."""

from __future__ import annotations

import functools
import importlib
import io
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any

import pytest

from tests.builders import image_bytes

#: for tests that sign or read manifests; visible in the report of a run without the extra
needs_c2pa = pytest.mark.skipif(find_spec("c2pa") is None, reason="needs pip install 'pairtrawl[c2pa]'")

NOT_ALLOWED = {"use": "notAllowed"}
_CREATED = {
    "label": "c2pa.actions",
    "data": {
        "actions": [
            {
                "action": "c2pa.created",
                "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
            }
        ]
    },
}


def signed_picture(
    entries: dict[str, Any] | None = None,
    label: str = "c2pa.training-mining",
    kind: str = "PNG",
    *,
    remote: str = "",
    embedded: bool = True,
    ocsp: str = "",
) -> bytes:
    """An image file whose manifest has these entries in one assertion; without entries it has no such assertion.

    `remote` is written into the file as the address of its manifest; `ocsp` into the certificate.
    """
    c2pa: Any = importlib.import_module("c2pa")
    wish = [{"label": label, "data": {"entries": entries}}] if entries is not None else []
    builder = c2pa.Builder(
        {"claim_generator_info": [{"name": "tests", "version": "1"}], "assertions": [_CREATED, *wish]}
    )
    if remote:
        builder.set_remote_url(remote)
    if not embedded:
        builder.set_no_embed()
    chain, key = _signer(ocsp)
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain, key, None))
    out = io.BytesIO()
    builder.sign(signer, f"image/{kind.lower()}", io.BytesIO(image_bytes(kind=kind)), out)
    return out.getvalue()


@functools.cache
def _signer(ocsp: str) -> tuple[bytes, bytes]:
    """Certificate chain and key in PEM, of the profile that C2PA asks for (specification 2.1, section 14.5)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

    def certificate(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        names = [
            x509.Name(
                [x509.NameAttribute(NameOID.COMMON_NAME, one), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "T")]
            )
            for one in (name, issuer)
        ]
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(names[0])
            .issuer_name(names[1])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
            .add_extension(_usage(authority=name == issuer), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    def _usage(*, authority: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=not authority, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    wanted = (
        certificate("signer", "authority", leaf)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
    )
    if ocsp:
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp))
        wanted = wanted.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    signed = [
        wanted.sign(root, hashes.SHA256()),
        certificate("authority", "authority", root).sign(root, hashes.SHA256()),
    ]
    key = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in signed), key
