"""Revisions: of events that a producer revises the highest number stands, whichever came first.

Given events in any order and any landings, expect rows. Not here: corrections that name an event
(`test_corrections`), and what of a mapping makes a revision (`test_elements`).
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, create_views, verify
from event_archive.decoding.sources import Source
from event_archive.landing.land import land
from event_archive.mapping.mapping import load_mapping
from event_archive.views.correction_tables import CORRECTIONS_SINCE
from support.events import land_bytes, lines, new_archive, rejected, weighed
from support.hunting import examples

Revision = tuple[int, int]
"""The number of an event, and of its revision."""


def revised(number: int, revision: int, **changes: Any) -> dict[str, Any]:
    """An event in its so many-th revision, which weighs as much more and was sent as much later."""
    at = f"2026-01-{1 + revision:02d}T00:00:00Z"
    named = {"id": f"event-{number};revision={revision}", "corrects": f"event-{number}", "time": at}
    return weighed(number, data={"grams": 100 * number + revision}) | named | changes


def shown(archive: Archive, query: str, since: int | None = None) -> list[Any]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_views(connection, archive)
        if since is not None:
            connection.execute(f"SET VARIABLE {CORRECTIONS_SINCE} = {since}")
        return connection.execute(query).fetchall()


GRAMS = "SELECT data.grams, strftime(occurred_at, '%d') FROM events.parcel_weighed ORDER BY ALL"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def test_the_only_revision_is_an_event_like_any_other(archive: Archive) -> None:
    land_bytes(archive, lines([revised(1, 3), weighed(2)]))
    assert shown(archive, GRAMS) == [(2, "03"), (103, "04")]
    assert shown(archive, "FROM events.corrections") == []


def test_the_highest_stands_in_the_place_of_the_lowest(archive: Archive) -> None:
    for number, revision in enumerate([3, 1, 2]):
        land_bytes(archive, lines([revised(1, revision)]), f"{number}")
    assert shown(archive, GRAMS) == [(103, "02")]
    statuses = "SELECT event_id, status, corrected_event_id FROM events.corrections ORDER BY event_id"
    assert shown(archive, statuses) == [
        ("event-1;revision=2", "superseded", "event-1;revision=1"),
        ("event-1;revision=3", "in_effect", "event-1;revision=2"),
    ]
    assert shown(archive, "SELECT count(*) FROM events.parcel_weighed__all") == [(3,)]
    assert verify(archive) == []


def test_a_revision_that_comes_late_is_found_to_have_changed_nothing_but_the_place(archive: Archive) -> None:
    land_bytes(archive, lines([revised(1, 3), revised(2, 1)]), "first")
    land_bytes(archive, lines([revised(1, 1)]), "late")
    keys = "SELECT DISTINCT object_id FROM events.parcel_weighed ORDER BY ALL"
    assert shown(archive, keys, since=1) == shown(
        archive, "SELECT DISTINCT object_id FROM events.parcel_weighed__all WHERE data.grams = 103"
    ), "the key of what is in effect is derived again, and no other"
    assert shown(archive, keys, since=2) == []


def test_no_clock_decides_between_revisions(archive: Archive) -> None:
    early = "2025-12-01T00:00:00Z"
    land_bytes(archive, lines([revised(1, 1), revised(1, 2, time=early)]))
    assert shown(archive, GRAMS) == [(102, "02")]


def test_a_void_of_a_revision_takes_it_back(archive: Archive) -> None:
    void = weighed(9, voids="event-1;revision=2", time="2026-02-01T00:00:00Z")
    about = {"object": revised(1, 1)["object"]}
    land_bytes(archive, lines([revised(1, 1), revised(1, 2), void | about]))
    assert shown(archive, GRAMS) == [(101, "02")]


@pytest.mark.parametrize(
    "text", ["event-1;revision=", "event-1;revision=x", "event-1;revision=-1", "event-1-2"]
)
def test_what_has_no_number_is_a_correction_and_no_revision(archive: Archive, text: str) -> None:
    land_bytes(archive, lines([revised(1, 1, id=text)]))
    assert shown(archive, "SELECT event_id, waits_because FROM events.corrections") == [(text, "not landed")]
    assert shown(archive, GRAMS) == []


REVISIONS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=12, unique=True)


@settings(max_examples=examples(15), deadline=None)
@given(REVISIONS.flatmap(lambda events: st.tuples(st.permutations(events), st.integers(1, 4))))
def test_the_order_of_arrival_does_not_matter(dealt: tuple[Sequence[Revision], int]) -> None:
    events, size = dealt
    expected = [
        (100 * number + max(revisions), f"{1 + min(revisions):02d}")
        for number in sorted({number for number, _ in events})
        if (revisions := [revision for other, revision in events if other == number])
    ]
    with TemporaryDirectory() as folder:
        archive = new_archive(Path(folder))
        for start in range(0, len(events), size):
            land_bytes(
                archive, lines([revised(*event) for event in events[start : start + size]]), f"{start}"
            )
            assert not rejected(archive)
        assert shown(archive, GRAMS) == expected


MAPPING = """
choose: what
event:
  id: no
  source: {$constant: /shop}
  time: at
  actor: {clerk: who}
  revision: %s
rules:
  weighed:
    type: parcel.weighed.v1
    object: {parcel: no}
    data: {label: no, grams: grams, due_at: {$value: due, $missing: null}}
"""
RECORD = '{"what":"weighed","no":"p1","at":"2026-01-01T00:00:00Z","who":"c","grams":%s,"changed":%s}\n'


@pytest.mark.parametrize(
    ("revision", "changes"),
    [
        ("changed", ["10", "9", '"11"']),
        (
            "CAST(changed AS TIMESTAMPTZ)",
            ['"2026-01-02T00:00:00Z"', '"2026-01-01T00:00:00Z"', '"2026-01-02T00:00:00.000001Z"'],
        ),
        ("strptime(changed, '%%d.%%m.%%Y')", ['"02.01.2026"', '"01.01.2026"', '"03.01.2026"']),
    ],
)
def test_a_mapping_names_the_version_or_the_time_of_a_change(
    archive: Archive, tmp_path: Path, revision: str, changes: list[str]
) -> None:
    """The same id with other content: the newest stands, an older one that comes late does not."""
    (tmp_path / "mapping.yaml").write_text(MAPPING % revision.replace("%%", "%"))
    mapping = load_mapping(tmp_path / "mapping.yaml")
    for grams, change in enumerate(changes, start=1):
        path = tmp_path / f"{grams}.ndjson"
        path.write_text(RECORD % (grams, change))
        assert land(archive, Source(path.name, path), mapping=mapping).counts.accepted == 1, rejected(archive)
    assert [grams for grams, _ in shown(archive, GRAMS)] == [3]
    repeated = tmp_path / "again.ndjson"
    repeated.write_text(RECORD % (1, changes[0]) + RECORD % (7, changes[0]) + RECORD % (8, "null"))
    counts = land(archive, Source(repeated.name, repeated), mapping=mapping).counts
    assert (counts.duplicate, counts.rejected) == (1, 2)
    reasons = [entry.detail for entry in rejected(archive)]
    assert any(reason.startswith("source and id are taken by an event") for reason in reasons), reasons
    assert any("revision: a whole number from 0, or a time" in reason for reason in reasons), reasons
