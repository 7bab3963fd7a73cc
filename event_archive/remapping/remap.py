"""Remapping: the records of landings and recoveries, mapped once more by a wider mapping, in one commit.

Belongs here: which commits a mapping is applied to, what is refused, and what the log says of it. Not here:
the work on each record, which is that of any landing (`transaction`), where the records are
(`records_of_commit`), comparing the events with those that stood (`remapped_events`), and what is still in
quarantine (`quarantine.recover`).

An event keeps its source, id and type; what it says may be more. Its segment takes the place of the one that
it stood in, for every reader from this commit on. What is as it was is left where it is, so that a remap that
changes nothing commits nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.errors import UnusableInput
from event_archive.landing.land import Progress
from event_archive.landing.replacement import Replacement
from event_archive.landing.transaction import CONFLICT, Transaction, Verdicts, commit_until_accepted
from event_archive.limits import Limits
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.mapping.mapping import Mapping
from event_archive.remapping.records_of_commit import (
    RecordsOfCommits,
    is_by_mapping,
    name_of_record,
    records_file,
    was_refused,
    why_not,
)
from event_archive.remapping.remapped_events import NOTHING, RemappedEvents, Stood, compare_events
from event_archive.store.commit import REMAP, Commit, Counts, RemappedLanding, standing_segments
from event_archive.store.remaps import landing_of, mappings_in_effect

ORIGIN = "kept records"


@dataclass
class Remapping:
    """What a remap came to. `counts`: of the elements of all records that it was applied to.

    `landings`: the landings and recoveries that these are of; `left_out`: others by a mapping, and why.
    `events`: what is another than it was. `commit` is None where nothing is, and in a dry run.
    """

    landings: list[int] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    events: RemappedEvents = field(default_factory=RemappedEvents)
    commit: Commit | None = None


def remap(
    archive: Archive,
    mapping: Mapping,
    sequences: Sequence[int] = (),
    *,
    limits: Limits | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Remapping:
    """Map the records of landings and recoveries by a mapping; returns when the commit is durable.

    `sequences`: of these; where there are none, all whose events are of the mapping's types. With
    `dry_run` nothing is committed. `progress` is called with how many records were mapped. Raises
    UnusableInput where a landing can't be remapped, a record would be refused, or an event would not come
    again.
    """
    limits = limits or Limits()

    def work(transaction: Transaction) -> Remapping | None:
        result = Remapping()
        chosen = _choose(archive, transaction.known, mapping, sequences, result)
        if not chosen:
            return result
        stood = [
            (commit, segment)
            for commit, segment in standing_segments(transaction.known)
            if landing_of(commit, segment) in result.landings
        ]
        transaction.replacement = Replacement([segment for _, segment in stood])
        with RecordsOfCommits(archive, transaction.known, mapping, limits) as records:
            ignored = _take_in(transaction, chosen, records, progress)
        compared = transaction.known, stood, transaction.written, transaction.folder / "compared"
        result.events = compare_events(archive, *compared, limits)
        result.counts = transaction.counts
        types = {segment.type for _, segment in stood} | {each.segment.type for each in transaction.written}
        kept = {event_type for event_type in types if result.events.is_as_it_was(event_type)}
        if dry_run or kept == types:
            return result
        transaction.written = [each for each in transaction.written if each.segment.type not in kept]
        result.commit = _commit(transaction, chosen, stood, kept, mapping, ignored)
        return result if result.commit else None

    with archive.storage.writing(), archive.storage.scratch() as folder:
        return commit_until_accepted(archive, folder, limits, work)


def _choose(
    archive: Archive,
    known: Sequence[Commit],
    mapping: Mapping,
    sequences: Sequence[int],
    result: Remapping,
) -> list[Commit]:
    """Choose the commits to remap; those that are left out are noted."""
    by_mapping = {
        sequence: digest
        for sequence, digest in mappings_in_effect(known).items()
        if is_by_mapping(archive, known, known[sequence - 1])
    }
    types: dict[int, set[str]] = {}
    for commit, segment in standing_segments(known):
        types.setdefault(landing_of(commit, segment), set()).add(segment.type)
    of_types = {
        sequence for sequence in by_mapping if (held := types.get(sequence)) and held <= set(mapping.types)
    }
    # What was landed by the same mapping is of the same stream, though nothing of it became an event.
    like = {by_mapping[sequence] for sequence in of_types}
    for sequence in sequences:
        why = f"there is none; the log has commits 1 to {len(known)}"
        if not 0 < sequence <= len(known) or (why := why_not(archive, known, known[sequence - 1])):
            raise UnusableInput(f"commit {sequence}: {why}; {NOTHING}")
    chosen = []
    for sequence, digest in sorted(by_mapping.items()):
        commit = known[sequence - 1]
        if sequences and sequence not in sequences:
            continue
        if why := why_not(archive, known, commit):
            result.left_out[sequence] = why
        elif digest == mapping.digest:
            result.left_out[sequence] = "its events come from this mapping"
        elif not sequences and not (sequence in of_types or digest in like):
            result.left_out[sequence] = "its events are of other types than those of the mapping"
        else:
            chosen.append(commit)
    result.landings = [commit.sequence for commit in chosen]
    return chosen


def _take_in(
    transaction: Transaction,
    chosen: Sequence[Commit],
    records: RecordsOfCommits,
    progress: Progress | None,
) -> dict[int, int]:
    """Work through the records of all commits, in the order of the log; returns how many each ignores."""
    ignored = {}
    assert transaction.replacement
    mapped_records = 0
    for commit in chosen:
        transaction.replacement.made_from = commit.sequence
        before = transaction.counts.ignored

        def note(chunk: Chunk, mapped: MappedChunk, verdicts: Verdicts, commit: Commit = commit) -> None:
            nonlocal mapped_records
            for row, verdict in verdicts.rejected:
                # Of two events that share a name, the one that landed first stands, here as in any landing.
                if verdict.reason != CONFLICT and not was_refused(chunk, int(mapped.rows[row])):
                    raise UnusableInput(
                        f"{name_of_record(commit, chunk, int(mapped.rows[row]))}: would be refused, "
                        f"{verdict.reason}: {verdict.detail}; {NOTHING}"
                    )
            mapped_records += len(chunk.positions) if mapped.is_last else 0
            if progress:
                progress(mapped_records)

        chunks, transform = records.read(commit)
        transaction.take_in(chunks, note, transform)
        ignored[commit.sequence] = transaction.counts.ignored - before
    return ignored


def _commit(
    transaction: Transaction,
    chosen: Sequence[Commit],
    stood: Sequence[Stood],
    kept: set[str],
    mapping: Mapping,
    ignored: dict[int, int],
) -> Commit | None:
    standing = [each.segment for each in transaction.written]
    unchanged = ((commit, segment) for commit, segment in stood if segment.type in kept)
    standing += [replace(segment, made_from=landing_of(commit, segment)) for commit, segment in unchanged]
    remapped = [
        RemappedLanding(
            landing.sequence,
            sum(segment.rows for segment in standing if segment.made_from == landing.sequence),
            ignored[landing.sequence],
        )
        for landing in chosen
    ]
    batch = hashlib.sha256(f"mapping {mapping.digest}\n".encode())
    for landing in chosen:
        batch.update(f"{landing.sequence} {records_file(landing).sha256}\n".encode())
    draft = Commit(
        sequence=0,
        previous="",
        kind=REMAP,
        landed_at=datetime.min,
        batch=batch.hexdigest(),
        batch_bytes=sum(records_file(landing).bytes for landing in chosen),
        origin=ORIGIN,
        mapping=mapping.digest,
        counts=transaction.counts,
        ignored=dict(transaction.ignored),
        remapped=tuple(remapped),
        replaces=tuple(segment for _, segment in stood if segment.type not in kept),
    )
    return transaction.commit(draft, {}, lambda others: False)
