"""Canaries: rows of a plan's table whose pictures only the project has. Whoever did not fetch them did not fetch.

A row is taken from another job's table, and its image's address replaced by one of a project host. The address holds a
nonce with its proof; the picture is made from HMAC(key, address), so that the host keeps nothing but the key, and the
checker knows the right bytes without asking anybody. A canary has the columns of an ordinary row, stands anywhere in
the table, and leads to a picture like others: nothing in the job tells it (but the host's name, which its operator
should change now and then; docs/trust.md).

Before a result is promoted its canaries are taken out, and the rows renumbered: `workers.tracker.checking.rewriting`.
That is why they may stand in the middle, where a volunteer does not look for them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from crawler.commit import atomic_path
from crawler.errors import InputError
from crawler.records import Candidate
from workers.tracker.checking.canary_pictures import Draw, made_picture
from workers.tracker.checking.looked import bad, good, nothing, odd
from workers.tracker.trust import Signal

#: folder of a campaign for tables with canaries: what is handed out in the place of the plan's
INPUTS = "inputs"

_NONCE_BYTES = 8
_PROOF_BYTES = 8
_WORDS = ("media", "uploads", "images", "img", "photos", "files", "static", "pictures")


class CanarySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[canaries]` of the server's settings."""

    #: what their addresses begin with, each a host of the project's that answers with `picture_at`:
    #: ("https://img.example.org/",). None: no canaries
    hosts: tuple[Annotated[str, msgspec.Meta(pattern=r"^https?://[^/?#\s]+/$")], ...] = ()
    #: in one table
    rows: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3


@dataclass(frozen=True, slots=True)
class Canary:
    """One row that was planted."""

    index: int  # in the table as it is handed out
    address: str


class CanaryMaker:
    """Plants canaries, and knows them again. The same key and settings give the same ones, on every machine."""

    def __init__(self, key: bytes, settings: CanarySettings) -> None:
        """`key`: `Secrets.canary_key`; whoever has it can answer for a host, or tell canaries."""
        self._key = key
        self._settings = settings

    @property
    def plants(self) -> bool:
        """Whether the settings ask for canaries."""
        return bool(self._settings.hosts)

    def places(self, kind: str, number: int, rows: int) -> tuple[Canary, ...]:
        """The canaries of a job's table.

        Args:
            kind: of the job.
            number: of the job.
            rows: of its table without canaries.
        """
        if not self._settings.hosts or not rows:
            return ()
        draw = Draw(self._derived(f"places|{kind}|{number}|{rows}"))
        chosen: set[int] = set()
        while len(chosen) < self._settings.rows:
            chosen.add(draw.below(rows + self._settings.rows))
        return tuple(self._canary(index, f"{kind}|{number}|{place}") for place, index in enumerate(sorted(chosen)))

    def planted(self, kind: str, number: int, own: Sequence[Candidate], others: Sequence[Candidate]) -> list[Candidate]:
        """The rows of a job's table with its canaries among them.

        Args:
            kind: of the job.
            number: of the job.
            own: its rows.
            others: rows of another job, for pages and captions that look like any; `own` where there is no other.
        """
        draw = Draw(self._derived(f"rows|{kind}|{number}"))
        rows = list(own)
        # a page that forbids it is not fetched from: such a row would say nothing
        models = [one for one in others or own if not one.opt_outs] or others or own
        for canary in self.places(kind, number, len(own)):
            model = models[draw.below(len(models))]
            row = msgspec.structs.replace(model, image_url=canary.address, written_src=canary.address)
            rows.insert(canary.index, row)
        return rows

    def plant(self, kind: str, number: int, table: Path, other: Path, target: Path) -> bool:
        """Write a job's table with canaries to `target`; doing it again writes the same rows.

        Args:
            kind: of the job.
            number: of the job.
            table: of the plan.
            other: another job's table; the same where there is only one.
            target: the table that is handed out.

        Returns:
            Whether it was written: False where the settings ask for no canaries.

        Raises:
            InputError: a table cannot be read.
            OSError: the disk is full.
        """
        from crawler.tables import CandidateWriter, read_candidates  # noqa: PLC0415 - pyarrow

        if not self.plants:
            return False
        own = [one for group in read_candidates(table) for one in group]
        if not self.places(kind, number, len(own)):
            return False
        others = [one for group in read_candidates(other) for one in group]
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary, CandidateWriter(temporary) as writer:
            rows = self.planted(kind, number, own, others)
            writer.write(rows, [None] * len(rows))
        return True

    def picture_at(self, path: str) -> bytes | None:
        """What a canary's host answers for the path of an address (without its query); None for 404.

        Only addresses that were made with the key have a picture, so that nobody finds one by asking around.
        """
        nonce = self._nonce_of(path)
        return None if nonce is None else self._picture(nonce)

    def _nonce_of(self, address: str) -> str | None:
        token = address.rsplit("/", 1)[-1].removesuffix(".png").rsplit("-", 1)[-1]
        nonce, proof = token[: 2 * _NONCE_BYTES], token[2 * _NONCE_BYTES :]
        return nonce if hmac.compare_digest(proof.encode(), self._proof(nonce).encode()) else None

    def in_table(self, table: Path) -> tuple[Canary, ...]:
        """The canaries in a table, known by the proof in their addresses, whatever the settings are by now.

        Raises:
            InputError: it cannot be read.
        """
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        try:
            addresses = [str(one) for one in pq.read_table(table, columns=["url"]).column(0).to_pylist()]
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{table}: cannot be read as a job's table: {error}") from error
        return tuple(Canary(index, one) for index, one in enumerate(addresses) if self._nonce_of(one) is not None)

    def right_bytes(self, canary: Canary) -> str:
        """SHA-256 of what its host sends, hex."""
        picture = self.picture_at(canary.address)
        assert picture is not None, canary.address  # it was made with this key
        return hashlib.sha256(picture).hexdigest()

    def _canary(self, index: int, name: str) -> Canary:
        nonce = self._derived(f"nonce|{name}")[:_NONCE_BYTES].hex()
        choice = self._derived(f"look|{nonce}")
        host = self._settings.hosts[choice[0] % len(self._settings.hosts)]
        folder, word = _WORDS[choice[1] % len(_WORDS)], _WORDS[choice[2] % len(_WORDS)]
        address = f"{host}{folder}/{2012 + choice[3] % 12}/{word}-{nonce}{self._proof(nonce)}.png"
        return Canary(index, address)

    def _proof(self, nonce: str) -> str:
        return self._derived(f"proof|{nonce}")[:_PROOF_BYTES].hex()

    def _picture(self, nonce: str) -> bytes:
        return made_picture(self._derived(f"picture|{nonce}"))

    def _derived(self, what: str) -> bytes:
        return hmac.new(self._key, what.encode(), hashlib.sha256).digest()


