"""Recovery: records that were refused, judged again under today's contracts, in one atomic commit.

Belongs here: what is noted of each record, what the log says of a recovery, and trying again where another
process was faster. Not here: the judging, which is that of any landing (`attempt`), and which records wait
(`waiting`).

Nothing is landed twice: a record's state comes from the log, a commit is dropped where another recovery came
first, and what is in the archive already is found to be a duplicate. What fares as it did before is not noted
again, so that a recovery which changes nothing commits nothing.
"""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import duckdb

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.errors import UnusableInput
from event_archive.landing.land import Progress, engine
from event_archive.landing.transaction import RejectedRows, Transaction
from event_archive.limits import Limits
from event_archive.mapping.map_records import map_chunk
from event_archive.mapping.mapping import Mapping
from event_archive.quarantine.pending import Selection, Waiting, WaitingRecords
from event_archive.quarantine.recovery_outcomes import (
    DUPLICATE,
    RECOVERED,
    REFUSED,
    Outcome,
    OutcomesWriter,
    refused_records,
)
from event_archive.quarantine.repair import Repair, repair_chunk
from event_archive.store.commit import RECOVERY, Commit, Counts
from event_archive.store.durable import file_digest
from event_archive.validation.exact_validator import Rejected

__all__ = ["Recovery", "Selection", "recover"]

UNREADABLE = {"invalid_json", "invalid_utf8"}
ORIGIN = "quarantine"


class _File(Protocol):
    @property
    def path(self) -> Path: ...


@dataclass
class Recovery:
    """What judging again came to. `counts`: the records whose state or reason changed, as in the commit.

    `unchanged`: those that fared as before; `left_out`: those that can't be judged again, being too long or
    empty; `foreign`: those that landed by a mapping, where none is given; `refused`: by reason and claimed
    type, how many of the judged are refused. `commit` is None where nothing changed, and in a dry run.
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
    progress: Progress | None = None,
) -> Recovery:
    """Judge again the records that are still refused; returns when the commit is durable.

    With a `mapping`, those that landed by one; else all others. `progress` is told how many were judged.
    """
    selection, limits = selection or Selection(), limits or Limits()
    with archive.storage.writing(), archive.storage.scratch() as folder:
        archive.log.move_anchor()
        attempts = 0
        while True:
            known = archive.log.commits()
            _check(selection, known)
            attempts += 1
            work = folder / f"attempt-{attempts}"
            work.mkdir()
            with refused_records(archive, known) as states, closing(engine(limits, work)) as connection:
                waiting = WaitingRecords(
                    archive, known, states, selection, limits, foreign=mapping is not None
                )
                transform = partial(map_chunk, mapping=mapping) if mapping else None
                if repair:
                    transform = partial(_repaired, repair=repair, waiting=waiting)
                transaction = Transaction(archive, known, connection, work, limits, transform)
                outcomes = OutcomesWriter(work / "outcomes.parquet")
                result = _judge(transaction, waiting, outcomes, progress)
                if dry_run or not result.counts.received:
                    return result
                if commit := _commit(transaction, waiting, outcomes, repair or mapping):
                    result.commit = commit
                    return result


def _check(selection: Selection, known: list[Commit]) -> None:
    if selection.sequence is not None and not 0 < selection.sequence <= len(known):
        there = f"the log has commits 1 to {len(known)}" if known else "the log is empty"
        raise UnusableInput(f"commit {selection.sequence}: there is none; {there}")


def _repaired(
    connection: duckdb.DuckDBPyConnection, chunk: Chunk, *, repair: Repair, waiting: WaitingRecords
) -> tuple[Chunk, RejectedRows]:
    # Chunks are read ahead, and noted in order: the first that is not noted yet is this one.
    reasons = [one.reasons for one in waiting.taken[0]]
    return repair_chunk(connection, chunk, repair=repair, reasons=reasons)


def _judge(
    transaction: Transaction, waiting: WaitingRecords, outcomes: OutcomesWriter, progress: Progress | None
) -> Recovery:
    result = Recovery()

    def note(_: Chunk, rejected: RejectedRows, duplicates: list[int]) -> None:
        verdicts, repeated = dict(rejected), set(duplicates)
        for row, record in enumerate(waiting.taken.popleft()):
            verdict = verdicts.get(row)
            if verdict is not None:
                verdict = _today(record, verdict)
                result.rejected[verdict.reason, record.type] += 1
                if (verdict.reason, verdict.detail) == (record.reason, record.detail):
                    result.unchanged += 1
                else:
                    outcomes.add(_outcome(record, REFUSED, verdict))
            else:
                outcomes.add(_outcome(record, DUPLICATE if row in repeated else RECOVERED))
            result.judged += 1
        if progress:
            progress(result.judged)

    transaction.take_in(waiting.chunks(), note)
    result.counts, result.left_out, result.foreign = outcomes.counts, waiting.left_out, waiting.foreign
    if (transaction.counts.received, transaction.counts.accepted) != (
        waiting.records,
        outcomes.counts.accepted,
    ):
        raise AssertionError(f"records were lost or counted twice: {transaction.counts}, {outcomes.counts}")
    return result


def _today(record: Waiting, verdict: Rejected) -> Rejected:
    """Today's verdict; bytes that were no record when they came (cut off, say) keep what was said of them."""
    was_no_record = record.reason not in UNREADABLE | {"too_long"}
    if verdict.reason in UNREADABLE and was_no_record:
        return Rejected(record.reason, record.detail)
    return verdict


def _outcome(record: Waiting, outcome: str, verdict: Rejected | None = None) -> Outcome:
    place = record.sequence, record.row, record.position, record.offset
    return Outcome(*place, outcome, *((verdict.reason, verdict.detail) if verdict else ()))


def _commit(
    transaction: Transaction, waiting: WaitingRecords, outcomes: OutcomesWriter, said: _File | None
) -> Commit | None:
    file = outcomes.finish()
    assert file
    digest = file_digest(said.path) if said else None
    draft = Commit(
        sequence=0,
        previous="",
        kind=RECOVERY,
        landed_at=datetime.min,
        batch=waiting.digest(digest),
        batch_bytes=waiting.bytes,
        origin=ORIGIN,
        mapping=digest,
        counts=outcomes.counts,
        outcomes=file,
    )
    return transaction.commit(
        draft, {outcomes.file: file.path}, lambda others: any(one.kind == RECOVERY for one in others)
    )
