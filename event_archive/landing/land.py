"""Landing: one input into the archive, as one atomic commit.

Belongs here: recognising bytes that have landed, and what the log says of a landing. Not here: the work
itself, and beginning anew where another process was faster (`transaction`).

A crash at any point leaves at most litter: files in `scratch`, or segments that no entry of the log names.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from event_archive.archive import Archive
from event_archive.decoding.byte_window import DecodesToTooMuch
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import Chunk, ChunkBounds
from event_archive.decoding.sources import HashingReader, Source, digest_of
from event_archive.decoding.unlandable import Unlandable
from event_archive.errors import UnusableSource
from event_archive.landing.kept_records import KeptRecordsWriter
from event_archive.landing.landed_otherwise import conflicts_in, refuse_other_events
from event_archive.landing.no_event import why_no_event
from event_archive.landing.quarantine_file import QuarantineWriter, damage_in
from event_archive.landing.transaction import Note, Transaction, Verdicts, commit_until_accepted
from event_archive.limits import Limits
from event_archive.mapping.map_records import map_chunk, places_in
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.mapping.mapping import Mapping
from event_archive.store.commit import LANDING, Commit, Counts
from event_archive.store.inputs import have_landed, inputs_of
from event_archive.store.remaps import mappings_in_effect

__all__ = ["Landed", "Limits", "PassedOver", "Progress", "land"]

Progress = Callable[[int], None]
Writers = tuple[QuarantineWriter, KeptRecordsWriter | None]
"""Of the records that are rejected, and of those that events were made of by a mapping."""


@dataclass(frozen=True)
class Landed:
    """What became of one input. `earlier`: the commit in which these very bytes had landed; nothing was done.

    `commit` is None, too, for an input without a record. `damage`: where and why the input, or a part of it,
    could not be decoded to records, so that nobody knows how many it held; None where all of it could.
    `accepted_in_columns`: how many records needed no look at each by itself, which is what costs time.
    """

    origin: str
    counts: Counts
    commit: Commit | None = None
    earlier: Commit | None = None
    damage: str | None = None
    accepted_in_columns: int = 0


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
    quarantine_anyway: bool = True,
) -> Landed:
    """Land one input in one commit; returns when that is durable, or when there is nothing to commit.

    `mapping`: by which records that are no events become events. `limits`: of memory, threads and the
    size of a record. `progress` is called, from time to time, with how many of the input's bytes were
    read. An input whose bytes have landed before, by the same mapping, is left alone. Raises
    UnusableSource where the input can't be read, or can't land as what it is. Records that are rejected are
    not an error: they go to the quarantine. Without `quarantine_anyway` an input in which there is no single
    event raises UnusableSource, too, and nothing of it is kept.
    """
    limits = limits or Limits()
    with archive.storage.writing(), archive.storage.scratch() as folder:
        source = readable_again(source, folder)

        def work(transaction: Transaction) -> Landed | None:
            # By the log that the transaction goes by: what another process commits in between would otherwise
            # be seen by neither.
            if before := landed_before(transaction.known, source, mapping):
                earlier, batch = before
                return Landed(
                    source.origin, Counts(), earlier=earlier, damage=damage_in(archive, earlier, batch)
                )
            rejected = QuarantineWriter(transaction.folder / "rejected.parquet")
            kept = KeptRecordsWriter(transaction.folder / "records.parquet") if mapping else None
            conflicts: set[int] = set()

            def note(chunk: Chunk, mapped: MappedChunk, verdicts: Verdicts) -> None:
                rejected.add_chunk(chunk, mapped, verdicts.rejected)
                if kept:
                    kept.add_chunk(chunk, mapped, verdicts.accepted.values())
                    conflicts.update(conflicts_in(mapped, verdicts))

            stream = take_in_source(transaction, source, mapping, note, limits, progress)
            if mapping and conflicts:
                refuse_other_events(archive, transaction.known, source, stream.digest(), conflicts)
            if not transaction.counts.received:
                return Landed(source.origin, transaction.counts)
            if not quarantine_anyway:
                _require_event(transaction.counts, rejected, source, mapping)
            commit = _commit(transaction, source.origin, stream, mapping, (rejected, kept))
            if commit is None:
                return None
            return Landed(
                source.origin,
                transaction.counts,
                commit,
                damage=damage_in(archive, commit),
                accepted_in_columns=transaction.accepted_in_columns,
            )

        return commit_until_accepted(archive, folder, limits, work)


def take_in_source(
    transaction: Transaction,
    source: Source,
    mapping: Mapping | None,
    note: Note[Chunk],
    limits: Limits,
    progress: Progress | None = None,
) -> HashingReader:
    """Work through all bytes of a source; `note` takes what becomes of each chunk. Raises UnusableSource."""
    transform = partial(map_chunk, mapping=mapping, places=places_in(source.origin)) if mapping else None
    with closing(source.open()) as file:
        stream = HashingReader(file)

        def note_progress(chunk: Chunk, mapped: MappedChunk, verdicts: Verdicts) -> None:
            note(chunk, mapped, verdicts)
            if progress:
                progress(stream.bytes)

        bounds = ChunkBounds(limits.chunk_bytes, limits.record_bytes, limits.max_input_bytes)
        with faults_of(source):
            if source.size > limits.max_input_bytes:
                raise DecodesToTooMuch(limits.max_input_bytes)
            chunks = read_chunks(stream, bounds, mapping.input if mapping else None, transaction.folder)
            transaction.take_in(chunks, note_progress, transform)
        stream.read_to_end()
    return stream


@contextmanager
def faults_of(source: Source) -> Iterator[None]:
    """Let what makes an input impossible to land name it, as UnusableSource."""
    try:
        yield
    except DecodesToTooMuch as error:
        raise UnusableSource(
            source.origin,
            f"{error}, and nothing of it was taken; if it is right, raise FACTLOG_MAX_INPUT",
        ) from error
    except Unlandable as error:
        raise UnusableSource(source.origin, str(error)) from error


def _require_event(
    counts: Counts, rejected: QuarantineWriter, source: Source, mapping: Mapping | None
) -> None:
    """Raise UnusableSource where all records of an input were rejected, and none of them is an event."""
    if not counts.rejected or counts.received != counts.rejected:
        return
    rejected.finish()
    if why := why_no_event(counts, rejected.file, mapped=mapping is not None):
        raise UnusableSource(source.origin, why)


def _commit(
    transaction: Transaction,
    origin: str,
    stream: HashingReader,
    mapping: Mapping | None,
    writers: Writers,
) -> Commit | None:
    rejected, kept = writers
    quarantine, records = rejected.finish(), kept.finish() if kept else None
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
        duplicates=transaction.by_type.duplicates,
        rejected=transaction.by_type.rejected,
        quarantine=quarantine,
        ignored=dict(transaction.ignored),
        records=records,
    )
    files = {rejected.file: quarantine.path} if quarantine else {}
    if kept and records:
        files[kept.file] = records.path
    return transaction.commit(draft, files, lambda others: have_landed(others, {batch}))


def readable_again(source: Source, folder: Path) -> Source:
    """Return the source, or a copy of what comes through a pipe: a landing may have to read it twice."""
    if source.can_be_read_again:
        return source
    copy = folder / "input"
    with closing(source.open()) as file, copy.open("wb") as kept:
        shutil.copyfileobj(file, kept)
    return Source(source.origin, copy)


def landed_before(
    known: Sequence[Commit], source: Source, mapping: Mapping | None
) -> tuple[Commit, str] | None:
    """Return the commit in which the same bytes landed by the same mapping, and their digest.

    An input of a size that the log does not know is not hashed.
    """
    size = source.size
    same_size = [
        (commit, landed.batch)
        for commit in known
        if commit.kind == LANDING
        for landed in inputs_of(commit)
        if landed.batch_bytes == size
    ]
    if not same_size:
        return None
    by_mapping = mappings_in_effect(known)
    mine = digest_of(source), mapping.digest if mapping else None
    return next(
        (each for each in same_size if (each[1], by_mapping.get(each[0].sequence)) == mine),
        None,
    )
