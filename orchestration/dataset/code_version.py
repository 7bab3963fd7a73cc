"""Which code derived a dataset: the git revision where there is one, else the package's version.

Belongs here: finding the version. Not here: what is done with it.
"""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from orchestration.settings import PROJECT


@cache
def code_version() -> str:
    """Return the version of the code that runs, such as `1f2e3d4c5b6a` or `1f2e3d4c5b6a-dirty`."""
    if (PROJECT / ".git").exists():
        command = ["git", "-C", str(PROJECT), "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=10
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    try:
        return version("factlog")
    except PackageNotFoundError:
        return "unknown"
