"""HTML over HTTP: the headers that every page has."""

from __future__ import annotations

from typing import Final

from aiohttp import web

#: only what is ours, and no frame around it. Referrer: a browser that sends none says `Origin: null` of our own forms
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: for how long a browser may keep a page that everybody sees
_FRESH_SECONDS = 4


def html(page: str | bytes, status: int = 200, *, public: bool = False) -> web.Response:
    """A page. One that is not for everybody is kept nowhere."""
    body = page.encode() if isinstance(page, str) else page
    kept = f"public, max-age={_FRESH_SECONDS}" if public else "no-store"
    return web.Response(
        body=body, status=status, content_type="text/html", charset="utf-8", headers=HEADERS | {"Cache-Control": kept}
    )


def to(address: str) -> web.Response:
    """Go there (303), which a POST becomes a GET by; the address is one of ours."""
    return web.Response(status=303, headers=HEADERS | {"Location": address, "Cache-Control": "no-store"})
