"""factlog as a company has it: the built wheel in an environment of its own, and no clone anywhere near.

Belongs here: building the wheel and installing it. Not here: what is done with it (`pipeline/test_wheel.py`).

The packages that factlog depends on are those of the running environment, put on the new one's path: they
are locked, and installing all of them again would cost minutes and prove nothing of factlog. Its dbt starts
at once (`forked_dbt`).
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

from orchestration.settings import PROJECT
from support.forked_dbt import LINUX, put_forked_dbt

BUILT_FROM = (
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "dbt_project",
    "event_archive",
    "examples",
    "orchestration",
)
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "var", "target", "logs", "dbt_packages", "*.egg-info")
PROGRAMS = ("dagster", "dagster-daemon", "dagster-webserver", "dbt", "pytest")


@dataclass(frozen=True)
class InstalledWheel:
    """An environment that factlog is installed in."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of whoever has activated it, and knows of no clone."""
        others = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FACTLOG_", "DAGSTER", "PYTHON", "PYTEST"))
        }
        path = f"{self.folder / 'bin'}{os.pathsep}{os.defpath}"
        return others | {"PATH": path, "COLUMNS": "110", "LC_ALL": "C.UTF-8"}

    def run(self, script: str, where: Path) -> subprocess.CompletedProcess[str]:
        """Run a script of the shell in a folder."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=where,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )


def install_wheel(folder: Path) -> InstalledWheel:
    """Build the wheel from a copy of the project, and install it into an empty environment."""
    for name in BUILT_FROM:
        path = PROJECT / name
        copy = folder / "clone" / name
        copy.parent.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, copy, ignore=LEFT_BEHIND, symlinks=True)
        else:
            shutil.copy(path, copy)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*pip, *built, str(folder / "clone")], check=True)
    shutil.rmtree(folder / "clone")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    (wheel,) = folder.glob("factlog-*.whl")
    installed = ["--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, *installed], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # Lines of a .pth file are put on the path as they are: what is installed for editing there is not.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    for name in PROGRAMS:
        program = Path(sys.executable).with_name(name).read_text().splitlines(keepends=True)
        (environment / "bin" / name).write_text("".join([f"#!{python}\n", *program[1:]]))
        (environment / "bin" / name).chmod(0o755)
    if sys.platform == LINUX:
        put_forked_dbt(python, environment / "bin" / "dbt")
    return InstalledWheel(environment)
