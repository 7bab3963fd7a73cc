"""Whether the archive holds each (source, id) once, and whether the index of keys says what segments hold.

Belongs here: what can be told only by reading the keys of all segments. Not here: each file by itself
(`verification`), and what can be told of an index without that (`store.key_snapshot`).

The memory that it takes is bounded: keys are looked at by their hashes, which the engine spills to the disk
beyond its limit, and only those whose hash is there twice are read as texts.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.engine import Relations, open_engine
from event_archive.limits import Limits
from event_archive.sql_text import sql_list
from event_archive.store.commit import Commit, Segment, segments_of
from event_archive.store.key_index import KEY
from event_archive.store.key_snapshot import NO_KEYS, doubt, of_this_engine, rows_of
from event_archive.store.remaps import named_segments

Problem = tuple[str, str]
"""The name of a file in the archive, and what is wrong with it."""

KEYS_AT_ONCE = 2_000_000
MOST_READ = 100_000
"""So many keys are read as texts: where more are there twice, those are enough to tell."""

SHOWN = 80
AGAIN = "holds {:,} event(s) that had been accepted before, such as id {!r} of source {!r}, in {}"
WRONG_KEYS = "does not hold the keys of the events that the log names"
REMOVE = "; remove it, a landing makes another"


def named_twice(commits: Sequence[Commit]) -> Iterator[Problem]:
    """Find segments that the log names more than once: their events would count as often."""
    first: dict[str, str] = {}
    for commit in commits:
        for segment in commit.segments:
            if segment.path in first:
                yield commit.name, f"names {segment.path}, which {first[segment.path]} has named"
            first.setdefault(segment.path, commit.name)


def check_keys(
    archive: Archive,
    commits: Sequence[Commit],
    intact: Collection[str],
    snapshots: Sequence[str],
    limits: Limits,
) -> Iterator[Problem]:
    """Find events that were accepted twice, and snapshots of the index that are wrong.

    `intact`: the paths of the segments that can be read; `snapshots`: the names of those to look at.
    """
    numbers = {
        path: number for number, path in reversed(list(enumerate(map(path_of, named_segments(commits)))))
    }
    files = {archive.storage.location(path): number for path, number in numbers.items() if path in intact}
    paths = {number: path for path, number in numbers.items()}
    with (
        TemporaryDirectory(prefix="factlog-verify-") as folder,
        closing(
            open_engine(threads=limits.threads, memory_bytes=limits.engine_bytes, spill=Path(folder))
        ) as connection,
        Relations(connection) as relations,
    ):
        keys = read_keys(connection, relations, files)
        standing = set(map(path_of, segments_of(commits)))
        stand = {location: number for location, number in files.items() if paths[number] in standing}
        yield from accepted_twice(connection, keys, stand, numbers)
        yield from lost_in_remaps(connection, keys, commits, numbers, intact)
        for name in snapshots:
            file = Path(archive.storage.location(name))
            problem = doubt(connection, file, name, commits)
            if problem is None and of_this_engine(file) and wrong_segments(connection, keys, file):
                problem = WRONG_KEYS
            if problem and file.exists():  # a landing may have made another meanwhile, and removed this one
                yield name, problem + REMOVE


def path_of(segment: Segment) -> str:
    """The name of a segment's file."""
    return segment.path


def read_keys(connection: duckdb.DuckDBPyConnection, relations: Relations, files: Mapping[str, int]) -> str:
    """Read the hash of each key of some files; returns a table of `h` and `segment`, the file's number."""
    if not files:
        return relations.create("keys", NO_KEYS)
    numbers = numbered(relations, files)
    return relations.create(
        "keys",
        f"SELECT {KEY} AS h, segment FROM read_parquet({sql_list(files)}, filename = true) "
        f"JOIN {numbers} ON filename = file",
    )


def numbered(relations: Relations, files: Mapping[str, int]) -> str:
    """Let SQL read the numbers of files; returns a relation of `file` and `segment`."""
    table = {"file": list(files), "segment": pa.array(files.values(), pa.int32())}
    return relations.register("numbers", pa.table(table))


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """The number of rows of a table."""
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(rows)


