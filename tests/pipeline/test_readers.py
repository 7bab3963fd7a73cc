"""Readers while versions are published: each query is answered, by one whole version.

Belongs here: many readers with connections of their own, and a publisher, at the same time. What is published
is written without dbt: what matters is the switch.
"""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from event_archive.engine import open_engine
from event_archive.sql_text import literal
from event_archive.store.durable import file_digest, move_into_place
from orchestration.dataset.versions import SERVED, VERSIONS, Version, served_version, versions
from orchestration.publishing.retention import remove_old_versions
from orchestration.publishing.serving import serve
from orchestration.setting_values import Retention
from orchestration.settings import Settings

READERS, PUBLISHED, ROWS = 50, 30, 2000
# Forks the readers, each of which opens the file anew for each query, as a process of its own does: within
# one, DuckDB answers a second connection from the first. A line says how many queries each has made, and
# which versions it saw.
READING = """
import os, random, sys, time, duckdb
file, end, readers, rows = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
COUNTS = "SELECT n, count(*) FROM (SELECT n FROM first UNION ALL SELECT n FROM second) GROUP BY n"
def read():
    seen, count = [], 0
    while not os.path.exists(end) and count < 1000:  # not for ever, if nobody is there to end it
        with duckdb.connect(file, read_only=True, config={"threads": 1}) as connection:
            answer = connection.execute(COUNTS).fetchall()
        assert [counted for _, counted in answer] == [2 * rows], answer
        seen, count = seen + [n for n, _ in answer if n not in seen[-1:]], count + 1
        if count == 1:
            os.write(1, b"reads\\n")
        time.sleep(random.uniform(0, 0.4))
    assert seen == sorted(seen), seen
    os.write(1, f"{count} {' '.join(map(str, seen))}\\n".encode())
children = []
for _ in range(readers):
    child = os.fork()
    if child == 0:
        try:
            read()
            os._exit(0)
        finally:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def write_version(folder: Path, number: int) -> Path:
    """Write the file of a version whose tables all say its number."""
    unfinished = folder / f"{number}.duckdb"
    with closing(open_engine()) as connection:
        connection.execute(f"ATTACH {literal(str(unfinished))} AS reporting (STORAGE_VERSION 'v1.4.0')")
        for table in ("first", "second"):
            connection.execute(f"CREATE TABLE reporting.{table} AS SELECT {number} AS n FROM range({ROWS})")
    return unfinished


def complete_version(settings: Settings, unfinished: Path) -> Version:
    """Let a version exist, as publishing does."""
    number = int(unfinished.stem)
    folder = settings.published / VERSIONS / str(number)
    folder.mkdir(parents=True)
    at, size = f"2026-01-{number:02}T00:00:00Z", unfinished.stat().st_size
    version = Version(number, number, "digest", "code", at, size, {}, file_digest(unfinished))
    move_into_place(unfinished, folder / SERVED)
    (folder / "manifest.json").write_text(version.to_json())
    return version


def test_fifty_readers_see_whole_versions_while_thirty_are_published(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, retention=Retention(count=2))
    written = [write_version(tmp_path, number) for number in range(1, PUBLISHED + 2)]
    serve(settings, complete_version(settings, written[0]))
    end = tmp_path / "end"
    command = [sys.executable, "-c", READING, str(settings.published / SERVED), str(end)]
    with subprocess.Popen(
        [*command, str(READERS), str(ROWS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reading:
        assert reading.stdout
        assert [reading.stdout.readline() for _ in range(READERS)] == ["reads\n"] * READERS
        try:
            for unfinished in written[1:]:
                before = served_version(settings)
                serve(settings, complete_version(settings, unfinished))
                remove_old_versions(settings, before)
        finally:
            end.touch()
        output, errors = reading.communicate()
    assert reading.returncode == 0, errors
    assert [version.number for version in versions(settings)] == [PUBLISHED, PUBLISHED + 1]
    seen = [list(map(int, line.split()[1:])) for line in output.splitlines()]
    assert len(seen) == READERS
    # Otherwise the readers would not have been at work meanwhile.
    assert len({number for numbers in seen for number in numbers}) > PUBLISHED // 2
