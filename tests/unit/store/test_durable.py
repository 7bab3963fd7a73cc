"""When a call of the local storage returns, the bytes, the name and every new folder are on the disk.

Observed are the calls that reach the kernel: a name may appear only after its bytes were synced, and the
folder that the name is in is synced after that.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from event_archive.store.local import LocalStorage

Calls = list[tuple[str, str]]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "archive")


@pytest.fixture
def calls(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The calls that make something durable or visible, with the path below the root, in order."""
    made: Calls = []

    def within(path: Any) -> str:
        return str(Path(path).relative_to(storage.root))

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
def test_new_folders_are_on_the_disk_up_to_the_root(storage: LocalStorage, calls: Calls, way: str) -> None:
    with storage.scratch() as folder:
        (folder / "finished").write_bytes(b"content")
        content = folder / "finished" if way == "adopt" else b"content"
        arguments = (content, "a/b/c/name") if way == "adopt" else ("a/b/c/name", content)
        getattr(storage, way)(*arguments)
    (visible,) = [at for at, (call, path) in enumerate(calls) if (call, path)[1] == "a/b/c/name"]
    for parent in ("a/b/c", "a/b", "a", "."):
        assert ("fsync", parent) in calls[:visible], parent
