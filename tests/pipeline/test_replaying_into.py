"""The dataset over two cuts, in a file of its own: what is in it, what is refused, and what is left alone."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from event_archive import UnusableInput
from event_archive.store.folders import CHECKED
from orchestration.build import build_definitions
from orchestration.command_line.main import run
from orchestration.dataset.versions import CHECKED as CHECKED_VERSIONS
from orchestration.dataset.versions import served_version
from orchestration.refresh import refresh
from orchestration.replay.into_file import replay_into
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock
from support.dbt_in_process import parsed_once
from support.installation import copy_of, land_events, landed, note, temporary_folder
from support.runs import dagster_instance, failure

# Locks, and which files were found intact.
NOTES_OF_ITS_OWN = (".lock", "warehouse.lock", Path(CHECKED).name, CHECKED_VERSIONS)


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Ten notes of 2 January, published; then one of 2 January that is late and one of 9 January."""
    settings = landed(temporary_folder())
    refresh(settings)
    land_events(settings, [note(10), note(11, "2026-01-09")], "later.ndjson")
    return settings


@pytest.fixture(autouse=True)
def nothing_else_changes(settings: Settings) -> Iterator[None]:
    """Whatever is asked for: what is served, the warehouse and the archive stay, and nothing is left over."""
    before = everything(settings)
    yield
    assert everything(settings) == before


@pytest.fixture
def in_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive from nothing without a process of dbt's own."""
    monkeypatch.setattr("orchestration.warehouse.scratch.run_dbt", parsed_once(settings).run)


