"""What pages load: one style sheet, one script, one icon, all of them ours. Their names change with their bytes."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Final


def _named(stem: str, suffix: str, content: bytes) -> tuple[str, bytes]:
    return f"/pages/{stem}-{hashlib.sha256(content).hexdigest()[:16]}.{suffix}", content


def _read(package: str, name: str) -> bytes:
    return files(package).joinpath(name).read_bytes()


_STYLE = _named("style", "css", _read("workers.report.drawn", "page.css") + _read(__package__, "tracker.css"))
_SCRIPT = _named("live", "js", _read(__package__, "live.js"))
_ICON = _named("icon", "svg", _read(__package__, "icon.svg"))
STYLE: Final = _STYLE[0]
SCRIPT: Final = _SCRIPT[0]
ICON: Final = _ICON[0]

#: address -> media type, bytes
ASSETS: Final = {
    _STYLE[0]: ("text/css", _STYLE[1]),
    _SCRIPT[0]: ("text/javascript", _SCRIPT[1]),
    _ICON[0]: ("image/svg+xml", _ICON[1]),
}
