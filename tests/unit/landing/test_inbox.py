"""The inbox: what lies in it lands, whatever lies beside it, and is moved away once.

Belongs here: which files land, which are passed over, and where files go. Not here: what becomes of their
records (`test_hostile_input`), and crashes (`test_archive_invariants`).
"""

import errno
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_archive import Archive, Landed, Source, UnusableInput, land
from event_archive.decoding.dropped_file import open_file_below
from event_archive.errors import UnusableSource
from event_archive.landing.inbox import land_inbox
from event_archive.landing.inbox_listing import list_inbox
from event_archive.landing.land import PassedOver
from event_archive.landing.landed_files import LOCK, UNFINISHED
from support.events import archived, lines, new_archive, rejected, weighed
from support.installation import temporary_folder
from support.other_file_system import across_refused, folder_elsewhere

PAST = 1_767_400_000.0
SECRET = b"a secret that no event is"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def drop(inbox: Path, name: str, content: bytes) -> Path:
    """Put a file into the inbox that nobody has written to for long."""
    path = inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (PAST, PAST))
    return path


def events(*numbers: int) -> bytes:
    return lines([weighed(number) for number in numbers])


def land_all(archive: Archive, inbox: Path) -> tuple[list[str], dict[str, str]]:
    """Land the inbox: the names of what landed, and what was passed over, and why."""
    outcomes = list(land_inbox(archive, inbox))
    landed = [outcome.origin for outcome in outcomes if isinstance(outcome, Landed)]
    return landed, {
        outcome.origin: outcome.problem for outcome in outcomes if isinstance(outcome, PassedOver)
    }


def kept(inbox: Path) -> dict[str, bytes]:
    """What lies in `landed/`, by its name there; hidden names as well, but for the lock."""
    folder = inbox.parent / "landed"
    return {
        path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != LOCK
    }


def left(inbox: Path) -> list[str]:
    return sorted(path.name for path in inbox.iterdir())


def numbers(archive: Archive) -> set[int]:
    """The numbers of the events that landed."""
    return {event["data"]["grams"] for event in archived(archive).values()}


# Where files go


def test_a_landed_file_lies_in_the_folder_of_the_day_on_which_it_landed(
    archive: Archive, inbox: Path
) -> None:
    drop(inbox, "a.ndjson", events(1))
    drop(inbox, "folder/b.ndjson", events(2))
    assert land_all(archive, inbox) == (["a.ndjson", "folder/b.ndjson"], {})
    day = archive.log.commits()[0].landed_at.date().isoformat()
    assert (inbox.parent / "landed" / day / "a.ndjson").read_bytes() == events(1)
    assert kept(inbox) == {"a.ndjson": events(1), "b.ndjson": events(2)}
    assert left(inbox) == ["folder"]


def test_files_of_one_name_are_all_kept_and_the_same_bytes_once(archive: Archive, inbox: Path) -> None:
    for content in (events(1), events(2), events(2), events(1), events(3)):
        drop(inbox, "a.ndjson", content)
        land_all(archive, inbox)
    assert kept(inbox) == {"a.ndjson": events(1), "a.2.ndjson": events(2), "a.3.ndjson": events(3)}
    assert left(inbox) == []


def test_a_file_without_a_record_is_moved_as_well(archive: Archive, inbox: Path) -> None:
    drop(inbox, "empty", b"")
    assert land_all(archive, inbox) == (["empty"], {})
    assert kept(inbox) == {"empty": b""}


