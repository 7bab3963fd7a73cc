"""`make dev`: the Dagster UI and its daemon on this machine, with an instance that lives under FACTLOG_HOME.

Belongs here: preparing that instance, and starting Dagster. Not here: definitions.
"""

import os
import shutil
import sys
from pathlib import Path

from event_archive.errors import UnusableInput
from orchestration.settings import PROJECT, Settings

HOST, PORT = "127.0.0.1", "3000"


def prepare_instance(settings: Settings) -> Path:
    """Make the folders of an installation, and lay the instance's configuration down; gives DAGSTER_HOME."""
    for folder in (settings.inbox, settings.dagster_home):
        folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), settings.dagster_home / "dagster.yaml")
    return settings.dagster_home


def command(port: str = PORT) -> list[str]:
    """Word the command that runs the UI, the daemon and the code location."""
    dagster = Path(sys.executable).with_name("dagster")
    workspace = PROJECT / "workspace.yaml"
    return [str(dagster), "dev", "-w", str(workspace), "-h", HOST, "-p", port]


def main() -> None:
    """Become `dagster dev`."""
    try:
        settings = Settings.from_environment()
        settings.open_archive()
    except UnusableInput as error:
        sys.exit(f"factlog: {error}")
    prepare_instance(settings)
    os.chdir(PROJECT)
    environment = settings.environment()
    # Dagster starts processes by name: what is installed beside this Python comes first.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    print(
        f"factlog: http://{HOST}:{PORT} (drop event files into {settings.inbox}; Ctrl-C ends it)", flush=True
    )
    os.execve(command()[0], command(), environment)


if __name__ == "__main__":
    main()
