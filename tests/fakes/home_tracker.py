"""A tracker in memory, for volunteers in virtual time: hands out leases, takes files and results, fails on demand.

It refuses what the real one refuses, and keeps what was asked and when, so that a test can look at it afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from workers.home.errors import AwayError
from workers.home.wire import Answer, Asking
from workers.protocol.campaign import is_signed
from workers.protocol.messages import (
    Done,
    Fail,
    HeartbeatTold,
    HeldLeases,
    JobSpec,
    Leased,
    LeasesTaken,
    Refusal,
    Release,
    ReserveUpload,
    ResultTold,
    SubmitResult,
    TakeLeases,
    UploadPermit,
    canonical,
)

DAY = 86_400.0


def a_lease(number: int = 0, *, recipe: str = "", **changes: Any) -> Leased:
    """A lease of a fetch job, whose input is "table NUMBER"."""
    body = table(number)
    spec = JobSpec(
        job=number + 1, kind="fetch", number=number, recipe=recipe, input_sha256=hashlib.sha256(body).hexdigest(),
        input_bytes=len(body),
    )  # fmt: skip
    of_lease = {key: changes.pop(key) for key in ("lease", "fence", "expires_in", "hard_in") if key in changes}
    leased = Leased(
        lease=f"lease-{number}", fence=1, spec=msgspec.structs.replace(spec, **changes), expires_in=1800, hard_in=21600
    )
    return msgspec.structs.replace(leased, **of_lease)


def table(number: int) -> bytes:
    return b"table %d" % number


def refusal(status: int, code: str, retry_after: float | None = None) -> Answer:
    body = msgspec.json.encode(Refusal(code=code, message=f"because of {code}", retry_after=retry_after))
    return Answer(status, body, True, retry_after)


@dataclass(slots=True)
class HomeTracker:
    """`ask`, `bring` and `send` are what a volunteer gets."""

    leases: list[Leased]  # yet to be handed out
    public_key: str
    #: whether it is away at a time
    is_down: Callable[[float], bool] = lambda _now: False
    #: whether a host that takes uploads is
    is_host_down: Callable[[str, float], bool] = lambda _host, _now: False
    #: where the files of a lease go
    host_of: Callable[[str], str] = lambda _lease: "store.test"
    #: what it answers instead, given the path and how often that was asked before
    instead: Callable[[str, int], Answer | None] = lambda _path, _times: None
    #: once all are handed out: "done" or "nothing now"
    afterwards: str = "done"
    action: Callable[[str, float], str] = lambda _lease, _now: "continue"
    lose_replies_to: set[str] = field(default_factory=set)  # paths whose next answer gets lost on its way

    held: dict[str, Leased] = field(default_factory=dict)
    stored: dict[tuple[str, str], bytes] = field(default_factory=dict)
    results: dict[str, bytes] = field(default_factory=dict)  # the manifests, as they were signed
    outcomes: list[tuple[str, str, float]] = field(default_factory=list)
    released: dict[str, str] = field(default_factory=dict)
    failed: dict[str, Fail] = field(default_factory=dict)
    asked: list[tuple[str, float]] = field(default_factory=list)  # path and time, answered or not
    beats: list[tuple[str, float]] = field(default_factory=list)
    sent: list[tuple[str, str, float]] = field(default_factory=list)  # host, lease and time, arrived or not
    replies: dict[str, tuple[bytes, Answer]] = field(default_factory=dict)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def times_asked(self, path: str) -> list[float]:
        return [at for one, at in self.asked if one == path]

    async def ask(self, asking: Asking) -> Answer:
        before = len(self.times_asked(asking.path))
        self.asked.append((asking.path, self.now))
        await asyncio.sleep(0)
        if self.is_down(self.now):
            raise AwayError("no answer: it is down")
        other = self.instead(asking.path, before)
        if other is not None:
            return other
        answer = self._once(asking)
        if asking.path in self.lose_replies_to:
            self.lose_replies_to.discard(asking.path)
            raise AwayError("no answer: it was lost on the way")
        return answer

    def _once(self, asking: Asking) -> Answer:
        if not asking.key:
            return self._answer(asking)
        assert asking.method == "POST"
        if asking.key in self.replies:
            body, answer = self.replies[asking.key]
            return answer if body == asking.body else refusal(409, "conflict")
        answer = self._answer(asking)
        if answer.status < 300 and answer.status != 204:
            self.replies[asking.key] = (asking.body, answer)
        return answer

    def _answer(self, asking: Asking) -> Answer:
        if asking.path == "/v1/leases":
            return self._take(asking) if asking.method == "POST" else _told(HeldLeases(leases=list(self.held.values())))
        found = re.fullmatch(r"/v1/leases/([^/]+)/(\w+)", asking.path)
        assert found, asking.path
        lease, what = found.groups()
        if lease not in self.held and lease not in self.results:
            return refusal(403, "unknown_lease")
        match what:
            case "heartbeat":
                self.beats.append((lease, self.now))
                return _told(HeartbeatTold(expires_in=1800, action=self.action(lease, self.now)))
            case "release":
                self.released[lease] = msgspec.json.decode(asking.body, type=Release).why
                del self.held[lease]
                return _told(Done())
            case "fail":
                self.failed[lease] = msgspec.json.decode(asking.body, type=Fail)
                del self.held[lease]
                return _told(Done())
            case "uploads":
                if lease in self.results:
                    return refusal(409, "conflict")
                file = msgspec.json.decode(asking.body, type=ReserveUpload).file
                address = f"https://{self.host_of(lease)}/{lease}/{file.name}"
                return _told(UploadPermit(upload="u", how="put", address=address))
            case "result":
                return self._submit(lease, msgspec.json.decode(asking.body, type=SubmitResult))
        raise AssertionError(asking.path)

    def _take(self, asking: Asking) -> Answer:
        asked = msgspec.json.decode(asking.body, type=TakeLeases)
        given, self.leases = self.leases[: asked.most], self.leases[asked.most :]
        if not given:
            return refusal(410, "done") if self.afterwards == "done" else Answer(204, b"", True, 60.0)
        self.held |= {one.lease: one for one in given}
        return _told(LeasesTaken(leases=given))

    def _submit(self, lease: str, asked: SubmitResult) -> Answer:
        manifest = canonical(asked.manifest)
        assert is_signed(self.public_key, asked.signature, manifest)
        for one in asked.manifest.artefacts:
            body = self.stored.get((lease, one.name), b"")
            if (len(body), hashlib.sha256(body).hexdigest()) != (one.bytes, one.sha256):
                return refusal(422, "not_stored")
        outcome = "accepted" if self.results.setdefault(lease, manifest) == manifest else "conflict"
        self.held.pop(lease, None)
        self.outcomes.append((lease, outcome, self.now))
        return _told(ResultTold(outcome=outcome))

    async def bring(self, path: str, half: Path, size: int) -> None:
        """As `Transfers`: the input of "lease-N" is "table N"."""
        await asyncio.sleep(1)
        if self.is_down(self.now):
            raise AwayError("no answer: it is down")
        half.write_bytes(  # noqa: ASYNC240 - a fake
            table(int(path.split("/")[3].rpartition("-")[2]))
        )

    async def send(self, permit: UploadPermit, path: Path, progress: Callable[[int], None]) -> None:
        """As `Transfers`."""
        _, _, host, lease, name = permit.address.split("/", 4)
        self.sent.append((host, lease, self.now))
        body = path.read_bytes()  # noqa: ASYNC240 - a fake
        await asyncio.sleep(1)
        if self.is_host_down(host, self.now):
            self.stored[lease, name] = body[: len(body) // 2]
            raise AwayError("the line broke")
        self.stored[lease, name] = body
        progress(len(body))


def _told(message: msgspec.Struct) -> Answer:
    return Answer(200, msgspec.json.encode(message))
