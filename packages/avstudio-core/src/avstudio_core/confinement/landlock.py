"""Landlock: Linux refuses this process every file that it has not been granted. A grant holds for a folder's tree."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls; they have the same numbers on all architectures."""
VERSION_ONLY = 1
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
"""All rights about files that a version knows; later ones know one more."""
SCOPED = 0b11
"""No abstract sockets and no signals of processes outside; since version 6."""

READ = EXECUTE | READ_FILE | READ_DIR
CONTENT = READ_FILE
"""To read a file whose name is known, but not to list its folder."""
LIST = READ_DIR
OWN = (1 << 16) - 1 & ~(MAKE_CHAR | MAKE_BLOCK | EXECUTE)
DEVICE = READ_FILE | WRITE_FILE | IOCTL_DEV
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""The rights that a rule for a file, instead of a folder, may have."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Rule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock that this kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    found: int = _library().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_ONLY))
    return max(0, found)


def confine(grants: Iterable[tuple[str, int]]) -> bool:
    """Refuse this thread, and what it starts from now on, all files but those granted; false if the kernel cannot.

    It also cannot read the memory or environment of other processes. Requires `no_new_privs`. Raises `OSError`.
    """
    if not (known := version()):
        return False
    handled = RIGHTS.get(known, (1 << 16) - 1)
    ruleset = _Ruleset(handled, 0, SCOPED if known >= 6 else 0)
    size = ctypes.sizeof(ruleset) if known >= 6 else 8
    library = _library()
    descriptor = _done(
        library.syscall(CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint32(0))
    )
    try:
        for path, rights in grants:
            _grant(library, descriptor, path, rights & handled)
        _done(library.syscall(RESTRICT_SELF, descriptor, ctypes.c_uint32(0)))
    finally:
        os.close(descriptor)
    return True


def _grant(library: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    """Add a rule; a path that does not exist has none."""
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if stat.S_ISDIR(os.fstat(parent).st_mode) else rights & OF_FILES
        rule = _Rule(allowed, parent)
        _done(library.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)))
    finally:
        os.close(parent)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _done(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
