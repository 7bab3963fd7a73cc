"""A thread that can write nothing but into one folder: the kernel refuses, whatever runs there.

Belongs here: Landlock (Linux 5.13 and newer), which needs no rights and holds for one thread and for those
that it starts. Not here: what runs there, and what else keeps a query from writing (`query`).

Elsewhere, and where a container forbids it, the thread is a thread like any other.
"""

import ctypes
import os
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# From linux/landlock.h and linux/prctl.h; the numbers of the calls are the same on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
GIVE_VERSION = 1
BELOW_A_FOLDER = 1
SET_NO_NEW_PRIVILEGES = 38
WRITE_FILE = 1 << 1
REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
# What later versions can refuse as well: linking and renaming across folders, and cutting a file off.
SINCE = {2: 1 << 13, 3: 1 << 14}


def fenced_thread(writable: Path) -> ThreadPoolExecutor:
    """Return one thread for work that can write below `writable` alone, and read what this process can.

    Threads that the work starts are fenced as well, so that an engine is to be opened there, too.
    """
    return ThreadPoolExecutor(1, initializer=deny_writing, initargs=(writable,))


def deny_writing(writable: Path) -> bool:
    """Deny this thread, for good, every change to files but below `writable`; whether the kernel does so."""
    if not sys.platform.startswith("linux"):
        return False
    kernel = ctypes.CDLL(None, use_errno=True)
    version = kernel.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), GIVE_VERSION)
    if version < 1:
        return False
    changes = WRITE_FILE | REMOVE_AND_MAKE
    for since, change in SINCE.items():
        if version >= since:
            changes |= change
    handled = struct.pack("=Q", changes)
    ruleset = kernel.syscall(CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return False
    folder = os.open(writable, os.O_PATH | os.O_CLOEXEC)
    try:
        below = struct.pack("=Qi", changes, folder)
        return bool(
            kernel.syscall(ADD_RULE, ruleset, BELOW_A_FOLDER, below, 0) == 0
            and kernel.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
            and kernel.syscall(RESTRICT_SELF, ruleset, 0) == 0
        )
    finally:
        os.close(folder)
        os.close(ruleset)
