"""`factlog replay --into` and `factlog replay --verify`: deriving from nothing, beside what is served.

Belongs here: what these options of `factlog replay` ask for, and reports. Not here: the command itself
(`replaying`), deriving into a file (`orchestration.replaying`), comparing (`replay_verification`).
"""

from dataclasses import asdict
from pathlib import Path

from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.replay_verification import TableDifference, Verified, verify_replay
from orchestration.replaying import Replayed, read_known_at, replay_into
from orchestration.settings import Settings, moment


def into_file(
    settings: Settings, into: Path, as_of: str | None, known_at: str | None, *, wants_json: bool
) -> int:
    """Derive the dataset over two cuts into a file, and say what it holds."""
    before = None if as_of is None else moment(as_of, "--as-of ")
    known = None if known_at is None else read_known_at(known_at)
    with screen.progress("Deriving from nothing", None):
        done = replay_into(settings, into, as_of=before, known_at=known, say=screen.say)
    if wants_json:
        screen.as_json(as_record(done))
    else:
        screen.tell(*report(done))
    return DONE


def as_record(done: Replayed) -> dict[str, object]:
    """Give the JSON report."""
    return {**asdict(done), "file": str(done.file), "rows": done.rows, "seconds": round(done.seconds, 1)}


def report(done: Replayed) -> list[str]:
    """Word what was derived."""
    before = f", of what had occurred before {screen.moment(done.as_of)}" if done.as_of else ""
    return [
        f"{len(done.tables)} tables, {done.rows:,} rows, up to commit {done.sequence}{before}, "
        f"in {done.seconds:.0f} s.",
        f"Analysts open {screen.here(done.file)}",
    ]


def verify(settings: Settings, *, wants_json: bool) -> int:
    """Derive what is served again from nothing, and say where it comes out differently."""
    with screen.progress("Deriving from nothing", None):
        verified = verify_replay(settings, say=screen.say)
    if wants_json:
        seconds = round(verified.seconds, 1)
        screen.as_json({**asdict(verified), "same": verified.holds, "seconds": seconds})
    elif verified.holds:
        screen.tell(
            f"{verified.tables} tables, {verified.rows:,} rows: the same as in version {verified.version}, "
            f"derived from nothing up to commit {verified.sequence}, in {verified.seconds:.0f} s."
        )
    else:
        tell_differences(verified)
    return DONE if verified.holds else DOES_NOT_HOLD


def tell_differences(verified: Verified) -> None:
    """Print the tables and days that differ, and why that may be."""
    columns = ["table", "day", f"only in version {verified.version}", "only in the replay", ""]
    screen.table(None, columns, [row for table in verified.differences for row in difference_rows(table)])
    screen.tell(*(f"Likely reason: {screen.printable(reason)}" for reason in verified.reasons))
    screen.say(
        f"{len(verified.differences)} of {verified.tables} tables are not what the log gives, up to commit "
        f"{verified.sequence}."
    )


def difference_rows(table: TableDifference) -> list[tuple[object, ...]]:
    """Lay out one table: a row per day, or one for all of it."""
    if not table.days:
        return [(table.table, "", None, None, table.detail)]
    without = "no day" if table.day_column else "all"
    return [
        (table.table, one.day or without, one.only_published, one.only_replayed, table.detail)
        for one in table.days
    ]
