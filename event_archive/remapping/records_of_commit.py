"""The records that a commit made events of, or ignored, read once more: with nothing that is not its own.

Belongs here: where these records are, and what of each belongs to the commit. A landing by a mapping keeps
them; a recovery by a mapping took them from the quarantine, where they stay. Not here: which commits are
remapped, and what is made of the records (`remap`).

An element that was refused is left to the quarantine, by its number: the recovery that made an event of it
maps it again, and one that is still refused is recovered, not remapped.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property, partial

import duckdb

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.errors import UnusableInput
from event_archive.landing.kept_records import read_kept_records
from event_archive.landing.quarantine_file import refused_elements
from event_archive.landing.transaction import Transform
from event_archive.limits import Limits
from event_archive.mapping.map_records import map_chunk, places_in
from event_archive.mapping.mapped_chunk import MappedChunk
from event_archive.mapping.mapping import Mapping
from event_archive.quarantine.pending import PendingChunk, PendingRecords, Selection
from event_archive.quarantine.recover import map_pending
from event_archive.quarantine.recovery_outcomes import RejectedRecords
from event_archive.quarantine.states import REJECTED
from event_archive.store.commit import LANDING, RECOVERY, Commit, QuarantineFile
from event_archive.store.parquet_file import open_parquet

NO_RECORDS = "keeps no records: it made no event of any, or landed before records were kept"


def why_not(archive: Archive, known: Sequence[Commit], commit: Commit) -> str:
    """Return why a commit can't be remapped; empty where it can."""
    if commit.kind == RECOVERY and is_by_mapping(archive, known, commit):
        return "" if commit.segments or commit.counts.ignored else "made no event of any record"
    if commit.kind == LANDING and commit.mapping:
        return "" if commit.records else NO_RECORDS
    return "is no landing by a mapping, and no recovery by one"


def is_by_mapping(archive: Archive, known: Sequence[Commit], commit: Commit) -> bool:
    """Whether events of a landing or recovery come from a mapping: a repair has a digest in the log, too."""
    if commit.outcomes is None or commit.mapping is None:
        return commit.mapping is not None
    with open_parquet(archive.files.location(commit.outcomes)) as file:
        first = file.read_row_group(0, ["sequence"])["sequence"][0].as_py()
    return known[first - 1].mapping is not None


def records_file(commit: Commit) -> QuarantineFile:
    """Return the file that says which records these are; its rows are about as many as they."""
    file = commit.records or commit.outcomes
    assert file
    return file


class RecordsOfCommits:
    """Reads the records of commits that can be remapped; closed at the end of a `with` statement."""

    def __init__(self, archive: Archive, known: Sequence[Commit], mapping: Mapping, limits: Limits) -> None:
        self._archive = archive
        self._known = known
        self._mapping = mapping
        self._limits = limits
        self._open = ExitStack()

    def __enter__(self) -> "RecordsOfCommits":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def _states(self) -> RejectedRecords:
        return self._open.enter_context(RejectedRecords(self._archive, self._known))

    def read(self, commit: Commit) -> tuple[Iterator[Chunk], Transform[Chunk]]:
        """Return the chunks of a commit's records, and what maps them; both raise UnusableInput."""
        if commit.kind == RECOVERY:
            return self._recovered(commit), partial(map_pending, self._archive, self._mapping)
        refused = refused_elements(self._archive, commit)
        transform = partial(_map_kept, mapping=self._mapping, origin=commit.origin, refused=refused)
        assert commit.records
        return read_kept_records(self._archive, commit.records), transform

    def _recovered(self, commit: Commit) -> Iterator[PendingChunk]:
        selection = Selection(recovered_in=commit.sequence)
        records = PendingRecords(
            self._archive, self._known, self._states, selection, self._limits, foreign=True
        )
        yield from records.chunks()
        if records.left_out:
            raise UnusableInput(
                f"commit {commit.sequence}: {records.left_out:,} record(s) can't be read again within "
                "FACTLOG_MAX_RECORD; nothing was committed"
            )


def was_refused(chunk: Chunk, row: int) -> bool:
    """Whether a part of a record was refused already as the commit made events of it."""
    return isinstance(chunk, PendingChunk) and any(each.state == REJECTED for each in chunk.pending[row])


def name_of_record(commit: Commit, chunk: Chunk, row: int) -> str:
    """Return which record of a commit this is, for people."""
    record = f"record {chunk.positions[row]}"
    if isinstance(chunk, PendingChunk):
        return f"commit {commit.sequence}, {record} of commit {chunk.pending[row][0].sequence}"
    return f"commit {commit.sequence} ({commit.origin}), {record}"


def _map_kept(
    connection: duckdb.DuckDBPyConnection,
    chunk: Chunk,
    *,
    mapping: Mapping,
    origin: str,
    refused: dict[int, set[int]],
) -> Iterator[MappedChunk]:
    for mapped in map_chunk(connection, chunk, mapping=mapping, places=places_in(origin), is_read_again=True):
        positions = mapped.events.positions.tolist() if refused else []
        wanted = [mapped.element(row) not in refused.get(at, ()) for row, at in enumerate(positions)]
        yield mapped.only(wanted)
