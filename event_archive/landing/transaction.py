"""Transactions: from chunks of records to finished segments, and a commit, again and again until it succeeds.

Belongs here: the order of the steps on each chunk (transform, route, deduplicate, write), the commit, and
beginning anew where another process was faster. Not here: the steps themselves, where chunks come from, and
what is kept of the records that did not become events (`land`, `recover`).

While a chunk is worked on, the next one is read and cut, and the segments of the one before it are written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk, Places
from event_archive.engine import open_engine
from event_archive.landing.counts_by_type import CountsByType
from event_archive.landing.deduplicate import Repeated, find_repeated
from event_archive.landing.replacement import Replacement
from event_archive.landing.routed import Routed, Rows
from event_archive.landing.router import Router, learned_validators
from event_archive.landing.segment_file import Written, write_segment
from event_archive.limits import Limits
from event_archive.mapping.mapped_chunk import MappedChunk, unmapped
from event_archive.store.commit import NOTHING_BEFORE, Commit, Counts, segments_of
from event_archive.store.key_index import KeyIndex
from event_archive.store.landing_times import next_landed_at
from event_archive.validation.exact_validator import Rejected

Result = TypeVar("Result")
AnyChunk = TypeVar("AnyChunk", bound=Chunk)
RejectedRows = list[tuple[int, Rejected]]
CONFLICT = "conflict"
"""The reason of an event whose source and id are taken by one with other content."""

Transform = Callable[[duckdb.DuckDBPyConnection, AnyChunk], Iterable[MappedChunk]]
"""Makes events of a chunk's records, in one part or several; what it can't make any of is rejected."""


@dataclass(frozen=True)
class Verdicts:
    """What became of the rows of a mapped chunk, but for those that it ignores: `accepted` by event type.

    `in_columns`: those that needed no look at each by itself.
    """

    rejected: RejectedRows
    duplicates: list[int]
    accepted: Mapping[str, Rows]
    in_columns: Rows


Note = Callable[[AnyChunk, MappedChunk, Verdicts], None]
"""Takes each chunk as it came with what was made of it, part by part, and what became of that.

