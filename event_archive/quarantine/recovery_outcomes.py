"""Outcomes: what became of refused records in a recovery, and which state each refused record is in now.

Belongs here: the file of outcomes that a recovery's commit names, and the relation of all refused records
with their state, made from the log alone. Not here: judging records again (`recovery`), and their bytes
(`quarantine`).

A refused record is named by the commit that refused it and its row in that commit's quarantine file, which
never changes. Its state is its last outcome: one that is no longer `refused` is final.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.archive import Archive
from event_archive.sql_text import sql_list
from event_archive.store.commit import Commit, Counts, QuarantineFile
from event_archive.store.durable import file_digest
from event_archive.store.folders import RECOVERIES

REFUSED, RECOVERED, DUPLICATE = STATES = ("refused", "recovered", "duplicate")
FLUSH_ROWS = 50_000
ENGINE_MEMORY = "256MiB"
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
QUARANTINED = (
    'position BIGINT, part INTEGER, "offset" BIGINT, reason VARCHAR, detail VARCHAR, type VARCHAR, '
    "source VARCHAR, event_id VARCHAR"
)


@dataclass(frozen=True)
class Outcome:
    """What became of one refused record, `row` of the quarantine of commit `sequence`, in a recovery.

    `reason` and `detail` are today's where it is still refused, and None elsewhere.
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
        self._held: list[Outcome] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, outcome: Outcome) -> None:
        """Take one outcome."""
        self._held.append(outcome)
        is_state = [outcome.outcome == state for state in (RECOVERED, DUPLICATE, REFUSED)]
        self.counts += Counts(1, *map(int, is_state))
        if len(self._held) >= FLUSH_ROWS:
            self._flush()

    def finish(self) -> QuarantineFile | None:
        """Complete the file, and say what the log is to say of it."""
        self._flush()
        if self._writer is None:
            return None
        self._writer.close()
        digest = file_digest(self.file)
        size = self.file.stat().st_size
        return QuarantineFile(f"{RECOVERIES}/{digest}.parquet", digest, size, self.counts.received)

    def _flush(self) -> None:
        if not self._held:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.file, COLUMNS, compression="zstd", write_page_checksum=True)
        columns = [[getattr(one, name) for one in self._held] for name in COLUMNS.names]
        self._writer.write_table(pa.table(columns, COLUMNS))
        self._held = []