class FetchedRow(msgspec.Struct, frozen=True):
    """What a result says of one row."""

    status: str  # "success", "failed_to_download" ...
    reason: str  # "" for success
    sha256: str  # of the bytes as received; "" where none came, or a filter let the row go before they were hashed


def planted_input(campaign: Path, maker: CanaryMaker, kind: str, number: int, jobs: int) -> str | None:
    """Make the table of a job with canaries; returns its name below the campaign, or None where there are to be none.

    Args:
        campaign: the campaign's folder, with its plan.
        maker: of the campaign's canaries.
        kind: of the job.
        number: of the job.
        jobs: how many tables the plan has.

    Raises:
        InputError: the plan's table cannot be read.
        OSError: the disk is full.
    """
    from workers.run_folder import RunFolder  # noqa: PLC0415 - beside its one use

    plan = RunFolder(campaign).plan
    name = f"{INPUTS}/{kind}-{number:05d}.parquet"
    other = plan.job_table((number + 1) % max(1, jobs))
    own = plan.job_table(number)
    if maker.plants and (campaign / name).exists():  # it is written whole or not at all
        return name
    return name if maker.plant(kind, number, own, other if other.exists() else own, campaign / name) else None


def look_for(canaries: Mapping[str, str], rows: Mapping[str, FetchedRow]) -> Signal:
    """Whether the canaries were fetched: BAD where other bytes are said to have come, ODD where not one came.

    One that could not be fetched may be the network's fault, and one that a filter let go before it was hashed was
    fetched all the same.

    Args:
        canaries: of the table that was handed out: the right SHA-256 by address.
        rows: of the result, by address.
    """
    if not canaries:
        return nothing("canary", "the table has none")
    told = [(right, rows.get(address)) for address, right in canaries.items()]
    absent = [right for right, row in told if row is None]
    if absent:
        return bad("canary", f"no word of {len(absent)} of its rows", looked=len(told), wrong=len(absent))
    wrong = [row for right, row in told if row is not None and row.sha256 and row.sha256 != right]
    if wrong:
        return bad("canary", f"other bytes than its host sends, {len(wrong)} times", looked=len(told), wrong=len(wrong))
    came = sum(1 for _, row in told if row is not None and row.sha256)
    if not came:
        said = sorted({row.reason for _, row in told if row is not None})
        return odd("canary", f"not one came: {', '.join(said)}", looked=len(told), wrong=len(told))
    return good("canary", came)
