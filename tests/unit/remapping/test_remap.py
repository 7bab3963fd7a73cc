"""A wider mapping over what has landed: given landings and remaps, expect the events, for every reader.

Belongs here: which events stand after a remap and before it, and what is refused. Not here: facts that are
derived from them (`pipeline/test_remapped_facts`).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Archive, Limits, UnusableInput, create_views, scan, verify
from event_archive.engine import open_engine
from event_archive.errors import UnusableSource
from event_archive.mapping.mapping import Mapping
from event_archive.remapping.remap import remap
from event_archive.store.commit import REMAP, Commit, segments_of
from event_archive.store.log import Log
from event_archive.store.log_entry import parse_entry
from event_archive.store.remaps import faulty_remaps, totals
from support.events import archived, new_archive
from support.hunting import examples
from support.mapped import LOST, MAPPING, ignoring, land_records, record, wide, written

Record = dict[str, Any]
Key = tuple[str, str]


def misplaced(number: int, **changes: Any) -> Record:
    """The record that parcel `number` was lost."""
    return record(number, kind="lost", id=f"l{number}", place="Ulm") | changes


RECORDS = st.lists(
    st.one_of(
        st.integers(0, 5).map(record),
        st.integers(0, 5).map(lambda number: record(number, remarks=None)),
        st.integers(0, 3).map(lambda number: record(number, grams=7)),
        st.integers(0, 2).map(misplaced),
        st.just({"kind": "beat"}),
        st.just({"kind": "unknown"}),
    ),
    min_size=1,
    max_size=8,
)
STEPS = st.lists(
    st.one_of(st.tuples(st.just("land"), RECORDS), st.tuples(st.just("remap"), st.booleans())),
    min_size=2,
    max_size=5,
)


class Model:
    """What the archive should hold, told plainly: each key with its owner's event."""

    def __init__(self) -> None:
        self.landings: dict[int, list[Record]] = {}
        self.is_wide: dict[int, bool] = {}
        self.kept: dict[int, list[Record]] = {}
        self.standing: dict[str, tuple[int, Any]] = {}

    def land(self, sequence: int, records: list[Record]) -> None:
        self.is_wide[sequence] = False
        self.kept[sequence] = []
        for each in records:
            owner = self._take(sequence, each)
            if each["kind"] == "beat" or each["kind"] == "lost" or owner:
                self.kept[sequence].append(each)

    def remap(self, sequences: list[int]) -> None:
        self.standing = {key: held for key, held in self.standing.items() if held[0] not in sequences}
        for sequence in sequences:
            self.is_wide[sequence] = True
            for each in self.kept[sequence]:
                self._take(sequence, each)

    def _take(self, sequence: int, each: Record) -> bool:
        """Take one record; whether its event is new."""
        if each["kind"] == "weighed":
            data = {"label": each["label"], "grams": each["grams"], "due_at": None}
            if self.is_wide[sequence]:
                data["remarks"] = each["remarks"]
        elif each["kind"] == "lost" and self.is_wide[sequence]:
            data = {"place": each["place"]}
        else:
            return False
        is_new = each["id"] not in self.standing
        self.standing.setdefault(each["id"], (sequence, data))
        return is_new

    def events(self) -> dict[str, Any]:
        return {key: data for key, (_, data) in self.standing.items()}


def held(archive: Archive) -> dict[str, Any]:
    return {event_id: event["data"] for (_, event_id), event in archived(archive).items()}


def seen(archive: Archive, cut: int) -> list[tuple[Any, ...]]:
    """The events of both types at a cut, as SQL and Polars alike show them."""
    rows: list[tuple[Any, ...]] = []
    with open_engine() as connection:
        create_views(connection, archive, cut)
        for view in ("parcel_weighed", "parcel_lost"):
            columns = "event_id, sequence, position, element"
            by_sql = sorted(connection.execute(f"SELECT {columns} FROM events.{view}").fetchall())
            frame = scan(archive, view.replace("_", "."), known_at=cut)
            assert by_sql == sorted(frame.select(*columns.split(", ")).collect().rows())
            rows += connection.execute(
                f"SELECT {columns}, CAST(to_json(data) AS VARCHAR) FROM events.{view} ORDER BY ALL"
            ).fetchall()
    return rows


