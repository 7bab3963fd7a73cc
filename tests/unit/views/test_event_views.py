"""What it takes to read the views: given events and a question, expect what the engine plans and reads.

Belongs here: questions that have the same answer however they are planned. Not here: what the views say.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from event_archive import create_views
from support.events import land_bytes, lines, new_archive, weighed

LANDINGS, EVENTS = 3, 500


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Some landings of many events each."""
    archive = new_archive(tmp_path_factory.mktemp("views"))
    for first in range(0, LANDINGS * EVENTS, EVENTS):
        land_bytes(archive, lines(map(weighed, range(first, first + EVENTS))), f"from-{first}.ndjson")
    with duckdb.connect() as connection:
        create_views(connection, archive)
        yield connection


def test_the_engine_expects_as_many_rows_as_there_are_events(views: duckdb.DuckDBPyConnection) -> None:
    """What has fewer, such as the keys that a fact looks up, is then what it keeps in memory of a join."""
    [(_, plan)] = views.execute("EXPLAIN (FORMAT json) SELECT * FROM events.parcel_weighed").fetchall()
    [top] = json.loads(plan)
    assert int(top["extra_info"]["Estimated Cardinality"]) == LANDINGS * EVENTS


def test_a_bound_on_the_sequence_leaves_earlier_files_closed(views: duckdb.DuckDBPyConnection) -> None:
    query = f"SELECT count(DISTINCT data.grams) FROM events.parcel_weighed WHERE sequence >= {LANDINGS}"
    assert views.execute(query).fetchone() == (EVENTS,)
    [(_, plan)] = views.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query}").fetchall()
    assert json.loads(plan)["query"]["total_rows_scanned"] == EVENTS + LANDINGS, (
        "these events, and all segments"
    )


def test_columns_are_read_and_what_they_hold_less_of_can_be_given_back(tmp_path: Path) -> None:
    event = weighed(1, time="2026-01-01T23:59:59.999999999Z", data={"due_at": "2026-03-01T00:00:00.0000009Z"})
    archive = new_archive(tmp_path)
    land_bytes(archive, lines([event]).replace(b'"grams":1', b'"grams":1,"ratio":0.10000000000000001'))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_views(connection, archive)
        query = """
            SELECT CAST(occurred_at AS VARCHAR), CAST(event_date AS VARCHAR), CAST(data.due_at AS VARCHAR),
                data.ratio, extra->>'$.original.time', extra->>'$.original.data.due_at'
            FROM events.parcel_weighed WHERE event_date = DATE '2026-01-01'
        """
        assert connection.execute(query).fetchall() == [
            ("2026-01-01 23:59:59.999999+00", "2026-01-01", "2026-03-01 00:00:00+00", 0.1,
             event["time"], event["data"]["due_at"])
        ]  # fmt: skip
        [(extra,)] = connection.execute("SELECT extra FROM events.parcel_weighed").fetchall()
    assert '"ratio":0.10000000000000001' in extra
