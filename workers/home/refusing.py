"""Which jobs a volunteer refuses, whoever asks for them: whatever points anywhere but where its campaign may point."""

from __future__ import annotations

import math
import re

from crawler.sources import ArchiveKind
from crawler.urls import normalise
from workers.home.client import is_lease_name
from workers.protocol.campaign import Campaign
from workers.protocol.messages import Leased

_DIGEST = re.compile(r"[0-9a-f]{64}")
#: names of files are made of it
_MOST_NUMBER = 10**12
_FORMS = frozenset(one.value for one in ArchiveKind)


def refusals(leased: Leased, campaign: Campaign, kinds: tuple[str, ...]) -> list[str]:
    """What is wrong with this lease, each a sentence; empty: it can be done.

    Args:
        leased: as the tracker told it; anything may stand in it.
        campaign: as it was signed, and not objected to.
        kinds: what was asked for.
    """
    spec = leased.spec
    found = []
    if not is_lease_name(leased.lease):
        found.append("its lease has an impossible name")
    if spec.kind not in kinds or spec.kind not in campaign.kinds:
        found.append(f"it is of the kind {spec.kind[:20]!r}, which nobody asked for")
    if spec.recipe != campaign.recipe_digest:
        found.append("it is of another recipe than the campaign's")
    if not (0 <= spec.number < _MOST_NUMBER and 0 <= spec.job < 2**53 and 0 <= leased.fence < 2**53):
        found.append("its numbers are impossible")
    if not (math.isfinite(leased.expires_in) and math.isfinite(leased.hard_in)):
        found.append("its times are no numbers")
    return found + (_of_archive(leased, campaign) if spec.kind == "extract" else _of_input(leased, campaign))


def _of_archive(leased: Leased, campaign: Campaign) -> list[str]:
    spec = leased.spec
    found = []
    if spec.form not in _FORMS:
        found.append(f"it has an archive of the form {spec.form[:20]!r}")
    if spec.input_sha256 or spec.input_bytes:
        found.append("it has an input beside its archive")
    if not is_below(spec.input, campaign.archives):
        found.append(f"its archive {spec.input[:200]!r} is not where the campaign's archives are")
    return found


def _of_input(leased: Leased, campaign: Campaign) -> list[str]:
    spec = leased.spec
    found = []
    if spec.input or spec.form:
        found.append(f"it names an input of its own, {spec.input[:200]!r}, where only the tracker's counts")
    if not _DIGEST.fullmatch(spec.input_sha256):
        found.append("it does not say which bytes its input has")
    if not 0 < spec.input_bytes <= campaign.upload_bytes:
        found.append(f"its input has {spec.input_bytes} bytes")
    return found


def is_below(address: str, prefixes: tuple[str, ...]) -> bool:
    r"""Whether an address, as a browser would ask for it, begins with one of these.

    It must be written as it is asked for: "https://good.test/../x", "https://good.test\@bad.test/", odd spellings of
    hosts and names with blanks all become something else, and are refused.
    """
    plain = normalise(address)
    return bool(plain) and plain == address and any(
        (root := normalise(prefix)) and root.endswith("/") and plain.startswith(root) for prefix in prefixes
    )  # fmt: skip
