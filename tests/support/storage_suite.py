"""What every storage of an archive has to do: a class of tests, to be run for each storage there is.

Belongs here: what `Storage` promises, whichever place keeps the bytes. Not here: how one storage keeps
the promise (`test_durable`). A module of tests makes a subclass that says how its storage is opened.
"""

import hashlib
import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from event_archive.store.storage import Storage

WRITERS = 4
RACES = 25
CONTENTS = [b"", b"\0", b"one line\n", bytes(range(256)) * 8192]
OUTSIDE = ["../outside", "log/../../outside", "log/../other", "/outside", "log/.."]
WHILE = 0.2
"""Seconds in which something that has to wait would have happened."""


class StorageSuite(ABC):
    """The promises of `Storage`, each with a test."""

    @abstractmethod
    def open(self, place: Path) -> Storage:
        """Open the storage that is kept at a place; each call gives another object for the same bytes."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / "place"

    @pytest.fixture
    def storage(self, place: Path) -> Storage:
        return self.open(place)

    # create

    @pytest.mark.parametrize("content", CONTENTS, ids=len)
    def test_what_is_created_is_there_for_everybody(
        self, storage: Storage, place: Path, content: bytes
    ) -> None:
        assert storage.create("log/it's new, ö.json", content) is True
        for reader in (storage, self.open(place)):
            assert reader.read("log/it's new, ö.json") == content
            assert reader.digest("log/it's new, ö.json") == hashlib.sha256(content).hexdigest()
            assert reader.names("log") == ["log/it's new, ö.json"]

    def test_a_name_that_is_taken_stays_as_it_was(self, storage: Storage) -> None:
        storage.create("log/1", b"first")
        assert storage.create("log/1", b"second") is False
        assert storage.read("log/1") == b"first"
        assert storage.names("log") == ["log/1"]

    def test_of_threads_that_create_one_name_one_succeeds(self, storage: Storage) -> None:
        together = threading.Barrier(WRITERS, timeout=30)

        def create(writer: int) -> list[bool]:
            return [
                together.wait() >= 0 and storage.create(f"log/{race}", _content_of(writer))
                for race in range(RACES)
            ]

        with ThreadPoolExecutor(WRITERS) as threads:
            created = list(threads.map(create, range(WRITERS)))
        self._check_races(storage, created)

    def test_of_processes_that_create_one_name_one_succeeds(self, storage: Storage, place: Path) -> None:
        start, started = os.pipe()

        def create(writer: int) -> bytes:
            mine = self.open(place)
            os.close(started)
            os.read(start, 1)  # ends when the parent closes its end
            return bytes(mine.create(f"log/{race}", _content_of(writer)) for race in range(RACES))

        processes = [_Process(lambda writer=writer: create(writer)) for writer in range(WRITERS)]  # type: ignore[misc]
        os.close(started)
        created = [[bool(success) for success in process.result()] for process in processes]
        os.close(start)
        self._check_races(storage, created)

    def _check_races(self, storage: Storage, created: list[list[bool]]) -> None:
        for race in range(RACES):
            (winner,) = [writer for writer in range(WRITERS) if created[writer][race]]
            assert storage.read(f"log/{race}") == _content_of(winner)
        assert len(storage.names("log")) == RACES

    # replace

    def test_what_is_replaced_is_the_new_bytes_alone(self, storage: Storage) -> None:
        for content in CONTENTS:
            storage.replace("anchor.json", content)
            assert storage.read("anchor.json") == content
        assert storage.names("").count("anchor.json") == 1

    def test_a_reader_sees_the_old_bytes_or_the_new_ones(self, storage: Storage, place: Path) -> None:
        storage.replace("anchor.json", _content_of(0))
        done = threading.Event()

        def read() -> set[bytes]:
            reader, seen = self.open(place), set()
            while not done.is_set():
                seen.add(reader.read("anchor.json"))
            return seen

        with ThreadPoolExecutor(2) as threads:
            readers = [threads.submit(read) for _ in range(2)]
            try:
                for number in range(60):
                    storage.replace("anchor.json", _content_of(number % WRITERS))
            finally:
                done.set()
            seen = set().union(*(reader.result() for reader in readers))
        assert seen <= {_content_of(writer) for writer in range(WRITERS)}
        assert len(seen) > 1, "nothing was read while it was replaced"

    # adopt

    def test_a_finished_file_gets_its_name_once_or_twice(self, storage: Storage) -> None:
        for _ in range(2):
            with storage.scratch() as folder:
                file = folder / "finished"
                file.write_bytes(b"content")
                storage.adopt(file, "events/parcel.weighed.v1/digest.parquet")
                assert not file.exists()
        assert storage.read("events/parcel.weighed.v1/digest.parquet") == b"content"
        assert storage.names("events") == ["events/parcel.weighed.v1/digest.parquet"]

    def test_an_engine_opens_the_location(self, storage: Storage) -> None:
        with storage.scratch() as folder:
            pq.write_table(pa.table({"number": [1, 2, 3]}), folder / "file")
            storage.adopt(folder / "file", "events/it's.parquet")
        with duckdb.connect() as connection:
            files = [storage.location("events/it's.parquet")]
            assert connection.execute("SELECT sum(number) FROM read_parquet(?)", [files]).fetchall() == [(6,)]

    # read, digest, names, age, remove

    def test_what_is_not_there_is_said_to_be_missing(self, storage: Storage) -> None:
        storage.create("log/1", b"")
        for name in ("log/2", "none/1"):
            for ask in (storage.read, storage.digest, storage.stamp, lambda name: storage.age(name, 0.0)):
                with pytest.raises(FileNotFoundError):
                    ask(name)
        assert storage.names("none") == []
        storage.remove("log/2")
        storage.remove("none/1")
        assert storage.names("log") == ["log/1"]

    def test_a_stamp_stays_while_the_bytes_do_and_is_another_one_after(
        self, storage: Storage, place: Path
    ) -> None:
        storage.replace("log/1", b"bytes")
        stamp = storage.stamp("log/1")
        storage.create("log/2", b"bytes")
        storage.read("log/1")
        assert [stamp, stamp] == [storage.stamp("log/1"), self.open(place).stamp("log/1")]
        storage.replace("log/1", b"other")
        assert storage.stamp("log/1") != stamp

    def test_names_are_sorted_and_have_forward_slashes(self, storage: Storage) -> None:
        names = ["log/2", "log/10", "log/a/b/c", "log/a/a", "log/B", "logs/1", "other/log/1"]
        for name in names:
            storage.create(name, b"")
        assert storage.names("log") == ["log/10", "log/2", "log/B", "log/a/a", "log/a/b/c"]
        assert storage.names("log/a") == ["log/a/a", "log/a/b/c"]

    def test_age_counts_from_the_last_change(self, storage: Storage) -> None:
        before = time.time()
        storage.create("log/1", b"")
        after = time.time()
        assert 1000 - 2 <= storage.age("log/1", before + 1000) <= 1000 + (after - before) + 2

    def test_what_is_removed_is_gone_and_its_name_free(self, storage: Storage) -> None:
        storage.create("log/1", b"old")
        storage.create("log/2", b"other")
        storage.remove("log/1")
        assert storage.names("log") == ["log/2"]
        with pytest.raises(FileNotFoundError):
            storage.read("log/1")
        assert storage.create("log/1", b"new") is True

    def test_empty_folders_go_and_full_ones_stay(self, storage: Storage) -> None:
        for name in ("scratch/a/b/c", "scratch/a/d/e"):
            storage.create(name, b"content")
        storage.remove("scratch/a/b/c")
        storage.remove_empty_folders("scratch")
        assert storage.read("scratch/a/d/e") == b"content"
        assert storage.names("scratch/a/b") == []
        storage.create("scratch/a/b/c", b"again")
        assert storage.read("scratch/a/b/c") == b"again"

    # names that try to leave the root

    @pytest.mark.parametrize("name", OUTSIDE)
    def test_no_name_leaves_the_root(self, storage: Storage, tmp_path: Path, name: str) -> None:
        outside = tmp_path / "outside"
        outside.write_bytes(b"not the archive's")
        name = name.replace("/outside", str(outside)) if name.startswith("/") else name
        with storage.scratch() as folder:
            file = folder / "file"
            file.write_bytes(b"finished")
            calls: list[Callable[[], object]] = [
                lambda: storage.create(name, b"changed"),
                lambda: storage.replace(name, b"changed"),
                lambda: storage.adopt(file, name),
                lambda: storage.read(name),
                lambda: storage.digest(name),
                lambda: storage.stamp(name),
                lambda: storage.names(name),
                lambda: storage.age(name, 0.0),
                lambda: storage.remove(name),
                lambda: storage.remove_empty_folders(name),
                lambda: storage.location(name),
            ]
            for call in calls:
                with pytest.raises(ValueError, match="not a name inside the archive"):
                    call()
            assert file.read_bytes() == b"finished"
        assert outside.read_bytes() == b"not the archive's"
        assert storage.names("other") == []

    # scratch

    def test_scratch_is_a_folder_of_ones_own_and_gone_afterwards(self, storage: Storage) -> None:
        with storage.scratch() as first, storage.scratch() as second:
            assert first != second
            for folder in (first, second):
                (folder / "below").mkdir()
                (folder / "below" / "file").write_bytes(b"content")
        assert not first.exists()
        assert not second.exists()
        with pytest.raises(KeyboardInterrupt), storage.scratch() as third:
            (third / "file").write_bytes(b"content")
            raise KeyboardInterrupt
        assert not third.exists()

    # writing

    def test_many_may_write_at_once(self, storage: Storage, place: Path) -> None:
        with storage.writing(), self._holding_elsewhere(place, alone=False), self.open(place).writing():
            pass

    def test_whoever_writes_alone_waits_for_all_others_and_they_for_it(
        self, storage: Storage, place: Path
    ) -> None:
        for here, elsewhere in ((True, False), (False, True), (True, True)):
            with self._holding_elsewhere(place, alone=elsewhere) as process, ThreadPoolExecutor(1) as thread:
                entered = thread.submit(self._enter, storage, here)
                time.sleep(WHILE)
                assert not entered.done(), (here, elsewhere)
                process.let_go()
                entered.result(30)

    def test_threads_of_one_process_wait_as_well(self, storage: Storage) -> None:
        with ThreadPoolExecutor(1) as thread:
            with storage.writing():
                entered = thread.submit(self._enter, storage, True)
                time.sleep(WHILE)
                assert not entered.done()
            entered.result(30)

    def test_a_process_that_dies_holds_nothing(self, storage: Storage, place: Path) -> None:
        with self._holding_elsewhere(place, alone=True) as process:
            process.kill()
            self._enter(storage, True)

    def test_the_right_to_write_ends_with_an_error(self, storage: Storage) -> None:
        with pytest.raises(KeyboardInterrupt), storage.writing(alone=True):
            raise KeyboardInterrupt
        self._enter(storage, True)

    @staticmethod
    def _enter(storage: Storage, alone: bool) -> None:
        with storage.writing(alone=alone):
            pass

    @contextmanager
    def _holding_elsewhere(self, place: Path, *, alone: bool) -> "Iterator[_Holder]":
        holder = _Holder(self.open, place, alone)
        try:
            yield holder
        finally:
            holder.let_go()


def _content_of(writer: int) -> bytes:
    """Bytes that tell who wrote them, from the first to the last, and take more than one write."""
    return bytes([writer + 65]) * 300_000


class _Process:
    """A fork that works out some bytes."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        self._output, output = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                os.write(output, work())
                status = 0
            finally:
                os._exit(status)
        os.close(output)

    def result(self) -> bytes:
        """Wait for its end."""
        with os.fdopen(self._output, "rb") as output:
            result = output.read()
        assert os.waitpid(self.pid, 0)[1] == 0
        return result


class _Holder:
    """A fork that holds the right to write until it is told to let go."""

    def __init__(self, open_storage: Callable[[Path], Storage], place: Path, alone: bool) -> None:
        release, self._tell = os.pipe()
        self._entered, entered = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._tell)
            with open_storage(place).writing(alone=alone):
                os.write(entered, b"x")
                os.read(release, 1)
            os._exit(0)
        os.close(release)
        os.close(entered)
        self._ended = False
        assert os.read(self._entered, 1) == b"x"

    def let_go(self) -> None:
        """Make it end, and wait for that."""
        if not self._ended:
            self._end()

    def kill(self) -> None:
        """Kill it while it holds the right."""
        os.kill(self.pid, signal.SIGKILL)
        self._end()

    def _end(self) -> None:
        os.close(self._tell)
        os.close(self._entered)
        os.waitpid(self.pid, 0)
        self._ended = True
