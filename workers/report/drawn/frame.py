"""The frame of every local page: one document that loads nothing, and runs nothing but the scripts given here.

Captions, host names and titles were written by strangers. All text of theirs goes through `html.text`; should an
escape ever be missed, the Content-Security-Policy forbids the script, the request and the style that it would bring.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files

from workers.report.drawn.html import text


def _digest(content: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


def style() -> str:
    """The style sheet of reports and local pages: the tracker's look, and what a report needs beside it."""
    folder = files("workers.report.drawn")
    return "".join((folder / name).read_text(encoding="utf-8") for name in ("page.css", "report.css"))


def page_of(
    title: str,
    parts: Iterable[str],
    *,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    outside: str = "",
    language: str = "en",
) -> str:
    """A whole HTML document.

    Args:
        title: plain text, for the window.
        parts: HTML of ours for the main part, in its order; empty ones are left out.
        scripts: scripts of ours, which run when the page is there. The policy allows them by their hashes, no others.
        styles: further style sheets.
        outside: HTML that stands before the main part, such as a navigation.
        language: the language of our words.
    """
    sheets = [style(), *styles]
    policy = ["default-src 'none'", f"style-src {' '.join(map(_digest, sheets))}", "img-src data:"]
    if scripts:
        policy.append(f"script-src {' '.join(map(_digest, scripts))}")
    policy += ["base-uri 'none'", "form-action 'none'"]
    return f"""<!DOCTYPE html>
<html lang="{text(language)}" dir="ltr">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{"; ".join(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{text(title)} - pairtrawl</title>
{chr(10).join(f"<style>{one}</style>" for one in sheets)}
</head>
<body>
{outside}
<main id="main">
{chr(10).join(part for part in parts if part)}
</main>
{chr(10).join(f"<script>{one}</script>" for one in scripts)}
</body>
</html>
"""
