"""Typing `factlog` commands in tests: an installation of one's own, what is landed, a real shell.

Belongs here: what the tests of the command line share; `conftest.py` names the fixtures. Not here: tests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.command_line.main import run
from orchestration.settings import Settings

PROJECT = Path(__file__).parents[2]
RATED = {
    "specversion": "1.0",
    "id": "a-1",
    "source": "/trial",
    "type": "translation.rated.v1",
    "time": "2026-02-01T10:00:00Z",
    "actor": "customer/cus_1",
    "object": "translation/trn_1",
    "data": {"customer_id": "cus_1", "score": 5, "comment": None},
}
Typed = Callable[..., tuple[int, str, str]]


def write(*records: object, name: str = "events.ndjson") -> str:
    Path(name).write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return name


def begin_archive() -> None:
    """Begin an archive in the home, in which nothing has landed."""
    Settings.from_environment().open_archive(may_create=True)


def good_and_bad() -> str:
    return write(RATED, RATED | {"id": "a-2", "data": {"customer_id": "cus_1", "score": 11, "comment": None}})


def in_a_shell(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run what only a real process shows; the command on the path is that of these tests."""
    command = f"'{sys.executable}' -c 'from orchestration.command_line import main; main()'"
    project = {"FACTLOG_PROJECT": str(PROJECT), "FACTLOG_HOME": str(home)}
    environment = os.environ | project | {"PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'factlog() {{ {command} "$@"; }}; {script}'],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, and the user stands in an empty folder beside it."""
    for name in [name for name in os.environ if name.startswith("FACTLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACTLOG_PROJECT", str(PROJECT))
    monkeypatch.setenv("FACTLOG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


@pytest.fixture
def factlog(home: Path, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Type a command: exit code, standard output, standard error."""

    def typed(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return typed
