"""The published file in the oldest DuckDB that analysts may have: every table and view reads the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from event_archive.engine import open_engine
from event_archive.sql_text import literal, quoted
from orchestration.dataset.versions import SERVED
from orchestration.settings import Settings
from support.installation import published_installation

# `make setup` puts it there, from tests/oldest-client.lock.
OLDEST = Path(sys.prefix) / "oldest-client"
READING = """
import json, sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
names = connection.execute(
    "SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL").fetchall()
def quoted(name):
    return '"' + name.replace('"', '""') + '"'
counts = {
    f"{schema}.{name}": len(connection.execute(f"FROM {quoted(schema)}.{quoted(name)}").fetchall())
    for schema, name in names}
shown = [name for (name,) in connection.execute("SHOW TABLES").fetchall()]
print(json.dumps([duckdb.__version__, counts, shown]))
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with one published version."""
    return published_installation(tmp_path_factory.mktemp("installation"))


def test_every_table_and_view_reads_in_the_oldest_client(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "sent by mail.duckdb"
    shutil.copyfile(settings.published / SERVED, file)
    done = subprocess.run(
        [sys.executable, "-c", READING, str(file)],
        env=dict(os.environ) | {"PYTHONPATH": str(OLDEST)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n(`make setup` installs {OLDEST})"
    version, counts, shown = json.loads(done.stdout)
    assert version.startswith("1.4.")
    with open_engine() as connection:
        connection.execute(f"ATTACH {literal(str(file))} AS sent (READ_ONLY)")
        connection.execute("USE sent")
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_catalog = 'sent' ORDER BY ALL"
        ).fetchall()
        here = {
            f"{schema}.{name}": connection.execute(
                f"SELECT count(*) FROM {quoted(schema)}.{quoted(name)}"
            ).fetchall()[0][0]
            for schema, name in tables
        }
    assert counts == here
    assert (counts["writing.notes"], counts["events.note_written"]) == (10, 10)
    assert {"notes", "notebooks", "readings"} <= set(shown)


def shell(
    settings: Settings, path: str, *arguments: str, typed: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Type `factlog shell` where these folders hold the programs, and lines into what it opens."""
    factlog = Path(sys.executable).with_name("factlog")
    return subprocess.run(
        [factlog, "shell", *arguments],
        env=settings.environment() | {"PATH": path},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_shell_opens_what_is_served_and_can_not_write(settings: Settings) -> None:
    typed = ".mode csv\nFROM readings;\nSHOW TABLES;\nCREATE TABLE mine (n INT);\n"
    for arguments in ([], ["1"], ["--with", "duckdb"]):
        opened = shell(settings, str(OLDEST / "bin"), *arguments, typed=typed)
        assert "notebooks" in opened.stdout, opened
        assert "read-only" in opened.stderr


def test_without_a_program_one_line_says_what_to_do(settings: Settings) -> None:
    for arguments, named in (([], "harlequin nor duckdb"), (["--with", "harlequin"], "harlequin")):
        told = shell(settings, str(settings.home), *arguments)
        assert (told.returncode, told.stdout) == (2, "")
        assert told.stderr.startswith(f"factlog: {named}: not installed; install one of them (pip install")
    assert "version 7: not published" in shell(settings, str(OLDEST / "bin"), "7").stderr
