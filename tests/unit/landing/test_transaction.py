"""A transaction: what is left in its engine, however long the input is and however the landing ends.

Belongs here: engines and relations. Not here: which records land (`test_hostile_input`), and crashes.
"""

from pathlib import Path

import duckdb
import pytest

from event_archive import Archive, UnusableInput
from event_archive.engine import open_engine
from event_archive.landing.transaction import Transaction
from event_archive.limits import Limits
from event_archive.quarantine import recovery_outcomes
from event_archive.quarantine.recovery_outcomes import RejectedRecords
from event_archive.store.commit import OTHER
from support.events import WEIGHED, Event, land_bytes, lines, new_archive, weighed

RELATIONS = "SELECT count(*) FROM information_schema.tables"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


@pytest.fixture
def left_over(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many relations each transaction's engine has when it is closed."""
    counts: list[int] = []
    close = Transaction.close

    def closing(transaction: Transaction) -> None:
        if connection := vars(transaction).get("_connection"):
            counts.extend(count for (count,) in connection.execute(RELATIONS).fetchall())
        close(transaction)

    monkeypatch.setattr(Transaction, "close", closing)
    return counts


def test_relations_do_not_pile_up_with_the_chunks_of_an_input(
    archive: Archive, left_over: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits, "chunk_bytes", 1 << 14)
    events = [weighed(number) for number in range(200)]
    land_bytes(archive, lines([*events[:10], b"broken"]), "one chunk")
    records = lines([*events, b"broken", *events, weighed(1, data={"grams": 2})])
    assert land_bytes(archive, records, "many chunks").counts.duplicate == 210
    assert left_over == [1, 1], "the table of new keys alone"


def test_what_has_landed_before_needs_no_engine(archive: Archive, left_over: list[int]) -> None:
    land_bytes(archive, lines([weighed(1)]))
    assert land_bytes(archive, lines([weighed(1)])).earlier is not None
    assert len(left_over) == 1


def test_an_engine_is_closed_where_a_quarantine_file_can_not_be_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_bytes(archive, b"broken\n")
    (commit,) = archive.log.commits()
    assert commit.quarantine is not None
    path = Path(archive.storage.location(commit.quarantine.path))
    path.chmod(0o644)
    path.write_bytes(b"no Parquet")
    engines: list[duckdb.DuckDBPyConnection] = []

    def opening(*, threads: int, memory_bytes: int) -> duckdb.DuckDBPyConnection:
        engines.append(open_engine(threads=threads, memory_bytes=memory_bytes))
        return engines[-1]

    monkeypatch.setattr(recovery_outcomes, "open_engine", opening)
    with pytest.raises(UnusableInput, match="its bytes were changed"):
        RejectedRecords(archive)
    with pytest.raises(duckdb.ConnectionException):
        engines[0].execute("SELECT 1")


def test_a_commit_says_what_was_no_news_and_what_was_rejected_by_type(archive: Archive) -> None:
    """Duplicates in the batch and in the archive, by day; never a text that no contract has."""
    first = land_bytes(
        archive, lines([weighed(1), weighed(1), weighed(2, time="2026-01-05T08:00:00Z")])
    ).commit
    other = weighed(2, time="2026-01-05T09:00:00Z")
    unknown: Event = {**weighed(7), "type": "ada@example.org was here"}
    again: list[Event | bytes] = [
        weighed(1),
        weighed(2, time="2026-01-05T08:00:00Z"),
        weighed(3),
        other,
        unknown,
        b"{",
    ]
    second = land_bytes(archive, lines(again)).commit
    assert first and second
    day = weighed(1)["time"][:10]
    assert (first.duplicates, first.rejected) == ({WEIGHED: {day: 1}}, {})
    assert second.duplicates == {WEIGHED: {day: 1, "2026-01-05": 1}}
    assert second.rejected == {WEIGHED: {"conflict": 1}, OTHER: {"invalid_json": 1, "unknown_type": 1}}
    assert (second.counts.duplicate, second.counts.rejected) == (2, 3)
    assert archive.log.commits()[1] == second
    assert b"example.org" not in second.content
