"""A filter for system calls (seccomp-bpf): what reads volunteers' bytes may compute and read, and nothing else.

Without libseccomp, for forty lines of the oldest filter language there is do what it would do. The filter looks at the
number of the call, and for three of them at their flags. Refused calls fail with EPERM, which Python shows as
PermissionError: the check ends there, and its result is not believed.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

from workers.tracker.checking.syscalls import CLONE, CLONE3, OPEN, OPENAT, PRLIMIT64, REFUSED

# <linux/prctl.h>, <linux/seccomp.h>, <linux/audit.h>, <linux/bpf_common.h>
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # which column of the table, and AUDIT_ARCH_*
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45  # BPF_JMP | BPF_JEQ, BPF_JGE, BPF_JSET, with a constant
_RETURN = 0x06
#: in struct seccomp_data, both machines being little-endian
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

#: numbers from here on are the x32 way to call x86_64, with which a filter by number could be gone round
_X32 = 0x40000000
#: O_WRONLY | O_RDWR, O_CREAT, O_TRUNC: the same on both machines
_WRITES = 0o3 | 0o100 | 0o1000
_CLONE_THREAD = 0x00010000

_Instruction = tuple[int, int, int, int]  # code, how far to jump if true, and if false, constant


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine_calls() -> str:
    """Put the filter on this process, for good; returns why that cannot be done here, or "".

    `PR_SET_NO_NEW_PRIVS` must be set before.
    """
    if sys.platform != "linux":
        return f"{sys.platform} has no seccomp"
    machine = platform.machine()
    if machine not in _MACHINES:
        return f"there is no table of system calls for {machine}"
    instructions = filter_of(machine)
    content = b"".join(struct.pack("<HBBI", *one) for one in instructions)
    program = _Program(len(instructions), content)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        return f"the kernel takes no seccomp filter: {errno.errorcode.get(ctypes.get_errno(), 'unknown error')}"
    return ""


def filter_of(machine: str) -> list[_Instruction]:
    """The program for a machine, "x86_64" or "aarch64"."""
    column, architecture = _MACHINES[machine]
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        program += _refuse_if(_AT_LEAST, _X32)
    for numbers in REFUSED.values():
        if numbers[column] >= 0:
            program += _refuse_if(_EQUAL, numbers[column])
    program += _refuse_if(_EQUAL, CLONE3[column], errno.ENOSYS)
    program += _of(CLONE[column], [*_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), _refusal(), _allowance()])
    for numbers, flags in ((OPEN, 1), (OPENAT, 2)):
        if numbers[column] >= 0:
            program += _of(numbers[column], [*_argument(flags), (_ANY_BIT, 0, 1, _WRITES), _refusal(), _allowance()])
    asks_only: list[_Instruction] = [
        *_argument(2),
        (_EQUAL, 0, 2, 0),
        *_argument(2, high=True),
        (_EQUAL, 1, 0, 0),
        _refusal(),
        _allowance(),
    ]
    return [*program, *_of(PRLIMIT64[column], asks_only), _allowance()]


def _of(number: int, then: list[_Instruction]) -> list[_Instruction]:
    """What is done for this call alone; every way through it ends in a return."""
    return [(_EQUAL, 0, len(then), number), *then]


def _refuse_if(test: int, constant: int, with_errno: int = errno.EPERM) -> list[_Instruction]:
    return [(test, 0, 1, constant), _refusal(with_errno)]


def _argument(place: int, *, high: bool = False) -> list[_Instruction]:
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * place + 4 * high)]


def _refusal(with_errno: int = errno.EPERM) -> _Instruction:
    return (_RETURN, 0, 0, _ERRNO | with_errno)


def _allowance() -> _Instruction:
    return (_RETURN, 0, 0, _ALLOW)
