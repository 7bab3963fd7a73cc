"""What the views of an event type show: given events that correct each other, expect those that stand.

Belongs here: `events.<type>`, `events.<type>__all`, and what the first shows of what became known since a
commit. Not here: which events stand (`test_corrections`), and frames of Polars (`test_scan`).
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from event_archive import Archive, create_views
from event_archive.engine import open_engine
from support.drafts import DRAFTS, MOMENTS, Draft, land_drafts, two_majors
from support.events import Event, land_bytes, lines, new_archive, weighed
from support.hunting import examples

Rows = set[tuple[Any, ...]]
PLACED = "event_id, CAST(occurred_at AS VARCHAR), event_date, sequence"


@contextmanager
def views_of(
    archive: Archive, cut: int | None = None, as_of: datetime | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(open_engine()) as connection:
        create_views(connection, archive, cut, as_of)
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, view: str, columns: str = PLACED) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM events.{view} ORDER BY event_id").fetchall()


def ids(connection: duckdb.DuckDBPyConnection, view: str = "parcel_weighed") -> list[str]:
    return [event_id for (event_id,) in rows(connection, view, "event_id")]


def paid(number: int, amount: int, hour: int, **changes: Any) -> Event:
    """A payment; what is weighed is money."""
    time = f"2026-03-01T{hour:02d}:00:00Z"
    changes = {"id": f"pay-{number}", "object": "parcel/1", "time": time} | changes
    return weighed(number, data={"grams": amount}, **changes)


def total_paid(archive: Archive) -> int | None:
    with views_of(archive) as connection:
        found = connection.execute("SELECT sum(data.grams)::BIGINT FROM events.parcel_weighed").fetchone()
    return found[0] if found else None


def test_a_payment_that_is_corrected_by_a_mistyped_id_is_not_paid_twice(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    land_bytes(archive, lines([paid(1, 1164, 9), paid(2, 1000, 10, corrects="pay-7")]))
    assert total_paid(archive) == 1164
    land_bytes(archive, lines([paid(3, 1000, 11, corrects="pay-1")]))
    assert total_paid(archive) == 1000
    land_bytes(archive, lines([paid(7, 30, 8)]))
    assert total_paid(archive) == 2000, "what it names has landed: 1000 in the place of 30"


def test_a_correction_of_a_void_that_waits_invents_no_amount(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    void, again = paid(2, 1164, 10, voids="pay-7"), paid(3, 500, 11, corrects="pay-2")
    land_bytes(archive, lines([paid(1, 1164, 9), void, again]))
    assert total_paid(archive) == 1164
    land_bytes(archive, lines([paid(7, 30, 8)]))
    assert total_paid(archive) == 1164 + 500


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Five payments; one is corrected; two more; that correction is voided, and another waits."""
    archive = new_archive(tmp_path_factory.mktemp("mended"))
    land_bytes(archive, lines([paid(number, 10 * number, number) for number in range(5)]), "1")
    land_bytes(archive, lines([paid(5, 11, 9, corrects="pay-1")]), "2")
    land_bytes(archive, lines([paid(6, 60, 10), paid(7, 70, 10)]), "3")
    back = paid(8, 11, 11, voids="pay-5", time="2026-03-02T01:00:00Z")
    land_bytes(archive, lines([back, paid(9, 90, 12, corrects="pay-99")]), "4")
    return archive


def test_a_view_shows_what_stands_and_its_twin_everything(mended: Archive) -> None:
    with views_of(mended, cut=3) as connection:
        assert ids(connection) == ["pay-0", "pay-2", "pay-3", "pay-4", "pay-5", "pay-6", "pay-7"]
        assert ids(connection, "parcel_weighed__all") == [f"pay-{number}" for number in range(8)]
        [moved] = [row for row in rows(connection, "parcel_weighed") if row[0] == "pay-5"]
        assert moved[1:3] == ("2026-03-01 01:00:00+00", datetime(2026, 3, 1, tzinfo=UTC).date())
        [(own,)] = connection.execute(
            "SELECT hour(occurred_at) FROM events.parcel_weighed__all WHERE event_id = 'pay-5'"
        ).fetchall()
        assert own == 9, "as it came"
    with views_of(mended) as connection:
        assert ids(connection) == [f"pay-{number}" for number in (0, 1, 2, 3, 4, 6, 7)]
        assert connection.execute("SELECT count(*) FROM events.all_events").fetchall() == [(10,)]


def test_corrections_are_told_with_what_came_of_them(mended: Archive) -> None:
    with views_of(mended) as connection:
        assert connection.execute(
            "SELECT event_id, kind, status, waits_because, known_sequence, changed_sequence, first_sequence "
            "FROM events.corrections ORDER BY event_id"
        ).fetchall() == [
            ("pay-5", "corrects", "taken_back", None, 2, 4, 1),
            ("pay-8", "voids", "in_effect", None, 4, 4, 1),
            ("pay-9", "corrects", "waiting", "not landed", 4, 4, 4),
        ]


