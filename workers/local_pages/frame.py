"""Answers of a local page: each with the headers that keep strangers' words from doing anything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

#: Referrer: a browser that sends none at all says `Origin: null` of our own forms
_ALWAYS: Final = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: of answers that are no page: nothing may run, wherever they are shown
_BARE: Final = "default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class PageFrame:
    """A page: what runs in it is these styles and scripts, by their hashes, and nothing else.

    It may ask its own server, and show pictures of it, and nobody else's.
    """

    title: str  # plain text
    body: str  # HTML of ours: what strangers wrote is escaped in it already
    styles: Sequence[str] = ()
    scripts: Sequence[str] = ()  # run when the body is there
    language: str = "en"

    @property
    def policy(self) -> str:
        """The Content-Security-Policy of this page."""
        return "; ".join(
            (
                "default-src 'none'",
                f"style-src {_hashes(self.styles)}",
                f"script-src {_hashes(self.scripts)}",
                "img-src 'self' data:", "connect-src 'self'", "form-action 'self'", "base-uri 'none'",
                "frame-ancestors 'none'",
            )
        )  # fmt: skip

    @property
    def html(self) -> str:
        """The whole document."""
        styles = "".join(f"<style>{one}</style>" for one in self.styles)
        scripts = "".join(f"<script>{one}</script>" for one in self.scripts)
        return (
            f'<!doctype html>\n<html lang="{html.escape(self.language)}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
            f"<title>{html.escape(self.title)}</title>{styles}</head>\n<body>{self.body}{scripts}</body></html>\n"
        )

    def answer(self, status: int = 200) -> web.Response:
        """The page over HTTP.

        Raises:
            ValueError: a script or style would end its own element, so that the rest of it would be shown as text.
        """
        if any("</" in one for one in (*self.styles, *self.scripts)):
            raise ValueError("a script or style of a local page holds </")
        return web.Response(
            text=self.html, status=status, content_type="text/html", charset="utf-8",
            headers={**_ALWAYS, "Content-Security-Policy": self.policy},
        )  # fmt: skip


def json_answer(value: Any, status: int = 200) -> web.Response:  # noqa: ANN401 - whatever JSON can say
    """A value for a script of ours."""
    return web.Response(
        text=json.dumps(value), status=status, content_type="application/json", charset="utf-8", headers=bare_headers()
    )


def picture_answer(jpeg: bytes) -> web.Response:
    """A JPEG file that we made ourselves."""
    return web.Response(body=jpeg, content_type="image/jpeg", headers=bare_headers())


def text_answer(text: str, status: int = 200, *, content_type: str = "text/plain") -> web.Response:
    """Plain text, or a text of another kind, such as metrics."""
    return web.Response(text=text, status=status, content_type=content_type, charset="utf-8", headers=bare_headers())


def bare_headers() -> dict[str, str]:
    """The headers of an answer that is no page, also of one that is streamed."""
    return {**_ALWAYS, "Content-Security-Policy": _BARE}


def _hashes(texts: Sequence[str]) -> str:
    """Sources of a policy that allow these texts."""
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in texts)
    return " ".join(f"'sha256-{one}'" for one in digests) or "'none'"
