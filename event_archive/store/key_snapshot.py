"""A snapshot of the key index: one file with every key of the log up to a commit, and when it is believed.

Belongs here: its name and format, writing one, and opening the newest that can be believed. Not here: finding
keys in it (`key_index`), and whether each of its hashes is the right one, which takes reading every segment
(`unique_keys`).

It can be removed at any time. Nothing that it says of itself is believed: its name says which commit it goes
up to, and it has to hold as many keys of each segment as the log says that the segment has rows.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.sql_text import literal
from event_archive.store.commit import Commit, is_of
from event_archive.store.durable import file_digest
from event_archive.store.folders import KEYS
from event_archive.store.remaps import named_segments
from event_archive.store.storage import Storage

COLUMNS = {"h": pa.uint64(), "segment": pa.int32()}
NAME = re.compile(rf"{KEYS}/([0-9]{{20}})-([0-9a-f]{{64}})\.parquet")
NO_KEYS = "SELECT CAST(NULL AS UBIGINT) AS h, CAST(NULL AS INTEGER) AS segment WHERE FALSE"


@dataclass(frozen=True)
class Snapshot:
    """One that is believed: its name, if there is one, its rows as SQL, and how many segments it covers.

    `doubted`: the names of others, that were not believed.
    """

    name: str | None
    rows: str
    segments: int
    doubted: Sequence[str] = ()


def snapshots(names: Iterable[str]) -> list[str]:
    """Return the names that are those of snapshots, the newest first."""
    return sorted(filter(NAME.fullmatch, names), reverse=True)


def open_snapshot(
    storage: Storage, connection: duckdb.DuckDBPyConnection, commits: Sequence[Commit], folder: Path
) -> Snapshot:
    """Open the newest snapshot that can be believed; `folder` keeps it while others may remove it."""
    doubted: list[str] = []
    for name in snapshots(storage.names(KEYS)):
        mine = folder / Path(name).name
        try:
            os.link(storage.location(name), mine)
        except OSError:
            continue
        if doubt(connection, mine, name, commits) is None and of_this_engine(mine):
            sequence = sequence_of(name)
            return Snapshot(name, rows_of(mine), len(named_segments(commits[:sequence])), doubted)
        doubted.append(name)
    return Snapshot(None, f"({NO_KEYS})", 0, doubted)


def doubt(
    connection: duckdb.DuckDBPyConnection, file: Path, name: str, commits: Sequence[Commit]
) -> str | None:
    """Return why the file of a snapshot can't be believed; None where the log bears it out."""
    sequence, digest = sequence_of(name), name.rpartition("-")[2].removesuffix(".parquet")
    try:
        if file_digest(file) != digest:
            return "its bytes were changed: the SHA-256 is another"
        metadata = pq.read_metadata(file)
        columns = metadata.schema.to_arrow_schema()
    except (OSError, pa.ArrowInvalid) as error:
        return f"can't be read as Parquet: {error}"
    head = (metadata.metadata or {}).get(b"head", b"").decode("utf-8", "replace")
    if not is_of(commits, sequence, head):
        return f"is of another log: its commit {sequence} is not the one of this log"
    if dict(zip(columns.names, columns.types, strict=True)) != COLUMNS:
        return "is no index of keys: its columns are others"
    try:
        held = connection.execute(
            f"SELECT segment, count(h) FROM {rows_of(file)} GROUP BY segment"
        ).fetchall()
    except duckdb.Error:
        return "is no index of keys: its pages can't be read"
    rows = {number: segment.rows for number, segment in enumerate(named_segments(commits[:sequence]))}
    if dict(held) != rows:
        return "does not hold the keys of the segments that the log names"
    return None


def write_snapshot(
    connection: duckdb.DuckDBPyConnection, storage: Storage, rows: str, commit: Commit, folder: Path
) -> str:
    """Write the rows of an index that covers the log up to and with this commit; returns the name."""
    file = folder / "keys.parquet"
    notes = {"head": commit.digest, "engine": duckdb.__version__}
    metadata = ", ".join(f"{name}: {literal(text)}" for name, text in notes.items())
    connection.execute(
        f"COPY (SELECT h, segment FROM {rows}) TO {literal(str(file))} "
        f"(FORMAT parquet, COMPRESSION uncompressed, KV_METADATA {{{metadata}}})"
    )
    name = f"{KEYS}/{commit.sequence:020d}-{file_digest(file)}.parquet"
    storage.adopt(file, name)
    return name


def remove_outdated(storage: Storage, newest: str, used: Snapshot) -> None:
    """Remove what `newest` makes useless: those before it, and those that were not believed.

    The one that it was made from stays, because another process may be about to open it.
    """
    for name in snapshots(storage.names(KEYS)):
        if name in used.doubted or (name < newest and name != used.name):
            storage.remove(name)


def of_this_engine(file: Path) -> bool:
    """Whether the hashes in a snapshot are those that this version of the engine makes."""
    notes = pq.read_metadata(file).metadata or {}
    return bool(notes.get(b"engine") == duckdb.__version__.encode())


def rows_of(file: Path) -> str:
    """Return the rows of a snapshot as SQL."""
    return f"read_parquet({literal(str(file))})"


def sequence_of(name: str) -> int:
    """Return the number of the commit that a snapshot goes up to."""
    return int(name.removeprefix(f"{KEYS}/").partition("-")[0])
