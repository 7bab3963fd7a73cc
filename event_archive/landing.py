"""Landing: one input into the archive, as one atomic commit.

Belongs here: the order of the steps (decode, map, route, deduplicate, write, commit), the bounds on memory,
and what happens when another process commits first. Not here: any of the steps themselves.

A crash at any point leaves at most litter: files in `scratch`, or segments that no entry of the log names.
"""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.decode import Chunk, chunks
from event_archive.duplicates import find_repeated
from event_archive.foreign import map_chunk
from event_archive.keys import KeyIndex
from event_archive.log import NOTHING_BEFORE, Commit, Counts, segments_of
from event_archive.mapping import Mapping
from event_archive.quarantine import QuarantineWriter, Refusal
from event_archive.routing import Routed, Router
from event_archive.segments import Written, write_segment
from event_archive.sources import Digested, Source, digest_of
from event_archive.storage import file_digest

MEBIBYTE = 1 << 20
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Limits:
    """Bounds of landing. `memory_bytes` bounds the engine and, by the chunk's size, everything else."""

    memory_bytes: int = 1024 * MEBIBYTE
    threads: int = 2
    max_record_bytes: int = 16 * MEBIBYTE
    clock_skew: timedelta = timedelta(minutes=5)

    @property
    def chunk_bytes(self) -> int:
        """How many bytes of records are worked on at a time: an eighth of the memory."""
        return max(self.memory_bytes // 8, MEBIBYTE)


@dataclass(frozen=True)
class Landed:
    """What became of one input. `earlier`: the commit in which these very bytes had landed; nothing was done.

    `commit` is None, too, for an input without a record.
    """

    origin: str
    counts: Counts
    commit: Commit | None = None
    earlier: Commit | None = None


@dataclass
class _Landing:
    """The state of one attempt."""

    folder: Path
    quarantine: QuarantineWriter
    known: list[Commit]
    index: KeyIndex
    counts: Counts = field(default_factory=Counts)
    written: list[Written] = field(default_factory=list)


def land(
    archive: Archive,
    source: Source,
    *,
    mapping: Mapping | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Landed:
    """Land one input; returns when its commit is durable. `progress` is told how many bytes were read.

    Raises UnusableInput where the input can't be read. Records that are refused are not an error.
    """
    limits = limits or Limits()
    with archive.storage.writing(), archive.storage.scratch() as folder:
        source = _seekable(source, folder)
        earlier = _landed_before(archive, source, mapping)
        while earlier is None:
            attempt = folder / f"attempt-{len(list(folder.iterdir()))}"
            attempt.mkdir()
            with closing(_engine(limits, attempt)) as connection:
                landed = _attempt(archive, source, mapping, limits, attempt, connection, progress)
            if landed is not None:
                return landed
            earlier = _landed_before(archive, source, mapping)
        return Landed(source.origin, Counts(), earlier=earlier)


def _seekable(source: Source, folder: Path) -> Source:
    """The source itself, or a copy of standard input: a landing may have to read it twice."""
    if source.path is not None:
        return source
    copy = folder / "input"
    with copy.open("wb") as file:
        shutil.copyfileobj(source.open(), file)
    return Source(source.origin, copy)


def _landed_before(archive: Archive, source: Source, mapping: Mapping | None) -> Commit | None:
    """The commit in which the same bytes landed by the same mapping; only known sizes are hashed."""
    assert source.path is not None
    size = source.path.stat().st_size if source.path.is_file() else 0
    same_size = [commit for commit in archive.log.commits() if commit.batch_bytes == size]
    if not same_size:
        return None
    digest = digest_of(source)
    wanted = (digest, _digest_of(mapping))
    return next((commit for commit in same_size if (commit.batch, commit.mapping) == wanted), None)


def _engine(limits: Limits, folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(limits.threads)}")
    connection.execute(f"SET memory_limit = '{limits.memory_bytes // 2 // MEBIBYTE}MiB'")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET arrow_lossless_conversion = true")
    connection.execute("SET temp_directory = ?", [str(folder / "spill")])
    return connection


def _attempt(
    archive: Archive,
    source: Source,
    mapping: Mapping | None,
    limits: Limits,
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    progress: Progress | None,
) -> Landed | None:
    """Land the input against the log as it is now; None where another process landed some of it meanwhile."""
    (folder / "segments").mkdir()
    known = archive.log.commits()
    index = KeyIndex(archive, connection, known, folder)
    state = _Landing(folder / "segments", QuarantineWriter(folder / "refused.parquet"), known, index)
    router = Router(archive, connection, datetime.now(UTC) + limits.clock_skew)
    with closing(source.open()) as file:
        stream = Digested(file)
        for chunk in chunks(stream, limits.chunk_bytes, limits.max_record_bytes):
            _land_chunk(connection, router, mapping, chunk, state)
            if progress:
                progress(stream.bytes)
        stream.read_to_end()
    refused = state.quarantine.finish()
    if not state.counts.received:
        return Landed(source.origin, state.counts)
    if not state.counts.conserved:
        raise AssertionError(f"{source.origin}: records got lost or were counted twice: {state.counts}")
    for written in state.written:
        archive.storage.adopt(written.file, written.segment.path)
    if refused:
        archive.storage.adopt(state.quarantine.file, refused.path)
    while True:
        known = archive.log.commits()
        others = known[len(state.known) :]
        same_batch = any(other.batch == stream.digest() for other in others)
        if same_batch or index.clashes(segments_of(others)):
            return None
        commit = Commit(
            sequence=len(known) + 1,
            previous=known[-1].digest if known else NOTHING_BEFORE,
            kind="landing",
            landed_at=max([datetime.now(UTC), *(one.landed_at for one in known[-1:])]),
            batch=stream.digest(),
            batch_bytes=stream.bytes,
            origin=source.origin,
            mapping=_digest_of(mapping),
            counts=state.counts,
            segments=tuple(written.segment for written in state.written),
            quarantine=refused,
        )
        if archive.log.append(commit):
            if not others:
                index.keep(commit)
            return Landed(source.origin, state.counts, commit)


def _land_chunk(
    connection: duckdb.DuckDBPyConnection,
    router: Router,
    mapping: Mapping | None,
    chunk: Chunk,
    state: _Landing,
) -> None:
    """Take one chunk as far as finished segment files and refusals."""
    for broken in chunk.broken:
        state.quarantine.add(
            Refusal(
                broken.position, broken.offset, broken.reason, broken.detail, broken.record, part=broken.part
            )
        )
    broken_records = sum(broken.part == 0 for broken in chunk.broken)
    mapped, unmapped = map_chunk(connection, mapping, chunk) if mapping else (chunk, [])
    routed = router.route(mapped)
    routed.refused += unmapped
    repeated = find_repeated(connection, routed.tables, state.index)
    for row, verdict in routed.refused:
        _refuse(
            state, chunk, row, verdict.reason, verdict.detail, verdict.type, verdict.source, verdict.event_id
        )
    for name, row, met in repeated.conflicts:
        names = f"SELECT source, event_id FROM {name} WHERE n = ?"
        ((source, event_id),) = connection.execute(names, [row]).fetchall()
        detail = f"source and id are taken by {met}"
        _refuse(state, chunk, row, "conflict", detail, routed.tables[name].type, source, event_id)
    accepted = _write(connection, routed, repeated.rows, state)
    duplicate = sum(map(len, repeated.duplicates.values()))
    rejected = broken_records + len(routed.refused) + len(repeated.conflicts)
    state.counts += Counts(routed.received + len(unmapped) + broken_records, accepted, duplicate, rejected)


def _write(
    connection: duckdb.DuckDBPyConnection,
    routed: Routed,
    repeated: Callable[[str], list[int]],
    state: _Landing,
) -> int:
    """Write each typed table, without the rows that are not new, to a segment; returns the rows written."""
    rows = 0
    for name, contract in routed.tables.items():
        events = name
        if dropped := repeated(name):
            connection.register("dropped", pa.table({"n": pa.array(dropped, pa.int64())}))
            events = f"(SELECT * FROM {name} ANTI JOIN dropped USING (n))"
        written = write_segment(connection, events, contract, state.folder)
        if written:
            state.written.append(written)
            state.index.add(written.file, contract.type, events)
            rows += written.segment.rows
    return rows


def _refuse(
    state: _Landing,
    chunk: Chunk,
    row: int,
    reason: str,
    detail: str,
    type_: str | None,
    source: str | None,
    event_id: str | None,
) -> None:
    state.quarantine.add(
        Refusal(
            position=int(chunk.positions[row]),
            offset=int(chunk.offsets[row]),
            reason=reason,
            detail=detail,
            record=chunk.record(row),
            type=type_,
            source=source,
            event_id=event_id,
        )
    )


def _digest_of(mapping: Mapping | None) -> str | None:
    return file_digest(mapping.path) if mapping else None
