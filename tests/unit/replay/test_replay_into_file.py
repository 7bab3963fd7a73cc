"""What the two clocks mean, how faults are worded, how tables are compared, and what a kill leaves."""

import fcntl
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pytest

from event_archive import UnusableInput
from event_archive.store.commit import Commit, Counts, Segment
from orchestration.dataset.compare import DayDifference
from orchestration.dataset.table_state import TableState
from orchestration.dbt.process import first_lines
from orchestration.full_disk import full_disk_in_one_line
from orchestration.replay.into_file import check_as_of, known_sequence, read_known_at
from orchestration.replay.verify import compare_table, open_both
from orchestration.settings import Settings
from orchestration.warehouse.outcomes import Check
from orchestration.warehouse.scratch import could_not_build, scratch_folder

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
STATE = TableState(1, "")
LANDED = [NOON - TICK, NOON, NOON, NOON + timedelta(hours=1), NOON + timedelta(minutes=30)]


def commit(sequence: int, landed_at: datetime, *first_events: str) -> Commit:
    segments = tuple(
        Segment("note.read.v1", "path", "sha", 1, 1, {}, first, first, 1) for first in first_events
    )
    return Commit(sequence, "", "landing", landed_at, "", 0, "", Counts(), segments=segments)


@pytest.mark.parametrize(
    ("known_at", "sequence"),
    [
        (None, 5),
        (1, 1),
        (5, 5),
        (NOON, 1),
        # A clock was wrong at the fourth commit, which landed no later than the fifth.
        (NOON + timedelta(minutes=45), 5),
        (NOON + timedelta(hours=1), 5),
        (NOON + timedelta(hours=1) + TICK, 5),
    ],
)
def test_what_was_known(known_at: int | datetime | None, sequence: int) -> None:
    commits = [commit(number, at) for number, at in enumerate(LANDED, start=1)]
    assert known_sequence(commits, known_at) == sequence


def test_what_was_not_known_yet_is_refused() -> None:
    commits = [commit(1, NOON)]
    for known_at in (0, 2, NOON):
        with pytest.raises(UnusableInput, match=r"^--known-at "):
            known_sequence(commits, known_at)
    with pytest.raises(UnusableInput, match="the archive is empty"):
        known_sequence([], None)


def test_what_nobody_can_know_is_refused() -> None:
    """The third commit landed at noon, the fifth at half past; the clock was wrong at the fourth."""
    commits = [commit(number, at) for number, at in enumerate(LANDED, start=1)]
    with pytest.raises(UnusableInput, match=r"^--known-at 2026-.*: whether commit 4 had landed by then"):
        known_sequence(commits, NOON + TICK)


def test_digits_alone_are_a_sequence() -> None:
    assert read_known_at("20260303") == 20260303
    assert read_known_at("2026-03-03T13:00:00+01:00") == NOON
    assert read_known_at("2026-03-03T12:00") == NOON
    with pytest.raises(UnusableInput, match="--known-at ٣: neither the number of a commit nor a time"):
        read_known_at("٣")


def test_nothing_had_occurred_yet() -> None:
    commits = [commit(1, NOON), commit(2, NOON, "2026-03-03T12:00:00+00:00", "2026-03-02T12:00:00.5+00:00")]
    check_as_of(commits, None)
    check_as_of(commits, datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC))
    with pytest.raises(UnusableInput, match=r"the first event occurred at 2026-03-02T12:00:00\.500000Z"):
        check_as_of(commits, datetime(2026, 3, 2, 12, 0, 0, 500_000, tzinfo=UTC))
    with pytest.raises(UnusableInput, match=r"nothing had occurred before$"):
        check_as_of(commits[:1], NOON)


def test_a_failed_build_names_its_cause_first() -> None:
    skipped = Check("lines", False, True, "skipped", is_test=False)
    wrong = replace(skipped, name="notes", detail="error: no such column")
    assert could_not_build([skipped, wrong]) == (
        "notes could not be built: error: no such column; 1 more could not be built"
    )
    full = replace(wrong, detail="error: IO Error: Could not write: No space left on device")
    assert could_not_build([skipped, full]) == "2 models could not be built: No space left on device"


