"""The reporting dataset as it was, or as it would have been: derived over two cuts into a file of its own.

Belongs here: what the two clocks mean, which target can be used, and writing that one file. Not here:
building the models (`warehouse.scratch`), replaying days in place (`refresh`), the file's format
(`dataset.dataset_file`).

    as_of      only events that had occurred before that moment
    known_at   only what had landed: up to and with a commit, or before a moment

Nothing that is served or built is touched, and no lock is taken, so it works while others refresh.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from event_archive import Limits, UnusableInput
from event_archive.store.commit import Commit, segments_of
from event_archive.store.durable import seal, sync
from event_archive.store.landing_times import known_before
from orchestration.dataset.code_version import code_version
from orchestration.dataset.compare import table_states
from orchestration.dataset.dataset_file import write_dataset
from orchestration.dataset.provenance import DatasetInfo, Provenance
from orchestration.dataset.table_state import TableState
from orchestration.dbt.process import OnNode
from orchestration.full_disk import full_disk_in_one_line
from orchestration.setting_values import absolute, moment, whole_number
from orchestration.settings import Settings
from orchestration.warehouse.engine import open_as_warehouse
from orchestration.warehouse.scratch import DerivedWarehouse, derive, format_left_out, scratch_folder


@dataclass(frozen=True)
class ReplayedDataset:
    """A dataset that was derived into a file: over which cuts, and what it holds."""

    file: Path
    sequence: int
    log_digest: str
    as_of: datetime | None
    tables: dict[str, TableState]
    seconds: float

    @property
    def rows(self) -> int:
        """How many rows all tables hold together."""
        return sum(state.rows for state in self.tables.values())


def replay_into(
    settings: Settings,
    into: Path,
    *,
    as_of: datetime | None = None,
    known_at: int | datetime | None = None,
    log: Callable[[str], None] | None = None,
    on_node: OnNode | None = None,
) -> ReplayedDataset:
    """Derive every model from nothing over these cuts, and write the dataset to a new file.

    Over the cut of a published version, by the same code, it gives the digests of that version. Raises
    UnusableInput, and leaves nothing behind, where that can't be done.
    """
    started = time.monotonic()
    into = absolute(into, "--into")
    check_target(settings, into)
    archive = settings.open_archive()
    commits = archive.log.commits()
    sequence = known_sequence(commits, known_at, settings.limits)
    check_as_of(commits[:sequence], as_of)
    if log:
        log(f"Deriving everything up to commit {sequence} from nothing{occurred_before(as_of)}")
    with scratch_folder(settings) as scratch:
        built = derive(settings, archive.contracts, scratch, cut=sequence, as_of=as_of, on_node=on_node)
        if log and built.left_out:
            log(format_left_out(built.left_out))
        log_digest = commits[sequence - 1].digest
        info = DatasetInfo(sequence, log_digest, as_of, code_version(settings), datetime.now(UTC))
        with full_disk_in_one_line(str(into)), file_beside(into) as unfinished:
            tables = write(built, unfinished, Provenance(info, archive))
            settle_as_new(unfinished, into)
    return ReplayedDataset(into, sequence, log_digest, as_of, tables, time.monotonic() - started)


def occurred_before(as_of: datetime | None) -> str:
    """The cut by time, as the log line ends."""
    return "" if as_of is None else f", of what had occurred before {format_moment(as_of)}"


def write(built: DerivedWarehouse, unfinished: Path, provenance: Provenance) -> dict[str, TableState]:
    """Write the dataset of a warehouse that was just built."""
    with open_as_warehouse(built.settings, built.settings.warehouse) as connection:
        return write_dataset(connection, unfinished, provenance, table_states(connection))


def read_known_at(text: str) -> int | datetime:
    """Return a sequence or a time; what is digits alone is a sequence. Raises UnusableInput."""
    if (sequence := whole_number(text)) is not None:
        return sequence
    try:
        return moment(text, "")
    except UnusableInput:
        raise UnusableInput(
            f"--known-at {text}: neither the number of a commit nor a time; write it like 42, 2026-03-03 or "
            "2026-03-03T12:00:00Z"
        ) from None


def known_sequence(
    commits: Sequence[Commit], known_at: int | datetime | None, limits: Limits | None = None
) -> int:
    """Return the last commit that was known then: had landed before that time, or was the one named.

    Raises UnusableInput where there is none, or a clock was wrong and nobody can know.
    """
    if not commits:
        raise UnusableInput("the archive is empty: there is nothing to replay; land events first")
    if known_at is None:
        return len(commits)
    if isinstance(known_at, int):
        if not 1 <= known_at <= len(commits):
            raise UnusableInput(
                f"--known-at {known_at}: the log has commits 1 to {len(commits)}; name one of them, or a "
                "time such as 2026-03-03T12:00:00Z"
            )
        return known_at
    try:
        sequence = known_before(commits, known_at, limits)
    except UnusableInput as error:
        raise UnusableInput(f"--known-at {error}") from None
    if sequence == 0:
        first = format_moment(commits[0].landed_at)
        raise UnusableInput(
            f"--known-at {format_moment(known_at)}: nothing had landed before; the first commit landed at "
            f"{first}"
        )
    return sequence


def check_as_of(commits: Sequence[Commit], as_of: datetime | None) -> None:
    """Raise UnusableInput for a moment before which nothing had occurred."""
    occurred = [datetime.fromisoformat(segment.min_occurred_at) for segment in segments_of(commits)]
    if as_of is not None and not any(first < as_of for first in occurred):
        earliest = f"; the first event occurred at {format_moment(min(occurred))}" if occurred else ""
        raise UnusableInput(f"--as-of {format_moment(as_of)}: nothing had occurred before{earliest}")


def format_moment(value: datetime) -> str:
    """Return a time in UTC, to the second where there is no fraction."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def check_target(settings: Settings, into: Path) -> None:
    """Raise UnusableInput for a file that can't be made, before any work is done for it."""
    if os.path.lexists(into):
        raise UnusableInput(f"{into}: is there already, and nothing is overwritten; name a new file")
    if not into.parent.is_dir():
        raise UnusableInput(f"{into}: there is no folder {into.parent}; make it first")
    settings.require_foreign(into)
    try:
        with file_beside(into) as probe:
            probe.touch()
    except OSError as error:
        raise UnusableInput(f"{into}: can't be made there: {error.strerror}") from None


@contextmanager
def file_beside(into: Path) -> Iterator[Path]:
    """A name beside a file for what is not finished; nothing is left under it."""
    folder = tempfile.TemporaryDirectory(prefix=".replay-", suffix=".unfinished", dir=into.parent)
    with folder as unfinished:
        yield Path(unfinished) / into.name


def settle_as_new(unfinished: Path, into: Path) -> None:
    """Bring a finished file to the disk and to its name, in one step, if that name is still free."""
    seal(unfinished)
    try:
        into.hardlink_to(unfinished)
    except FileExistsError:
        raise UnusableInput(f"{into}: somebody else made it meanwhile, and nothing is overwritten") from None
    sync(into.parent)
