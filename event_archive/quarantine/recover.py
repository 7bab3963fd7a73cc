"""Recovery: records that were rejected, validated again under today's contracts, in one atomic commit.

Belongs here: what is noted of each record, and what the log says of a recovery. Not here: the validation,
which is that of any landing (`transaction`), and which records are pending (`pending`).

Nothing is landed twice: a record's state comes from the log, a commit is dropped where another recovery came
first, and what is in the archive already is found to be a duplicate. What fares as it did before is not noted
again, so that a recovery which changes nothing commits nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

import duckdb

from event_archive.archive import Archive
from event_archive.errors import UnusableInput
from event_archive.landing.land import Progress
from event_archive.landing.transaction import Transaction, Transform, Verdicts, commit_until_accepted
from event_archive.limits import Limits
from event_archive.mapping.map_records import Place, map_chunk
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.mapping.mapping import Mapping
from event_archive.quarantine.outcomes_file import Outcome, OutcomesWriter
from event_archive.quarantine.pending import PendingChunk, PendingRecord, PendingRecords, Selection
from event_archive.quarantine.pending_fates import Fate, PendingFates
from event_archive.quarantine.recovery_outcomes import RejectedRecords
from event_archive.quarantine.repair import Repair, repair_chunk
from event_archive.store.commit import RECOVERY, Commit, Counts
from event_archive.store.inputs import input_at
from event_archive.validation.exact_validator import Rejected

__all__ = ["Recovery", "Selection", "recover"]

UNREADABLE = {"invalid_json", "invalid_utf8"}
ORIGIN = "quarantine"


class _Rules(Protocol):
    @property
    def digest(self) -> str: ...


@dataclass
class Recovery:
    """What a recovery came to. `counts`: the records whose state or reason changed, as in the commit.

    `judged`: how many were validated again; `unchanged`: those that fared as before; `left_out`: those
    that can't be validated again, being too long, empty or undecodable; `foreign`: those that landed by a
    mapping, where none is given; `rejected`: by reason and claimed type, how many of those validated are
    rejected. `commit` is None where nothing changed, and in a dry run.
    """

    judged: int = 0
    unchanged: int = 0
    left_out: int = 0
    foreign: int = 0
    counts: Counts = field(default_factory=Counts)
    rejected: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    commit: Commit | None = None


def recover(
    archive: Archive,
    selection: Selection | None = None,
    *,
    repair: Repair | None = None,
    mapping: Mapping | None = None,
    limits: Limits | None = None,
    dry_run: bool = False,
    landed_again: bool = False,
    progress: Progress | None = None,
) -> Recovery:
    """Validate again the records that are still rejected; returns when the commit is durable.

    `selection`: which of them, all where it is None. With a `mapping`, those that landed by one; else all
    others, changed by the `repair` first if there is one. `limits`: of memory, threads and the size of a
    record. With `dry_run` nothing is committed. `landed_again`: the records have landed again by this
    mapping; what is rejected of them is the duplicate of what was rejected then. `progress` is called with
    how many records were validated. Raises UnusableInput where the selection names a commit that is not
    there.
    """
    selection, limits = selection or Selection(), limits or Limits()
    transform: Transform[PendingChunk] | None = partial(map_pending, archive, mapping) if mapping else None
    if repair:
        transform = partial(_repair_chunk, repair=repair)

    def work(transaction: Transaction) -> Recovery | None:
        _check_selection(selection, len(transaction.known))
        with RejectedRecords(archive, transaction.known) as states:
            pending = PendingRecords(
                archive, transaction.known, states, selection, limits, foreign=mapping is not None
            )
            outcomes = OutcomesWriter(transaction.folder / "outcomes.parquet")
            result = _validate_again(
                transaction, pending, outcomes, transform, progress, landed_again=landed_again
            )
        if dry_run or not result.counts.received:
            return result
        result.commit = _commit(transaction, pending, outcomes, repair or mapping)
        return result if result.commit else None

    with archive.storage.writing(), archive.storage.scratch() as folder:
        return commit_until_accepted(archive, folder, limits, work)


def _check_selection(selection: Selection, commits: int) -> None:
    if selection.sequence is not None and not 0 < selection.sequence <= commits:
        there = f"the log has commits 1 to {commits}" if commits else "the log is empty"
        raise UnusableInput(f"commit {selection.sequence}: there is none; {there}")


def _repair_chunk(
    connection: duckdb.DuckDBPyConnection, chunk: PendingChunk, *, repair: Repair
) -> list[MappedChunk]:
    # Without a mapping, a record has no elements.
    reasons = [record.reasons for (record,) in chunk.pending]
    return [repair_chunk(connection, chunk, repair=repair, reasons=reasons)]


def map_pending(
    archive: Archive, mapping: Mapping, connection: duckdb.DuckDBPyConnection, chunk: PendingChunk
) -> Iterator[MappedChunk]:
    """Yield the events of pending records, and of those elements alone that are pending."""
    commits = archive.log.commits()

    def places(chunk: PendingChunk) -> Iterator[Place]:
        return (_place(commits[first.sequence - 1], first.position) for first, *_ in chunk.pending)

    for mapped in map_chunk(connection, chunk, mapping=mapping, places=places, is_read_again=True):
        yield mapped.only([_is_pending(mapped, made, chunk) for made in range(len(mapped.rows))])


def _place(commit: Commit, position: int) -> Place:
    """Where a record was in its own input."""
    landed = input_at(commit, position)
    return position - landed.after, landed.origin


def _is_pending(mapped: MappedChunk, made: int, chunk: PendingChunk) -> bool:
    elements = [record.element for record in chunk.pending[int(mapped.rows[made])]]
    return elements[0] is None or mapped.element(made) in elements


def _validate_again(
    transaction: Transaction,
    pending: PendingRecords,
    outcomes: OutcomesWriter,
    transform: Transform[PendingChunk] | None,
    progress: Progress | None,
    *,
    landed_again: bool,
) -> Recovery:
    result = Recovery()

    fates: list[PendingFates] = []

    def note(chunk: PendingChunk, mapped: MappedChunk, verdicts: Verdicts) -> None:
        if mapped.is_first:
            fates.append(PendingFates(chunk))
        fates[-1].add(mapped, verdicts)
        if not mapped.is_last:
            return
        for record, fate in fates.pop().all():
            is_repeated = landed_again and fate.rejected is not None
            outcome = _outcome(record, Fate(fate.events, duplicates=1) if is_repeated else fate)
            if outcome.reason:
                result.rejected[outcome.reason, record.type] += 1
            if (outcome.reason, outcome.detail, outcome.events) == (record.reason, record.detail, 0):
                result.unchanged += 1
            else:
                outcomes.add(outcome)
            result.judged += 1
        if progress:
            progress(result.judged)

    transaction.take_in(pending.chunks(), note, transform)
    result.counts, result.left_out, result.foreign = outcomes.counts, pending.left_out, pending.foreign
    if (transaction.counts.accepted, result.judged) != (outcomes.events, pending.records):
        raise AssertionError(f"records were lost or counted twice: {transaction.counts}, {outcomes.counts}")
    return result


def _verdict_of(record: PendingRecord, verdict: Rejected) -> Rejected:
    """Today's verdict; bytes that were no record when they came (cut off, say) keep the one that they had."""
    was_no_record = record.reason not in UNREADABLE | {"too_long"}
    if verdict.reason in UNREADABLE and was_no_record:
        return Rejected(record.reason, record.detail)
    return verdict


def _outcome(record: PendingRecord, fate: Fate) -> Outcome:
    why: tuple[str | None, str | None] = (None, None)
    if fate.rejected:
        verdict = _verdict_of(record, fate.rejected)
        why = verdict.reason, verdict.detail
    place = record.sequence, record.row, record.position, record.offset
    return Outcome(*place, fate.outcome, *why, events=fate.events)


def _commit(
    transaction: Transaction, pending: PendingRecords, outcomes: OutcomesWriter, rules: _Rules | None
) -> Commit | None:
    file = outcomes.finish()
    assert file
    digest = rules.digest if rules else None
    draft = Commit(
        sequence=0,
        previous="",
        kind=RECOVERY,
        landed_at=datetime.min,
        batch=pending.digest(digest),
        batch_bytes=pending.bytes,
        origin=ORIGIN,
        mapping=digest,
        counts=outcomes.counts,
        outcomes=file,
    )
    return transaction.commit(
        draft, {outcomes.file: file.path}, lambda others: any(commit.kind == RECOVERY for commit in others)
    )
