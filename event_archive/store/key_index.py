"""The key index: which (source, id) the archive holds and in which segment, without opening every segment.

Belongs here: finding where a batch's keys may already be, and keeping a snapshot of all keys so that this
does not grow with the number of files. Not here: comparing what was found (`duplicates`).

The index is derived: a snapshot covers the log up to a sequence, is bound to that entry's digest, checked
against its own digest when it is used, and can be removed at any time. It holds hashes of (source, id), so it
may find too much, never too little. The hash is the engine's; another engine version starts a new snapshot.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.archive import Archive
from event_archive.sql_text import literal, sql_list
from event_archive.store.commit import Commit, Segment, segments_of
from event_archive.store.durable import file_digest
from event_archive.store.folders import KEYS

KEY = "hash(source, event_id)"
SNAPSHOT_AFTER_SEGMENTS = 32
SNAPSHOT_AFTER_KEYS = 500_000


class KeyIndex:
    """The keys of a log, and of the landing that is under way, in one DuckDB connection.

    Segments are numbered in the order of the log from 0; the landing's own come after them. The relation
    `snapshot_keys` is a file, the table `recent_keys` is what is not in it: both have `h` and `segment`.
    """

    def __init__(
        self, archive: Archive, connection: duckdb.DuckDBPyConnection, commits: Sequence[Commit], folder: Path
    ) -> None:
        self._archive = archive
        self._connection = connection
        self._folder = folder
        segments = segments_of(commits)
        self.files = [(archive.storage.location(segment.path), segment.type) for segment in segments]
        self._landed = len(self.files)
        covered = self._open_snapshot(commits)
        connection.execute("CREATE TEMP TABLE recent_keys (h UBIGINT, segment INTEGER)")
        self._add_files([(number, self.files[number][0]) for number in range(covered, self._landed)])

    def find(self, keys: str) -> list[int]:
        """The numbers of the segments that may hold a key of the relation `keys` (`h`), and a table of those.

        The table `found_keys` holds the hashes that were found.
        """
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS SELECT DISTINCT h, segment FROM ("
            f"SELECT * FROM snapshot_keys UNION ALL SELECT * FROM recent_keys) SEMI JOIN {keys} USING (h)"
        )
        self._connection.execute("CREATE OR REPLACE TEMP TABLE found_keys AS SELECT DISTINCT h FROM found")
        return [row for (row,) in self._connection.execute("SELECT DISTINCT segment FROM found").fetchall()]

    def add(self, file: Path, event_type: str, events: pa.Table) -> None:
        """Take in a segment that this landing writes from `events`."""
        self._connection.register("written", events.select(["source", "event_id"]))
        self._connection.execute(f"INSERT INTO recent_keys SELECT {KEY}, {len(self.files)} FROM written")
        self._connection.unregister("written")
        self.files.append((str(file), event_type))

    def clashes(self, others: Sequence[Segment]) -> bool:
        """Whether a key of this landing may be in these segments, which landed meanwhile."""
        if not others:
            return False
        files = sql_list(self._archive.storage.location(segment.path) for segment in others)
        ((found,),) = self._connection.execute(
            f"SELECT count(*) FROM recent_keys "
            f"SEMI JOIN (SELECT {KEY} AS h FROM read_parquet({files})) USING (h) "
            f"WHERE segment >= {self._landed}"
        ).fetchall()
        return bool(found)

    def keep(self, commit: Commit) -> None:
        """After `commit`, the landing's own: write a new snapshot where much has come since the last one."""
        ((keys, segments),) = self._connection.execute(
            "SELECT count(*), count(DISTINCT segment) FROM recent_keys"
        ).fetchall()
        if keys < SNAPSHOT_AFTER_KEYS and segments < SNAPSHOT_AFTER_SEGMENTS:
            return
        file = self._folder / "keys.parquet"
        notes = {"head": commit.digest, "engine": duckdb.__version__, "segments": str(len(self.files))}
        metadata = ", ".join(f"{name}: {literal(text)}" for name, text in notes.items())
        self._connection.execute(
            "COPY (SELECT * FROM snapshot_keys UNION ALL SELECT * FROM recent_keys) "
            f"TO {literal(str(file))} (FORMAT parquet, COMPRESSION uncompressed, KV_METADATA {{{metadata}}})"
        )
        name = f"{KEYS}/{commit.sequence:020d}-{file_digest(file)}.parquet"
        older = self._archive.storage.names(KEYS)
        self._archive.storage.adopt(file, name)
        for outdated in older[:-1]:
            self._archive.storage.remove(outdated)

    def _open_snapshot(self, commits: Sequence[Commit]) -> int:
        """Open the newest snapshot that fits the log; returns how many segments it covers."""
        heads = {commit.digest for commit in commits}
        for name in reversed(self._archive.storage.names(KEYS)):
            mine = self._folder / "snapshot.parquet"
            try:
                mine.unlink(missing_ok=True)
                os.link(self._archive.storage.location(name), mine)  # others may remove it while it is read
                notes = pq.read_metadata(mine).metadata or {}
            except (OSError, pa.ArrowInvalid):
                continue
            fits = notes.get(b"engine") == duckdb.__version__.encode() and file_digest(mine) in name
            if fits and notes.get(b"head", b"").decode() in heads:
                snapshot = f"read_parquet({literal(str(mine))})"
                self._connection.execute(
                    f"CREATE TEMP VIEW snapshot_keys AS SELECT h, segment FROM {snapshot}"
                )
                return int(notes[b"segments"])
        self._connection.execute("CREATE TEMP TABLE snapshot_keys (h UBIGINT, segment INTEGER)")
        return 0

    def _add_files(self, files: Sequence[tuple[int, str]]) -> None:
        if not files:
            return
        numbers = pa.table(
            {
                "segment": pa.array([number for number, _ in files], pa.int32()),
                "file": pa.array([file for _, file in files], pa.string()),
            }
        )
        self._connection.register("recent_files", numbers)
        self._connection.execute(
            f"INSERT INTO recent_keys SELECT {KEY}, segment FROM "
            f"read_parquet({sql_list(file for _, file in files)}, filename = true) JOIN recent_files "
            "ON filename = file"
        )
        self._connection.unregister("recent_files")
