"""System calls that Linux refuses this process from now on, by a seccomp filter: connections, and ways out."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 22, 38, 36
FILTER = 2
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
"""Instructions of the filter: load a word of the call, compare it, return a verdict."""
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Where these are in the description of a call."""
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
SECOND_TABLE = 0x40000000
"""Numbers from here on are those of x32, which would pass the filter."""
CAPSET, CAPABILITIES_VERSION, OVERRIDE_PERMISSIONS = {"x86_64": 126, "aarch64": 91}, 0x20080522, 1 << 1

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SOCKET = {"x86_64": 41, "aarch64": 198}
CONNECT = {"x86_64": 42, "aarch64": 203}
OUTWARD = {
    "x86_64": (101, 310, 311, 438, 425, 426, 427, 248, 249, 250, 272, 308, 165, 428, 429, 430, 304, 321, 323, 298, 155),
    "aarch64": (117, 270, 271, 438, 425, 426, 427, 217, 218, 219, 97, 268, 40, 428, 429, 430, 265, 280, 282, 241, 41),
}
"""ptrace, process_vm_readv and _writev, pidfd_getfd, io_uring (3), keys (3), unshare, setns, mount, open_tree,
move_mount, fsopen, open_by_handle_at, bpf, userfaultfd, perf_event_open, pivot_root."""
IN_THE_GROUP = {"x86_64": (112, 109), "aarch64": (157, 154)}
"""setsid, setpgid: they do nothing, so that all children of a worker stay in its group and end with it."""


def can_filter() -> bool:
    """Whether this machine can refuse system calls."""
    return sys.platform == "linux" and os.uname().machine in ARCHITECTURES and _has_filters()


def _has_filters() -> bool:
    try:
        with open("/proc/sys/kernel/seccomp/actions_avail", encoding="ascii") as file:
            return "errno" in file.read()
    except OSError:
        return False


def confine(*, network: bool) -> bool:
    """Refuse the calls, for this thread and what it starts; false if this machine cannot. Raises `OSError`.

    Without `network`, only pairs of local sockets can be made, and nothing can be connected to. With it, local sockets
    cannot be made: through them, services of the user's desktop would start programs.
    """
    if not can_filter():
        return False
    program = b"".join(_program(os.uname().machine, network=network))
    buffer = ctypes.create_string_buffer(program)
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_SECCOMP, FILTER, ctypes.c_char_p(described), 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True


def gain_nothing() -> None:
    """From now on, no program that this process starts has more rights than it, and orphans become its children."""
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def drop_capabilities() -> None:
    """Of the rights of the superuser, keep only that to read and write other users' files."""
    if (number := CAPSET.get(os.uname().machine)) and sys.platform == "linux" and os.geteuid() == 0:
        header = struct.pack("Ii", CAPABILITIES_VERSION, 0)
        kept = struct.pack("6I", OVERRIDE_PERMISSIONS, OVERRIDE_PERMISSIONS, 0, 0, 0, 0)
        ctypes.CDLL(None).syscall(number, ctypes.c_char_p(header), ctypes.c_char_p(kept))


def _program(machine: str, *, network: bool) -> Iterable[bytes]:
    """The filter's instructions."""
    yield _instruction(LOAD, ARCHITECTURE)
    yield from _verdict(EQUAL, ARCHITECTURES[machine], errno.EPERM, unless=True)
    yield _instruction(LOAD, NUMBER)
    if machine == "x86_64":
        yield from _verdict(AT_LEAST, SECOND_TABLE, errno.EPERM)
    for number in IN_THE_GROUP[machine]:
        yield from _verdict(EQUAL, number, 0)
    for number in OUTWARD[machine]:
        yield from _verdict(EQUAL, number, errno.EPERM)
    if not network:
        yield from _verdict(EQUAL, CONNECT[machine], errno.EACCES)
    yield _instruction(EQUAL, SOCKET[machine], when_false=3)
    yield _instruction(LOAD, FIRST_ARGUMENT)
    yield from _verdict(EQUAL, socket.AF_UNIX, errno.EACCES, unless=not network)
    yield _instruction(RETURN, ALLOW)


def _verdict(comparison: int, value: int, number: int, *, unless: bool = False) -> Iterable[bytes]:
    """Refuse the call with an error's number if the comparison holds, or `unless` it does."""
    yield _instruction(comparison, value, when_true=int(unless), when_false=int(not unless))
    yield _instruction(RETURN, REFUSE | number)


def _instruction(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, when_true, when_false, value)