@contextmanager
def refused_records(
    archive: Archive, commits: Sequence[Commit] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine with `outcomes` and `records`: what recoveries said, and every refused record's state.

    `outcomes` has `judged_in`, the recovery's sequence. `records` has sequence and row, position and offset,
    type, source, event_id, day (of landing), origin, is_foreign (landed by a mapping), state, reason and
    detail (the latest), judged_in (the recovery that said so, or NULL), first_reason and first_detail.
    """
    commits = archive.log.commits() if commits is None else commits
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        connection.execute(f"SET memory_limit = '{ENGINE_MEMORY}'")
        _create_outcomes(connection, archive, commits)
        _create_records(connection, archive, commits)
        yield connection


def latest_outcomes(
    connection: duckdb.DuckDBPyConnection, sequence: int, first: int, end: int
) -> dict[int, tuple[str, str | None, str | None, list[str] | None]]:
    """For those rows of a commit, `first` up to `end`, that have any: the last outcome, reason and detail.

    And every reason that recoveries gave.
    """
    found = connection.execute(
        'SELECT "row", outcome, reason, detail, reasons FROM latest '
        'WHERE sequence = ? AND "row" >= ? AND "row" < ?',
        [sequence, first, end],
    ).fetchall()
    return {row: (outcome, reason, detail, reasons) for row, outcome, reason, detail, reasons in found}


def check_outcomes(archive: Archive, commits: Sequence[Commit]) -> list[tuple[Commit, str]]:
    """What does not hold of recoveries whose files are intact: their counts, and records final before."""
    if not any(commit.outcomes for commit in commits):
        return []
    by_sequence = {commit.sequence: commit for commit in commits}
    problems: list[tuple[Commit, str]] = []
    with refused_records(archive, commits) as connection:
        counted = connection.execute(
            "SELECT judged_in, count(*), count(*) FILTER (outcome = 'recovered'), "
            "count(*) FILTER (outcome = 'duplicate'), count(*) FILTER (outcome = 'refused') "
            "FROM outcomes GROUP BY judged_in"
        ).fetchall()
        for sequence, *counts in counted:
            if Counts(*counts) != by_sequence[sequence].counts:
                problems.append((by_sequence[sequence], "its counts are not those of its outcomes"))
        wrong = connection.execute(
            "SELECT DISTINCT judged_in FROM (SELECT *, lag(outcome, 1, 'refused') OVER earlier AS before, "
            "lag(judged_in, 1, sequence) OVER earlier AS judged_before FROM outcomes "
            'WINDOW earlier AS (PARTITION BY sequence, "row" ORDER BY judged_in)) '
            "WHERE before <> 'refused' OR judged_before >= judged_in"
        ).fetchall()
        wrong += connection.execute(
            'SELECT DISTINCT judged_in FROM outcomes ANTI JOIN records USING (sequence, "row")'
        ).fetchall()
    said = "it judges a record that was not refused at that time"
    return problems + [(by_sequence[sequence], said) for sequence in sorted({one for (one,) in wrong})]


def _create_outcomes(
    connection: duckdb.DuckDBPyConnection, archive: Archive, commits: Sequence[Commit]
) -> None:
    """Make the tables `outcomes` and `latest`; two recoveries may name the same file."""
    recoveries = [commit for commit in commits if commit.outcomes]
    connection.execute(
        'CREATE TEMP TABLE outcomes (judged_in BIGINT, sequence BIGINT, "row" BIGINT, position BIGINT, '
        '"offset" BIGINT, outcome VARCHAR, reason VARCHAR, detail VARCHAR)'
    )
    for commit in recoveries:
        assert commit.outcomes
        connection.execute(
            f"INSERT INTO outcomes SELECT {commit.sequence}, {', '.join(map(_quoted, COLUMNS.names))} "
            f"FROM read_parquet({sql_list([archive.storage.location(commit.outcomes.path)])})"
        )
    connection.execute(
        'CREATE TEMP TABLE latest AS SELECT sequence, "row", arg_max(outcome, judged_in) AS outcome, '
        "max(judged_in) AS judged_in, arg_max(reason, judged_in) AS reason, "
        "arg_max(detail, judged_in) AS detail, list(DISTINCT reason) FILTER (reason IS NOT NULL) AS reasons "
        'FROM outcomes GROUP BY sequence, "row" ORDER BY sequence, "row"'
    )


def _create_records(
    connection: duckdb.DuckDBPyConnection, archive: Archive, commits: Sequence[Commit]
) -> None:
    landings = [commit for commit in commits if commit.quarantine]
    paths = [archive.storage.location(one.quarantine.path) for one in landings if one.quarantine]
    table = pa.table(
        {
            "path": pa.array(paths, pa.string()),
            "sequence": pa.array([commit.sequence for commit in landings], pa.int64()),
            "day": pa.array([commit.landed_at.date() for commit in landings], pa.date32()),
            "origin": pa.array([commit.origin for commit in landings], pa.string()),
            "is_foreign": pa.array([commit.mapping is not None for commit in landings], pa.bool_()),
        }
    )
    connection.register("landings", table)
    # Landings that refused the same records name the same file.
    files = sorted(set(paths))
    if files:
        quarantined = f"read_parquet({sql_list(files)}, filename = true, file_row_number = true)"
    else:
        connection.execute(
            f"CREATE TEMP TABLE nothing ({QUARANTINED}, filename VARCHAR, file_row_number BIGINT)"
        )
        quarantined = "nothing"
    connection.execute(
        'CREATE TEMP VIEW records AS SELECT l.sequence, q.file_row_number AS "row", q.position, q."offset", '
        "q.type, q.source, q.event_id, l.day, l.origin, l.is_foreign, "
        "coalesce(o.outcome, 'refused') AS state, coalesce(o.reason, q.reason) AS reason, "
        "coalesce(o.detail, q.detail) AS detail, o.judged_in, "
        "q.reason AS first_reason, q.detail AS first_detail "
        f"FROM {quarantined} AS q JOIN landings AS l ON l.path = q.filename "
        'LEFT JOIN latest AS o ON (o.sequence, o."row") = (l.sequence, q.file_row_number) WHERE q.part = 0'
    )


def _quoted(name: str) -> str:
    return f'"{name}"'