@settings(max_examples=examples(15))
@given(STEPS)
def test_what_stands_is_what_a_plain_model_says(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("remap")
    archive, model = new_archive(folder), Model()
    first, wider = ignoring(folder / "first"), wide(folder / "wider")
    snapshots: dict[int, list[tuple[Any, ...]]] = {}
    for name, (step, drawn) in enumerate(steps):
        known = len(archive.log.commits())
        if step == "land":
            landed = land_records(archive, drawn, first, f"{name}")
            if landed.commit:
                model.land(landed.commit.sequence, drawn)
        else:
            chosen = [
                sequence for sequence in model.kept if model.kept[sequence] and not model.is_wide[sequence]
            ]
            result = remap(archive, wider, chosen[:1] if drawn else ())
            assert set(result.landings) <= set(chosen)
            model.remap(result.landings)
            assert result.commit or len(archive.log.commits()) == known
            if not drawn and result.landings:
                again = remap(archive, wider)
                assert (again.commit, sum(again.events.changed.values())) == (None, 0)
        assert held(archive) == model.events()
        commits = archive.log.commits()
        snapshots[len(commits)] = seen(archive, len(commits))
    assert totals(archive.log.commits()).conserved
    assert totals(archive.log.commits()).accepted == len(model.standing)
    assert sum(segment.rows for segment in segments_of(archive.log.commits())) == len(model.standing)
    assert verify(archive) == []
    assert {cut: seen(archive, cut) for cut in snapshots} == snapshots, "an earlier cut shows what it showed"
    reopened = Archive(archive.root, archive.contracts)
    assert held(reopened) == model.events()


@pytest.fixture
def landed(tmp_path: Path) -> tuple[Archive, Path]:
    """An archive with a landing by the narrow mapping."""
    archive = new_archive(tmp_path)
    land_records(archive, [record(1), misplaced(1), {"kind": "beat"}], ignoring(tmp_path / "first"))
    return archive, tmp_path


def changed(folder: Path, change: Callable[[str], str]) -> Mapping:
    """The wide mapping with its text changed."""
    return written(folder / "changed", change(MAPPING % ", remarks: remarks" + LOST))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace("id: id", "id: parcel"),
            "record 1: parcel.weighed.v1 with id 'w1' of source",
        ),
        (lambda text: text.replace("weighed:", "heavy:"), "record 1: would be refused, not_mapped: no rule"),
        (lambda text: text.replace("label: label", "label: grams"), "record 1: would be refused, contract"),
        (
            lambda text: text.replace("beat: {ignore: the scales are on}", "x: {ignore: x}"),
            "record 3: would be",
        ),
    ],
)
def test_a_mapping_that_is_not_wider_is_refused_whole(
    landed: tuple[Archive, Path], change: Callable[[str], str], said: str
) -> None:
    archive, folder = landed
    before = held(archive)
    with pytest.raises(UnusableInput) as error:
        remap(archive, changed(folder, change))
    assert said in str(error.value)
    assert "nothing was committed" in str(error.value)
    assert "\n" not in str(error.value)
    assert (len(archive.log.commits()), held(archive)) == (1, before)


def test_a_dry_run_says_the_same_and_commits_nothing(landed: tuple[Archive, Path]) -> None:
    archive, folder = landed
    tried = remap(archive, wide(folder / "wider"), dry_run=True)
    assert (tried.commit, len(archive.log.commits())) == (None, 1)
    done = remap(archive, wide(folder / "wider"))
    assert (done.events, done.counts) == (tried.events, tried.counts)
    assert done.events.changed == {"parcel.weighed.v1": 1, "parcel.lost.v1": 0}
    assert done.events.added == {"parcel.weighed.v1": 0, "parcel.lost.v1": 1}
    assert done.commit
    assert (done.commit.kind, done.commit.mapping) == (REMAP, wide(folder / "wider").digest)


def test_a_commit_that_can_not_be_remapped_is_named(landed: tuple[Archive, Path]) -> None:
    archive, folder = landed
    with pytest.raises(UnusableInput, match="commit 7: there is none; the log has commits 1 to 1"):
        remap(archive, wide(folder / "wider"), [7])


def test_what_is_as_it_was_stays_where_it_is(landed: tuple[Archive, Path]) -> None:
    archive, folder = landed
    mapping = written(folder / "other", MAPPING % "" + LOST)
    done = remap(archive, mapping)
    assert done.commit
    assert [segment.type for segment in done.commit.segments] == ["parcel.lost.v1"]
    assert done.commit.replaces == ()
    assert verify(archive) == []


