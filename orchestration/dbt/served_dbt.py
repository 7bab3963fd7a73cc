"""The program that stands for `dbt` where a server of dbt runs: the server builds, and this ends as dbt does.

Belongs here: asking the server, and being dbt itself where none answers. Not here: whether one may be asked
(`serving`), and the server (`warehouse.dbt_server`). It is run by itself, with nothing but the standard
library, so that it starts at once: `python -IS served_dbt.py FOLDER IDENTITY DBT ARGUMENT…`.

What it was given is dbt's: standard input and output, other open files (the lock of the warehouse), folder,
environment. Signals are passed on. Killed, it takes dbt with it: the server notices that nobody waits.
Nothing is handed over before the server has agreed, so that until then plain dbt can be started instead.
"""

import array
import json
import os
import signal
import socket
import struct
import sys
from typing import NoReturn

ANSWERS_WITHIN = 2.0
PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
SOCKET = "socket"
MOST_FILES = 64
AGREED, LOST = b"y", 255
ENDED = struct.Struct("!h")


def main() -> NoReturn:
    """Build through the server; without one, become dbt."""
    folder, identity, dbt, *arguments = sys.argv[1:]
    given = inherited_files()
    server = agree(folder, identity) if len(given) <= MOST_FILES else None
    if server is None:
        os.execv(dbt, [dbt, *arguments])
    try:
        hand_over(server, [dbt, *arguments], given)
        for name in PASSED_ON:
            number = getattr(signal, name)
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _: server.sendall(bytes([number])))
        code = wait(server)
    except OSError:
        code = -signal.SIGKILL
    end(code)


def inherited_files() -> "list[int]":
    """The numbers of the files that this process was given: standard input and output first."""
    numbers = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))
        except OSError:  # the listing's own
            continue
        numbers.append(int(name))
    return sorted(numbers)


def agree(folder: str, identity: str) -> "socket.socket | None":
    """Connect to the server, if it is ours, answers at once, and is what this process would start as dbt."""
    server = socket.socket(socket.AF_UNIX)
    try:
        place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        state = os.fstat(place)
        server.settimeout(ANSWERS_WITHIN)
        # By the folder's number: a path may be longer than an address can be.
        server.connect(f"/proc/self/fd/{place}/{SOCKET}")
        os.close(place)
        if state.st_uid == peer(server) == os.geteuid() and not state.st_mode & 0o077:
            server.sendall(identity.encode())
            if server.recv(1) == AGREED:
                server.settimeout(None)
                return server
    except OSError:
        pass
    server.close()
    return None


def peer(other: socket.socket) -> int:
    """The user of the process at the other end."""
    credentials = other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    user: int = struct.unpack("3i", credentials)[1]
    return user


def hand_over(server: socket.socket, command: "list[str]", given: "list[int]") -> None:
    """Send what dbt is to do, and all open files; they are the server's alone then."""
    asked = json.dumps([command, os.getcwd(), dict(os.environ)]).encode()
    files = array.array("i", given)
    server.sendmsg([len(asked).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    server.sendall(asked)
    for number in given:
        os.close(number)


def wait(server: socket.socket) -> int:
    """Wait until dbt has ended, and return how: its exit code, or the signal that ended it, negative."""
    said = b""
    while len(said) < ENDED.size:
        part = server.recv(ENDED.size - len(said))
        if not part:
            return -signal.SIGKILL
        said += part
    code: int = ENDED.unpack(said)[0]
    return code


def end(code: int) -> NoReturn:
    """End as dbt did."""
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else LOST)


if __name__ == "__main__":
    main()
