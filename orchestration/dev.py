"""`factlog dev`: the Dagster UI and its daemon on this machine, with an instance that lives in the home.

Belongs here: preparing that instance; starting Dagster's processes, waiting for the UI, ending them.
Not here: definitions, and what a person is told meanwhile (`dev_news`).
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder
from orchestration.settings import Settings

HOST, PORT = "127.0.0.1", "3000"
ANSWERS_WITHIN, ENDS_WITHIN = 30, 75
CLASS = re.compile(r"^(?:\w+\.)+\w+: ")
LOCATIONS = """{ workspaceOrError { __typename
  ... on PythonError { message }
  ... on Workspace { locationEntries { locationOrLoadError { __typename
    ... on PythonError { message causes { message } } } } } } }"""


def prepare_instance(settings: Settings) -> Path:
    """Make the folders of an installation and the instance's configuration; returns DAGSTER_HOME."""
    for folder in (settings.inbox, settings.dagster_home):
        make_durable_folder(folder)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), settings.dagster_home / "dagster.yaml")
    return settings.dagster_home


def command(settings: Settings, port: str = PORT, *, log_level: str = "warning") -> list[str]:
    """Return the command that runs the UI, the daemon and the code location: the project's own workspace.

    At level info the daemon logs every five seconds that there is nothing to do.
    """
    dagster = Path(sys.executable).with_name("dagster")
    workspace = (settings.project or Path()) / "workspace.yaml"
    location = ["-w", str(workspace)] if workspace.is_file() else ["-m", "orchestration.definitions"]
    python = [sys.executable, "-W", "ignore:Function `dev_command` is superseded"]
    return [*python, str(dagster), "dev", *location, "-h", HOST, "-p", port, "--log-level", log_level]


def dev_environment(settings: Settings) -> dict[str, str]:
    """Return Dagster's environment; what is installed beside this Python comes first on the path."""
    environment = settings.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return environment


def is_taken(port: str) -> bool:
    """Whether something answers on a port already."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, int(port))) == 0


def url(port: str) -> str:
    """The address of the UI."""
    return f"http://{HOST}:{port}"


def log_file(settings: Settings) -> Path:
    """Where everything goes that Dagster's processes print; that of the start before lies beside it."""
    return settings.dagster_home / "dev.log"


def prepare(settings: Settings, port: str) -> None:
    """Make what Dagster needs; raises UnusableInput where it could not start."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise UnusableInput(f"port {port}: not a number from 1 to 65535")
    settings.open_archive(may_create=True)
    if is_taken(port):
        raise UnusableInput(
            f"port {port}: in use, perhaps by another `factlog dev`; end that, or name a port by --port"
        )
    prepare_instance(settings)
    log = log_file(settings)
    with suppress(FileNotFoundError):
        log.replace(log.with_name("dev.log.1"))


@contextmanager
def dagster(settings: Settings, port: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Dagster's processes, in a group of their own; they end with the block, each run with them."""
    with log_file(settings).open("ab") as log:
        process = subprocess.Popen(
            command(settings, port),
            cwd=settings.project,
            env=dev_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End Dagster as Ctrl-C does, by a signal to all of its processes; what does not end is killed."""
    try:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=ENDS_WITHIN)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_it_serves(process: "subprocess.Popen[bytes]", settings: Settings, port: str) -> str:
    """Wait for the UI; gives why the project could not be loaded, where it could not.

    Raises UnusableInput where Dagster has ended.
    """
    while True:
        with suppress(OSError):
            return why_not_loaded(ask(port, LOCATIONS)["workspaceOrError"])
        require_running(process, settings)
        time.sleep(0.2)


def require_running(process: "subprocess.Popen[bytes]", settings: Settings) -> None:
    """Raise UnusableInput where Dagster has ended by itself."""
    if process.poll() is not None:
        said = f"what it said is in {log_file(settings)}"
        raise UnusableInput(f"Dagster has ended by itself, with exit code {process.returncode}; {said}")


def ask(port: str, query: str) -> Any:
    """The answer of Dagster's GraphQL to a query; raises OSError where nothing answers."""
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{url(port)}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN) as answer:
        return json.load(answer)["data"]


def why_not_loaded(workspace: Any) -> str:
    """Why Dagster has no definitions of the project, by its answer; nothing where it has them."""
    entries = [entry["locationOrLoadError"] or {} for entry in workspace.get("locationEntries", [])]
    for error in [workspace, *entries]:
        if error.get("__typename") == "PythonError":
            causes = [cause["message"] for cause in error.get("causes") or []]
            return first_line([error["message"], *causes][-1])
    return ""


def first_line(text: str) -> str:
    """The first line of an error that says something, without the name of its class."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return CLASS.sub("", line)
