"""`factlog dev`: the Dagster UI and its daemon on this machine, with an instance that lives in the home.

Belongs here: preparing that instance, and starting Dagster. Not here: definitions.
"""

import os
import shutil
import socket
import sys
from pathlib import Path

from event_archive import UnusableInput
from event_archive.store.durable import make_durable_folder
from orchestration.settings import Settings

HOST, PORT = "127.0.0.1", "3000"


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


def start(settings: Settings, port: str = PORT) -> None:
    """Become `dagster dev`."""
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UnusableInput(f"port {port}: not a number from 1 to 65535")
    settings.open_archive(may_create=True)
    if is_taken(port):
        raise UnusableInput(
            f"port {port}: in use, perhaps by another `factlog dev`; end that, or name a port by --port"
        )
    prepare_instance(settings)
    if settings.project is not None:
        os.chdir(settings.project)
    print(f"factlog: http://{HOST}:{port} in about 20 seconds; Ctrl-C ends it", flush=True)
    print(f"factlog: drop event files into {settings.inbox}", flush=True)
    dagster = command(settings, port)
    os.execve(dagster[0], dagster, dev_environment(settings))
