"""Which code derived a dataset: the product's version, and the git revision of the project.

Belongs here: finding the version. Not here: what is done with it.
"""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from orchestration.settings import Settings

PRODUCT = Path(__file__).resolve().parents[2]


def code_version(settings: Settings) -> str:
    """Return the version of the code that runs: `0.1.0, project 1f2e3d4c5b6a-dirty`.

    In a clone of the product its own revision stands for its version, and for the project that lies in it.
    """
    product = (_revision(PRODUCT) if (PRODUCT / ".git").exists() else None) or _installed_version()
    project = settings.project
    if project is None or PRODUCT in (project, *project.parents) or (revision := _revision(project)) is None:
        return product
    return f"{product}, project {revision}"


@cache
def _revision(folder: Path) -> str | None:
    """Return the git revision that a folder is at; None where it is in no repository."""
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _installed_version() -> str:
    try:
        return version("factlog")
    except PackageNotFoundError:
        return "unknown"
