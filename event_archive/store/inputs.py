"""What a commit says of its inputs: where the positions of each are, and whether its counts are its files'.

Belongs here: what follows from one entry about the inputs whose records it received. Not here: the shape of
an entry (`commit`), and landing several inputs at once (`landing.land_together`).

Where a commit has several inputs, the positions in its segments and in its quarantine count on from one to
the next, in the order of `files`: so each still names one record of the commit.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence, Set
from itertools import pairwise

from event_archive.store.commit import LANDING, RECOVERY, REMAP, Commit, Counts, LandedFile


def inputs_of(commit: Commit) -> tuple[LandedFile, ...]:
    """Return what a commit landed, each input by itself."""
    return commit.files or (LandedFile(commit.origin, commit.batch, commit.batch_bytes, commit.counts),)


def have_landed(commits: Iterable[Commit], batches: Set[str]) -> bool:
    """Whether any of these commits landed an input with one of these digests."""
    return any(landed.batch in batches for commit in commits for landed in inputs_of(commit))


def batch_of(files: Iterable[LandedFile]) -> str:
    """Return the digest of a landing of several inputs: the SHA-256 of theirs, one a line."""
    return hashlib.sha256("".join(f"{file.batch}\n" for file in files).encode()).hexdigest()


def origin_of(files: Sequence[LandedFile]) -> str:
    """Return what a landing of several inputs is called where there is room for one name."""
    others = len(files) - 1
    return f"{files[0].origin} and {others:,} other file{'s' if others > 1 else ''}"


def input_at(commit: Commit, position: int) -> LandedFile:
    """Return the input that the record at a position of a commit came in."""
    inputs = inputs_of(commit)
    return inputs[max(bisect_left(inputs, position, key=lambda file: file.after) - 1, 0)]


def position_ranges(commit: Commit) -> list[tuple[LandedFile, int, int | None]]:
    """Return each input of a commit with the position before its first, and that of its last if it is known.

    What comes after all that is known is of the last input.
    """
    inputs = inputs_of(commit)
    ends = [*(file.after for file in inputs[1:]), None]
    return [(file, file.after, end) for file, end in zip(inputs, ends, strict=True)]


def agrees_with_files(commit: Commit) -> bool:
    """Whether the counts of a commit are those of the files that it names; of a remap, see `remaps`."""
    if commit.files and not _adds_up(commit):
        return False
    if commit.kind == REMAP:
        return not commit.record_files
    accepted = sum(segment.rows for segment in commit.segments)
    if (commit.kind == RECOVERY) != (commit.outcomes is not None):
        return False
    if commit.outcomes:
        # A recovered record may have given several events: `verify` counts those in the outcomes.
        is_whole = accepted >= commit.counts.accepted and commit.outcomes.rows == commit.counts.received
        return commit.record_files == [commit.outcomes] and is_whole
    rejected = commit.quarantine.rows if commit.quarantine else 0
    ignored = sum(commit.ignored.values())
    counts = commit.counts
    kept = commit.records.rows if commit.records else 0
    if kept > counts.accepted + counts.ignored or (kept and commit.mapping is None):
        return False
    return (accepted, rejected, ignored) == (counts.accepted, counts.rejected, counts.ignored)


def _adds_up(commit: Commit) -> bool:
    """Whether what a landing of several inputs says of each comes to what it says of all."""
    files = commit.files
    in_order = files[0].after == 0 and all(first.after <= second.after for first, second in pairwise(files))
    return (
        commit.kind == LANDING
        and commit.mapping is None
        and len(files) > 1
        and in_order
        and all(file.counts.conserved for file in files)
        and sum((file.counts for file in files), Counts()) == commit.counts
        and sum(file.batch_bytes for file in files) == commit.batch_bytes
        and (batch_of(files), origin_of(files)) == (commit.batch, commit.origin)
    )
