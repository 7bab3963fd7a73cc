"""What a command waits for before it does anything: the modules that `--help` and reports of the log import.

Belongs here: which heavy modules are absent. Not here: how long a start takes (`benchmarks.starting`).
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from orchestration.command_line.main import factlog
from support.installation import land_events, landed

HEAVY = {"dagster", "dbt", "duckdb", "fastavro", "google", "jinja2", "numpy", "polars", "pyarrow", "sqlfmt"}
HEAVY |= {"sqlglot", "grpc_tools"}
TYPED = """
import sys
from orchestration.command_line.main import run
for command in sys.argv[2:]:
    before = {*sys.modules}
    code = run(command.split())
    for name in {*sys.argv[1].split(",")} & ({*sys.modules} - before):
        print(f"imported {name} by: {command}", file=sys.stderr)
    if code:
        print(f"exit code {code} of: {command}", file=sys.stderr)
"""
FROM_THE_LOG = [
    "status",
    "log",
    "published",
    "corrections",
    "contracts list",
    "contracts show note.written.v1",
]


def commands(command: click.Command, *path: str) -> list[str]:
    """Every command and group of commands, as it is typed."""
    below = []
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            below += commands(subcommand, *path, name)
    return [" ".join(path), *below]


def imports(*typed: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Which heavy modules a process imports that runs these commands one after the other, and for which."""
    process = [sys.executable, "-c", TYPED, ",".join(sorted(HEAVY)), *typed]
    done = subprocess.run(process, capture_output=True, text=True, env=environment, check=True)
    return [line for line in done.stderr.splitlines() if line.startswith(("imported ", "exit code"))]


def test_help_waits_for_no_engine() -> None:
    every = [f"{command} --help" for command in commands(factlog)]
    assert len(every) > 30
    assert imports(*every) == []


def test_what_the_log_contracts_and_manifests_say_waits_for_no_engine(tmp_path: Path) -> None:
    assert imports(*FROM_THE_LOG, environment=landed(tmp_path).environment()) == []


def test_the_quarantine_waits_for_no_engine_but_the_one_that_reads_it(tmp_path: Path) -> None:
    settings = landed(tmp_path)
    land_events(settings, [{"nonsense": 1}])
    listed = imports("quarantine list", environment=settings.environment())
    assert listed == ["imported duckdb by: quarantine list"]