def test_what_is_full_is_said_whatever_else_is_said() -> None:
    in_one_line = partial(full_disk_in_one_line, "here")
    assert first_lines("Traceback\n File x\n\nOSError: [Errno 28] No space left on device\n in y") == (
        "No space left on device"
    )
    with pytest.raises(UnusableInput, match=r"^here: No space left on device$"), in_one_line():
        raise duckdb.TransactionException("Failed to commit:\nCould not write: No space left on device")
    with (
        pytest.raises(UnusableInput, match=r"^here: too little memory; set FACTLOG_BUILD_MEMORY"),
        in_one_line(),
    ):
        raise duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block (2.9/3.0 GiB used)")
    with pytest.raises(UnusableInput, match=r"^here: No space left for what does not fit"), in_one_line():
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to offload data block of size 256 KiB")
    with pytest.raises(UnusableInput, match=r"^here: IO Error: broken disk$"), in_one_line():
        raise duckdb.IOException("IO Error: broken\ndisk")
    with pytest.raises(duckdb.BinderException), in_one_line():
        raise duckdb.BinderException("a fault of ours")


def test_tables_are_compared_by_day_and_by_column(tmp_path: Path) -> None:
    same, other = "(1, DATE '2026-01-05', 'a')", "(3, DATE '2026-01-06', NULL)"
    tables = {
        "published": f"VALUES {same}, {same}, {same}, (2, NULL, 'b'), (4, DATE '2026-01-07', 'd')",
        "replayed": f"VALUES {same}, {other}, (2, NULL, 'c'), (4, DATE '2026-01-07', 'd')",
    }
    for alias, values in tables.items():
        with closing(duckdb.connect(tmp_path / f"{alias}.duckdb")) as connection:
            connection.execute("CREATE SCHEMA s")
            connection.execute(f"CREATE TABLE s.rows AS FROM ({values}) AS t (id, on_day, word)")
            columns = "1 AS a, 2 AS b" if alias == "published" else "2 AS b, 1 AS a"
            connection.execute(f"CREATE TABLE s.turned AS SELECT {columns}")
            kind = "INTEGER" if alias == "published" else "BIGINT"
            connection.execute(f"CREATE TABLE s.typed AS SELECT 1::{kind} AS a")
    settings = Settings(tmp_path)
    with open_both(settings, tmp_path / "published.duckdb", tmp_path / "replayed.duckdb") as connection:
        rows = compare_table(connection, "s.rows", STATE, STATE, "on_day")
        # A row that is there thrice counts thrice; one without a day has none; null is a value like others.
        assert rows.days == (
            DayDifference(None, 1, 1),
            DayDifference(date(2026, 1, 5), 2, 0),
            DayDifference(date(2026, 1, 6), 0, 1),
        )
        whole = compare_table(connection, "s.rows", STATE, STATE, None)
        assert whole.days == (DayDifference(None, 3, 2),)
        turned = compare_table(connection, "s.turned", STATE, STATE, None)
        assert (turned.days, turned.detail) == ((), "other columns: their order")
        assert compare_table(connection, "s.typed", STATE, STATE, None).detail == "other columns: a"
    assert compare_table(connection, "s.gone", STATE, None, None).detail == "no model derives it any more"
    assert compare_table(connection, "s.new", None, STATE, None).detail == "it is not published"


def test_what_a_killed_replay_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    for name in ("replay-killed", "replay-alive"):
        (tmp_path / "scratch" / name).mkdir(parents=True)
        (tmp_path / "scratch" / name / "warehouse.duckdb").touch()
    with (tmp_path / "scratch/replay-alive/.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with scratch_folder(settings) as scratch:
            left = {path.name for path in (tmp_path / "scratch").glob("replay-*")}
            assert left == {"replay-alive", scratch.folder.name}
    with pytest.raises(ZeroDivisionError), scratch_folder(settings):
        raise ZeroDivisionError
    assert list((tmp_path / "scratch").glob("replay-*")) == []
