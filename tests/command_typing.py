"""Typing `factlog` commands in tests: what is landed, and running them in a real shell.

Belongs here: what the tests of the command line share. Not here: fixtures (`pipeline/conftest.py`) and tests.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).parents[1]
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


def good_and_bad() -> str:
    return write(RATED, RATED | {"id": "a-2", "data": {"customer_id": "cus_1", "score": 11, "comment": None}})


def in_a_shell(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run what only a real process shows; the command on the path is that of these tests."""
    command = f"'{sys.executable}' -c 'from orchestration.command_line import main; main()'"
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "FACTLOG_HOME": str(home)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'factlog() {{ {command} "$@"; }}; {script}'],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