def test_what_became_known_since_a_commit_is_asked_for_by_a_variable(mended: Archive) -> None:
    chain = [
        ("pay-1", "2026-03-01 01:00:00+00"),
        ("pay-5", "2026-03-01 01:00:00+00"),
        ("pay-8", "2026-03-01 01:00:00+00"),
    ]
    waiting = ("pay-9", "2026-03-01 12:00:00+00")
    with views_of(mended) as connection:
        connection.execute("CREATE VIEW staged AS WITH events AS (FROM events.parcel_weighed) FROM events")
        for since, expected in ((1, [*chain, waiting]), (3, [*chain, waiting]), (4, [])):
            connection.execute(f"SET VARIABLE corrections_since = {since}")
            for view in ("events.parcel_weighed", "staged"):
                found = connection.execute(
                    f"SELECT event_id, CAST(occurred_at AS VARCHAR) FROM {view} ORDER BY event_id"
                ).fetchall()
                assert found == expected, (since, view)
            assert ids(connection, "parcel_lost") == []
            assert ids(connection, "parcel_weighed__all") == [], "what came is what it was"
        connection.execute("SET VARIABLE corrections_since = NULL")
        assert len(ids(connection)) == 7
        connection.execute("RESET VARIABLE corrections_since")
        assert len(ids(connection)) == 7
    with views_of(mended, cut=3) as connection:
        connection.execute("SET VARIABLE corrections_since = 1")
        assert ids(connection) == ["pay-1", "pay-5"]
    with views_of(mended, as_of=datetime(2026, 3, 2, tzinfo=UTC)) as connection:
        connection.execute("SET VARIABLE corrections_since = 1")
        assert ids(connection) == ["pay-1", "pay-5", "pay-9"], "the void occurred later"


def test_as_of_a_moment_a_correction_waits_for_what_occurs_after_it(tmp_path: Path) -> None:
    """By a slow clock it occurred before the moment, and what it names after it."""
    archive = new_archive(tmp_path)
    early = paid(2, 1000, 10, corrects="pay-1", time="2026-03-01T09:58:00Z")
    land_bytes(archive, lines([paid(1, 1164, 10), early]))
    for minute in (58, 59):
        with views_of(archive, as_of=datetime(2026, 3, 1, 9, minute, tzinfo=UTC)) as connection:
            assert ids(connection) == []
            statuses = connection.execute("SELECT status FROM events.corrections").fetchall()
            assert statuses == [("waiting",)] * (minute == 59)
    with views_of(archive) as connection:
        assert ids(connection) == ["pay-2"]


def plan_of(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    [(_, plan)] = connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
    return str(plan)


READS_FILES = '"Function": "READ_PARQUET"'


def test_files_without_corrections_are_joined_with_nothing_but_their_commits(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    for first in (0, 100, 200):
        land_bytes(archive, lines(map(weighed, range(first, first + 100))), str(first))
    query = "SELECT max(data.grams) FROM events.parcel_weighed"
    with views_of(archive) as connection:
        plan = plan_of(connection, query)
        assert "removed_events" not in plan
        assert "correction_chains" not in plan
    land_bytes(
        archive, lines([weighed(900, object="parcel/150", time="2026-03-01T00:00:00Z", voids="event-150")])
    )
    with views_of(archive) as connection:
        plan = plan_of(connection, query)
        assert plan.count(READS_FILES) == 3, "two files, that with the event, that with the void"
        assert plan.count("removed_events") == 2
        assert connection.execute(query.replace("max", "count")).fetchall() == [(299,)]


def test_of_the_part_that_is_not_asked_for_no_file_is_read(mended: Archive) -> None:
    query = "SELECT count(DISTINCT data.grams) FROM staged"
    with views_of(mended) as connection:
        connection.execute("CREATE VIEW staged AS FROM events.parcel_weighed")
        plan = plan_of(connection, query)
        assert "changed_sequence" not in plan
        assert plan.count(READS_FILES) == 2, "those that correct, and the others"
        connection.execute("SET VARIABLE corrections_since = 1")
        plan = plan_of(connection, query)
        assert "removed_events" not in plan
        assert plan.count(READS_FILES) == 2, "the file with what is corrected, and those that correct"
        connection.execute("SET VARIABLE corrections_since = NULL")
        bounded = f"{query} WHERE sequence >= 4"
        [(_, plan)] = connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {bounded}").fetchall()
        tables = 4 + 4 + 4 + 4  # segments thrice, corrections
        assert json.loads(plan)["query"]["total_rows_scanned"] <= 2 + tables


@settings(max_examples=examples(25), phases=[Phase.generate])  # each lands files: shrinking takes minutes
@given(drafts=DRAFTS, cuts=st.tuples(st.integers(0, 3), st.integers(0, 3)), as_of=st.none() | MOMENTS)
def test_whatever_changes_between_two_commits_is_among_what_became_known(
    tmp_path_factory: pytest.TempPathFactory,
    drafts: list[Draft],
    cuts: tuple[int, int],
    as_of: datetime | None,
) -> None:
    """A fact that goes by this finds every key which an event had that does not stand any more."""
    archive = two_majors(tmp_path_factory.mktemp("since"))
    land_drafts(archive, drafts)
    first, second = sorted(min(cut, len(archive.log.commits())) for cut in cuts)
    for view in ("parcel_weighed", "parcel_lost"):
        with views_of(archive, first, as_of) as connection:
            before = set(rows(connection, view))
        with views_of(archive, second, as_of) as connection:
            after = set(rows(connection, view))
            every = ids(connection, f"{view}__all")
            connection.execute(f"SET VARIABLE corrections_since = {first}")
            changed = rows(connection, view)
        landed = {row for row in after if row[-1] > first}
        assert (before ^ after) - landed <= set(changed)
        assert len(changed) == len({row[0] for row in changed}), "each once"
        assert {row[0] for row in changed} <= set(every)
