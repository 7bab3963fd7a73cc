"""The key index: which (source, id) the archive holds and in which segment, without opening every segment.

Belongs here: finding where a batch's keys may already be, and keeping a snapshot of all keys so that this
does not grow with the number of files. Not here: comparing what was found (`deduplicate`).

The index is derived: a snapshot covers the log up to a sequence, is bound to that entry's digest, checked
against its own digest when it is used, and can be removed at any time. It holds hashes of (source, id), so it
may find too much, never too little. The hash is the engine's; another engine version starts a new snapshot.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.sql_text import Relations, literal, sql_list
from event_archive.store.commit import Commit, Segment, segments_of
from event_archive.store.durable import file_digest
from event_archive.store.folders import KEYS
from event_archive.store.storage import Storage

KEY = "hash(source, event_id)"
NO_KEYS = "SELECT CAST(NULL AS UBIGINT) AS h, CAST(NULL AS INTEGER) AS segment WHERE FALSE"
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
    location and event type of each. Keys come from a snapshot, a file, and from a table of what is not in it:
    both have `h`, the hash of a key, and `segment`.
    """

    def __init__(
        self, storage: Storage, connection: duckdb.DuckDBPyConnection, commits: Sequence[Commit], folder: Path
    ) -> None:
        self._storage = storage
        self._connection = connection
        self._relations = Relations(connection)
        self._folder = folder
        segments = segments_of(commits)
        self.files = [(storage.location(segment.path), segment.type) for segment in segments]
        self._landed = len(self.files)
        self._snapshot, covered = self._open_snapshot(commits)
        self._recent = self._relations.create("recent_keys", NO_KEYS)
        self._all = (
            f"(SELECT h, segment FROM {self._snapshot} UNION ALL SELECT h, segment FROM {self._recent})"
        )
        self._add_files([(number, self.files[number][0]) for number in range(covered, self._landed)])

    def find(self, keys: str, relations: Relations) -> KeysFound:
        """Find the keys of the relation `keys` (`h`); the table of those found is one of `relations`."""
        matches = relations.create(
            "found", f"SELECT DISTINCT h, segment FROM {self._all} SEMI JOIN {keys} USING (h)"
        )
        table = relations.create("found_keys", f"SELECT DISTINCT h FROM {matches}")
        segments = self._connection.execute(f"SELECT DISTINCT segment FROM {matches}").fetchall()
        return KeysFound([segment for (segment,) in segments], table)

    def add(self, file: Path, event_type: str, events: pa.Table) -> None:
        """Add a segment that this transaction writes from `events`."""
        with Relations(self._connection) as relations:
            written = relations.register("written", events.select(["source", "event_id"]))
            self._connection.execute(
                f"INSERT INTO {self._recent} SELECT {KEY}, {len(self.files)} FROM {written}"
            )
        self.files.append((str(file), event_type))

    def clashes(self, others: Sequence[Segment]) -> bool:
        """Whether a key of this transaction may be in these segments, which landed meanwhile."""
        if not others:
            return False
        files = sql_list(self._storage.location(segment.path) for segment in others)
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
        file = self._folder / "keys.parquet"
        notes = {"head": commit.digest, "engine": duckdb.__version__, "segments": str(len(self.files))}
        metadata = ", ".join(f"{name}: {literal(text)}" for name, text in notes.items())
        self._connection.execute(
            f"COPY {self._all} TO {literal(str(file))} "
            f"(FORMAT parquet, COMPRESSION uncompressed, KV_METADATA {{{metadata}}})"
        )
        name = f"{KEYS}/{commit.sequence:020d}-{file_digest(file)}.parquet"
        older = self._storage.names(KEYS)
        self._storage.adopt(file, name)
        for outdated in older[:-1]:
            self._storage.remove(outdated)

    def _open_snapshot(self, commits: Sequence[Commit]) -> tuple[str, int]:
        """Open the newest snapshot that fits the log; returns SQL of it, and how many segments it covers."""
        heads = {commit.digest for commit in commits}
        for name in reversed(self._storage.names(KEYS)):
            mine = self._folder / "snapshot.parquet"
            try:
                mine.unlink(missing_ok=True)
                os.link(self._storage.location(name), mine)  # others may remove it while it is read
                notes = pq.read_metadata(mine).metadata or {}
            except (OSError, pa.ArrowInvalid):
                continue
            fits = notes.get(b"engine") == duckdb.__version__.encode() and file_digest(mine) in name
            if fits and notes.get(b"head", b"").decode() in heads:
                return f"read_parquet({literal(str(mine))})", int(notes[b"segments"])
        return f"({NO_KEYS})", 0

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
