"""When a call of the local storage returns, the bytes, the name and every new folder are on the disk.

Observed are the calls that reach the kernel: a name may appear only after its bytes were synced, and the
folder that the name is in is synced after that.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_archive.store.durable import make_durable_folder
from event_archive.store.local import LocalStorage
from support.power_loss import Disk

Calls = list[tuple[str, str]]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "archive", may_create=True)


@pytest.fixture
def calls(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The calls that make something durable or visible, with the path below the root, in order."""
    made: Calls = []

    def within(path: Any) -> str:
        return os.path.relpath(path, storage.root)

    def observe(name: str, path_of: Callable[..., str]) -> None:
        call = getattr(os, name)

        def observed(*arguments: Any, **options: Any) -> Any:
            made.append((name, path_of(*arguments)))
            return call(*arguments, **options)

        monkeypatch.setattr(os, name, observed)

    observe("fsync", lambda descriptor: within(Path(f"/proc/self/fd/{descriptor}").readlink()))
    observe("link", lambda source, target: within(target))
    observe("replace", lambda source, target: within(target))
    return made


def check(calls: Calls, visible: str, name: str) -> None:
    """The bytes in scratch are synced, then the name appears, then its folder is synced."""
    at = calls.index((visible, name))
    assert any(call == "fsync" and path.startswith("scratch/") for call, path in calls[:at])
    assert ("fsync", str(Path(name).parent)) in calls[at:]


def test_a_created_name_is_on_the_disk(storage: LocalStorage, calls: Calls) -> None:
    storage.create("log/1", b"content")
    check(calls, "link", "log/1")


def test_a_replaced_name_is_on_the_disk(storage: LocalStorage, calls: Calls) -> None:
    for content in (b"first", b"second"):
        calls.clear()
        storage.replace("anchor.json", content)
        check(calls, "replace", "anchor.json")


def test_an_adopted_file_is_on_the_disk(storage: LocalStorage, calls: Calls) -> None:
    with storage.scratch() as folder:
        (folder / "finished").write_bytes(b"content")
        storage.adopt(folder / "finished", "events/type/digest.parquet")
    check(calls, "replace", "events/type/digest.parquet")


@pytest.mark.parametrize("way", ["create", "replace", "adopt"])
def test_new_folders_are_on_the_disk_before_a_name_in_them(
    storage: LocalStorage, calls: Calls, way: str
) -> None:
    for name in ("a/b/c/name", "a/b/c/other"):
        with storage.scratch() as folder:
            (folder / "finished").write_bytes(b"content")
            content = folder / "finished" if way == "adopt" else b"content"
            arguments = (content, name) if way == "adopt" else (name, content)
            getattr(storage, way)(*arguments)
    (visible,) = [at for at, (_, path) in enumerate(calls) if path == "a/b/c/name"]
    for parent in ("a/b", "a", "."):
        assert ("fsync", parent) in calls[:visible], parent
    (second,) = [at for at, (_, path) in enumerate(calls) if path == "a/b/c/other"]
    assert [path for call, path in calls[visible + 1 : second] if call == "fsync" and path[0] == "a"] == [
        "a/b/c"
    ], "a folder is brought to the disk once"


class Crash(Exception):
    """The process ends here."""


@given(st.integers(1, 4), st.lists(st.integers(1, 12), max_size=4))
def test_a_folder_is_on_the_disk_however_often_making_it_was_cut_short(
    depth: int, crashes: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        disk, folder = Disk(top), top.joinpath(*"abcd"[:depth])
        for calls in crashes:
            with disk.watched(), cut_short(after=calls), contextlib.suppress(Crash):
                make_durable_folder(folder)
        with disk.watched():
            make_durable_folder(folder)
        assert disk.lacks(top) == []


@contextlib.contextmanager
def cut_short(after: int) -> Iterator[None]:
    """The process ends after so many calls that make a folder or wait for the disk."""
    left = after

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Crash
            return call(*arguments)

        return count

    with pytest.MonkeyPatch.context() as patched:
        for name in ("mkdir", "fsync"):
            patched.setattr(os, name, counted(getattr(os, name)))
        yield


def test_what_lies_above_may_be_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is there may lie in one that this process may not list."""
    (tmp_path / "home").mkdir()
    opened = os.open

    def refuse(path: Any, *arguments: Any) -> int:
        if Path(path) == tmp_path:
            raise PermissionError(path)
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    make_durable_folder(tmp_path / "home")
    make_durable_folder(tmp_path / "home" / "archive")
    with pytest.raises(PermissionError):
        make_durable_folder(tmp_path / "other")


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=r"exists|Not a directory"):
            make_durable_folder(folder)
