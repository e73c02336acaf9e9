"""The old API's numbers, names and texts: pure, and exactly as its client library reads them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

#: kinds of client that the old API knows
TYPES: Final = ("HYBRID", "CPU", "GPU")
WRONG_TYPE: Final = "Invalid worker type. Choose from: ['HYBRID', 'CPU', 'GPU']."
NO_JOBS: Final = "No more jobs available."
NO_GPU_JOBS: Final = "No new GPU jobs available. Keep retrying, as GPU jobs are dynamically created."
UNKNOWN_WORKER: Final = "The server could not find this worker. Did the worker time out?"
#: a client that is silent for this long is forgotten, and its job given to others: the old tracker's figure
IDLE_SECONDS: Final = 7_200.0
#: sample ids of a whole WAT, which is two jobs
IDS_OF_A_WAT: Final = 1_000_000
#: where clients are told to rsync to. We take nothing that way: the name can resolve nowhere (RFC 2606)
NO_UPLOADS: Final = "nobody@no-uploads.invalid::none"
#: characters kept of a nickname, of a progress text (the old column's width), and of an address that is handed in
LONGEST_NICKNAME, LONGEST_PROGRESS, LONGEST_NOTE = 60, 255, 2_000

# what no text needs, PostgreSQL refuses (NUL) or UTF-8 cannot say (surrogates); and what turns the writing round (bidi)
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FIRST = (
    "amber", "arctic", "ashen", "autumn", "bold", "brave", "brisk", "calm", "cedar", "clear", "copper", "coral",
    "crisp", "dapper", "dusky", "eager", "early", "fern", "frosty", "gentle", "golden", "hazel", "hidden", "humble",
    "indigo", "ivory", "jolly", "keen", "late", "light", "lively", "lucky", "mellow", "merry", "misty", "mossy",
    "noble", "olive", "pale", "patient", "plucky", "polar", "quick", "quiet", "rapid", "russet", "sandy", "silent",
    "silver", "sleepy", "snowy", "solar", "spry", "steady", "sunny", "swift", "tidy", "tawny", "vivid", "warm",
    "wild", "windy",
)  # fmt: skip
_SECOND = (
    "badger", "beacon", "birch", "brook", "canyon", "cliff", "cloud", "comet", "cove", "crane", "creek", "dune",
    "falcon", "finch", "fjord", "forest", "fox", "glade", "grove", "gull", "harbor", "heron", "hill", "island",
    "juniper", "kestrel", "lagoon", "lake", "lark", "lichen", "linden", "lynx", "maple", "marsh", "meadow", "moor",
    "otter", "owl", "pebble", "pine", "plover", "pond", "prairie", "raven", "reef", "ridge", "river", "robin",
    "rowan", "seal", "shore", "sparrow", "spring", "spruce", "stream", "swan", "thicket", "tundra", "valley",
    "willow", "wren",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Half:
    """One job of the old kind: the first (0) or the last (1) half of a WAT's lines."""

    number: int  # 1, 2, 3...: two for each WAT
    url: str

    @property
    def shard(self) -> int:
        """Which half: 0 or 1."""
        return (self.number - 1) % 2

    @property
    def start_id(self) -> str:
        """The first sample id of the whole WAT; text, as the old table had it."""
        return str((self.number - 1) // 2 * IDS_OF_A_WAT)

    @property
    def end_id(self) -> str:
        """The id after the WAT's last; number == end_id / 1,000,000 * 2, less one for the first half."""
        return str(((self.number - 1) // 2 + 1) * IDS_OF_A_WAT)

    def told(self) -> dict[str, object]:
        """The job as lookup-wat tells it; newJob adds the number."""
        return {"url": self.url, "start_id": self.start_id, "end_id": self.end_id, "shard": self.shard}


def halves_of(archive: int) -> tuple[int, int]:
    """The numbers of the two jobs of the archive with this number (from 0)."""
    return 2 * archive + 1, 2 * archive + 2


def cleaned(told: str, longest: int) -> str:
    """A stranger's text, as it is kept: one line of at most `longest` characters, in the direction it was written."""
    return _UNWANTED.sub("\ufffd", told[:longest])


def new_display_name() -> str:
    """What a client is called on pages: two words and a number up to 999."""
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{secrets.randbelow(1_000)}"


def time_left(seconds: float | None) -> str:
    """An estimate in the words of the old `eta`."""
    if seconds is None:
        return "Calculating..."
    if seconds <= 0:
        return "Finished"
    left = int(seconds)
    parts: list[str] = []
    for name, step in (("year", 31_536_000), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        many, left = divmod(left, step)
        if many or parts:
            parts.append(f"{many} {name}{'' if many == 1 else 's'}")
    parts.append(f"{left} second{'' if left == 1 else 's'}")
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


Token = Annotated[str, msgspec.Meta(max_length=100)]
Name = Annotated[str, msgspec.Meta(max_length=10_000)]


class OfToken(msgspec.Struct, frozen=True, kw_only=True):
    """Most requests. Unknown fields are skipped: older clients send more."""

    token: Token
    type: str | None = "HYBRID"


class OfProgress(OfToken, frozen=True, kw_only=True):
    """/api/updateProgress."""

    progress: Name


class OfDone(OfToken, frozen=True, kw_only=True):
    """/api/markAsDone: `count` from HYBRID and GPU clients, `url` from CPU clients."""

    count: int | None = None
    url: Name | None = None


class OfAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """/api/isCompleted."""

    addresses: Annotated[list[Name], msgspec.Meta(max_length=1_000)]


class OfWat(msgspec.Struct, frozen=True, kw_only=True):
    """/custom/lookup-wat."""

    url: Name


class OfClaim(msgspec.Struct, frozen=True, kw_only=True):
    """/custom/markasdone-cpu. The keys of `urls` are the numbers, as text: JSON has no other keys."""

    shards: Annotated[list[int], msgspec.Meta(max_length=100)]
    urls: dict[str, Name] = {}
    nickname: Name = ""
    token: Token | None = None