Unreadable records are part of the chunk alone, and rejected as well."""


def commit_until_accepted(
    archive: Archive, folder: Path, limits: Limits, work: Callable[["Transaction"], Result | None]
) -> Result:
    """Call `work` with a new transaction until it gives a result; None asks for another one.

    Each goes by the log as it is when it begins. `folder`: in scratch, for the transactions' files.
    """
    archive.log.move_anchor()
    attempts = 0
    while True:
        attempts += 1
        with closing(Transaction(archive, folder / f"transaction-{attempts}", limits)) as transaction:
            result = work(transaction)
        if result is not None:
            return result


class Transaction:
    """Work towards one commit, against the log as it is `known` to be; its files are in `folder`.

    `counts`: what became of what was taken in; `accepted_in_columns`: how many records needed no look at each
    by itself; `by_type`: what is no news, or rejected, by its type; `ignored`: for which reasons how many
    records were. `written`: the segments that it will commit. `replacement`: what these stand in the place
    of, if anything; to be set before anything is taken in.
    """

    def __init__(self, archive: Archive, folder: Path, limits: Limits) -> None:
        folder.mkdir()
        self.folder = folder
        self.known: Sequence[Commit] = archive.log.commits()
        self.counts = Counts()
        self.by_type = CountsByType(archive.contracts)
        self.accepted_in_columns = 0
        self.ignored: Counter[str] = Counter()
        self._archive = archive
        self._limits = limits
        self.written: list[Written] = []
        self.replacement: Replacement | None = None
        self._pending: list[Future[Written]] = []

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return open_engine(
            threads=self._limits.threads,
            memory_bytes=self._limits.engine_bytes,
            spill=self.folder / "spill",
            is_lossless=True,
        )

    @cached_property
    def _index(self) -> KeyIndex:
        replaced = [segment.path for segment in self.replacement.segments] if self.replacement else []
        places = self._archive.storage, self._archive.files, self._connection
        return KeyIndex(*places, self.known, self.folder, replaced)

    @cached_property
    def _router(self) -> Router:
        latest = self._limits.clock() + self._limits.clock_skew
        return Router(self._archive, self._connection, latest, learned_validators(self._archive))

    def close(self) -> None:
        """Close the engine, if there was anything to do for it."""
        if "_connection" in vars(self):
            self._connection.close()

    def take_in(
        self,
        chunks: Iterator[AnyChunk],
        note: Note[AnyChunk],
        transform: Transform[AnyChunk] | None = None,
    ) -> None:
        """Work through all chunks; afterwards `counts` says what they held.

        Raises UnusableInput where the clock can hardly be right: before the work, which would be in vain.
        """
        next_landed_at(self.known, self._limits)
        with ThreadPoolExecutor(2) as background:
            for chunk in _ahead(chunks, background):
                for mapped in transform(self._connection, chunk) if transform else [unmapped(chunk)]:
                    note(chunk, mapped, self._take(mapped, background))
                unreadable = sum(record.part == 0 for record in chunk.unreadable)
                self.counts += Counts(unreadable, rejected=unreadable)
            self._finish_segments()
        if not self.counts.conserved:
            raise AssertionError(f"records were lost or counted twice: {self.counts}")

    def commit(
        self, draft: Commit, files: Mapping[Path, str], overtaken: Callable[[Sequence[Commit]], bool]
    ) -> Commit | None:
        """Make all that was taken in part of the archive, at once, by `draft` at its place in the log.

        `files` are adopted with the segments. None where other processes have committed meanwhile, and what
        they did makes this transaction's files wrong: some of its events, or what `overtaken` finds in it.
        """
        for written in self.written:
            self._archive.storage.adopt(written.file, written.segment.path)
        for file, name in files.items():
            self._archive.storage.adopt(file, name)
        self._archive.files.note([*(written.segment for written in self.written), *draft.record_files])
        while True:
            known = self._archive.log.commits()
            others = known[len(self.known) :]
            is_changed = any(commit.replaces for commit in others)  # what was compared stands no more
            if is_changed or overtaken(others) or self._index.clashes(segments_of(others)):
                return None
            commit = replace(
                draft,
                sequence=len(known) + 1,
                previous=known[-1].digest if known else NOTHING_BEFORE,
                landed_at=next_landed_at(known, self._limits),
                segments=tuple(written.segment for written in self.written),
            )
            if self._archive.log.append(commit):
                if not others and not self.replacement:
                    self._index.keep(commit)
                return commit

    def _take(self, mapped: MappedChunk, background: ThreadPoolExecutor) -> Verdicts:
        """Work through one mapped chunk."""
        with self._router.route(mapped.events) as routed:
            self._finish_segments()
            repeated = find_repeated(self._connection, routed.contracts, self._index)
            rejected = [*routed.rejected, *mapped.rejected, *self._conflicts(routed, repeated)]
            duplicates = [row for rows in repeated.duplicates.values() for row in rows]
            accepted = self._write(routed, repeated, mapped.events.places, background)
            self.by_type.add(routed, repeated, rejected)
            self.ignored.update(reason for _, reason in mapped.ignored)
            self.counts += Counts(
                received=routed.received + len(mapped.rejected) + len(mapped.ignored),
                accepted=sum(map(len, accepted.values())),
                duplicate=len(duplicates),
                rejected=len(rejected),
                ignored=len(mapped.ignored),
            )
            self.accepted_in_columns += len(routed.in_columns)
        return Verdicts(sorted(rejected, key=itemgetter(0)), duplicates, accepted, routed.in_columns)

    def _conflicts(self, routed: Routed, repeated: Repeated) -> RejectedRows:
        rejected: RejectedRows = []
        for name, row, earlier in repeated.conflicts:
            names = f"SELECT source, event_id FROM {name} WHERE n = ?"
            ((source, event_id),) = self._connection.execute(names, [row]).fetchall()
            detail = f"source and id are taken by {earlier}"
            event_type = routed.tables[name].contract.type
            rejected.append((row, Rejected(CONFLICT, detail, event_type, source, event_id)))
        return rejected

    def _write(
        self, routed: Routed, repeated: Repeated, places: Places, background: ThreadPoolExecutor
    ) -> dict[str, Rows]:
        """Start writing each typed table without the rows that are not new; returns the rows, by type."""
        segments: list[tuple[Path, str, pa.Table]] = []
        for name, typed in routed.tables.items():
            table = typed.events
            if dropped := repeated.rows(name):
                table = table.filter(pc.invert(pc.is_in(table["n"], pa.array(dropped, pa.int64()))))
            if table.num_rows:
                number = len(self._index.files) + len(segments)
                file = self.folder / f"segment-{number}.parquet"
                segments.append((file, typed.contract.type, table))
                notes = self.replacement.notes if self.replacement else {}
                writing = background.submit(write_segment, table, places, typed.contract, file, notes)
                self._pending.append(writing)
        self._index.add(segments)
        return {event_type: table["n"].to_numpy() for _, event_type, table in segments}

    def _finish_segments(self) -> None:
        made_from = self.replacement.made_from if self.replacement else 0
        for written in (future.result() for future in self._pending):
            self.written.append(replace(written, segment=replace(written.segment, made_from=made_from)))
        self._pending = []


def _ahead(iterator: Iterator[AnyChunk], background: ThreadPoolExecutor) -> Iterator[AnyChunk]:
    """The same chunks, each read and cut while the one before it is worked on."""
    following = background.submit(next, iterator, None)
    while (chunk := following.result()) is not None:
        following = background.submit(next, iterator, None)
        yield chunk
