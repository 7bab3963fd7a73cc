"""Starting: the CPU time of a command that says what its help, the log or a manifest says.

Belongs here: what is typed, and how it is measured. Not here: which modules may be imported, which
`tests/unit/command_line/test_start_up.py` holds. A bare Python that imports click is measured in turns with
them: a command starts by no less.
"""

import json
import sys
from pathlib import Path

from benchmarks.measurement import Measurement
from benchmarks.processes import FACTLOG, spent

BARE = (sys.executable, "-c", "import click")
TYPED = ("published --help", "land --help", "log", "published", "quarantine list", "contracts list")
ROUNDS = 5


def starting(folder: Path) -> list[Measurement]:
    """Measure what commands of a new project cost, against a bare start."""
    project = folder / "started"
    spent([*FACTLOG, "init", str(project)], folder)
    refused = folder / "refused.ndjson"
    refused.write_text(json.dumps({"nonsense": 1}) + "\n")
    spent([*FACTLOG, "land", "events", "--quarantine-anyway", str(refused)], project)
    measured = []
    for typed in TYPED:
        pairs = [
            (spent([*FACTLOG, *typed.split()], project).cpu, spent(BARE, project).cpu) for _ in range(ROUNDS)
        ]
        command, bare = (min(taken) for taken in zip(*pairs, strict=True))
        figures = f"{command:.2f} s of CPU, a bare start with click {bare:.2f} s"
        measured.append(Measurement(f"`factlog {typed}` / a bare start", command / bare, "<=", 8, figures))
    return measured
