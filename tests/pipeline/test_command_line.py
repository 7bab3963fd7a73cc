"""The `factlog` command as such: help, unusable input in one line, pipes.

Belongs here: what holds for every command. Not here: what single commands report (`test_commands`).
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.command_line.main import COMMANDS
from support.command_typing import PROJECT, RATED, Typed, begin_archive, in_a_shell, write


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_explains_with_an_example(factlog: Typed, command: list[str]) -> None:
    code, out, err = factlog(*command, "--help")
    assert (code, err) == (0, "")
    assert re.search(r"Examples?:|Start with:", out)
    assert max(map(len, out.splitlines())) <= 100


def test_help_without_a_command_where_there_is_no_project(
    factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACTLOG_PROJECT")
    monkeypatch.delenv("FACTLOG_HOME")
    code, out, err = factlog()
    assert (code, err) == (0, "")
    assert all(f"  {name} " in out for name in COMMANDS)


def test_help_waits_for_nothing_heavy() -> None:
    script = (
        "import sys; from orchestration.command_line.main import run; run(['--help']);"
        "sys.exit(', '.join({'dagster', 'dbt', 'polars', 'duckdb', 'pyarrow'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["land"],
        ["land", "no-such-file.ndjson"],
        ["land", "--contracts", "no-such-folder", "."],
        ["land", "--contracts", "broken", "."],
        ["land", "--mapping", "no-such-file.yaml", "events.ndjson"],
        ["land", "--mapping", "broken/a.b.v1.yaml", "events.ndjson"],
        ["log", "--limit", "0"],
        ["log", "--no-such-option"],
        ["clean", "--older-than", "soon"],
        ["contracts", "show", "no.such.v1"],
        ["contracts", "list", "--contracts", "broken"],
        ["quarantine", "show"],
        ["quarantine", "show", "99", "--position", "1"],
        ["published", "serve", "7"],
        ["query", "SELECT 1"],
        ["query", "SELECT 1", "--contracts", "broken"],
        ["query", "--archive", "SELEC 1"],
        ["query", "--archive", "SELECT no_such_column FROM events.all_events"],
        ["query", "--archive", "COPY (SELECT 1) TO 'out.csv'"],
        ["query", "--archive", "SELECT 1; SELECT 2"],
        ["query", "--archive", ""],
        ["query", "--archive", "FROM read_csv('/etc/passwd')"],
    ],
    ids=" ".join,
)
def test_unusable_input_is_one_line(factlog: Typed, arguments: list[str]) -> None:
    write(RATED)
    Path("broken").mkdir()
    Path("broken/a.b.v1.yaml").write_text("type: a.b.v1\nrevision: [")
    code, out, err = factlog(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"factlog: \S.*\n", err)


@pytest.mark.parametrize("command", ["land events.ndjson", "log", "verify", "inbox", "refresh", "demo"])
def test_home_that_is_no_folder(home: Path, factlog: Typed, command: str) -> None:
    write(RATED)
    home.write_text("this is a file")
    code, _, err = factlog(*command.split())
    assert code == 2
    assert re.fullmatch(r"factlog: .*home.*\n", err)


@pytest.mark.parametrize(
    "setting", ["FACTLOG_MEMORY=lots", "FACTLOG_CONTRACTS=/nowhere", "FACTLOG_THREADS=0"]
)
def test_setting_that_is_none(factlog: Typed, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv(*setting.split("="))
    code, _, err = factlog("log")
    assert code == 2
    assert re.fullmatch(rf"factlog: {setting}: .*\n", err)


def test_closed_pipe_is_silent(home: Path) -> None:
    begin_archive()
    done = in_a_shell(
        "factlog contracts | head -n 1; factlog query --archive 'FROM range(300000)' --csv | head -n 1",
        home,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_piped_output_is_plain(home: Path) -> None:
    done = in_a_shell("factlog contracts", home)
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110
