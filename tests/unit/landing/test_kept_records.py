"""What a landing by a mapping keeps: given records, expect each of them in the archive, byte by byte.

Belongs here: the file of kept records, and that it is verified. Not here: what it is kept for (`remap`).
"""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, Limits, verify
from event_archive.landing.kept_records import read_kept_records
from event_archive.store.commit import Commit
from support.events import land_bytes, lines, new_archive, rejected, text, weighed
from support.hunting import examples
from support.mapped import land_records, narrow, of_trips, record

RECORDS = st.lists(
    st.one_of(
        st.integers(0, 6).map(record),
        st.integers(0, 6).map(lambda number: record(number, grams=None)),
        st.integers(0, 3).map(lambda number: record(number, remarks=["\u00e9", number / 7])),
        st.sampled_from([b"", b" ", b"no record", b"\xff", b'{"kind":"lost"}']),
        st.just({"kind": "beat"}),
        st.integers(0, 3).map(lambda number: b"\t" + text(record(number)) + b" \r"),
    ),
    max_size=25,
)


def kept(archive: Archive, commit: Commit) -> dict[int, bytes]:
    """The kept records of a landing by their positions."""
    chunks = read_kept_records(archive, commit.records) if commit.records else []
    return {
        int(position): chunk.record(row) for chunk in chunks for row, position in enumerate(chunk.positions)
    }


def positions_of_events(archive: Archive, commit: Commit) -> list[int]:
    tables = [pq.read_table(archive.storage.location(segment.path)) for segment in commit.segments]
    return sorted(position for table in tables for position in table["position"].to_pylist())


@settings(max_examples=examples(15))
@given(RECORDS, RECORDS)
def test_every_record_that_became_an_event_is_kept_as_it_came(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[dict[str, Any] | bytes],
    second: list[dict[str, Any] | bytes],
) -> None:
    folder = tmp_path_factory.mktemp("kept")
    archive, mapping = new_archive(folder), narrow(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Limits, "chunk_bytes", 1000)  # several chunks, and so several row groups
        landed = [land_records(archive, drawn, mapping, f"{n}") for n, drawn in enumerate((first, second))]
    for drawn, commit in zip((first, second), (each.commit for each in landed), strict=True):
        if commit is None:
            continue
        came = {
            position: (line if isinstance(line, bytes) else text(line)).strip()
            for position, line in enumerate(drawn, 1)
        }
        mine = kept(archive, commit)
        ignored = [position for position, line in came.items() if line == b'{"kind":"beat"}']
        assert len(ignored) == commit.counts.ignored
        positions = {*positions_of_events(archive, commit), *ignored}
        assert mine == {position: came[position] for position in positions}
        refused = {
            each.position: each.record for each in rejected(archive) if each.sequence == commit.sequence
        }
        assert refused == {position: came[position] for position in refused}
        assert mine.keys().isdisjoint(refused)
    assert verify(archive) == []


def test_a_record_with_several_events_is_kept_once_also_where_another_is_refused(tmp_path: Path) -> None:
    archive, mapping = new_archive(tmp_path), of_trips(tmp_path)
    trips = [
        {"parcels": [record(1), record(2)]},
        {"parcels": [record(3), {"kind": "beat"}, record(4, grams="heavy")]},
        {"parcels": [record(5, grams="heavy")]},
        {"parcels": [record(2), record(1)]},
        {"parcels": [{"kind": "beat"}]},
    ]
    commit = land_records(archive, trips, mapping).commit
    assert commit is not None
    counts = commit.counts
    assert (counts.received, counts.accepted, counts.ignored, counts.rejected) == (9, 3, 2, 2)
    assert kept(archive, commit) == {position: text(trips[position - 1]) for position in (1, 2, 5)}
    assert {(each.position, each.record) for each in rejected(archive)} == {
        (2, text(trips[1])),
        (3, text(trips[2])),
    }
    assert verify(archive) == []


def test_events_that_need_no_mapping_are_not_kept_twice(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    commit = land_bytes(archive, lines([weighed(1)])).commit
    assert commit is not None
    assert commit.records is None
    assert b"records" not in commit.content, "an entry without any is written as ever"


def test_a_changed_byte_of_a_kept_record_is_found(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    commit = land_records(archive, [record(1), record(2)], narrow(tmp_path)).commit
    assert commit is not None
    assert commit.records is not None
    path = archive.root / commit.records.path
    path.chmod(0o600)
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    assert [finding.path for finding in verify(archive)] == [commit.records.path]
    path.unlink()
    assert [finding.path for finding in verify(archive)] == [commit.records.path]
