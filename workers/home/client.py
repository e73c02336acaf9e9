"""What a volunteer says to its tracker, and what it makes of the answers. Knows no HTTP library: `Ask` brings answers.

Only a tracker's own JSON counts as its word. A page of a hotel's portal with status 403 is no refusal: whoever took it
for one would throw away finished work.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TypeVar

import msgspec

from workers.home.errors import AwayError, RefusedError
from workers.home.kept import KeptAsking
from workers.home.wire import Answer, Ask, Asking
from workers.home.words import shown
from workers.protocol.campaign import SignedCampaign
from workers.protocol.messages import (
    AccountOpened,
    Artefact,
    Done,
    Fail,
    Heartbeat,
    HeartbeatTold,
    HeldLeases,
    Leased,
    LeasesTaken,
    OpenAccount,
    Refusal,
    Register,
    Registered,
    Release,
    ReserveUpload,
    ResultTold,
    SelfTest,
    SelfTestJudged,
    SubmitResult,
    UploadPermit,
)

Body = TypeVar("Body", bound=msgspec.Struct)

#: not now, whatever it is: too early, too many, being restarted
_LATER = frozenset({408, 425, 429})


class TrackerClient:
    """One tracker, asked once per call: who calls decides when to ask again.

    Every method raises AwayError (nobody answers, or not as a tracker does) and RefusedError (it says no).
    """

    def __init__(self, ask: Ask, key: str = "") -> None:
        self._ask = ask
        self.key = key

    async def campaign(self) -> SignedCampaign:
        """The campaign; whether its signature is right is for others to see."""
        return told(await self._ask(Asking("GET", "/v1/campaign")), SignedCampaign)

    async def open_account(self, asked: OpenAccount, key: str) -> AccountOpened:
        """A new account. The same key gets the same account."""
        return await self._post("/v1/accounts", asked, AccountOpened, key=key)

    async def register(self, asked: Register, token: str, key: str) -> Registered:
        """This machine, under the account of `token`. The same key gets the same machine."""
        return await self._post("/v1/workers", asked, Registered, key=key, bearer=token)

    async def selftest(self, asked: SelfTest) -> SelfTestJudged:
        """Tell the answers of the self-test."""
        return await self._post("/v1/workers/me/selftest", asked, SelfTestJudged)

    async def take(self, asking: KeptAsking) -> list[Leased]:
        """Ask for leases, with a request that is kept on disk. A RefusedError with status 410: the campaign is done."""
        answer = await self._ask(Asking("POST", "/v1/leases", asking.body.encode(), self.key, asking.key))
        if answer.status == 204:
            raise AwayError("no jobs now", answer.retry_after, code="no_jobs")
        return told(answer, LeasesTaken).leases

    async def held(self) -> list[Leased]:
        """What the tracker thinks that this machine holds."""
        return told(await self._ask(Asking("GET", "/v1/leases", bearer=self.key)), HeldLeases).leases

    async def heartbeat(self, lease: str, beat: Heartbeat) -> HeartbeatTold:
        """Still at it."""
        return await self._post(f"{_at(lease)}/heartbeat", beat, HeartbeatTold)

    async def release(self, lease: str, asked: Release) -> Done:
        """Give it back unharmed."""
        return await self._post(f"{_at(lease)}/release", asked, Done, key=key_of("release", lease, asked))

    async def fail(self, lease: str, asked: Fail) -> Done:
        """It did not go well."""
        return await self._post(f"{_at(lease)}/fail", asked, Done, key=key_of("fail", lease, asked))

    async def reserve(self, lease: str, file: Artefact) -> UploadPermit:
        """Where a file goes. A key of its own each time: what was answered last time may have run out."""
        return await self._post(f"{_at(lease)}/uploads", ReserveUpload(file=file), UploadPermit)

    async def submit(self, lease: str, asked: SubmitResult) -> ResultTold:
        """It is done and uploaded."""
        return await self._post(f"{_at(lease)}/result", asked, ResultTold, key=key_of("result", lease, asked))

    async def _post(
        self, path: str, asked: msgspec.Struct, kind: type[Body], *, key: str = "", bearer: str | None = None
    ) -> Body:
        body = msgspec.json.encode(asked)
        sent = Asking("POST", path, body, self.key if bearer is None else bearer, key or new_key())
        return told(await self._ask(sent), kind)


def told(answer: Answer, kind: type[Body]) -> Body:
    """The message in an answer.

    Raises:
        RefusedError: the tracker says no.
        AwayError: it says not now; or this is not the answer of a tracker, whatever its status.
    """
    refusal = _refusal(answer) if answer.status >= 400 else None
    if answer.status in _LATER or answer.status >= 500:
        why = refusal.message if refusal else f"it answers {answer.status}"
        asked = refusal.retry_after if refusal and refusal.retry_after else answer.retry_after
        raise AwayError(shown(why), asked, shown(refusal.code, 40) if refusal else "")
    if refusal:
        raise RefusedError(answer.status, shown(refusal.code, 40), shown(refusal.message), refusal.retry_after)
    if not 200 <= answer.status < 300 or not answer.is_json:
        raise AwayError(f"what answers ({answer.status}) is no tracker: a portal or a proxy may stand in between",
                        answer.retry_after)  # fmt: skip
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AwayError(f"the tracker's answer cannot be read: {shown(str(error))}") from error


def new_key() -> str:
    """An Idempotency-Key that nobody guesses: for a key gets the answer that was given to it."""
    return secrets.token_urlsafe(24)


def key_of(what: str, lease: str, asked: msgspec.Struct) -> str:
    """The Idempotency-Key of a request that is sent again after a crash: the same for the same body."""
    return hashlib.sha256(b"\0".join((what.encode(), lease.encode(), msgspec.json.encode(asked)))).hexdigest()[:40]


def is_lease_name(lease: str) -> bool:
    """Whether a lease's name can stand in an address: letters, digits, - and _."""
    return 0 < len(lease) <= 200 and lease.isascii() and lease.replace("-", "").replace("_", "").isalnum()


def _at(lease: str) -> str:
    assert is_lease_name(lease), "leases with other names are not taken"
    return f"/v1/leases/{lease}"


def _refusal(answer: Answer) -> Refusal | None:
    if not answer.is_json:
        return None
    try:
        return msgspec.json.decode(answer.body, type=Refusal)
    except (msgspec.DecodeError, RecursionError):
        return None