def accepted_twice(
    connection: duckdb.DuckDBPyConnection, keys: str, files: Mapping[str, int], numbers: Mapping[str, int]
) -> Iterator[Problem]:
    """Find the segments that hold events which an earlier one, or the same, holds already."""
    with Relations(connection) as relations:
        repeated = relations.create("repeated", "SELECT CAST(NULL AS UBIGINT) AS h WHERE FALSE")
        if len(files) < len(numbers):
            numbers_of_files = ", ".join(map(str, files.values())) or "-1"
            keys = f"(SELECT h, segment FROM {keys} WHERE segment IN ({numbers_of_files}))"
        parts = 1 + count(connection, keys) // KEYS_AT_ONCE
        for part in range(parts):
            connection.execute(
                f"INSERT INTO {repeated} SELECT h FROM {keys} WHERE h % {parts} = {part} "
                f"GROUP BY h HAVING count(*) > 1 LIMIT {MOST_READ - count(connection, repeated)}"
            )
        again = AGAIN if count(connection, repeated) < MOST_READ else AGAIN.replace("holds", "holds at least")
        suspected = connection.execute(
            f"SELECT DISTINCT segment FROM {keys} SEMI JOIN {repeated} USING (h) ORDER BY segment"
        ).fetchall()
        if not suspected:
            return
        wanted = set(chain.from_iterable(suspected))
        chosen = {location: number for location, number in files.items() if number in wanted}
        numbers_of_files = numbered(relations, chosen)
        found = connection.execute(
            f"""
            SELECT segment, count(*), min(event_id), arg_min(source, event_id), arg_min(first, event_id)
            FROM (
                SELECT
                    segment, source, event_id, min(segment) OVER same AS first,
                    row_number() OVER (PARTITION BY source, event_id ORDER BY segment) AS place
                FROM read_parquet({sql_list(chosen)}, filename = true)
                JOIN {numbers_of_files} ON filename = file
                SEMI JOIN {repeated} ON h = {KEY}
                WINDOW same AS (PARTITION BY source, event_id)
            )
            WHERE place > 1 GROUP BY segment ORDER BY segment
            """
        ).fetchall()
    paths = {number: path for path, number in numbers.items()}
    for segment, events, event_id, source, first in found:
        yield paths[segment], again.format(events, event_id[:SHOWN], source[:SHOWN], paths[first])


def lost_in_remaps(
    connection: duckdb.DuckDBPyConnection,
    keys: str,
    commits: Sequence[Commit],
    numbers: Mapping[str, int],
    intact: Collection[str],
) -> Iterator[Problem]:
    """Find remaps in whose segments an event is missing that those had held in whose place they stand."""
    for commit in commits:
        for event_type in sorted({segment.type for segment in commit.replaces}):
            old = [segment.path for segment in commit.replaces if segment.type == event_type]
            new = [segment.path for segment in commit.segments if segment.type == event_type]
            if not {*old, *new} <= {*intact}:
                continue
            gone, came = (", ".join(str(numbers[path]) for path in paths) or "-1" for paths in (old, new))
            ((events,),) = connection.execute(
                f"SELECT count(*) FROM {keys} WHERE segment IN ({gone}) "
                f"AND h NOT IN (SELECT h FROM {keys} WHERE segment IN ({came}))"
            ).fetchall()
            if events:
                yield (
                    commit.name,
                    f"replaces {events:,} event(s) of {event_type} that do not come again in it",
                )


def wrong_segments(connection: duckdb.DuckDBPyConnection, keys: str, file: Path) -> list[int]:
    """Return the numbers of segments of which a snapshot does not hold the keys that were read.

    Both are reduced to a sum for each segment, of hashes that nobody can foresee.
    """
    salt = secrets.randbits(63)
    sums = f"segment, sum(CAST(hash(h, {salt}) AS HUGEINT)) AS total FROM {{}} GROUP BY segment"
    wrong = connection.execute(
        f"SELECT segment FROM (SELECT {sums.format(keys)}) AS held "
        f"JOIN (SELECT {sums.format(rows_of(file))}) AS indexed USING (segment) "
        "WHERE held.total <> indexed.total ORDER BY segment"
    ).fetchall()
    return [number for (number,) in wrong]