def everything(settings: Settings) -> dict[str, tuple[int, int]]:
    """Every file of the home that a replay might touch, with its size and the time it was written."""
    return {
        str(path.relative_to(settings.home)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in settings.home.rglob("*")
        if path.is_file() and path.name not in NOTES_OF_ITS_OWN
    }


def rows(file: Path, sql: str = "SELECT note_id, written_date::VARCHAR FROM writing.notes") -> set[object]:
    with closing(duckdb.connect(file, read_only=True)) as connection:
        return set(connection.execute(sql).fetchall())


def test_a_cut_that_was_published_gives_the_digests_of_that_version(
    settings: Settings, tmp_path: Path
) -> None:
    version = served_version(settings)
    assert version is not None
    into = tmp_path / "first.duckdb"
    # A refresh that is under way holds the warehouse: it is not waited for.
    with warehouse_lock(settings, "a refresh"), closing(duckdb.connect(settings.warehouse)):
        done = replay_into(settings, into, known_at=version.sequence)
    assert (done.tables, done.log_digest) == (version.tables, version.log_digest)
    assert into.stat().st_mode & 0o777 == 0o444
    assert [path.name for path in tmp_path.iterdir()] == ["first.duckdb"]
    manifest = rows(into, "SELECT sequence, log_digest, as_of FROM meta.about")
    assert manifest == {(1, version.log_digest, None)}


@pytest.mark.usefixtures("in_process")
def test_both_clocks_cut_and_a_file_says_so(settings: Settings, tmp_path: Path) -> None:
    _, second = settings.open_archive().log.commits()
    ten = {(str(number), "2026-01-02") for number in range(10)}
    ninth = datetime(2026, 1, 9, 12, tzinfo=UTC)
    done = replay_into(settings, tmp_path / "as_of.duckdb", as_of=ninth)
    assert done.sequence == 2
    # Half-open: what occurred in that very moment is not in it.
    assert rows(done.file) == {*ten, ("10", "2026-01-02")}
    manifest = rows(done.file, "SELECT sequence, epoch(as_of)::BIGINT FROM meta.about")
    assert manifest == {(2, int(ninth.timestamp()))}
    # Nor is what landed in that very moment.
    later = ninth + timedelta(microseconds=1)
    done = replay_into(settings, tmp_path / "both.duckdb", as_of=later, known_at=second.landed_at)
    assert (done.sequence, rows(done.file)) == (1, ten)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--into", "{there}"], "is there already, and nothing is overwritten"),
        (["--into", "{folder}/none/x.duckdb"], "there is no folder"),
        (["--into", "{home}/published/reporting-2.duckdb"], "factlog's own"),
        (["--into", "{home}/archive/events/x.duckdb"], "factlog's own"),
        (["--into", "{new}", "--known-at", "0"], "the log has commits 1 to 2"),
        (["--into", "{new}", "--known-at", "3"], "the log has commits 1 to 2"),
        (
            ["--into", "{new}", "--known-at", "2020-01-01"],
            "nothing had landed before; the first commit landed",
        ),
        (["--into", "{new}", "--known-at", "last week"], "neither the number of a commit nor a time"),
        (["--into", "{new}", "--known-at", "-1"], "neither the number of a commit nor a time"),
        (
            ["--into", "{new}", "--as-of", "2026-01-02T12:00:00Z"],
            "the first event occurred at 2026-01-02T12:00",
        ),
        (["--into", "{new}", "--as-of", "yesterday"], "--as-of yesterday: not a time"),
        (["--into", "{new}", "--days", "2026-01-02"], "give one or the other"),
        (["--into", "{new}", "--from", "2026-01-02"], "give one or the other"),
        (["--as-of", "2026-01-05"], "--as-of: name the file to derive into"),
        (["--verify", "--known-at", "1"], "--verify goes alone"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    error: str,
) -> None:
    # Without a dbt to run, whatever comes to work fails with other words.
    monkeypatch.setattr("orchestration.warehouse.scratch.run_dbt", None)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    there = tmp_path / "there.duckdb"
    there.write_text("mine")
    places = {"there": there, "new": tmp_path / "new.duckdb", "folder": tmp_path, "home": settings.home}
    assert run(["replay", *(argument.format(**places) for argument in arguments)]) == 2
    output = capsys.readouterr()
    assert error in output.err
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["there.duckdb"]
    assert there.read_text() == "mine"


def test_nothing_to_replay_is_said(tmp_path: Path, settings: Settings) -> None:
    empty = Settings(tmp_path / "home", settings.contracts, settings.dbt_project)
    empty.open_archive(may_create=True)
    with pytest.raises(UnusableInput, match="the archive is empty"):
        replay_into(empty, tmp_path / "new.duckdb")


def test_a_file_that_somebody_else_made_meanwhile_is_not_overwritten(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = tmp_path / "new.duckdb"

    def write_meanwhile(*_: object) -> dict[str, object]:
        into.write_text("theirs")
        (unfinished,) = tmp_path.glob(".replay-*")
        (unfinished / into.name).touch()
        return {}

    monkeypatch.setattr("orchestration.replay.into_file.derive", lambda *_, **__: settings)
    monkeypatch.setattr("orchestration.replay.into_file.write", write_meanwhile)
    with pytest.raises(UnusableInput, match="somebody else made it meanwhile"):
        replay_into(settings, into)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["theirs"]


def test_a_disk_that_is_full_is_one_line_and_nothing_is_left_on_it(
    settings: Settings, tmp_path: Path
) -> None:
    """On a real small disk where this machine lets us mount one, else with a limit on the size of files."""
    small = tmp_path / "small"
    small.mkdir()
    factlog = Path(sys.executable).with_name("factlog")
    done = subprocess.run(
        [*(ALONE if can_mount() else ()), "sh", "-c", SMALL_DISK],
        env={**settings.environment(), "SMALL": str(small), "FACTLOG": str(factlog)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == "", "files are left"
    complaint = done.stderr.splitlines()[-1]
    assert complaint.startswith(f"factlog: {small}/x.duckdb: ") or not can_mount()
    assert "No space left on device" in complaint or "File too large" in complaint
    assert len(done.stderr.splitlines()) == 2, done.stderr


ALONE = ["unshare", "--map-root-user", "--mount"]
SMALL_DISK = """
mount -t tmpfs -o size=200k tmpfs "$SMALL" 2>/dev/null || ulimit -f 200
"$FACTLOG" replay --into "$SMALL/x.duckdb"
code=$?
find "$SMALL" "$FACTLOG_HOME/scratch" -mindepth 1 ! -name .lock
exit $code
"""


@cache
def can_mount() -> bool:
    """Whether we may mount a disk that only one process sees."""
    command = [*ALONE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if shutil.which(ALONE[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_refresh_on_a_full_disk_leaves_what_is_served_and_the_next_one_completes_it(
    settings: Settings, tmp_path: Path
) -> None:
    settings = copy_of(settings, tmp_path)
    served = served_version(settings)
    limited = 'ulimit -f 2000; exec "$0" refresh'
    factlog = str(Path(sys.executable).with_name("factlog"))
    done = subprocess.run(
        ["sh", "-c", limited, factlog],
        env=settings.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "File too large" in done.stderr
    assert served_version(settings) == served
    assert refresh(settings).sequence == 2


@pytest.mark.usefixtures("in_process")
def test_the_ui_derives_into_the_folder_of_replays(settings: Settings, tmp_path: Path) -> None:
    settings = copy_of(settings, tmp_path)
    job = build_definitions(settings).resolve_job_def("replay_into_file")

    def started(instance: dg.DagsterInstance, **form: str) -> dg.ExecuteInProcessResult:
        config = {"ops": {"derive_into_file": {"config": form}}}
        return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)

    with dagster_instance(settings) as instance:
        done = started(instance, into="first.duckdb", known_at="1")
        [output] = [event for event in done.all_node_events if event.is_successful_output]
        again = started(instance, into="first.duckdb")
        unclear = started(instance, into="x.duckdb", as_of="soon")
    file = settings.home / "replays/first.duckdb"
    assert len(rows(file)) == 10
    metadata: dict[str, Any] = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert (metadata["file"], metadata["sequence"], metadata["dagster/row_count"]) == (str(file), 1, 12)
    assert [dict(record.data)["table"] for record in metadata["tables"].records] == [
        "reading.readings",
        "writing.notebooks",
        "writing.notes",
    ]
    assert failure(again) == f"{file}: is there already, and nothing is overwritten; name a new file"
    assert failure(unclear).startswith("as_of soon: not a time; write it like 2026-03-03")
