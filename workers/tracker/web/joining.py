"""Joining: accounts, workers, and the self-test.

Tokens are told once: their digests are kept, and remembered answers hold none. A lost answer can be given again all the
same, for a token is made of the server's secret and the request.
"""

from __future__ import annotations

import re

import msgspec

from workers.protocol.answers import wrong
from workers.protocol.messages import AccountOpened, OpenAccount, Register, Registered, SelfTest, SelfTestJudged
from workers.tracker.folder import token_digest
from workers.tracker.moves import accounts, workers
from workers.tracker.store import Tx
from workers.tracker.web import invitations
from workers.tracker.web.call import Answer, Call, Refused

_DAY = 86_400.0
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*[0-9A-Za-z.+-]*")
_VERSION_CHARACTERS = 40


def open_account(tx: Tx, call: Call) -> Answer:
    """POST /v1/accounts."""
    asked, settings = call.asked(OpenAccount), call.tracker.settings.registration
    _check_name(asked.name)
    opened = tx.one(
        "SELECT count(*) AS n FROM accounts WHERE network = ? AND opened_at > ?", call.network, call.now - _DAY
    )
    assert opened is not None
    if opened["n"] >= settings.accounts_per_network:
        raise Refused(429, "too_many_accounts", "your network has opened many accounts today; come tomorrow", _DAY / 4)
    account = accounts.open_account(
        tx, call.now, name=asked.name, token_digest=token_digest(_account_token(call)), network=call.network
    )
    if settings.accounts == "invitation":
        invitations.use(tx, call.now, asked.invitation, account)
    return Answer(201, AccountOpened(account=account, token=""))


async def tell_account_token(call: Call, told: bytes) -> bytes:
    """The remembered answer with the token."""
    opened = msgspec.json.decode(told, type=AccountOpened)
    return msgspec.json.encode(msgspec.structs.replace(opened, token=_account_token(call)))


def register(tx: Tx, call: Call) -> Answer:
    """POST /v1/workers."""
    asked, account = call.asked(Register), call.account
    if asked.name:
        _check_name(asked.name)
    most = call.tracker.settings.registration.workers_per_account
    registered = tx.one("SELECT count(*) AS n FROM workers WHERE account = ?", account.id)
    assert registered is not None
    if registered["n"] >= most:
        raise Refused(403, "too_many_workers", f"an account has {most} workers at most; ask the campaign's operators")
    worker = workers.register(
        tx,
        call.now,
        account=account.id,
        asked=asked,
        key_digest=token_digest(_worker_key(call)),
        network=call.neighbourhood,
    )
    return Answer(201, Registered(worker=worker, key=""))


async def tell_worker_key(call: Call, told: bytes) -> bytes:
    """The remembered answer with the key."""
    registered = msgspec.json.decode(told, type=Registered)
    return msgspec.json.encode(msgspec.structs.replace(registered, key=_worker_key(call)))


def judge_selftest(tx: Tx, call: Call) -> Answer:
    """POST /v1/workers/me/selftest."""
    asked = call.asked(SelfTest)
    if len(asked.version) > _VERSION_CHARACTERS or not _VERSION.fullmatch(asked.version):
        raise Refused(422, "bad_version", "version must be the number of a pairtrawl, such as 1.4.2")
    found = wrong(asked.answers, call.tracker.campaign.selftest)
    workers.selftest_passed(tx, call.now, call.worker, asked.version, asked.environment, not found)
    return Answer(200, SelfTestJudged(wrong=found))


def _check_name(name: str) -> None:
    """Names stand on pages. Signs that turn the direction of writing, or that nobody sees, make one look like another.

    Raises:
        Refused: it holds such signs, or begins or ends with a blank.
    """
    if not name.isprintable() or name != name.strip():
        raise Refused(422, "bad_name", "a name is made of visible characters, and does not begin or end with a blank")


def _account_token(call: Call) -> str:
    return call.tracker.secrets.token("account", call.key)


def _worker_key(call: Call) -> str:
    return call.tracker.secrets.token("worker", str(call.account.id), call.key)
