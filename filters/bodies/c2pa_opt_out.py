"""Keep pictures unless their own Content Credentials (C2PA) say that models must not be trained on them.

The assertion is `c2pa.training-mining`, or `cawg.training-mining` of the Creator Assertions Working Group; an entry
refuses by `notAllowed`. `constrained` keeps the picture: its conditions are prose. Signatures are not checked, for
nobody gains by a forged refusal. A picture may name an address where its manifest lies: it is never asked for, as it
could be any address inside our network.
"""

from __future__ import annotations

import functools
import importlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from crawler.errors import MissingPackageError
from crawler.records import Fetched, Verdict

Entry = Literal["data_mining", "ai_training", "ai_generative_training", "ai_inference"]

#: every manifest is a JUMBF box, whose type this is; nearly all files are told by its absence
_MARK = b"jumb"
_ASSERTION = re.compile(r"(?:c2pa|cawg)\.training-mining(?![a-z-])")
#: a manifest may be compressed (brotli); honest ones are some tens of kB
_MANIFEST_MB = 8


class _Manifest(msgspec.Struct):
    assertions: list[dict[str, Any]] = []


class _Store(msgspec.Struct):
    """All manifests in a file: its own, and those of the pictures that it was made from."""

    active_manifest: str | None = None
    manifests: dict[str, _Manifest] = {}


@dataclass(frozen=True, slots=True)
class C2paOptOut:
    """Judges by what a body's manifest says of the uses in `entries`; a broken manifest says nothing."""

    entries: tuple[Entry, ...]

    def judge(self, batch: Sequence[Fetched]) -> list[Verdict]:
        """One verdict per body, in order; `detail` names the uses that are not allowed."""
        return [self._verdict(fetched.body) for fetched in batch]

    def _verdict(self, body: bytes) -> Verdict:
        if _MARK not in body:
            return Verdict(keep=True)
        refused = sorted(refused_uses(_manifests_of(body)).intersection(self.entries))
        return Verdict(not refused, detail=", ".join(refused))


def build(*, entries: tuple[Entry, ...] = ("data_mining", "ai_training", "ai_generative_training")) -> C2paOptOut:
    """The filter for those uses.

    Raises:
        MissingPackageError: c2pa-python is not installed, or does not work.
    """
    _c2pa()
    return C2paOptOut(entries)


def refused_uses(store_json: str) -> frozenset[str]:
    """The uses that the manifests of a file say are not allowed, without prefix: "ai_training".

    `store_json` is c2pa's description of a file's manifests, or "". The file's own manifest counts; where it says
    nothing of training, those of the pictures that it was made from do. Never raises.
    """
    try:
        store = msgspec.json.decode(store_json, type=_Store)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):  # of another shape, or with half a character
        return frozenset()
    own = store.manifests.pop(store.active_manifest or "", _Manifest())
    statements = list(_statements(own)) or [one for other in store.manifests.values() for one in _statements(other)]
    return frozenset(use for use, word in statements if word == "notAllowed")


def _statements(manifest: _Manifest) -> Iterator[tuple[str, str]]:
    """What a manifest says of training and mining: use and word."""
    for assertion in manifest.assertions:
        label, data = assertion.get("label"), assertion.get("data")
        if not (isinstance(label, str) and _ASSERTION.match(label) and isinstance(data, dict)):
            continue
        entries = data.get("entries")
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict) and isinstance(entry.get("use"), str):
                yield name.rpartition(".")[2], entry["use"]


# c2pa-python is imported below only, and its errors end here


def _manifests_of(body: bytes) -> str:
    """The description of a body's manifests as JSON, or "" where none can be read. Sends nothing to anybody."""
    c2pa = _c2pa()
    try:
        with c2pa.Reader(io.BytesIO(body), context=_offline(os.getpid())) as reader:
            return str(reader.json())
    except c2pa.C2paError:
        return ""  # no manifest, a broken one, or one that lies elsewhere


def _c2pa() -> Any:  # noqa: ANN401 - an untyped module
    """The module c2pa, imported when it is first needed: 50 MB of native code."""
    try:
        return importlib.import_module("c2pa")
    except (ImportError, OSError) as error:  # OSError: a library for another machine
        raise MissingPackageError(
            f"bodies.c2pa_opt_out needs c2pa-python ({error}); install it with: pip install 'pairtrawl[c2pa]'"
        ) from error


@functools.cache
def _offline(_process_id: int) -> Any:  # noqa: ANN401 - of an untyped module
    """Settings under which a reader only reads; one for each process, as native locks do not survive a fork."""
    return _c2pa().Context.from_dict(
        {
            "verify": {
                "remote_manifest_fetch": False,
                "ocsp_fetch": False,
                "verify_after_reading": False,
                "verify_trust": False,
            },
            # twice over: no host may be asked, whatever else the library may learn to fetch
            "core": {
                "allowed_network_hosts": [],
                "allow_redirects": False,
                "max_decompressed_manifest_size_in_mb": _MANIFEST_MB,
            },
        }
    )
