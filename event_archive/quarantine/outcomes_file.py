"""The file of outcomes that a recovery's commit names: what became of each rejected record that it validated.

Belongs here: its columns, and writing it. Not here: reading it, with what follows for the records
(`recovery_outcomes`), and validating records again (`recover`).
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from event_archive.quarantine.states import DUPLICATE, IGNORED, RECOVERED, REJECTED
from event_archive.store.commit import Counts, QuarantineFile
from event_archive.store.folders import RECOVERIES
from event_archive.store.record_file import RecordFileWriter

FLUSH_ROWS = 50_000
COLUMNS = pa.schema(
    [
        ("sequence", pa.int64()),
        ("row", pa.int64()),
        ("position", pa.int64()),
        ("offset", pa.int64()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("events", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Outcome:
    """What became of one rejected record, `row` of the quarantine of commit `sequence`, in a recovery.

    `reason` and `detail` are today's where it is still rejected, and None elsewhere. `events`: how many new
    ones it gave; also one that is still rejected may have given some, where a mapping makes several of it.
    """

    sequence: int
    row: int
    position: int
    offset: int
    outcome: str
    reason: str | None = None
    detail: str | None = None
    events: int = 0


class OutcomesWriter:
    """Collects one recovery's outcomes in a file in scratch; nothing is written where there are none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.counts = Counts()
        self.events = 0
        self._unwritten: list[Outcome] = []
        self._writer = RecordFileWriter(file, COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Add one outcome."""
        self._unwritten.append(outcome)
        self.events += outcome.events
        is_state = [outcome.outcome == state for state in (RECOVERED, DUPLICATE, REJECTED, IGNORED)]
        self.counts += Counts(1, *map(int, is_state))
        if len(self._unwritten) >= FLUSH_ROWS:
            self._flush()

    def finish(self) -> QuarantineFile | None:
        """Complete the file; returns what the log is to say of it, None where nothing was added."""
        self._flush()
        return self._writer.finish(RECOVERIES, self.counts.received)

    def _flush(self) -> None:
        self._writer.write(self._unwritten)
        self._unwritten = []
