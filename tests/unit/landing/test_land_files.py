"""Many inputs at once: small ones land together, and all is as if each had landed by itself.

Belongs here: what a commit of several inputs holds and says, and what keeps none of them waiting. Not here:
one input (`test_hostile_input`), and moving files out of the inbox (`test_inbox`).
"""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, Landed, Limits, Source, land, recover, verify
from event_archive.decoding.sources import find_sources
from event_archive.errors import UnusableSource
from event_archive.landing import land_files
from event_archive.landing.inbox import land_inbox
from event_archive.landing.joined_files import JoinedFiles, decode_small
from event_archive.landing.land_files import LandingRun, Outcome
from event_archive.quarantine.queries import Filter, grouped, history
from event_archive.store.commit import Counts, LandedFile
from event_archive.store.inputs import agrees_with_files, inputs_of
from event_archive.store.log_entry import parse_entry
from support.events import Event, archived, lines, lost, new_archive, rejected, text, weighed
from support.hunting import examples
from support.installation import temporary_folder


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(land_files, "FEWEST", 2)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def written(folder: Path, contents: Sequence[bytes]) -> list[Source]:
    """Inputs of these bytes, in this order."""
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"{number:03d}").write_bytes(content)
    return [replace(source, origin=source.path.name) for source in find_sources([str(folder)]) if source.path]


def land_all(archive: Archive, sources: Sequence[Source], **options: Any) -> list[Outcome]:
    run = LandingRun(archive, [(source, None) for source in sources], **options)
    return [outcome for _, outcome in run.outcomes()]


def landed(outcomes: Sequence[Outcome]) -> list[Landed]:
    assert all(isinstance(outcome, Landed) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Landed)]


PIECES: list[Event | bytes] = [
    weighed(1),
    weighed(2),
    lost(3),
    weighed(2, data={"grams": 7}),
    weighed(1, type="parcel.eaten.v1"),
    weighed(4, data={"label": "Grüße \U0001f4e6"}),
    b"no event",
    b"",
    b"  \t",
    b"\xff\xfe not UTF-8",
]
LISTED = st.lists(st.sampled_from(PIECES), max_size=6)


def in_array(pieces: list[Any]) -> bytes:
    return b"[" + b",".join(text(piece) for piece in pieces if isinstance(piece, dict)) + b"]"


FILES = st.one_of(
    LISTED.map(lines),
    LISTED.map(lambda pieces: lines(pieces)[:-1]),
    LISTED.map(lambda pieces: gzip.compress(lines(pieces), mtime=0)),
    LISTED.map(lambda pieces: gzip.compress(lines([*pieces, weighed(5)]), mtime=0)[:-9]),
    LISTED.map(in_array),
    LISTED.map(lambda pieces: in_array([*pieces, weighed(6)])[:-1]),
)