def test_an_inbox_on_another_file_system_lands_and_is_cleared(archive: Archive, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    with folder_elsewhere(tmp_path) as elsewhere:
        inbox.symlink_to(elsewhere)
        drop(inbox, "a.ndjson", events(1)).chmod(0o640)
        drop(inbox, "folder/b.ndjson", events(2))
        assert land_all(archive, inbox) == (["a.ndjson", "folder/b.ndjson"], {})
        assert left(inbox) == ["folder"]
        assert land_all(archive, inbox) == ([], {})
    assert numbers(archive) == {1, 2}
    assert kept(inbox) == {"a.ndjson": events(1), "b.ndjson": events(2)}
    (copy,) = inbox.parent.glob("landed/*/a.ndjson")
    assert (stat.S_IMODE(copy.stat().st_mode), copy.stat().st_mtime) == (0o640, PAST)


def test_what_a_crash_left_of_a_copy_is_removed(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "rename", across_refused(inbox))
    day = inbox.parent / "landed" / datetime.now(UTC).date().isoformat()
    day.mkdir(parents=True)
    (day / UNFINISHED).write_bytes(events(1)[:5])
    drop(inbox, "a.ndjson", events(1))
    assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert kept(inbox) == {"a.ndjson": events(1)}


def test_a_crash_between_the_copy_and_the_removal_leaves_one_copy_on_the_next_day_too(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(inbox, "a.ndjson", events(1))
    land_all(archive, inbox)
    drop(inbox, "a.ndjson", events(1))  # as a crash leaves it

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Tomorrow":
            return cls(2999, 1, 1, tzinfo=tz)

    monkeypatch.setattr("event_archive.landing.inbox.datetime", Tomorrow)
    assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert kept(inbox) == {"a.ndjson": events(1)}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_file_that_can_not_be_moved_is_named_and_the_others_land(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    drop(inbox, "a.ndjson", events(1))
    drop(inbox, "b.ndjson", events(2))
    rename = os.rename

    def refuse(source: Any, target: Any, **options: Any) -> None:
        if source == "a.ndjson":
            raise OSError(number, os.strerror(number), source)
        rename(source, target, **options)

    with monkeypatch.context() as refused:
        refused.setattr(os, "rename", refuse)
        for expected in (["a.ndjson", "b.ndjson"], ["a.ndjson"]):
            landed, problems = land_all(archive, inbox)
            assert landed == expected
            assert list(problems) == ["a.ndjson"]
            assert (
                f"can't be moved to {inbox.parent / 'landed'}: {os.strerror(number)}" in problems["a.ndjson"]
            )
    assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert [commit.counts.accepted for commit in archive.log.commits()] == [1, 1]
    assert kept(inbox) == {"a.ndjson": events(1), "b.ndjson": events(2)}


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_several_that_land_one_inbox_at_once_land_and_keep_each_file_once(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch, is_elsewhere: bool
) -> None:
    if is_elsewhere:
        monkeypatch.setattr(os, "rename", across_refused(inbox))
    dropped = {f"{number}.ndjson": events(number) for number in range(8)}
    for name, content in dropped.items():
        drop(inbox, name, content)
    archives = [Archive(archive.root, archive.contracts) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(lambda archive: land_all(archive, inbox), archives))
    assert [problems for _, problems in outcomes] == [{}, {}, {}]
    assert {name for landed, _ in outcomes for name in landed} == set(dropped)
    assert [commit.counts.accepted for commit in archive.log.commits()] == [1] * 8
    assert (left(inbox), kept(inbox)) == ([], dropped)


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_file_that_somebody_takes_away_at_any_moment_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_elsewhere: bool
) -> None:
    """Another process may land it and move it away between any two looks at it."""
    was_taken, moment = True, 0
    while was_taken:
        moment += 1
        (tmp_path / str(moment) / "inbox").mkdir(parents=True)
        archive, inbox = new_archive(tmp_path / str(moment)), tmp_path / str(moment) / "inbox"
        land(archive, Source("of the same size", drop(tmp_path, "earlier.ndjson", events(3))))
        taken = drop(inbox, "a.ndjson", events(1))
        drop(inbox, "b.ndjson", events(2))
        with monkeypatch.context() as patch:
            if is_elsewhere:
                patch.setattr(os, "rename", across_refused(inbox))
            take_away_at(patch, taken, moment)
            landed, problems = land_all(archive, inbox)
            was_taken = not taken.exists() and "a.ndjson" not in kept(inbox)
        assert problems == {}, moment
        assert landed[-1:] == ["b.ndjson"], moment
        assert numbers(archive) - {1} == {2, 3}, moment
    assert moment > 5


def take_away_at(patch: pytest.MonkeyPatch, path: Path, moment: int) -> None:
    """Remove a file just before so many looks at it, each by its path or by its name in its folder."""
    looks = 0

    def watched(look: Callable[..., Any]) -> Callable[..., Any]:
        def looking(target: Any, *arguments: Any, **options: Any) -> Any:
            nonlocal looks
            if not isinstance(target, int) and Path(os.fsdecode(target)).name == path.name:
                looks += 1
                if looks == moment:
                    path.unlink(missing_ok=True)
            return look(target, *arguments, **options)

        return looking

    for name in ("stat", "lstat", "open"):
        patch.setattr(os, name, watched(getattr(os, name)))


# What is written while it lands


def change_while_landing(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Let somebody change the inbox once a file's events are committed, and before it is moved."""

    def changing(*arguments: Any, **options: Any) -> Landed:
        landed = land(*arguments, **options)
        change()
        return landed

    monkeypatch.setattr("event_archive.landing.land_files.land", changing)


@pytest.mark.parametrize("way", ["more is written", "another takes its place", "nothing takes its place"])
@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_what_came_after_a_file_was_read_lands_next(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch, way: str, is_elsewhere: bool
) -> None:
    if is_elsewhere:
        monkeypatch.setattr(os, "rename", across_refused(inbox))
    path = drop(inbox, "a.ndjson", events(1))
    following = events(1, 2) if way == "more is written" else events(2)

    def change() -> None:
        if way == "more is written":
            path.write_bytes(following)
        else:
            path.unlink()
        if way == "another takes its place":
            drop(inbox, "other", following).replace(path)

    with monkeypatch.context() as changed:
        change_while_landing(changed, change)
        assert land_all(archive, inbox) == (["a.ndjson"], {})
    if way == "nothing takes its place":
        assert (left(inbox), kept(inbox)) == ([], {})
        return
    assert (left(inbox), kept(inbox)) == (["a.ndjson"], {})
    os.utime(path, (PAST, PAST))
    assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert numbers(archive) == {1, 2}
    assert (left(inbox), kept(inbox)) == ([], {"a.ndjson": following})


def test_what_is_written_while_a_file_is_copied_lands_next(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "rename", across_refused(inbox))
    path = drop(inbox, "a.ndjson", events(1))
    copy = shutil.copyfileobj

    def growing(*arguments: Any) -> None:
        copy(*arguments)
        with path.open("ab") as file:
            file.write(events(2))

    with monkeypatch.context() as changed:
        changed.setattr(shutil, "copyfileobj", growing)
        assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert (left(inbox), kept(inbox)) == (["a.ndjson"], {})
    os.utime(path, (PAST, PAST))
    assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert (numbers(archive), kept(inbox)) == ({1, 2}, {"a.ndjson": events(1, 2)})


def test_a_disk_that_is_full_when_a_file_is_copied_keeps_nothing_of_it(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "rename", across_refused(inbox))
    drop(inbox, "a.ndjson", events(1))

    def full(source: Any, target: Any, length: int) -> None:
        target.write(source.read(5))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as changed:
        changed.setattr(shutil, "copyfileobj", full)
        assert "No space left on device" in land_all(archive, inbox)[1]["a.ndjson"]
    assert (left(inbox), kept(inbox)) == (["a.ndjson"], {})
    assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert kept(inbox) == {"a.ndjson": events(1)}


def test_a_time_of_change_that_lies_ahead_keeps_no_file_waiting(archive: Archive, inbox: Path) -> None:
    path = drop(inbox, "a.ndjson", events(1))
    os.utime(path, (4_000_000_000, 4_000_000_000))
    os.utime(drop(inbox, "growing", events(2)))
    assert land_all(archive, inbox) == (["a.ndjson"], {})
    assert left(inbox) == ["growing"]


# What can't land


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


OUTSIDE = temporary_folder()
(OUTSIDE / "secret").write_bytes(SECRET)
NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link to a file": (lambda path: path.symlink_to(OUTSIDE / "secret"), "a symbolic link"),
    "a link to a folder": (lambda path: path.symlink_to(OUTSIDE), "a symbolic link"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "a symbolic link"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "a symbolic link"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "a symbolic link"),
    "a named pipe": (os.mkfifo, "a named pipe"),
    "a socket": (make_socket, "a socket"),
}


@pytest.mark.parametrize("make, kind", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_is_named_and_never_opened(
    archive: Archive, inbox: Path, make: Callable[[Path], object], kind: str
) -> None:
    make(inbox / "bad")
    (inbox / "folder").mkdir()
    make(inbox / "folder" / "bad")
    drop(inbox, "good", events(1))
    landed, problems = land_all(archive, inbox)
    assert landed == ["good"]
    assert problems.keys() == {"bad", "folder/bad"}
    assert all(problem.startswith(f"is {kind}") for problem in problems.values())
    assert left(inbox) == ["bad", "folder"]
    assert (rejected(archive), numbers(archive)) == ([], {1})


@pytest.mark.parametrize("make, kind", NO_FILES.values(), ids=NO_FILES)
@pytest.mark.parametrize("place", ["file", "folder"])
def test_what_takes_a_files_place_after_it_was_listed_is_not_opened(
    inbox: Path, make: Callable[[Path], object], kind: str, place: str
) -> None:
    """Of a folder that a link takes the place of, the file would be one outside."""
    source = Source("secret", inbox / "folder" / "secret", within=inbox)
    if place == "file":
        (inbox / "folder").mkdir()
        make(inbox / "folder" / "secret")
    else:
        make(inbox / "folder")
    with pytest.raises(UnusableSource, match=rf"^secret: can't be read: (it is {kind}|Not a directory)"):
        source.open()


def test_a_device_is_not_even_opened(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening some devices rewinds a tape or starts a watchdog."""
    drop(inbox, "device", b"")
    status = os.stat_result((stat.S_IFCHR | 0o666, *[0] * 9))
    monkeypatch.setattr(os, "stat", lambda *arguments, **options: status)
    opened: list[Any] = []
    open_really = os.open

    def noted(path: Any, *flags: Any, **options: Any) -> int:
        opened.append(path)
        return open_really(path, *flags, **options)

    monkeypatch.setattr(os, "open", noted)
    with pytest.raises(OSError, match="it is a device"):
        open_file_below(inbox / "device", inbox)
    assert opened == [inbox]


def test_a_file_that_can_not_be_read_is_named_and_the_others_land(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory of a process is a file that can be opened, and can't be read at its start."""
    drop(inbox, "bad", events(1))
    drop(inbox, "good", events(2))
    drop(inbox, "shut", events(3))

    def failing(path: Path, within: Path) -> int:
        if path.name == "shut":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return os.open("/proc/self/mem", os.O_RDONLY) if path.name == "bad" else open_file_below(path, within)

    with monkeypatch.context() as broken:
        broken.setattr("event_archive.decoding.sources.open_file_below", failing)
        for expected in (["good"], []):
            landed, problems = land_all(archive, inbox)
            assert landed == expected
            assert problems == {
                "bad": "can't be read: Input/output error",
                "shut": "can't be read: Permission denied",
            }
    assert (left(inbox), numbers(archive)) == (["bad", "shut"], {2})
    assert land_all(archive, inbox) == (["bad", "shut"], {})
    assert numbers(archive) == {1, 2, 3}


def test_a_folder_that_can_not_be_listed_is_named(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(inbox, "good", events(1))
    drop(inbox, "shut/unseen", events(2))
    scandir = os.scandir

    def refuse(folder: Any) -> Any:
        if folder == inbox / "shut":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    landed, problems = land_all(archive, inbox)
    assert landed == ["good"]
    assert problems["shut"].startswith("can't be listed: Permission denied")


def fail(origin: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(archive: Archive, source: Source, **options: Any) -> Landed:
        if source.origin == origin:
            raise error
        return land(archive, source, **options)

    monkeypatch.setattr("event_archive.landing.land_files.land", failing)


def test_a_fault_of_our_own_in_one_file_keeps_no_other_waiting(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(inbox, "a", events(1))
    drop(inbox, "b", events(2))
    fail("a", RuntimeError("a fault"), monkeypatch)
    with pytest.raises(RuntimeError, match="a fault"):
        list(land_inbox(archive, inbox))
    assert (left(inbox), numbers(archive)) == (["a"], {2})


@pytest.mark.parametrize("error", [UnusableInput("the log is broken"), OSError(errno.ENOSPC, "full")])
def test_a_fault_of_the_archive_ends_it_at_once(
    archive: Archive, inbox: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    drop(inbox, "a", events(1))
    drop(inbox, "b", events(2))
    fail("a", error, monkeypatch)
    with pytest.raises(type(error)):
        list(land_inbox(archive, inbox))
    assert left(inbox) == ["a", "b"]


# Anything at all

KINDS = st.sampled_from(["file", "hidden", "partial", "folder", *NO_FILES])
TREES = st.recursive(
    st.lists(KINDS, max_size=4), lambda inner: st.tuples(st.lists(KINDS, max_size=3), inner), max_leaves=4
)


def grow(folder: Path, tree: Any) -> Iterator[tuple[Path, str]]:
    """Make what a tree says; the path and kind of all that is to be seen."""
    kinds, inner = tree if isinstance(tree, tuple) else (tree, None)
    for number, kind in enumerate(kinds):
        path = folder / f"{number}{kind}"
        if kind == "folder":
            path.mkdir()
        elif kind in NO_FILES:
            NO_FILES[kind][0](path)
            yield path, kind
        elif kind == "file":
            yield drop(folder, path.name, SECRET), kind
        else:
            drop(folder, f".{path.name}" if kind == "hidden" else f"{path.name}.part", SECRET)
    if inner is not None:
        (folder / "inner").mkdir()
        yield from grow(folder / "inner", inner)


@given(TREES)
def test_whatever_lies_there_a_file_can_be_opened_and_all_else_is_named(tree: Any) -> None:
    folder = temporary_folder()
    seen = dict(grow(folder, tree))
    listing = list_inbox(folder)
    assert listing.complete == sorted(path for path, kind in seen.items() if kind == "file")
    assert listing.problems.keys() == {path for path, kind in seen.items() if kind != "file"}
    for path in listing.complete:
        with Source("it", path, within=folder).open() as file:
            assert file.read() == SECRET
    for path in listing.problems:
        with pytest.raises(UnusableSource):
            Source("it", path, within=folder).open()
