"""Who asks: tokens, keys, and the cookie of the operator's pages. No caller is told what was wrong with his."""

from __future__ import annotations

import hashlib
import hmac
import re

from aiohttp import web

from workers.tracker.folder import Secrets, token_digest
from workers.tracker.moves.accounts import account_of
from workers.tracker.moves.records import Account, Worker
from workers.tracker.moves.workers import worker_of
from workers.tracker.states import WorkerState
from workers.tracker.store import Tx
from workers.tracker.web.call import Call, Refused
from workers.tracker.web.routes import Who

#: of the operator's pages. Holds a time and its signature, never the token
COOKIE = "pairtrawl_operator"
COOKIE_SECONDS = 12 * 3600

_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{20,200})", re.IGNORECASE)


def bearer(request: web.Request) -> str:
    """The token of a request.

    Raises:
        Refused: there is none, or it cannot be one.
    """
    found = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    if found is None:
        raise unknown()
    return found[1]


def unknown() -> Refused:
    """The answer to everybody who is not known, whatever was wrong."""
    return Refused(401, "unauthorized", "send `Authorization: Bearer` with a key of this tracker that still counts")


def caller_in(tx: Tx, who: Who, token: str, now: float) -> Account | Worker:
    """The account or worker that a token belongs to, within the transaction that its request is about.

    Raises:
        Refused: nobody, or somebody who may not do anything any more.
    """
    digest = token_digest(token)
    if who is Who.ACCOUNT:
        account = account_of(tx, now, digest)
        if account is None or account.legacy:  # the old API's accounts stay with the old API
            raise unknown()
        return account
    worker = worker_of(tx, now, digest)
    if worker is None or worker.legacy:
        raise unknown()
    if worker.state is WorkerState.BANNED:
        raise Refused(403, "banned", "this worker is banned from the campaign; its operators can tell why")
    return worker


def make_sure_admin(secrets: Secrets, token: str) -> None:
    """Raises Refused for everybody but the operator."""
    if not secrets.is_admin(token):
        raise unknown()


def operator_cookie(secrets: Secrets, now: float) -> str:
    """A value for COOKIE that `is_operator` knows for COOKIE_SECONDS, or until there is another admin token."""
    until = str(int(now) + COOKIE_SECONDS)
    return f"{until}.{_signature(secrets, until)}"


def is_operator(secrets: Secrets, cookie: str, now: float) -> bool:
    """Whether a value is a cookie of ours, and of a time that is not over."""
    until, _, signature = cookie.partition(".")
    if not re.fullmatch(r"[0-9]{1,12}", until):
        return False
    genuine = hmac.compare_digest(_signature(secrets, until), signature.encode("ascii", "replace").decode())
    return genuine and now < int(until)


def make_sure_operator(call: Call) -> None:
    """Whether this is the operator, in a browser or by the admin token, and the request comes from our own pages.

    A browser sends the cookie with whatever another site makes it ask for: SameSite keeps most of that away, and the
    headers that name the asking site keep away the rest.

    Raises:
        Refused: it is not.
    """
    secrets, request = call.tracker.secrets, call.request
    if "Authorization" in request.headers:
        make_sure_admin(secrets, bearer(request))
        return
    if not is_operator(secrets, request.cookies.get(COOKIE, ""), call.now):
        raise unknown()
    if request.method not in {"GET", "HEAD"} and not from_our_pages(request):
        raise Refused(403, "other_site", "this must be asked for from the tracker's own pages")


def from_our_pages(request: web.Request) -> bool:
    """Whether a browser says that one of our own pages asks."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin", "").partition("://")[2] == request.host != ""


def _signature(secrets: Secrets, until: str) -> str:
    key = bytes.fromhex(secrets.token_key)
    return hmac.new(key, f"operator {until} {secrets.admin_digest}".encode(), hashlib.sha256).hexdigest()
