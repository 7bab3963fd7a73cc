"""Whether what is installed is what was locked.

Belongs here: comparing versions, with the lock file of a clone or with what the wheel asks for. Not here:
installing (`make setup`).
"""

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path

from event_archive.wording import format_count
from orchestration.health.examined import WELL, WRONG, Examined
from orchestration.settings import PROJECT

LOCK = PROJECT / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)( *;)?", re.MULTILINE)
LEAST_PYTHON = (3, 11)
SHOWN = 5
INSTALL = "install factlog anew (a clone: make setup)"


def of_python() -> Iterator[Examined]:
    """Whether this Python is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        yield Examined("python", WRONG, f"{found} at {sys.executable}", "install Python 3.11 or newer")
    else:
        yield Examined("python", WELL, f"{found} at {sys.executable}")


def of_packages(lock: Path = LOCK) -> Iterator[Examined]:
    """Whether each package has the version that was locked."""
    installed = {normal(found.metadata["Name"]): found.version for found in distributions()}
    wrong = differences(locked_versions(lock), installed)
    if wrong:
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        yield Examined("packages", WRONG, "; ".join(wrong[:SHOWN]) + more, INSTALL)
    else:
        yield Examined("packages", WELL, f"{format_count(len(installed), 'package')}, as they were locked")


def locked_versions(lock: Path) -> Mapping[str, str]:
    """The versions that are asked for exactly and everywhere: of the lock file, else of the wheel."""
    if lock.is_file():
        text = lock.read_text(encoding="utf-8")
    else:
        try:
            text = "\n".join(requires("factlog") or [])
        except PackageNotFoundError:
            text = ""
    return {
        normal(name): version for name, version, only_somewhere in PINNED.findall(text) if not only_somewhere
    }


def differences(locked: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """A few words for each package that is not there, or is another."""
    return [
        f"{name} is {installed[name]}, not {version}" if name in installed else f"{name} {version} is missing"
        for name, version in sorted(locked.items())
        if installed.get(name) != version
    ]


def normal(name: str) -> str:
    """The name of a package as packages are compared: `Ruamel.Yaml` is `ruamel-yaml`."""
    return re.sub(r"[-_.]+", "-", name).lower()
