"""Each event is in an archive once: one that was accepted twice is found, and so is a segment named twice."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, unique_keys, verify
from event_archive.landing import transaction
from event_archive.store.checked_files import CheckedFiles
from event_archive.store.commit import Commit, Counts, segments_of
from event_archive.store.key_index import KeyIndex
from event_archive.store.storage import Storage
from event_archive.verification import verify_commits
from support.events import Event, land_bytes, lines, lost, new_archive, weighed
from support.hunting import examples

WEIGHED, LOST = "parcel.weighed.v1", "parcel.lost.v1"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def knowing_nothing(
    storage: Storage,
    checked: CheckedFiles,
    connection: duckdb.DuckDBPyConnection,
    _: Sequence[Commit],
    folder: Path,
) -> KeyIndex:
    """An index of no commit."""
    return KeyIndex(storage, checked, connection, [], folder)


def land_blindly(archive: Archive, events: Sequence[Event], name: str) -> None:
    """Land events by an index that knows nothing of what has landed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            transaction,
            "KeyIndex",
            lambda storage, checked, engine, known, folder, _: KeyIndex(storage, checked, engine, [], folder),
        )
        land_bytes(archive, lines(events), name)


def segment(archive: Archive, sequence: int, event_type: str) -> str:
    """The name of the segment of a type that a commit has."""
    (path,) = [held.path for held in segments_of(archive.log.commits()[sequence - 1 : sequence], event_type)]
    return path


def found(archive: Archive) -> list[tuple[str, str]]:
    return [(finding.path, finding.problem) for finding in verify(archive)]


def test_an_event_that_was_accepted_twice_is_found(archive: Archive) -> None:
    land_blindly(archive, [weighed(1), weighed(2), lost(1)], "first")
    assert found(archive) == []
    land_blindly(archive, [weighed(2), weighed(3), lost(2)], "second")
    assert found(archive) == [
        (
            segment(archive, 2, WEIGHED),
            "holds 1 event(s) that had been accepted before, such as id 'event-2' of source '/post', "
            f"in {segment(archive, 1, WEIGHED)}",
        )
    ]


def test_a_key_is_found_in_another_type_and_with_other_content(archive: Archive) -> None:
    land_blindly(archive, [weighed(1), weighed(2)], "first")
    land_blindly(archive, [lost(1, id="event-1"), weighed(2, data={"grams": 7})], "second")
    assert [path for path, _ in found(archive)] == [segment(archive, 2, LOST), segment(archive, 2, WEIGHED)]


def test_an_id_of_two_sources_is_two_events(archive: Archive) -> None:
    land_blindly(archive, [weighed(1), weighed(1, source="/other")], "first")
    land_blindly(archive, [weighed(1, source="/third"), weighed(1, source="/pos", id="tevent-1")], "second")
    assert found(archive) == []


def test_it_is_found_beside_a_damaged_file(archive: Archive) -> None:
    for number in (1, 2, 3):
        land_blindly(archive, [weighed(1), lost(1), weighed(2, id=f"new-{number}")], f"{number}")
    damaged = archive.root / segment(archive, 1, WEIGHED)
    damaged.chmod(0o644)
    damaged.write_bytes(b"")
    problems = dict(found(archive))
    assert "bytes were changed" in problems[segment(archive, 1, WEIGHED)]
    assert "had been accepted before" in problems[segment(archive, 3, WEIGHED)]


def test_a_segment_that_two_commits_name_is_found(archive: Archive) -> None:
    land_bytes(archive, lines([weighed(1)]), "first")
    (first,) = archive.log.commits()
    second = replace(first, sequence=2, previous=first.digest, batch="0" * 64)
    archive.log.append(second)
    problem = (second.name, f"names {first.segments[0].path}, which {first.name} has named")
    assert found(archive) == [problem]
    assert [(finding.path, finding.problem) for finding in verify_commits(archive, after=1)] == [problem]


def test_a_segment_that_one_commit_names_twice_is_found(archive: Archive, tmp_path: Path) -> None:
    land_bytes(archive, lines([weighed(1)]), "first")
    (commit,) = archive.log.commits()
    other = new_archive(tmp_path / "other")
    other.log.move_anchor()
    shutil.copytree(archive.root / "events", other.root / "events")
    other.log.append(replace(commit, segments=commit.segments * 2, counts=Counts(2, 2)))
    assert found(other) == [(commit.name, f"names {commit.segments[0].path}, which {commit.name} has named")]


NUMBERS = st.sets(st.integers(1, 6), min_size=1)


@settings(max_examples=examples(25))
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4), st.integers(1, 4))
def test_of_landings_that_know_nothing_of_each_other_every_repetition_is_found(
    tmp_path_factory: pytest.TempPathFactory, landings: list[tuple[set[int], set[int]]], at_once: int
) -> None:
    archive = new_archive(tmp_path_factory.mktemp("blind"))
    expected: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()
    for place, (heavy, gone) in enumerate(landings, start=1):
        events = [weighed(number, actor=f"clerk/{place}") for number in heavy]
        events += [lost(number, actor=f"clerk/{place}") for number in gone]
        land_blindly(archive, events, f"file {place}")
        for event_type, numbers in ((WEIGHED, heavy), (LOST, gone)):
            keys = {(event_type, number) for number in numbers}
            if keys & seen:
                expected[segment(archive, place, event_type)] = len(keys & seen)
            seen |= keys
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unique_keys, "KEYS_AT_ONCE", at_once)
        counted = {path: int(problem.split()[1]) for path, problem in found(archive)}
    assert counted == expected


def test_of_very_many_repetitions_some_are_enough(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique_keys, "MOST_READ", 3)
    monkeypatch.setattr(unique_keys, "KEYS_AT_ONCE", 5)
    land_blindly(archive, [weighed(number) for number in range(20)], "first")
    land_blindly(archive, [weighed(number, actor="clerk/eve") for number in range(20)], "second")
    ((path, problem),) = found(archive)
    assert path == segment(archive, 2, WEIGHED)
    assert problem.startswith("holds at least 3 event(s) that had been accepted before, such as id 'event-")
