"""A DuckDB file that another process has open.

Belongs here: that process, which takes no lock of factlog's: a dbt that is run by hand. Not here: processes
of factlog itself (`crash`, `daemon`).
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OTHER_PROCESS = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reading")
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def open_in_another_process(database: Path, purpose: str) -> Iterator[None]:
    """Another process has a DuckDB file open for `reading` or `writing`, and takes no lock of ours."""
    command = [sys.executable, "-c", OTHER_PROCESS, str(database), purpose]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield
        process.communicate()
