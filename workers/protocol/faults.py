"""Whose a failed job is: the words of `Fail.fault`."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Whose a failed job is, as its worker says."""

    INPUT = "input"
    NETWORK = "network"
    LOCAL = "local"
    BUG = "bug"
