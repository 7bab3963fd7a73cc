"""The server of dbt, from outside: where it is found, what it has to be like, and keeping one running.

Belongs here: what whoever starts dbt has to know of it. Not here: the server (`warehouse.dbt_server`), and
the program that asks it (`served_dbt`).

The server has imported dbt, and is forked for each build; nothing else stays in it. It lies in the home, in a
folder that only its user can enter. Whoever starts dbt says what its own dbt would be like: which Python,
packages and code, in which surroundings. A server that differs in anything is not asked.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from event_archive.store.durable import make_durable_folder
from orchestration.dbt import served_dbt
from orchestration.settings import DBT_FOLDER, Settings

LINUX = "linux"
SERVER = "orchestration.warehouse.dbt_server"
PRODUCT = Path(__file__).parents[2]
CODE = ("event_archive", "orchestration")
# What Python and its libraries read when they start; all else a build gets from whoever asks for it.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OMP_", "OPENBLAS_", "TZ")
SET_BY_SERVER = "PYTHONUNBUFFERED"
LIMITS = [name for name in dir(resource) if name.startswith("RLIMIT_")]
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
RETRY_SECONDS = 30


def dbt_command(settings: Settings, dbt: str) -> list[str]:
    """The command that runs a dbt: through the server of the home, where there is one that it could be."""
    if sys.platform == LINUX and Path(dbt).parent == Path(sys.executable).parent:
        folder = server_folder(settings)
        with suppress(OSError):
            if (folder / served_dbt.SOCKET).exists():
                return [sys.executable, "-IS", served_dbt.__file__, str(folder), identity(), dbt]
    return [dbt]


def server_folder(settings: Settings) -> Path:
    """The folder of the server's socket."""
    return settings.home / DBT_FOLDER / "server"


def identity() -> str:
    """A digest of what a dbt that this process starts would be like, but for what can be handed to it."""
    status = Path("/proc/self/status").read_text()
    limits = {name: resource.getrlimit(getattr(resource, name))[0] for name in LIMITS}
    root = Path("/").stat()
    inputs = [
        [sys.executable, sys.version, list(code_states())],
        {name: value for name, value in sorted(os.environ.items()) if is_read_at_start(name)},
        [os.geteuid(), os.getegid(), sorted(os.getgroups()), [root.st_dev, root.st_ino]],
        [str(Path("/proc/self/ns", name).readlink()) for name in NAMESPACES],
        [line for line in status.splitlines() if line.startswith(("Umask", "Cap", "Seccomp", "NoNewPrivs"))],
        [limits, os.getpriority(os.PRIO_PROCESS, 0), sorted(os.sched_getaffinity(0))],
    ]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def is_read_at_start(name: str) -> bool:
    """Whether a Python reads a variable of the environment when it starts, and not again."""
    return name.startswith(READ_AT_START) and name != SET_BY_SERVER


def code_states() -> Iterator[list[object]]:
    """What is installed, and the files of the product: each with what changes when it is written."""
    for folder in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.endswith((".dist-info", ".pth")):
                yield [entry.path, entry.stat().st_mtime_ns]
    for code in CODE:
        for folder, _, names in sorted(os.walk(PRODUCT / code)):
            for name in sorted(names):
                if name.endswith(".py"):
                    state = Path(folder, name).stat()
                    yield [folder, name, state.st_size, state.st_mtime_ns, state.st_ino]


class ServerKeeper:
    """Keeps a server of dbt running for a home, for as long as this process runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._next_start = 0.0

    def keep(self) -> None:
        """Start the server where it does not run; it is never an error that there is none.

        One that has ended was killed, is of other code than lies there now, or found that another process
        keeps one for this home: it is started again after a while.
        """
        if sys.platform != LINUX or (self.process is not None and self.process.poll() is None):
            return
        if time.monotonic() < self._next_start:
            return
        self._next_start = time.monotonic() + RETRY_SECONDS
        with suppress(OSError):
            self.process = start_server(server_folder(self._settings))


def start_server(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a server with its socket in a folder, which is made; it ends with this process."""
    make_durable_folder(folder)
    folder.chmod(0o700)
    # In a group of its own: Ctrl-C is for whoever waits for a build. -P: nothing is imported from its folder.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", SERVER, str(folder), str(os.getpid()), identity()],
        cwd="/",
        env={**os.environ, SET_BY_SERVER: "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )
