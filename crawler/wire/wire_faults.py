"""What the errors of a request mean: aiohttp's, the socket's and our own, as one table."""

from __future__ import annotations

import errno
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from crawler.errors import SettingsError
from crawler.records import Fault
from crawler.wire.answers import TransportError
from crawler.wire.door import AddressRefusedError
from crawler.wire.only_once import HungUpError
from crawler.wire.resolve import LookUpError

#: everything that a request may end with; anything else is a bug of ours
REQUEST_ERRORS = (aiohttp.ClientError, HttpProcessingError, HungUpError, OSError, UnicodeError)

#: errors that say that this machine, and not the server, has come to its end
_OUR_LIMITS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
#: what an error means, the first row that fits it or its cause; classes before their bases
_MEANINGS: tuple[tuple[type[BaseException], Fault], ...] = (
    (AddressRefusedError, Fault.ADDRESS_REFUSED),
    (LookUpError, Fault.DNS_FAILED),
    (ssl.SSLError, Fault.TLS_FAILED),
    (TimeoutError, Fault.TIMEOUT),
    (UnicodeError, Fault.URL_REFUSED),  # a host that survives WHATWG but not IDNA
    (aiohttp.ClientPayloadError, Fault.BODY_TRUNCATED),
    (OSError, Fault.CONNECT_FAILED),  # refused, unreachable, reset
    (aiohttp.ServerDisconnectedError, Fault.CONNECT_FAILED),
    (aiohttp.ClientError, Fault.PROTOCOL_ERROR),
    (HttpProcessingError, Fault.PROTOCOL_ERROR),
)


def meaning_of(error: Exception, *, in_body: bool) -> TransportError | SettingsError:
    """What a failed request means; an error while the body was read means that the body is not all there.

    `SettingsError` where it is this machine that has come to its end.
    """
    if isinstance(error, OSError) and error.errno in _OUR_LIMITS:
        return SettingsError(
            f"{error}: this machine allows fewer sockets than resources.downloads needs; lower it or raise `ulimit -n`"
        )
    fault = next(
        (fault for kind, fault in _MEANINGS if isinstance(error, kind) or isinstance(error.__cause__, kind)),
        Fault.PROTOCOL_ERROR,
    )
    if in_body and fault is Fault.CONNECT_FAILED:
        fault = Fault.BODY_TRUNCATED
    return TransportError(fault, _detail(error))


def _detail(error: Exception) -> str:
    """A few words without an address of a page: aiohttp's own texts hold one."""
    ours = isinstance(error, (AddressRefusedError, LookUpError))
    cause = error.__cause__ if isinstance(error.__cause__, Exception) and not ours else error
    if isinstance(cause, HttpProcessingError):
        return cause.message.partition("\n")[0].partition(": b")[0][:80]  # what follows quotes the server
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) if isinstance(cause, (AddressRefusedError, LookUpError)) else type(cause).__name__
