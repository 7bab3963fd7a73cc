"""The server of dbt: a process that has imported dbt, and is forked for each build.

Belongs here: that process (`python -m orchestration.warehouse.dbt_server FOLDER PARENT IDENTITY`). Not here:
who starts it and where it is found (`dbt.serving`), the program that asks it (`dbt.served_dbt`), and what is
ready when it forks (`preloaded_dbt`).

    the server   waits; no thread of Python's beside its own, no DuckDB; ends with the process that started it
    its fork     one for each build: agrees with who asks, waits for dbt, says how it ended; kills it where
                 nobody waits any more
    the fork's   fork becomes dbt, with the command, environment, folder and open files of who asks, and ends

Nothing of a project stays in the server: each build reads what was parsed from its own file, as dbt does, so
that nothing can be stale. Any of the three may be killed at any time: the server, and builds go on; the
second, and its dbt is killed too; dbt, and who asked sees it end so.
"""

import array
import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from orchestration.dbt.process import PARTIAL_PARSE
from orchestration.dbt.served_dbt import AGREED, ENDED, MOST_FILES, SOCKET, peer
from orchestration.dbt.serving import identity

LOCK = "lock"
MOST_BYTES = 64 << 20
IDENTITY_LENGTH = 64
PR_SET_PDEATHSIG = 1
AGREES_WITHIN = 10.0


@dataclass(frozen=True)
class AskedBuild:
    """What a dbt is to do: its command, folder, environment, and the files that it is given."""

    command: list[str]
    folder: str
    environment: dict[str, str]
    files: list[int]


def main(folder: Path, parent: int, ours: str) -> NoReturn:
    """Serve until the parent ends, or this is not any more what a dbt would be; in a fork, be dbt.

    `ours`: the identity by the parent, from before anything was imported here: what is imported is that.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    parents_end = os.pidfd_open(parent)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.getppid() != parent or identity() != ours or not is_taken(lock):
        os._exit(0)
    import orchestration.warehouse.preloaded_dbt as dbt

    dbt.warm_up(folder.parent / PARTIAL_PARSE)
    gc.freeze()
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    listening = listen(place)
    build = serve(listening, parents_end, ours, [lock, place])
    if build is None:
        with suppress(OSError):
            os.unlink(SOCKET, dir_fd=place)
        os._exit(0)
    become(build)
    sys.exit(dbt.cli())


def is_taken(lock: int) -> bool:
    """Take the lock of the home's server, and write into it which process that is; False where another is."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return True


def listen(place: int) -> socket.socket:
    """Put the socket where it is found, in the place of one that nobody listens at."""
    listening = socket.socket(socket.AF_UNIX)
    unfinished = f"{SOCKET}.unfinished"
    with suppress(FileNotFoundError):
        os.unlink(unfinished, dir_fd=place)
    # By the folder's number: a path may be longer than an address can be.
    listening.bind(f"/proc/self/fd/{place}/{unfinished}")
    listening.listen(16)
    os.rename(unfinished, SOCKET, src_dir_fd=place, dst_dir_fd=place)
    return listening


def serve(listening: socket.socket, parents_end: int, ours: str, own: Iterable[int]) -> AskedBuild | None:
    """Fork for each that asks; in the fork that is to be dbt, return what it is to do."""
    signal.signal(signal.SIGCHLD, reap)
    while parents_end not in select.select([listening, parents_end], [], [])[0]:
        client, _ = listening.accept()
        with client:
            if identity() != ours:
                return None
            if peer(client) == os.geteuid() and os.fork() == 0:
                for number in (listening.detach(), parents_end, *own):
                    os.close(number)
                return attend(client, ours)
    return None


def reap(*_: object) -> None:
    """Hear of forks that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def attend(client: socket.socket, ours: str) -> AskedBuild:
    """Agree with who asks, and wait for the fork that becomes dbt: only that one returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    build = None
    with suppress(OSError):
        build = receive(client, ours)
    if build is None:
        os._exit(0)
    attendant = os.getpid()
    process = os.fork()
    if process == 0:
        end_with(attendant)
        client.close()
        return build
    for number in build.files:
        os.close(number)
    with suppress(OSError):
        client.sendall(ENDED.pack(wait(client, process)))
    os._exit(0)


def receive(client: socket.socket, ours: str) -> AskedBuild | None:
    """Read what is asked for; None where it is another dbt's to do, or nobody asks any more."""
    client.settimeout(AGREES_WITHIN)
    if received(client, IDENTITY_LENGTH) != ours.encode():
        return None
    client.sendall(AGREED)
    client.settimeout(None)
    files = array.array("i")
    head, passed, *_ = client.recvmsg(4, socket.CMSG_SPACE(MOST_FILES * files.itemsize))
    for _, _, content in passed:
        files.frombytes(content)
    length = int.from_bytes(head, "big")
    if len(head) < 4 or length > MOST_BYTES:
        return None
    asked = received(client, length)
    if asked is None:
        return None
    command, folder, environment = json.loads(asked)
    return AskedBuild(command, folder, environment, list(files))


def received(client: socket.socket, length: int) -> bytes | None:
    """So many bytes; None where the other end closes before."""
    content = b""
    while len(content) < length:
        part = client.recv(length - len(content))
        if not part:
            return None
        content += part
    return content


def wait(client: socket.socket, process: int) -> int:
    """Wait for dbt, pass on signals, kill it where nobody waits any more; return how it ended."""
    ending = os.pidfd_open(process)
    while ending not in (ready := select.select([ending, client], [], [])[0]):
        if client in ready:
            try:
                said = client.recv(1)
            except OSError:
                said = b""
            os.kill(process, said[0] if said else signal.SIGKILL)
            if not said:
                break
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def end_with(parent: int) -> None:
    """Have the system kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def become(build: AskedBuild) -> None:
    """Be the process that was asked for, up to the point where dbt begins."""
    for number, file in enumerate(build.files[:3]):
        os.dup2(file, number)
        os.close(file)
    os.chdir(build.folder)
    os.environ.clear()
    os.environ.update(build.environment)
    time.tzset()
    sys.argv = build.command
    sys.path.insert(0, str(Path(build.command[0]).parent))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
