"""A dbt that is in the middle of something until it is released, and what processes there are meanwhile.

Belongs here: starting, finding, releasing it. Not here: what has to hold then (`pipeline/test_dbt_server`).
"""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from orchestration.dbt import process, serving
from orchestration.settings import Settings

MACRO = """
{% macro hold(pipe) %}{% do run_query("from read_csv('" ~ pipe ~ "')") %}{% endmacro %}
"""
WITHIN = 60.0


class HeldDbt:
    """A dbt that is in the middle of something, until it is released."""

    def __init__(self, home: Settings, lock: int | None = None) -> None:
        self.pipe = home.home / "pipe.csv"
        self.pipe.unlink(missing_ok=True)
        os.mkfifo(self.pipe)
        command = serving.dbt_command(home, process.dbt_executable())
        self.client = subprocess.Popen(
            [*command, "--quiet", "run-operation", "hold", "--args", f"{{pipe: {self.pipe}}}"],
            cwd=home.dbt_project,
            env={
                **home.environment(),
                "DBT_TARGET_PATH": str(home.dbt_target),
                "DBT_LOG_PATH": str(home.home),
            },
            pass_fds=[] if lock is None else [lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> "HeldDbt":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.kill()

    def attendant_and_dbt(self, server: int) -> tuple[int, int]:
        """The two forks of the server, once there are both."""
        forks: list[tuple[int, int]] = []

        def are_there() -> bool:
            forks.extend((fork, dbt) for fork in children(server) for dbt in children(fork))
            return bool(forks)

        wait_for(are_there)
        return forks[0]

    def release(self) -> int:
        """Let it end, and return how it ended."""
        self.pipe.write_text("a,b\n1,2\n")
        return self.ended()

    def ended(self) -> int:
        """Wait for its end; whatever it printed has to come to an end with it."""
        printed, _ = self.client.communicate(timeout=WITHIN)
        assert b"Traceback" not in printed
        return self.client.returncode


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stat_of(process_id: int) -> list[str]:
    return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()


def command_line(process_id: int) -> bytes:
    """What a process was started as."""
    return Path(f"/proc/{process_id}/cmdline").read_bytes()


def is_running(process_id: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return stat_of(process_id)[0] != "Z"
    return False


def children(process_id: int) -> list[int]:
    """The processes that another has started, and that run."""
    with suppress(FileNotFoundError, ProcessLookupError):
        listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
        return [int(child) for child in listed if is_running(int(child))]
    return []


def has_built(server: int) -> bool:
    """Whether what a server has forked used a fifth of a second of CPU: less than any dbt."""
    _, _, *times = stat_of(server)[11:15]
    return sum(map(int, times)) > 20
