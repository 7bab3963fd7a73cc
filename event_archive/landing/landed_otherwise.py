"""Inputs that landed by another mapping, by which their events say something else.

Belongs here: telling that a landing would only make conflicts with itself, and what to do instead. Not here:
the landing (`land`), and mapping what has landed once more (`remap`).
"""

from collections.abc import Collection, Iterator, Sequence

from event_archive.archive import Archive
from event_archive.decoding.sources import Source
from event_archive.errors import UnusableSource
from event_archive.landing.quarantine_file import refused_positions
from event_archive.landing.transaction import CONFLICT, Verdicts
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.store.commit import LANDING, Commit


def conflicts_in(mapped: MappedChunk, verdicts: Verdicts) -> Iterator[int]:
    """Yield the positions of the records that an event was made of whose name is taken by another."""
    for row, verdict in verdicts.rejected:
        if verdict.reason == CONFLICT:
            yield int(mapped.events.positions[row])


def refuse_other_events(
    archive: Archive, known: Sequence[Commit], source: Source, batch: str, conflicts: Collection[int]
) -> None:
    """Raise UnusableSource where these bytes landed by another mapping, which keeps their records.

    `conflicts`: positions of records. What was refused then as well says nothing of the mapping.
    """
    for commit in known:
        if commit.kind == LANDING and commit.batch == batch and commit.records:
            others = set(conflicts) - refused_positions(archive, commit)
            if others:
                raise UnusableSource(
                    source.origin,
                    f"commit {commit.sequence} landed these bytes by another mapping, by which events of "
                    f"{len(others):,} record(s) differ, such as that of record {min(others)}; nothing was "
                    f"landed. To apply this one: factlog remap --mapping FILE --commit {commit.sequence}",
                )
