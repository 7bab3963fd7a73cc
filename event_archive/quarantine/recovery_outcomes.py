"""Outcomes: what became of rejected records in a recovery, and which state each rejected record is in now.

Belongs here: the file of outcomes that a recovery's commit names, and the table of all rejected records with
their state, made from the log alone. Not here: validating records again (`recover`), and their bytes
(`quarantine_file`).

A rejected record is named by the commit that rejected it and its row in that commit's quarantine file, which
never changes. Its state is its last outcome: one that is no longer `refused` is final.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.limits import MEBIBYTE
from event_archive.sql_text import Relations, open_engine, quoted, sql_list
from event_archive.store.commit import Commit, Counts, QuarantineFile
from event_archive.store.folders import RECOVERIES
from event_archive.store.record_file import RecordFileWriter

REJECTED, RECOVERED, DUPLICATE = STATES = ("refused", "recovered", "duplicate")
FLUSH_ROWS = 50_000
ENGINE_BYTES = 256 * MEBIBYTE
COLUMNS = pa.schema(
    [
        ("sequence", pa.int64()),
        ("row", pa.int64()),
        ("position", pa.int64()),
        ("offset", pa.int64()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)
# No row, but the columns of a quarantine file.
QUARANTINE_TYPES = {
    "position": "BIGINT",
    "part": "INTEGER",
    "offset": "BIGINT",
    **dict.fromkeys(["reason", "detail", "type", "source", "event_id", "filename"], "VARCHAR"),
    "file_row_number": "BIGINT",
}
NO_RECORDS = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in QUARANTINE_TYPES.items())


@dataclass(frozen=True)
class Outcome:
    """What became of one rejected record, `row` of the quarantine of commit `sequence`, in a recovery.

    `reason` and `detail` are today's where it is still rejected, and None elsewhere.
    """

    sequence: int
    row: int
    position: int
    offset: int
    outcome: str
    reason: str | None = None
    detail: str | None = None


class OutcomesWriter:
    """Collects one recovery's outcomes in a file in scratch; nothing is written where there are none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.counts = Counts()
        self._unwritten: list[Outcome] = []
        self._writer = RecordFileWriter(file, COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Add one outcome."""
        self._unwritten.append(outcome)
        is_state = [outcome.outcome == state for state in (RECOVERED, DUPLICATE, REJECTED)]
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


class RejectedRecords:
    """Every record that some commits rejected, with its state: SQL tables in an engine of its own.

    Closed at the end of a `with` statement. `outcomes` is what recoveries said: the columns of their
    files, and `judged_in`, the recovery's sequence. `records` has sequence and row, position and offset,
    type, source, event_id, day (of landing), origin, is_foreign (landed by a mapping), state, reason and
    detail (the latest), judged_in (the recovery that said so, or NULL), first_reason and first_detail.
    """

    def __init__(self, archive: Archive, commits: Sequence[Commit] | None = None) -> None:
        self._archive = archive
        self._commits = archive.log.commits() if commits is None else commits
        with ExitStack() as on_failure:  # a file that can't be read must not leave an engine open
            self._connection = on_failure.enter_context(open_engine(threads=1, memory_bytes=ENGINE_BYTES))
            self._relations = Relations(self._connection)
            self._create_outcomes()
            self._latest = self._create_latest()
            self._create_records()
            on_failure.pop_all()

    def __enter__(self) -> "RejectedRecords":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def execute(self, query: str, values: Sequence[object] = ()) -> duckdb.DuckDBPyConnection:
        """Run SQL over `records` and `outcomes`; returns what its rows are fetched from."""
        return self._connection.execute(query, list(values))

    def latest_outcomes(
        self, sequence: int, first: int, end: int
    ) -> dict[int, tuple[str, str | None, str | None, list[str] | None]]:
        """For rows of a commit, `first` up to `end`, that have any: the last outcome, reason and detail.

        And every reason that recoveries gave.
        """
        rows = self._connection.execute(
            f'SELECT "row", outcome, reason, detail, reasons FROM {self._latest} '
            'WHERE sequence = ? AND "row" >= ? AND "row" < ?',
            [sequence, first, end],
        ).fetchall()
        return {row: (outcome, reason, detail, reasons) for row, outcome, reason, detail, reasons in rows}

    def _create_outcomes(self) -> None:
        """Make the table `outcomes`; two recoveries may name the same file."""
        self._connection.execute(
            'CREATE TEMP TABLE outcomes (judged_in BIGINT, sequence BIGINT, "row" BIGINT, position BIGINT, '
            '"offset" BIGINT, outcome VARCHAR, reason VARCHAR, detail VARCHAR)'
        )
        for commit in self._commits:
            if commit.outcomes:
                self._connection.execute(
                    f"INSERT INTO outcomes SELECT {commit.sequence}, {', '.join(map(quoted, COLUMNS.names))} "
                    f"FROM read_parquet({sql_list([self._archive.files.location(commit.outcomes)])})"
                )

    def _create_latest(self) -> str:
        """Make the table of each record's last outcome; returns its name."""
        return self._relations.create(
            "latest",
            'SELECT sequence, "row", arg_max(outcome, judged_in) AS outcome, '
            "max(judged_in) AS judged_in, arg_max(reason, judged_in) AS reason, "
            "arg_max(detail, judged_in) AS detail, "
            "list(DISTINCT reason) FILTER (reason IS NOT NULL) AS reasons "
            'FROM outcomes GROUP BY sequence, "row" ORDER BY sequence, "row"',
        )

    def _create_records(self) -> None:
        """Make the view `records`; landings that rejected the same records name the same file."""
        landings = [commit for commit in self._commits if commit.quarantine]
        paths = self._archive.files.locations(filter(None, (commit.quarantine for commit in landings)))
        table = pa.table(
            {
                "path": pa.array(paths, pa.string()),
                "sequence": pa.array([commit.sequence for commit in landings], pa.int64()),
                "day": pa.array([commit.landed_at.date() for commit in landings], pa.date32()),
                "origin": pa.array([commit.origin for commit in landings], pa.string()),
                "is_foreign": pa.array([commit.mapping is not None for commit in landings], pa.bool_()),
            }
        )
        files = sorted(set(paths))
        if files:
            quarantined = f"read_parquet({sql_list(files)}, filename = true, file_row_number = true)"
        else:
            quarantined = f"(SELECT {NO_RECORDS} WHERE FALSE)"
        self._connection.execute(
            'CREATE TEMP VIEW records AS SELECT l.sequence, q.file_row_number AS "row", q.position, '
            'q."offset", q.type, q.source, q.event_id, l.day, l.origin, l.is_foreign, '
            "coalesce(o.outcome, 'refused') AS state, coalesce(o.reason, q.reason) AS reason, "
            "coalesce(o.detail, q.detail) AS detail, o.judged_in, "
            "q.reason AS first_reason, q.detail AS first_detail "
            f"FROM {quarantined} AS q "
            f"JOIN {self._relations.register('landings', table)} AS l ON l.path = q.filename "
            f'LEFT JOIN {self._latest} AS o ON (o.sequence, o."row") = (l.sequence, q.file_row_number) '
            "WHERE q.part = 0"
        )


def check_outcomes(archive: Archive, commits: Sequence[Commit]) -> list[tuple[Commit, str]]:
    """What does not hold of recoveries whose files are intact: their counts, and records final before."""
    if not any(commit.outcomes for commit in commits):
        return []
    by_sequence = {commit.sequence: commit for commit in commits}
    problems: list[tuple[Commit, str]] = []
    with RejectedRecords(archive, commits) as records:
        by_recovery = records.execute(
            "SELECT judged_in, count(*), count(*) FILTER (outcome = 'recovered'), "
            "count(*) FILTER (outcome = 'duplicate'), count(*) FILTER (outcome = 'refused') "
            "FROM outcomes GROUP BY judged_in"
        ).fetchall()
        for sequence, *counts in by_recovery:
            if Counts(*counts) != by_sequence[sequence].counts:
                problems.append((by_sequence[sequence], "its counts are not those of its outcomes"))
        wrong = records.execute(
            "SELECT DISTINCT judged_in FROM (SELECT *, lag(outcome, 1, 'refused') OVER earlier AS before, "
            "lag(judged_in, 1, sequence) OVER earlier AS judged_before FROM outcomes "
            'WINDOW earlier AS (PARTITION BY sequence, "row" ORDER BY judged_in)) '
            "WHERE before <> 'refused' OR judged_before >= judged_in"
        ).fetchall()
        wrong += records.execute(
            'SELECT DISTINCT judged_in FROM outcomes ANTI JOIN records USING (sequence, "row")'
        ).fetchall()
    problem = "it judges a record that was not refused at that time"
    sequences = sorted({sequence for (sequence,) in wrong})
    return problems + [(by_sequence[sequence], problem) for sequence in sequences]
