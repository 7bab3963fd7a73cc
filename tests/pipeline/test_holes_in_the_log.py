"""A log with a hole is not a shorter log: nothing is read past it, and nothing is written.

Not here: what `verify` finds in changed bytes (`test_archive_invariants`).
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from event_archive import Archive, UnusableInput, recover, verify
from event_archive.clean import clean
from event_archive.landing.inbox import land_inbox
from event_archive.store.commit import NOTHING_BEFORE, entry_name
from event_archive.store.folders import ANCHOR, EVENTS, LOG
from event_archive.store.log import Anchor, anchor_content
from support.command_typing import RATED, Typed, write
from support.events import land_bytes, lines, lost, new_archive, weighed

COMMITS = 4
ENTRIES = [entry_name(sequence) for sequence in range(1, COMMITS + 1)]
LOST = [names for size in range(1, COMMITS + 1) for names in itertools.combinations(ENTRIES, size)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = new_archive(tmp_path_factory.mktemp("whole"))
    for number in range(1, COMMITS + 1):
        land_bytes(archive, lines([weighed(number), b"broken"]), f"file-{number}")
    return archive


def contents(archive: Archive) -> dict[str, bytes]:
    files = [path for path in archive.root.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(archive.root)): path.read_bytes() for path in files}


def without(whole: Archive, folder: Path, *names: str) -> Archive:
    """A copy of an archive that lacks these files or folders."""
    shutil.copytree(whole.root, folder / "archive")
    copied = Archive(folder / "archive", whole.contracts)
    for name in names:
        path = copied.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return copied


def land_inbox_of(archive: Archive) -> None:
    inbox = archive.root.parent / "inbox"
    inbox.mkdir()
    (inbox / "new").write_bytes(lines([weighed(9)]))
    list(land_inbox(archive, inbox, settled_after=0))


WORK: dict[str, Callable[[Archive], object]] = {
    "read": lambda archive: archive.log.commits(),
    "land": lambda archive: land_bytes(archive, lines([weighed(9)])),
    "land nothing new": lambda archive: land_bytes(archive, lines([weighed(1)])),
    "land the inbox": land_inbox_of,
    "recover": recover,
    "clean": lambda archive: clean(archive, timedelta(0)),
}


def refused(archive: Archive) -> set[str]:
    """What every kind of work says of an archive, which it leaves as it is."""
    before, said = contents(archive), set()
    for work in WORK.values():
        with pytest.raises(UnusableInput) as error:
            work(Archive(archive.root, archive.contracts))
        said.add(str(error.value).removeprefix(f"{archive.root}/"))
        shutil.rmtree(archive.root.parent / "inbox", ignore_errors=True)
        assert contents(archive) == before
    return said


@pytest.mark.parametrize("lost_entries", LOST)
def test_a_log_that_lacks_entries_is_neither_read_nor_added_to(
    whole: Archive, tmp_path: Path, lost_entries: tuple[str, ...]
) -> None:
    archive = without(whole, tmp_path, *lost_entries)
    (said,) = refused(archive)
    assert said.startswith(f"{lost_entries[0]}: is missing")
    assert "nothing was read or written. Run `factlog verify` and restore" in said
    assert verify(Archive(archive.root, archive.contracts))


@pytest.mark.parametrize("lost_names", [[ANCHOR], [ANCHOR, LOG], [ANCHOR, LOG, "quarantine"]])
def test_an_archive_without_its_anchor_is_not_whole(
    whole: Archive, tmp_path: Path, lost_names: list[str]
) -> None:
    archive = without(whole, tmp_path, *lost_names)
    (said,) = refused(archive)
    assert said.startswith(f"{ANCHOR}: is missing, although {LOG if LOG not in lost_names else EVENTS}/")
    assert [finding.path for finding in verify(archive)] == [ANCHOR]


def test_an_anchor_of_another_log_is_refused(whole: Archive, tmp_path: Path) -> None:
    archive, other = without(whole, tmp_path), new_archive(tmp_path / "other")
    for number in range(2):
        land_bytes(other, lines([weighed(number)]))
    shutil.copy(other.root / ANCHOR, archive.root / ANCHOR)
    (said,) = refused(archive)
    assert said.startswith(f"{ENTRIES[1]}: its digest is not the one in {ANCHOR}")


@pytest.mark.parametrize("sequence", range(COMMITS))
def test_an_anchor_that_lags_behind_is_what_a_crash_leaves(
    whole: Archive, tmp_path: Path, sequence: int
) -> None:
    archive = without(whole, tmp_path)
    digest = whole.log.commits()[sequence - 1].digest if sequence else NOTHING_BEFORE
    (archive.root / ANCHOR).write_bytes(anchor_content(Anchor(sequence, digest)))
    assert len(archive.log.commits()) == COMMITS
    assert verify(archive) == []
    assert land_bytes(archive, lines([weighed(9)])).commit
    assert len(Archive(archive.root, archive.contracts).log.commits()) == COMMITS + 1


def test_files_that_are_no_entries_do_not_matter_to_readers(whole: Archive, tmp_path: Path) -> None:
    archive = without(whole, tmp_path)
    for name in ("99", "0" * 20 + ".json", "9" * 19 + ".json", "000\u0661.json", ".DS_Store"):
        (archive.root / LOG / name).touch()
    assert len(Archive(archive.root, archive.contracts).log.commits()) == COMMITS


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_log_that_grows_while_it_is_read_has_no_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    calls = itertools.count()
    for call in range(20):
        writer = new_archive(tmp_path / str(call))
        for number in range(before):
            land_bytes(writer, lines([lost(number)]))
        reader, calls = Archive(writer.root, writer.contracts), itertools.count()
        with monkeypatch.context() as patch:
            for name in ("read", "names"):
                original = getattr(reader.storage, name)

                def meanwhile(
                    asked: str,
                    original: Callable[[str], object] = original,
                    calls: Iterator[int] = calls,
                    writer: Archive = writer,
                    call: int = call,
                ) -> object:
                    if next(calls) == call:
                        land_bytes(writer, lines([lost(8)]))
                        land_bytes(writer, lines([lost(9)]))
                    return original(asked)

                patch.setattr(reader.storage, name, meanwhile)
            assert len(reader.log.commits()) in range(before, before + 3)
    assert next(calls) <= call, "two files landed before each of the calls"


COMMANDS = [
    ["query", "--archive", "SELECT count(*) FROM events.all_events"],
    ["land", "3.ndjson"],
    ["log"],
    ["clean", "--older-than", "0h"],
    ["quarantine", "list"],
    ["quarantine", "recover"],
    ["corrections"],
    ["refresh"],
    ["replay", "--days", "2026-02-01"],
]


def test_every_command_says_what_is_missing(factlog: Typed, home: Path) -> None:
    for number in range(4):
        write(RATED | {"id": f"a-{number}"}, name=f"{number}.ndjson")
    for number in range(3):
        assert factlog("land", f"{number}.ndjson")[0] == 0
    missing = home / "archive" / ENTRIES[1]
    missing.unlink()
    for command in COMMANDS:
        code, out, err = factlog(*command)
        assert (code, out) == (2, ""), command
        assert err.splitlines() == [
            f"factlog: {missing}: is missing, although {ENTRIES[2]} is there; nothing was read or written. "
            "Run `factlog verify` and restore the archive from a copy"
        ], command
    code, out, _ = factlog("verify")
    assert code == 1
    assert f"{ENTRIES[1]} is missing" in out
