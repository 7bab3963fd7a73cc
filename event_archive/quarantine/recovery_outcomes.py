"""Which state each rejected record is in now, and what recoveries said of it.

Belongs here: the table of all rejected records with their state, made from the log alone. Not here: the file
of outcomes that a recovery's commit names (`outcomes_file`), validating records again (`recover`), and their
bytes (`quarantine_file`).

A rejected record is named by the commit that rejected it and its row in that commit's quarantine file, which
never changes. Its state is its last outcome: one that is no longer `refused` is final.
"""

from collections.abc import Sequence
from contextlib import ExitStack

import duckdb

from event_archive.archive import Archive
from event_archive.engine import Relations, open_engine
from event_archive.limits import MEBIBYTE
from event_archive.quarantine.states import IGNORED
from event_archive.sql_text import quoted, sql_list
from event_archive.store.commit import Commit, Counts
from event_archive.store.inputs import position_ranges

LAST_ROW = 1 << 62
ENGINE_BYTES = 256 * MEBIBYTE
# No row, but the columns of a quarantine file.
QUARANTINE_TYPES = {
    "position": "BIGINT",
    "part": "INTEGER",
    "offset": "BIGINT",
    **dict.fromkeys(["reason", "detail", "type", "source", "event_id", "filename"], "VARCHAR"),
    "file_row_number": "BIGINT",
    "element": "BIGINT",
}
NO_RECORDS = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in QUARANTINE_TYPES.items())


class RejectedRecords:
    """Every record that some commits rejected, with its state: SQL tables in an engine of its own.

    Closed at the end of a `with` statement. `outcomes` is what recoveries said: the columns of their
    files, and `judged_in`, the recovery's sequence. `records` has sequence and row, position and offset,
    position_in_input (which differs where a commit landed several), type, source, event_id, day (of
    landing), origin (that of the input), is_foreign (landed by a mapping), state, reason and
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

    def recovered_in(
        self, recovery: int, sequence: int, first: int = 0, end: int = LAST_ROW
    ) -> dict[int, str]:
        """For rows of a commit of which a recovery made events, or that it ignored: what it said of each."""
        rows = self._connection.execute(
            'SELECT "row", outcome FROM outcomes WHERE judged_in = ? AND sequence = ? '
            'AND "row" >= ? AND "row" < ? AND (events > 0 OR outcome = ?)',
            [recovery, sequence, first, end, IGNORED],
        ).fetchall()
        return dict(rows)

    def _create_outcomes(self) -> None:
        """Make the table `outcomes`; two recoveries may name the same file."""
        self._connection.execute(
            'CREATE TEMP TABLE outcomes (judged_in BIGINT, sequence BIGINT, "row" BIGINT, position BIGINT, '
            '"offset" BIGINT, outcome VARCHAR, reason VARCHAR, detail VARCHAR, events BIGINT)'
        )
        for commit in self._commits:
            if commit.outcomes:
                file = sql_list([self._archive.files.location(commit.outcomes)])
                self._connection.execute(
                    f"INSERT INTO outcomes BY NAME SELECT {commit.sequence} AS judged_in, * "
                    f"FROM read_parquet({file})"
                )
        # Files of before there were several events of one record do not count them.
        self._connection.execute(
            "UPDATE outcomes SET events = 1 WHERE events IS NULL AND outcome = 'recovered'"
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
        inputs = [
            (path, commit, *each)
            for path, commit in zip(paths, landings, strict=True)
            for each in position_ranges(commit)
        ]
        self._connection.execute(
            "CREATE TEMP TABLE inputs (path VARCHAR, sequence BIGINT, day DATE, is_foreign BOOLEAN, "
            "origin VARCHAR, after BIGINT, until BIGINT)"
        )
        self._connection.execute(
            f"INSERT INTO inputs SELECT {', '.join(f'unnest(${number})' for number in range(1, 8))}",
            [
                [path for path, *_ in inputs],
                [commit.sequence for _, commit, *_ in inputs],
                [commit.landed_at.date() for _, commit, *_ in inputs],
                [commit.mapping is not None for _, commit, *_ in inputs],
                [landed.origin for *_, landed, _, _ in inputs],
                [after for *_, after, _ in inputs],
                [LAST_ROW if until is None else until for *_, until in inputs],
            ],
        )
        files = sorted(set(paths))
        if files:
            with_names = "filename = true, file_row_number = true, union_by_name = true"
            read = f"read_parquet({sql_list(files)}, {with_names})"
            # Files of before there were elements have no column for them.
            quarantined = f"(SELECT {NO_RECORDS} WHERE FALSE UNION ALL BY NAME SELECT * FROM {read})"
        else:
            quarantined = f"(SELECT {NO_RECORDS} WHERE FALSE)"
        self._connection.execute(
            'CREATE TEMP VIEW records AS SELECT l.sequence, q.file_row_number AS "row", q.position, '
            'q."offset", q.element, q.type, q.source, q.event_id, l.day, l.origin, l.is_foreign, '
            "q.position - l.after AS position_in_input, "
            "coalesce(o.outcome, 'refused') AS state, coalesce(o.reason, q.reason) AS reason, "
            "coalesce(o.detail, q.detail) AS detail, o.judged_in, "
            "q.reason AS first_reason, q.detail AS first_detail "
            f"FROM {quarantined} AS q "
            "JOIN inputs AS l ON l.path = q.filename "
            "AND (q.position > l.after OR l.after = 0) AND q.position <= l.until "
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
            "count(*) FILTER (outcome = 'duplicate'), count(*) FILTER (outcome = 'refused'), "
            "count(*) FILTER (outcome = 'ignored'), CAST(coalesce(sum(events), 0) AS BIGINT) "
            "FROM outcomes GROUP BY judged_in"
        ).fetchall()
        for sequence, *counts, events in by_recovery:
            commit = by_sequence[sequence]
            if Counts(*counts) != commit.counts or events != sum(segment.rows for segment in commit.segments):
                problems.append((commit, "its counts are not those of its outcomes"))
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
