"""Landing: one input into the archive, as one atomic commit.

Belongs here: recognising bytes that have landed, the engine's bounds, what the log says of a landing, and
trying again where another process was faster. Not here: the work itself (`attempt`).

A crash at any point leaves at most litter: files in `scratch`, or segments that no entry of the log names.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb

from event_archive.archive import Archive
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import Chunk
from event_archive.decoding.sources import HashingReader, Source, digest_of
from event_archive.landing.quarantine_file import QuarantineWriter
from event_archive.landing.transaction import RejectedRows, Transaction
from event_archive.limits import Limits
from event_archive.mapping.map_records import map_chunk
from event_archive.mapping.mapping import Mapping
from event_archive.store.commit import LANDING, Commit, Counts
from event_archive.store.durable import file_digest

__all__ = ["Landed", "Limits", "Progress", "land"]

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Landed:
    """What became of one input. `earlier`: the commit in which these very bytes had landed; nothing was done.

    `commit` is None, too, for an input without a record.
    """

    origin: str
    counts: Counts
    commit: Commit | None = None
    earlier: Commit | None = None


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
        archive.log.move_anchor()
        source = _readable_again(source, folder)
        attempts = 0
        # An attempt goes by the log in which these bytes were looked for: what another process commits in
        # between would otherwise be seen by neither.
        while (earlier := _landed_before(known := archive.log.commits(), source, mapping)) is None:
            attempts += 1
            work = folder / f"attempt-{attempts}"
            work.mkdir()
            with closing(engine(limits, work)) as connection:
                transform = partial(map_chunk, mapping=mapping) if mapping else None
                transaction = Transaction(archive, known, connection, work, limits, transform)
                refusals = QuarantineWriter(work / "refused.parquet")
                stream = _take_in(transaction, source, refusals, limits, progress)
                if not transaction.counts.received:
                    return Landed(source.origin, transaction.counts)
                if commit := _commit(transaction, source.origin, stream, mapping, refusals):
                    return Landed(source.origin, transaction.counts, commit)
        return Landed(source.origin, Counts(), earlier=earlier)


def _take_in(
    transaction: Transaction,
    source: Source,
    refusals: QuarantineWriter,
    limits: Limits,
    progress: Progress | None,
) -> HashingReader:
    """Work through all of a source's bytes."""
    with closing(source.open()) as file:
        stream = HashingReader(file)

        def note(chunk: Chunk, rejected: RejectedRows, _: list[int]) -> None:
            refusals.add_chunk(chunk, rejected)
            if progress:
                progress(stream.bytes)

        transaction.take_in(read_chunks(stream, limits.chunk_bytes, limits.record_bytes), note)
        stream.read_to_end()
    return stream


def _commit(
    transaction: Transaction,
    origin: str,
    stream: HashingReader,
    mapping: Mapping | None,
    refusals: QuarantineWriter,
) -> Commit | None:
    quarantine = refusals.finish()
    batch = stream.digest()
    draft = Commit(
        sequence=0,
        previous="",
        kind=LANDING,
        landed_at=datetime.min,
        batch=batch,
        batch_bytes=stream.bytes,
        origin=origin,
        mapping=file_digest(mapping.path) if mapping else None,
        counts=transaction.counts,
        quarantine=quarantine,
    )
    files = {refusals.file: quarantine.path} if quarantine else {}
    return transaction.commit(draft, files, lambda others: any(other.batch == batch for other in others))


def _readable_again(source: Source, folder: Path) -> Source:
    """The source itself, or a copy of standard input: a landing may have to read it twice."""
    if source.path is not None:
        return source
    copy = folder / "input"
    with copy.open("wb") as file:
        shutil.copyfileobj(source.open(), file)
    return Source(source.origin, copy)


def _landed_before(known: Sequence[Commit], source: Source, mapping: Mapping | None) -> Commit | None:
    """The commit in which the same bytes landed by the same mapping; only known sizes are hashed."""
    size = source.path.stat().st_size if source.path and source.path.is_file() else 0
    same_size = [one for one in known if one.kind == LANDING and one.batch_bytes == size]
    if not same_size:
        return None
    wanted = digest_of(source), file_digest(mapping.path) if mapping else None
    return next((commit for commit in same_size if (commit.batch, commit.mapping) == wanted), None)


def engine(limits: Limits, folder: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB within these limits, which spills below `folder`."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(limits.threads)}")
    connection.execute(f"SET memory_limit = '{limits.engine_mebibytes}MiB'")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET arrow_lossless_conversion = true")
    connection.execute("SET temp_directory = ?", [str(folder / "spill")])
    return connection
