"""Landlock: a process that may read some folders, and do nothing else with any file (Linux 5.13 and later)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

# <linux/landlock.h>; the three system calls have the same numbers on every machine
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
#: how many rights there are to files from each version on; all are taken, for the highest is what the kernel knows
_FILE_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_TCP = 0b11  # to bind and to connect
_SCOPES = 0b11  # abstract sockets of others, and signals to others
_O_PATH = getattr(os, "O_PATH", 0)


def confine_files(readable: Iterable[Path]) -> str:
    """From now on this process reads below `readable`, and nothing else; returns why that cannot be done here, or "".

    What is not there, is not readable. `PR_SET_NO_NEW_PRIVS` must be set before.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no Landlock"
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    if version < 1:
        return f"the kernel has no Landlock: {_why()}"
    attributes = _attributes(version)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if ruleset < 0:
        return f"Landlock makes no set of rules: {_why()}"
    try:
        for path in readable:
            if why := _allow(libc, ruleset, path):
                return why
        if libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)) != 0:
            return f"Landlock's rules cannot be put in force: {_why()}"
    finally:
        os.close(ruleset)
    return ""


def _attributes(version: int) -> bytes:
    """The bytes of struct landlock_ruleset_attr, as long as this version of the kernel knows it."""
    rights = max(number for since, number in _FILE_RIGHTS if version >= since)
    words = [(1 << rights) - 1]
    if version >= _TCP_SINCE:
        words.append(_TCP)
    if version >= _SCOPES_SINCE:
        words.append(_SCOPES)
    return struct.pack(f"<{len(words)}Q", *words)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> str:
    try:
        handle = os.open(path, _O_PATH | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
        rule = struct.pack("<Qi", rights, handle)  # struct landlock_path_beneath_attr is packed
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, ctypes.c_uint32(0)) != 0:
            return f"Landlock takes no rule for {path}: {_why()}"
    finally:
        os.close(handle)
    return ""


def _why() -> str:
    return errno.errorcode.get(ctypes.get_errno(), "unknown error")
