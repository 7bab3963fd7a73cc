"""`factlog dev` of a small installation, on a port of its own, ended with every process that it started.

Belongs here: starting it, asking it, ending it. Not here: the installation (`installation`), tests.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

from orchestration.dev import dev_environment
from orchestration.settings import PROJECT, Settings

RUNS = "{ runsOrError { ... on Runs { results { id jobName status tags { key value } } } } }"
STATUS = '{ partitionBackfillOrError(backfillId: "%s") { ... on PartitionBackfill { status } } }'
BACKFILL = """
mutation {
  launchPartitionBackfill(backfillParams: {assetSelection: [%s], partitionNames: %s}) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True)
class Dev:
    """A running `factlog dev`. `told`: the file of what it prints; `log`: that of what Dagster prints."""

    url: str
    told: Path
    log: Path
    session: int

    def ask(self, query: str) -> Any:
        """Run a GraphQL query."""
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def runs(self) -> list[dict[str, Any]]:
        """List the runs, newest first."""
        listed: list[dict[str, Any]] = self.ask(RUNS)["runsOrError"]["results"]
        return listed

    def kill_dbt_and_its_run(self) -> None:
        """Kill the dbt process that runs now, and the run that started it, as a machine that fails does."""
        for member in session_members(self.session):
            words = Path(f"/proc/{member}/cmdline").read_bytes().split(b"\0")
            if b"build" in words and any(word.endswith(b"/dbt") for word in words):
                parent = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()[1]
                os.kill(int(parent), signal.SIGKILL)
                os.kill(member, signal.SIGKILL)
                while {member, int(parent)} & set(session_members(self.session)):
                    time.sleep(0.01)
                return
        raise AssertionError("no dbt process runs")

    def launch_backfill(self, assets: Sequence[str], days: Sequence[str]) -> str:
        """Materialize days of assets as the UI does; gives the backfill's id."""
        selection = ", ".join(f"{{path: {json.dumps(asset.split('/'))}}}" for asset in assets)
        launched = self.ask(BACKFILL % (selection, json.dumps(days)))["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        backfill: str = launched["backfillId"]
        return backfill

    def backfill_status(self, backfill: str) -> str:
        """The status of a backfill."""
        status: str = self.ask(STATUS % backfill)["partitionBackfillOrError"]["status"]
        return status

    def runs_of(self, backfill: str) -> list[dict[str, Any]]:
        """List the runs that a backfill started."""
        return [run for run in self.runs() if {"key": "dagster/backfill", "value": backfill} in run["tags"]]


@contextmanager
def dagster_dev(settings: Settings, *, ready_within: float = 120) -> Iterator[Dev]:
    """Run `factlog dev` on a free port, until it serves; its processes end with the block."""
    port = free_port()
    environment = dev_environment(settings)
    environment["PYTHONPATH"] = f"{PROJECT}{os.pathsep}{environment.get('PYTHONPATH', '')}"
    started = [str(Path(sys.executable).with_name("factlog")), "dev", "--no-browser", "--port", port]
    served = serving(
        started, port, settings.home, where=PROJECT, environment=environment, within=ready_within
    )
    with served as dev:
        yield dev


def free_port() -> str:
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@contextmanager
def serving(
    started: Sequence[str],
    port: str,
    home: Path,
    *,
    where: Path,
    environment: Mapping[str, str],
    within: float = 120,
) -> Iterator[Dev]:
    """Run `factlog dev` in a home, until it serves; its processes end with the block."""
    told = home / "told-by-dev.txt"
    with told.open("wb") as output:
        process = subprocess.Popen(
            started,
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    dev = Dev(f"http://127.0.0.1:{port}", told, home / "dagster" / "dev.log", process.pid)
    try:
        wait_until_served(dev, process, within)
        yield dev
    finally:
        end(process)


def wait_until_served(dev: Dev, process: "subprocess.Popen[bytes]", within: float) -> None:
    """Wait until the code location is loaded and the sensors run."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        assert process.poll() is None, f"factlog dev ended with {process.returncode}:\n{tail(dev.told)}"
        try:
            locations = dev.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
            if locations["repositoriesOrError"].get("nodes"):
                return
        except (URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    raise AssertionError(f"factlog dev did not serve within {within} s:\n{tail(dev.log)}")


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
    running = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session:
            running.append(int(status.parent.name))
    return running


def tail(log: Path, at_most: int = 8000) -> str:
    """Show the end of a log."""
    return log.read_text(errors="replace")[-at_most:]
