"""How a look ends early."""

from __future__ import annotations


class WrongError(Exception):
    """The result is not what an honest worker makes; the message says what is wrong, and where."""


def insist(holds: bool, what: str) -> None:
    """Raise WrongError(what) unless it holds."""
    if not holds:
        raise WrongError(what)
