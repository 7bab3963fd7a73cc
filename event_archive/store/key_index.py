"""The key index: which (source, id) the archive holds and in which segment, without opening every segment.

Belongs here: finding where a batch's keys may already be, and keeping a snapshot of all keys so that this
does not grow with the number of files. Not here: the file of a snapshot, and when it is
believed (`key_snapshot`); comparing what was found (`deduplicate`).

The index is derived: a snapshot is held to the log when it is used, and made anew where that does not bear it
out. It holds hashes of (source, id), so it may find too much, never too little. The hash is the engine's;
another engine version starts a new snapshot.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from event_archive.engine import Relations
from event_archive.sql_text import sql_list
from event_archive.store.checked_files import CheckedFiles
from event_archive.store.commit import Commit, Segment, segments_of
from event_archive.store.key_snapshot import NO_KEYS, open_snapshot, remove_outdated, write_snapshot
from event_archive.store.remaps import named_segments
from event_archive.store.storage import Storage

KEY = "hash(source, event_id)"
SNAPSHOT_AFTER_SEGMENTS = 32
SNAPSHOT_AFTER_KEYS = 500_000


@dataclass(frozen=True)
class KeysFound:
    """Which of some keys the index has: numbers of `segments` that may hold one, and a table of `h`."""

    segments: list[int]
    table: str


class KeyIndex:
    """The keys of a log, and of the transaction that is under way, in one engine, while that is open.

    Segments are numbered in the order of the log from 0; the transaction's own come after them. `files`: the
    location and event type of each. What is found is in segments that stand: all events of one that was
    replaced came again. `replaced`: paths of those that the transaction is about to replace. Keys come from a
    snapshot, a file, and from a table of what is not in it: both have `h`, the hash of a key, and `segment`.
    """

    def __init__(
        self,
        storage: Storage,
        checked: CheckedFiles,
        connection: duckdb.DuckDBPyConnection,
        commits: Sequence[Commit],
        folder: Path,
        replaced: Collection[str] = (),
    ) -> None:
        self._storage = storage
        self._checked = checked
        self._connection = connection
        self._relations = Relations(connection)
        self._folder = folder
        self._segments = named_segments(commits)
        standing = {segment.path for segment in segments_of(commits)}.difference(replaced)
        self._gone = [number for number, segment in enumerate(self._segments) if segment.path not in standing]
        self.files = [(storage.location(segment.path), segment.type) for segment in self._segments]
        self._landed = len(self.files)
        self._snapshot = open_snapshot(storage, connection, commits, folder)
        self._recent = self._relations.create("recent_keys", NO_KEYS)
        self._all = (
            f"(SELECT h, segment FROM {self._snapshot.rows} UNION ALL SELECT h, segment FROM {self._recent})"
        )
        covered = self._snapshot.segments
        self._add_files(list(enumerate(checked.locations(self._segments[covered:]), covered)))

    def find(self, keys: str, relations: Relations) -> KeysFound:
        """Find the keys of the relation `keys` (`h`); the table of those found is one of `relations`."""
        matches = relations.create(
            "found",
            f"SELECT DISTINCT h, segment FROM {self._all} SEMI JOIN {keys} USING (h)"
            + (f" WHERE segment NOT IN ({', '.join(map(str, self._gone))})" if self._gone else ""),
        )
        table = relations.create("found_keys", f"SELECT DISTINCT h FROM {matches}")
        segments = self._connection.execute(f"SELECT DISTINCT segment FROM {matches}").fetchall()
        numbers = [number for (number,) in segments]
        self._checked.locations(self._segments[number] for number in numbers if number < self._landed)
        return KeysFound(numbers, table)

    def add(self, segments: Sequence[tuple[Path, str, pa.Table]]) -> None:
        """Add segments that this transaction writes: the file, event type and events of each."""
        if not segments:
            return
        keys = []
        for number, (_, _, events) in enumerate(segments, len(self.files)):
            numbers = pa.array(np.full(len(events), number, np.int32))
            keys.append(events.select(["source", "event_id"]).append_column("segment", numbers))
        with Relations(self._connection) as relations:
            written = relations.register("written", pa.concat_tables(keys))
            self._connection.execute(f"INSERT INTO {self._recent} SELECT {KEY}, segment FROM {written}")
        self.files += [(str(file), event_type) for file, event_type, _ in segments]

    def clashes(self, others: Sequence[Segment]) -> bool:
        """Whether a key of this transaction may be in these segments, which landed meanwhile."""
        if not others:
            return False
        files = sql_list(self._checked.locations(others))
        ((keys,),) = self._connection.execute(
            f"SELECT count(*) FROM {self._recent} "
            f"SEMI JOIN (SELECT {KEY} AS h FROM read_parquet({files})) USING (h) "
            f"WHERE segment >= {self._landed}"
        ).fetchall()
        return bool(keys)

    def keep(self, commit: Commit) -> None:
        """After the transaction's `commit`: write a new snapshot where much has come since the last one."""
        ((keys, segments),) = self._connection.execute(
            f"SELECT count(*), count(DISTINCT segment) FROM {self._recent}"
        ).fetchall()
        if keys < SNAPSHOT_AFTER_KEYS and segments < SNAPSHOT_AFTER_SEGMENTS:
            return
        name = write_snapshot(self._connection, self._storage, self._all, commit, self._folder)
        remove_outdated(self._storage, name, self._snapshot)

    def _add_files(self, files: Sequence[tuple[int, str]]) -> None:
        if not files:
            return
        numbers = pa.table(
            {
                "segment": pa.array([number for number, _ in files], pa.int32()),
                "file": pa.array([file for _, file in files], pa.string()),
            }
        )
        with Relations(self._connection) as relations:
            added = relations.register("added_files", numbers)
            self._connection.execute(
                f"INSERT INTO {self._recent} SELECT {KEY}, segment FROM "
                f"read_parquet({sql_list(file for _, file in files)}, filename = true) "
                f"JOIN {added} ON filename = file"
            )
