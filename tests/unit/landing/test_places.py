"""The place of each event in its input: given files, expect the line of each, in every reader.

Belongs here: `position` and `element` of landed and recovered events, and of those that landed before there
was either. Not here: what several events of one record are (`mapping`).
"""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, Limits, create_views, scan
from event_archive.engine import open_engine
from event_archive.store.commit import NOTHING_BEFORE
from event_archive.store.durable import file_digest
from event_archive.store.log_entry import parse_entry
from support.events import land_bytes, lines, lost, new_archive, recover_lost_anywhere, weighed
from support.hunting import examples

LINES = st.lists(
    st.one_of(st.integers(0, 9), st.sampled_from([b"", b"  ", b"no event", b"\xff"])), max_size=30
)


def places(archive: Archive, view: str = "parcel_weighed") -> dict[str, tuple[int | None, int | None]]:
    """The place of each event by its id, as SQL and Polars alike say."""
    with closing(open_engine()) as connection:
        create_views(connection, archive)
        by_sql = connection.execute(f"SELECT event_id, position, element FROM events.{view}__all").fetchall()
        of_all = connection.execute(
            f"SELECT event_id, position, element FROM events.all_events WHERE event_type LIKE '{view[:8]}%'"
        ).fetchall()
    frame = scan(archive, view.replace("_", ".")).select("event_id", "position", "element").collect()
    found = {event_id: place for event_id, *place in sorted(by_sql)}
    assert found.items() <= {event_id: place for event_id, *place in of_all}.items()
    assert sorted(by_sql) == sorted(frame.rows())
    return {event_id: (position, element) for event_id, (position, element) in found.items()}


@settings(max_examples=examples(10))
@given(LINES)
def test_the_place_of_an_event_is_that_of_the_line_it_first_came_in(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[int | bytes]
) -> None:
    archive = new_archive(tmp_path_factory.mktemp("places"))
    content = lines(line if isinstance(line, bytes) else weighed(line) for line in drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Limits, "chunk_bytes", 600)  # several chunks
        land_bytes(archive, content)
    firsts: dict[str, tuple[int, int]] = {}
    for position, line in enumerate(drawn, 1):
        if isinstance(line, int):
            firsts.setdefault(f"event-{line}", (position, 1))
    assert places(archive) == firsts
    # The same events in another file are duplicates, wherever they stand there.
    land_bytes(archive, lines(map(weighed, range(9, -1, -1))), "others.ndjson")
    assert firsts.items() <= places(archive).items()


def test_the_place_in_a_batch_is_the_index(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    land_bytes(archive, json.dumps([weighed(5), {"no": "event"}, weighed(1)]).encode(), "events.json")
    assert places(archive) == {"event-5": (1, 1), "event-1": (3, 1)}


def test_a_recovered_event_has_the_place_that_it_was_refused_at(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)

    land_bytes(archive, lines([weighed(1), weighed(2), {**lost(7), "data": {"place": 7}}]))

    opened = recover_lost_anywhere(archive)
    assert places(opened, "parcel_lost") == {"lost-7": (3, 1)}


def test_events_that_landed_before_there_were_places_have_none(tmp_path: Path) -> None:
    archive = new_archive(tmp_path / "new")
    landed = land_bytes(archive, lines([weighed(1), weighed(2)]))
    assert landed.commit is not None
    older = as_before(archive, tmp_path / "older")
    assert places(older) == {"event-1": (None, None), "event-2": (None, None)}
    land_bytes(older, lines([weighed(3), weighed(1)]), "more.ndjson")
    assert places(older) == {"event-1": (None, None), "event-2": (None, None), "event-3": (1, 1)}
    assert scan(older, "parcel.weighed").filter(pl.col("position").is_null()).collect().height == 2


def as_before(archive: Archive, folder: Path) -> Archive:
    """An archive with this one's first commit, as it was written before segments had places."""
    [commit] = archive.log.commits()
    folder.mkdir()
    older = Archive(folder / "archive", archive.contracts, may_create=True)
    older.log.move_anchor()
    segments = []
    for segment in commit.segments:
        table = pq.read_table(archive.storage.location(segment.path)).drop_columns(["position", "element"])
        file = folder / "segment.parquet"
        pq.write_table(table, file, store_schema=False)
        digest = file_digest(file)
        path = f"events/{segment.type}/{digest}.parquet"
        older.storage.adopt(file, path)
        segments.append(replace(segment, path=path, sha256=digest, bytes=0, has_places=False))
    entry = replace(commit, previous=NOTHING_BEFORE, segments=tuple(segments))
    assert b"has_places" not in entry.content, "an entry without places is written as ever"
    assert parse_entry(entry.content) == entry
    assert older.log.append(entry)
    return older


def test_an_entry_says_whether_its_segments_have_places(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    commit = land_bytes(archive, lines([weighed(1)])).commit
    assert commit is not None
    entry: dict[str, Any] = json.loads(commit.content)
    assert entry["segments"][0]["has_places"] is True
    entry["segments"][0]["has_places"] = 1
    with pytest.raises(ValueError, match="not an entry"):
        parse_entry(json.dumps(entry).encode())
