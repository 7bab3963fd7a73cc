"""Starting: the CPU time of a command that says what its help, the log or a manifest says.

Belongs here: what is typed, and how it is measured. Not here: which modules may be imported, which
`tests/unit/command_line/test_start_up.py` holds. A bare Python that imports click is measured in turns with
them: a command starts by no less.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.measurement import Measurement
from benchmarks.refreshing import FACTLOG

BARE = (sys.executable, "-c", "import click")
TYPED = ("published --help", "land --help", "log", "published", "quarantine list", "contracts list")
ROUNDS = 5


def starting(folder: Path) -> list[Measurement]:
    """Measure what commands of a new project cost, against a bare start."""
    project = folder / "started"
    _run([*FACTLOG, "init", str(project)], folder)
    refused = folder / "refused.ndjson"
    refused.write_text(json.dumps({"nonsense": 1}) + "\n")
    _run([*FACTLOG, "land", "events", "--quarantine-anyway", str(refused)], project)
    measured = []
    for typed in TYPED:
        pairs = [(_cpu([*FACTLOG, *typed.split()], project), _cpu(BARE, project)) for _ in range(ROUNDS)]
        command, bare = (min(spent) for spent in zip(*pairs, strict=True))
        figures = f"{command:.2f} s of CPU, a bare start with click {bare:.2f} s"
        measured.append(Measurement(f"`factlog {typed}` / a bare start", command / bare, "<=", 8, figures))
    return measured


def _run(typed: list[str], folder: Path) -> None:
    subprocess.run(typed, cwd=folder, check=True, capture_output=True)


def _cpu(typed: list[str] | tuple[str, ...], folder: Path) -> float:
    """How much CPU time a process takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(typed, cwd=folder, check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
