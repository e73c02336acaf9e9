"""What a stranger wrote, made fit for a terminal or a log."""

from __future__ import annotations

import unicodedata

_LONGEST = 300


def shown(text: str, longest: int = _LONGEST) -> str:
    r"""The text in one line, without what would steer a terminal or turn the direction of writing; never longer.

    >>> shown("no room\x1b[2J, come back")
    'no room[2J, come back'
    """
    # C*: control, format (bidirectional marks among them), surrogates, private use
    kept = (
        " " if one.isspace() else "" if unicodedata.category(one).startswith("C") else one
        for one in text[: 4 * longest]
    )
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
