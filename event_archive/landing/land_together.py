"""Landing several small inputs together: one commit, which names each with its digest and counts.

Belongs here: what the log says of several inputs, and which of them have landed before or have no event.
Not here: which inputs land together (`land_files`), decoding them (`joined_files`), and the work itself
(`transaction`).

What every commit costs is paid once for all of them. The input that comes first counts as landed first.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.landing.joined_files import DecodedFile, JoinedFiles
from event_archive.landing.land import Landed
from event_archive.landing.quarantine_file import QuarantineWriter, damage_in
from event_archive.landing.transaction import Transaction, Verdicts, commit_until_accepted
from event_archive.limits import Limits
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.store.commit import LANDING, Commit, Counts, LandedFile
from event_archive.store.inputs import batch_of, have_landed, inputs_of, origin_of


class _WithoutEvent(Exception):
    """Some of the inputs may have no event in them; `batches`: their digests."""

    def __init__(self, batches: Collection[str]) -> None:
        super().__init__()
        self.batches = batches


def land_together(
    archive: Archive, files: Sequence[DecodedFile], limits: Limits, *, quarantine_anyway: bool
) -> list[Landed | None]:
    """Land inputs, each of other bytes, in one commit; returns what became of each, in their order.

    None, without `quarantine_anyway`, for one whose records are all rejected: landing it by itself says why.
    """
    left_out: set[str] = set()
    while True:
        taken = [file for file in files if file.batch not in left_out]
        try:
            landed = _land(archive, taken, limits, quarantine_anyway=quarantine_anyway)
        except _WithoutEvent as error:
            left_out.update(error.batches)
            continue
        by_batch = dict(zip((file.batch for file in taken), landed, strict=True))
        return [by_batch.get(file.batch) for file in files]


def landed_by_batch(commits: Sequence[Commit]) -> dict[str, Commit]:
    """Return the commits in which inputs landed as they are, without a mapping, by the inputs' digests."""
    return {
        landed.batch: commit
        for commit in reversed(commits)
        if commit.kind == LANDING and commit.mapping is None
        for landed in inputs_of(commit)
    }


def _land(
    archive: Archive, files: Sequence[DecodedFile], limits: Limits, *, quarantine_anyway: bool
) -> list[Landed]:
    with archive.storage.writing(), archive.storage.scratch() as folder:

        def work(transaction: Transaction) -> list[Landed] | None:
            earlier = landed_by_batch(transaction.known)
            fresh = [file for file in files if file.has_record and file.batch not in earlier]
            new = _land_fresh(transaction, fresh, quarantine_anyway=quarantine_anyway) if fresh else {}
            return None if new is None else [_outcome(archive, file, earlier, new) for file in files]

        return commit_until_accepted(archive, folder, limits, work)


def _outcome(
    archive: Archive, file: DecodedFile, earlier: dict[str, Commit], new: dict[str, Landed]
) -> Landed:
    origin = file.source.origin
    if commit := earlier.get(file.batch):
        return Landed(origin, Counts(), earlier=commit, damage=damage_in(archive, commit, file.batch))
    return new.get(file.batch) or Landed(origin, Counts())


def _land_fresh(
    transaction: Transaction, files: Sequence[DecodedFile], *, quarantine_anyway: bool
) -> dict[str, Landed] | None:
    """Land inputs that the log does not know, by their digests; None where another process was faster."""
    joined = JoinedFiles(files)
    rejected = QuarantineWriter(transaction.folder / "rejected.parquet")

    def note(chunk: Chunk, mapped: MappedChunk, verdicts: Verdicts) -> None:
        rejected.add_chunk(chunk, mapped, verdicts.rejected)
        joined.add(verdicts)

    transaction.take_in(iter([joined.chunk]), note)
    counts = joined.counts
    if sum(counts, Counts()) != transaction.counts:
        raise AssertionError(f"records were counted for the wrong input: {transaction.counts}")
    without = {file.batch for file, of in zip(files, counts, strict=True) if of.received == of.rejected}
    if without and not quarantine_anyway:
        raise _WithoutEvent(without)
    landed_files = [
        LandedFile(file.source.origin, file.batch, file.batch_bytes, of, after)
        for file, of, after in zip(files, counts, joined.after, strict=True)
    ]
    commit = _commit(transaction, landed_files, rejected)
    if commit is None:
        return None
    return {
        file.batch: Landed(
            file.source.origin, of, commit, damage=file.damage, accepted_in_columns=accepted_in_columns
        )
        for file, of, accepted_in_columns in zip(files, counts, joined.accepted_in_columns, strict=True)
    }


def _commit(
    transaction: Transaction, landed: Sequence[LandedFile], rejected: QuarantineWriter
) -> Commit | None:
    quarantine = rejected.finish()
    is_one = len(landed) == 1
    draft = Commit(
        sequence=0,
        previous="",
        kind=LANDING,
        landed_at=datetime.min,
        batch=landed[0].batch if is_one else batch_of(landed),
        batch_bytes=sum(file.batch_bytes for file in landed),
        origin=landed[0].origin if is_one else origin_of(landed),
        counts=transaction.counts,
        duplicates=transaction.by_type.duplicates,
        rejected=transaction.by_type.rejected,
        quarantine=quarantine,
        files=() if is_one else tuple(landed),
    )
    files: dict[Path, str] = {rejected.file: quarantine.path} if quarantine else {}
    batches = {file.batch for file in landed}
    return transaction.commit(draft, files, lambda others: have_landed(others, batches))
