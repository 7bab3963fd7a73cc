"""Commands as people type them, each in a process of its own, and what they take of the machine.

Belongs here: running the product's command and a bare dbt, and counting what their processes take.
Not here: what is measured by it (a module per benchmark), and work within this process (`measurement`).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestration.dbt import served_dbt
from orchestration.dbt.process import dbt_executable
from orchestration.dbt.serving import server_folder, start_server
from orchestration.settings import Settings

Server = subprocess.Popen[bytes] | None
"""A server of dbt that works for a command, if one does."""
FACTLOG = [sys.executable, "-c", "from orchestration.command_line import main; main()"]
TICKS = os.sysconf("SC_CLK_TCK")
REAPED_AFTER = 0.2  # seconds until a server knows what its last fork took


@dataclass(frozen=True)
class Spent:
    """What a process and its children took; `cpu`: seconds of the processor; `peak`: gigabytes of memory."""

    seconds: float
    cpu: float
    peak: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.cpu:.1f} s of CPU)"


def spent(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    server: Server = None,
) -> Spent:
    """Run a command to its end, in a folder; SystemExit where it fails. `server`: what works for it."""
    before, started = taken_by(server), time.perf_counter()  # in this order: asking waits a moment
    with subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{command[1:]} failed in {folder}; try it there")
    return Spent(seconds, usage.ru_utime + usage.ru_stime + taken_by(server) - before, usage.ru_maxrss / 1e6)


def spent_on_company(command: Sequence[str], settings: Settings, server: Server = None) -> Spent:
    """Run a command on an installation of the example company."""
    return spent(command, settings.dbt_project.parent, settings.environment(), server=server)


def bare_dbt(settings: Settings, command: str) -> list[str]:
    """The command of dbt itself, on all models from nothing."""
    words = [dbt_executable(), "--quiet", command, "--full-refresh"]
    words += ["--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project)]
    return [*words, "--target-path", str(settings.dbt_target), "--log-path", str(settings.dbt_target)]


@contextmanager
def dbt_server(settings: Settings) -> Iterator[Server]:
    """Keep a server of dbt for an installation, as its daemon does.

    What is asked of it has to run in this process's environment, or plain dbt answers.
    """
    with start_server(server_folder(settings)) as server:
        try:
            while not (server_folder(settings) / served_dbt.SOCKET).exists():
                time.sleep(REAPED_AFTER)
            yield server
        finally:
            server.kill()


def taken_by(server: Server) -> float:
    """The seconds of the processor that a process and those of its children that ended have taken."""
    if server is None:
        return 0.0
    time.sleep(REAPED_AFTER)
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICKS
