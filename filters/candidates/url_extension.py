"""Drop candidates whose image address ends in one of `extensions`: kinds that the decoder would refuse anyway.

Looks at the path of the address only, whatever its letter case; an address without an extension stays. It saves a
request; what a body really is, the decoder decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.errors import SettingsError
from crawler.records import Candidate, Verdict
from filters.redrawn import Redrawn, judging_candidates

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class UrlExtension:
    """Judges by the end of the address's path; `extensions` are written with their dot."""

    extensions: tuple[str, ...] = (".svg", ".svgz", ".ico", ".cur", ".psd", ".pdf", ".mp4", ".webm")

    def __post_init__(self) -> None:
        for extension in self.extensions:
            if not _EXTENSION.fullmatch(extension):
                raise SettingsError(f'extensions: {extension!r} is not a dot and letters or digits, such as ".svg"')
        object.__setattr__(self, "extensions", tuple(extension.lower() for extension in self.extensions))

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order."""
        return [Verdict(not _path(candidate.image_url).endswith(self.extensions)) for candidate in batch]

    def redrawn(self) -> Redrawn:
        """By the address."""
        return judging_candidates(self.judge, "url")


def _path(image_url: str) -> str:
    """The path of a normalised address, in lower case: no query, no fragment, no host."""
    _, _, rest = image_url.partition("://")
    return "/" + rest.partition("#")[0].partition("?")[0].partition("/")[2].lower()


build = UrlExtension
