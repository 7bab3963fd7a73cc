"""Landing: one input into the archive, as one atomic commit.

Belongs here: recognising bytes that have landed, and what the log says of a landing. Not here: the work
itself, and beginning anew where another process was faster (`transaction`).

A crash at any point leaves at most litter: files in `scratch`, or segments that no entry of the log names.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from event_archive.archive import Archive
from event_archive.decoding.byte_window import DecodesToTooMuch
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import Chunk, ChunkBounds
from event_archive.decoding.sources import HashingReader, Source, digest_of
from event_archive.errors import UnusableSource
from event_archive.landing.quarantine_file import QuarantineWriter, damage_in
from event_archive.landing.transaction import RejectedRows, Transaction, commit_until_accepted
from event_archive.limits import Limits
from event_archive.mapping.map_records import map_chunk
from event_archive.mapping.mapping import Mapping
from event_archive.store.commit import LANDING, Commit, Counts

__all__ = ["Landed", "Limits", "PassedOver", "Progress", "land"]

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Landed:
    """What became of one input. `earlier`: the commit in which these very bytes had landed; nothing was done.

    `commit` is None, too, for an input without a record. `damage`: where and why the input, or a part of it,
    could not be decoded to records, so that nobody knows how many it held; None where all of it could.
    """

    origin: str
    counts: Counts
    commit: Commit | None = None
    earlier: Commit | None = None
    damage: str | None = None


@dataclass(frozen=True)
class PassedOver:
    """An input that did not land, or a landed one that is still in the way; `problem`: why, what to do."""

    origin: str
    problem: str


def land(
    archive: Archive,
    source: Source,
    *,
    mapping: Mapping | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Landed:
    """Land one input in one commit; returns when that is durable, or when there is nothing to commit.

    `mapping`: by which records that are no events become events. `limits`: of memory, threads and the
    size of a record. `progress` is called, from time to time, with how many of the input's bytes were
    read. An input whose bytes have landed before, by the same mapping, is left alone. Raises
    UnusableSource where the input can't be read. Records that are rejected are not an error: they go to
    the quarantine.
    """
    limits = limits or Limits()
    with archive.storage.writing(), archive.storage.scratch() as folder:
        source = _readable_again(source, folder)

        def work(transaction: Transaction) -> Landed | None:
            # By the log that the transaction goes by: what another process commits in between would otherwise
            # be seen by neither.
            if earlier := _landed_before(transaction.known, source, mapping):
                return Landed(source.origin, Counts(), earlier=earlier, damage=damage_in(archive, earlier))
            rejected = QuarantineWriter(transaction.folder / "rejected.parquet")
            stream = _take_in(transaction, source, mapping, rejected, limits, progress)
            if not transaction.counts.received:
                return Landed(source.origin, transaction.counts)
            commit = _commit(transaction, source.origin, stream, mapping, rejected)
            if commit is None:
                return None
            return Landed(source.origin, transaction.counts, commit, damage=damage_in(archive, commit))

        return commit_until_accepted(archive, folder, limits, work)


def _take_in(
    transaction: Transaction,
    source: Source,
    mapping: Mapping | None,
    rejected: QuarantineWriter,
    limits: Limits,
    progress: Progress | None,
) -> HashingReader:
    """Work through all of a source's bytes."""
    transform = partial(map_chunk, mapping=mapping) if mapping else None
    with closing(source.open()) as file:
        stream = HashingReader(file)

        def note(chunk: Chunk, rows: RejectedRows, _: list[int]) -> None:
            rejected.add_chunk(chunk, rows)
            if progress:
                progress(stream.bytes)

        bounds = ChunkBounds(limits.chunk_bytes, limits.record_bytes, limits.max_input_bytes)
        try:
            if source.size > limits.max_input_bytes:
                raise DecodesToTooMuch(limits.max_input_bytes)
            transaction.take_in(read_chunks(stream, bounds), note, transform)
        except DecodesToTooMuch as error:
            raise UnusableSource(
                source.origin,
                f"{error}, and nothing of it was taken; if it is right, raise FACTLOG_MAX_INPUT",
            ) from error
        stream.read_to_end()
    return stream


def _commit(
    transaction: Transaction,
    origin: str,
    stream: HashingReader,
    mapping: Mapping | None,
    rejected: QuarantineWriter,
) -> Commit | None:
    quarantine = rejected.finish()
    batch = stream.digest()
    draft = Commit(
        sequence=0,
        previous="",
        kind=LANDING,
        landed_at=datetime.min,
        batch=batch,
        batch_bytes=stream.bytes,
        origin=origin,
        mapping=mapping.digest if mapping else None,
        counts=transaction.counts,
        quarantine=quarantine,
    )
    files = {rejected.file: quarantine.path} if quarantine else {}
    return transaction.commit(draft, files, lambda others: any(commit.batch == batch for commit in others))


def _readable_again(source: Source, folder: Path) -> Source:
    """The source itself, or a copy of what comes through a pipe: a landing may have to read it twice."""
    if source.can_be_read_again:
        return source
    copy = folder / "input"
    with closing(source.open()) as file, copy.open("wb") as kept:
        shutil.copyfileobj(file, kept)
    return Source(source.origin, copy)


def _landed_before(known: Sequence[Commit], source: Source, mapping: Mapping | None) -> Commit | None:
    """The commit in which the same bytes landed by the same mapping; only known sizes are hashed."""
    same_size = [commit for commit in known if commit.kind == LANDING and commit.batch_bytes == source.size]
    if not same_size:
        return None
    mine = digest_of(source), mapping.digest if mapping else None
    return next((commit for commit in same_size if (commit.batch, commit.mapping) == mine), None)