def told(archive: Archive, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """All that is to be seen of a landing but for which commits it made."""
    commits = archive.log.commits()
    return {
        "outcomes": [
            (outcome.origin, outcome.counts, outcome.earlier is not None, outcome.damage)
            if isinstance(outcome, Landed)
            else repr(outcome)
            for outcome in outcomes
        ],
        # One whose records are all refused is landed by itself, after those beside it.
        "inputs": sorted(
            (each.origin, each.batch, each.batch_bytes, each.counts)
            for commit in commits
            for each in inputs_of(commit)
        ),
        "events": archived(archive),
        "places": places(archive),
        "rejected": sorted(
            (
                record.origin,
                record.position_in_input,
                record.offset,
                record.reason,
                record.detail,
                record.type,
                record.event_id,
            )
            for group in grouped(archive, Filter(), limit=1000, samples=1000)
            for record in group.samples
        ),
        "bytes": sorted((record.origin, record.record) for record in rejected(archive)),
    }


def places(archive: Archive) -> list[tuple[str, str, int]]:
    """The input of each event, its place in that, and its id."""
    found = []
    for commit in archive.log.commits():
        for segment in commit.segments:
            for row in pq.read_table(archive.storage.location(segment.path)).to_pylist():
                of = [each for each in inputs_of(commit) if each.after < row["position"]][-1]
                found.append((of.origin, row["position"] - of.after, row["event_id"]))
    return sorted(found)


@settings(max_examples=examples(12))
@given(st.lists(FILES, min_size=2, max_size=6), st.booleans())
def test_what_lands_together_is_what_lands_one_by_one(contents: list[bytes], anyway: bool) -> None:
    folder = temporary_folder()
    folder.mkdir(parents=True, exist_ok=True)
    sources = written(folder / "inputs", contents)
    (folder / "alone").mkdir()
    alone, together = new_archive(folder / "alone"), new_archive(folder)
    outcomes: list[Outcome] = []
    for source in sources:
        try:
            outcomes.append(land(alone, source, quarantine_anyway=anyway))
        except UnusableSource as error:
            outcomes.append(error)
    expected = told(alone, outcomes)
    assert told(together, land_all(together, sources, quarantine_anyway=anyway)) == expected
    assert verify(together) == []

    before = together.log.commits()
    again = land_all(together, sources, quarantine_anyway=anyway)
    assert [getattr(outcome, "earlier", None) is None for outcome in again] == [
        isinstance(outcome, Exception) or (not outcome.counts.received and outcome.earlier is None)
        for outcome in outcomes
    ]
    assert together.log.commits() == before


def test_the_log_names_each_input_of_a_commit(archive: Archive, tmp_path: Path) -> None:
    contents = [lines([weighed(1), b"broken", weighed(2)]), b"\n", lines([weighed(2), lost(3)]), b"{}\n"]
    sources = written(tmp_path / "inputs", contents)
    outcomes = landed(land_all(archive, sources))
    (commit,) = archive.log.commits()
    assert [outcome.commit for outcome in outcomes] == [commit, None, commit, commit]
    assert [outcome.counts for outcome in outcomes] == [
        Counts(3, 2, 0, 1),
        Counts(),
        Counts(2, 1, 1, 0),
        Counts(1, 0, 0, 1),
    ]
    assert [(file.origin, file.after) for file in commit.files] == [("000", 0), ("002", 3), ("003", 5)]
    assert (commit.origin, commit.counts) == ("000 and 2 other files", Counts(6, 3, 1, 2))
    assert parse_entry(commit.content) == commit
    found = history(archive, 1, position=6)
    assert found
    record, _ = found
    assert (record.origin, record.position, record.position_in_input) == ("003", 6, 1)
    assert landed(land_all(archive, sources[2:3]))[0].earlier == commit
    assert land(archive, sources[0]).earlier == commit


@pytest.mark.parametrize(
    "change",
    [
        {"batch_bytes": 1},
        {"origin": "another"},
        {"batch": "0" * 64},
        {"after": 9},
        {"counts": Counts(2, 1, 1)},
        {"counts": Counts(2, 1)},
    ],
)
def test_an_entry_that_says_something_else_of_an_input_does_not_agree(
    archive: Archive, tmp_path: Path, change: dict[str, Any]
) -> None:
    land_all(archive, written(tmp_path / "inputs", [lines([weighed(1)]), lines([weighed(2), weighed(3)])]))
    (commit,) = archive.log.commits()
    assert agrees_with_files(commit)
    forged: LandedFile = replace(commit.files[0], **change)
    assert not agrees_with_files(replace(commit, files=(forged, *commit.files[1:])))
    assert not agrees_with_files(replace(commit, files=commit.files[:1]))


def test_few_small_inputs_and_large_ones_have_a_commit_each(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(memory_bytes=16 << 20)
    large = lines(weighed(number) for number in range(1000, 1400))
    assert len(large) > limits.chunk_bytes // 16
    contents = [lines([weighed(1)]), lines([weighed(2)]), large, lines([weighed(3)]), lines([weighed(4)])]
    land_all(archive, written(tmp_path / "mixed", contents), limits=limits)
    assert [len(inputs_of(commit)) for commit in archive.log.commits()] == [2, 1, 2]
    monkeypatch.setattr(land_files, "FEWEST", 16)
    land_all(archive, written(tmp_path / "few", [lines([weighed(5)]), lines([weighed(6)])]))
    assert [len(inputs_of(commit)) for commit in archive.log.commits()] == [2, 1, 2, 1, 1]


def test_commits_of_small_inputs_are_bounded(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(land_files, "MOST", 3)
    contents = [lines([weighed(number)]) for number in range(8)]
    land_all(archive, written(tmp_path / "inputs", contents))
    assert [len(inputs_of(commit)) for commit in archive.log.commits()] == [3, 3, 2]
    limits = Limits(memory_bytes=16 << 20)
    packed = gzip.compress(lines(weighed(number) for number in range(2000, 5000)))
    assert len(packed) < limits.chunk_bytes // 16
    land_all(archive, written(tmp_path / "packed", [packed, contents[0], lines([weighed(9)])]), limits=limits)
    assert [len(inputs_of(commit)) for commit in archive.log.commits()[3:]] == [1, 1]


def test_an_input_that_another_process_lands_meanwhile_lands_once(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [lines([weighed(1)]), lines([weighed(2), weighed(3)]), lines([weighed(4)])]
    sources = written(tmp_path / "inputs", contents)
    (tmp_path / "other").mkdir()
    other = Archive(archive.root, archive.contracts)
    add = JoinedFiles.add
    was_faster = False

    def added(joined: JoinedFiles, verdicts: Any) -> None:
        nonlocal was_faster
        if not was_faster:
            was_faster = True
            land(other, sources[1])
        add(joined, verdicts)

    monkeypatch.setattr(JoinedFiles, "add", added)
    outcomes = landed(land_all(archive, sources))
    first, second = archive.log.commits()
    assert [(outcome.commit, outcome.earlier) for outcome in outcomes] == [
        (second, None),
        (None, first),
        (second, None),
    ]
    assert [commit.counts for commit in (first, second)] == [Counts(2, 2), Counts(2, 2)]
    assert verify(archive) == []


def test_a_fault_of_our_own_in_a_commit_of_several_keeps_none_waiting(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(JoinedFiles, "add", failing)
    sources = written(tmp_path / "inputs", [lines([weighed(1)]), lines([lost(2)])])
    with pytest.raises(RuntimeError, match="a fault"):
        land_all(archive, sources)
    assert [commit.counts for commit in archive.log.commits()] == [Counts(1, 1)] * 2, "and it is told of"


def test_a_fault_of_our_own_in_decoding_one_keeps_none_waiting(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = written(tmp_path / "inputs", [lines([weighed(1)]), lines([lost(2)]), lines([weighed(3)])])

    def failing(source: Source, *arguments: Any) -> Any:
        if source == sources[1]:
            raise RuntimeError("a fault")
        return decode_small(source, *arguments)

    def failing_alone(archive: Archive, source: Source, **options: Any) -> Landed:
        raise RuntimeError(f"a fault of {source.origin}")

    monkeypatch.setattr(land_files, "decode_small", failing)
    monkeypatch.setattr(land_files, "land", failing_alone)
    first, fault, last = land_all(archive, sources)
    assert str(fault) == "a fault of 001"
    assert [outcome.counts for outcome in landed([first, last])] == [Counts(1, 1)] * 2


def test_what_was_refused_is_recovered_by_the_place_in_its_own_input(
    archive: Archive, tmp_path: Path
) -> None:
    contents = [lines([weighed(1), b"broken"]), lines([weighed(2), lost(3) | {"data": {"place": 7}}])]
    land_all(archive, written(tmp_path / "inputs", contents))
    recovery = recover(archive)
    assert recovery.counts == Counts()
    assert {(record.origin, record.position) for record in rejected(archive)} == {("000", 2), ("001", 4)}


def test_the_files_of_an_inbox_are_moved_away_once_their_commit_stands(
    archive: Archive, tmp_path: Path
) -> None:
    written(tmp_path / "inbox", [lines([weighed(number)]) for number in range(4)] + [b"nothing"])
    outcomes = list(land_inbox(archive, tmp_path / "inbox", settled_after=0, quarantine_anyway=False))
    assert [outcome.origin for outcome in outcomes if isinstance(outcome, Landed)] == [
        "000",
        "001",
        "002",
        "003",
    ]
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == ["004"]
    assert sorted(path.name for path in (tmp_path / "landed").glob("*/*")) == ["000", "001", "002", "003"]
    (commit,) = archive.log.commits()
    assert len(commit.files) == 4