def test_the_same_file_by_the_wider_mapping_lands_no_conflicts(landed: tuple[Archive, Path]) -> None:
    archive, folder = landed
    records = [record(1), misplaced(1), {"kind": "beat"}]
    with pytest.raises(UnusableSource) as error:
        land_records(archive, records, wide(folder / "wider"))
    assert "factlog remap --mapping FILE --commit 1" in error.value.problem
    assert len(archive.log.commits()) == 1
    remap(archive, wide(folder / "wider"))
    again = land_records(archive, records, wide(folder / "wider"))
    assert again.earlier is not None
    assert land_records(archive, [*records, record(2)], wide(folder / "wider"), "more").counts.duplicate == 2


def test_a_remap_that_is_killed_is_nothing_and_can_be_repeated(
    landed: tuple[Archive, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, folder = landed
    before = held(archive)
    with monkeypatch.context() as patch:
        patch.setattr(Log, "append", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            remap(archive, wide(folder / "wider"))
    assert held(archive) == before
    assert verify(archive) == []
    assert remap(archive, wide(folder / "wider")).commit
    assert verify(archive) == []


def test_who_is_overtaken_by_a_remap_compares_with_what_stands_then(
    landed: tuple[Archive, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, folder = landed
    other, append = Archive(archive.root, archive.contracts), Log.append

    def overtaken(log: Log, commit: Commit) -> bool:
        monkeypatch.setattr(Log, "append", append)
        remap(other, wide(folder / "wider"))
        return append(log, commit)

    monkeypatch.setattr(Log, "append", overtaken)
    landing = land_records(archive, [record(1), record(2)], ignoring(folder / "first"), "others")
    assert (landing.counts.accepted, landing.counts.duplicate, landing.counts.rejected) == (1, 0, 1)
    assert [commit.kind for commit in archive.log.commits()] == ["landing", "remap", "landing"]
    assert verify(archive) == []


def test_going_back_to_an_earlier_mapping_gives_files_that_the_log_has_not_named(
    landed: tuple[Archive, Path],
) -> None:
    archive, folder = landed
    narrow, wider = written(folder / "back", MAPPING % "" + LOST), wide(folder / "wider")
    for _ in range(3):
        remap(archive, wider)
        assert set(held(archive)["w1"]) == {"label", "grams", "due_at", "remarks"}
        remap(archive, narrow)
        assert set(held(archive)["w1"]) == {"label", "grams", "due_at"}
    paths = [segment.path for commit in archive.log.commits() for segment in commit.segments]
    assert len(paths) == len(set(paths))
    assert verify(archive) == []


def test_a_corrected_event_keeps_its_place(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    correcting = MAPPING.replace("  id: id", "  id: id\n  corrects: corrects")
    mapping = written(tmp_path / "first", correcting % "")
    moved = written(tmp_path / "moved", correcting.replace("time: at", "time: later") % "")
    corrected = record(1, later="2026-01-05T00:00:00Z")
    correction = record(9, id="c1", parcel="p1", corrects="w1", later="2026-01-29T00:00:00Z")
    land_records(archive, [corrected, correction], mapping)
    with pytest.raises(UnusableInput, match="has to do with a correction"):
        remap(archive, moved)
    assert remap(archive, written(tmp_path / "wider", correcting % ", remarks: remarks")).commit
    assert verify(archive) == []


def test_many_landings_and_remaps_do_not_outgrow_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_archive.store.key_index.SNAPSHOT_AFTER_SEGMENTS", 1)
    monkeypatch.setattr(Limits, "chunk_bytes", 400)
    archive = new_archive(tmp_path)
    land_records(archive, [record(number) for number in range(9)], ignoring(tmp_path / "first"), "a")
    remap(archive, wide(tmp_path / "wider"))
    land_records(archive, [record(number) for number in range(5, 14)], wide(tmp_path / "wider"), "b")
    assert len(held(archive)) == 14
    assert totals(archive.log.commits()).accepted == 14
    assert verify(archive) == []


def test_an_entry_that_replaces_what_it_may_not_is_found(landed: tuple[Archive, Path]) -> None:
    archive, folder = landed
    remap(archive, wide(folder / "wider"))
    first, second = archive.log.commits()
    assert list(faulty_remaps([first, second])) == []
    (counted,) = second.remapped
    wrong = [
        replace(second, remapped=(replace(counted, accepted=9),)),
        replace(second, remapped=(replace(counted, sequence=5),)),
        replace(second, replaces=(replace(second.replaces[0], rows=9),)),
        replace(second, replaces=()),
        replace(second, kind="landing"),
        replace(second, segments=(*second.segments, replace(second.replaces[0], made_from=1))),
    ]
    assert all(list(faulty_remaps([first, entry])) for entry in wrong)
    assert parse_entry(second.content) == second
