"""`dagster dev` of a small installation, on a port of its own, ended with every process that it started.

Belongs here: starting it, asking it, ending it. Not here: the installation (`installation`), tests.
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

from orchestration.dev import command, dev_environment, prepare_instance
from orchestration.settings import PROJECT, Settings


@dataclass(frozen=True)
class Dev:
    """A running `dagster dev`."""

    url: str
    log: Path

    def ask(self, query: str) -> Any:
        """Run a GraphQL query."""
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]


@contextmanager
def dagster_dev(settings: Settings, *, ready_within: float = 120) -> Iterator[Dev]:
    """Run `make dev`'s command on a free port, until it serves; its processes end with the block."""
    prepare_instance(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = settings.home / "dagster-dev.log"
    environment = dev_environment(settings)
    environment["PYTHONPATH"] = f"{PROJECT}{os.pathsep}{environment.get('PYTHONPATH', '')}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(port, log_level="info"),
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    dev = Dev(f"http://127.0.0.1:{port}", log)
    try:
        wait_until_served(dev, process, ready_within)
        yield dev
    finally:
        end(process)


def wait_until_served(dev: Dev, process: "subprocess.Popen[bytes]", within: float) -> None:
    """Wait until the code location is loaded and the sensors run."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        assert process.poll() is None, f"dagster dev ended with {process.returncode}:\n{tail(dev.log)}"
        try:
            locations = dev.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
            if locations["repositoriesOrError"].get("nodes"):
                return
        except (URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    raise AssertionError(f"dagster dev did not serve within {within} s:\n{tail(dev.log)}")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and whatever it started: Dagster first by itself, then the rest of its session."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    for member in session_members(process.pid):
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    process.wait(timeout=20)


def session_members(session: int) -> list[int]:
    """List the processes of a session, by what the kernel says of each."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session:
            found.append(int(status.parent.name))
    return found


def tail(log: Path, at_most: int = 8000) -> str:
    """Show the end of a log."""
    return log.read_text(errors="replace")[-at_most:]
