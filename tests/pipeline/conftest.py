"""Fixtures of the pipeline tier: an installation of its own for each test of the command line.

Belongs here: fixtures. Not here: what other tests share (the modules in tests/).
"""

import os
from pathlib import Path

import pytest
from command_typing import Typed

from orchestration.command_line.main import run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, and the user stands in an empty folder beside it."""
    for name in [name for name in os.environ if name.startswith("FACTLOG_")]:
        monkeypatch.delenv(name)
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
        said = capfd.readouterr()
        return code, said.out, said.err

    return typed
