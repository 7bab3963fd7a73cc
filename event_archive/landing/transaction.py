"""An attempt at one commit: from chunks of records to finished segments, and one try at the log's next entry.

Belongs here: the order of the steps on each chunk (transform, route, deduplicate, write), and the commit. Not
here: the steps themselves, where chunks come from, and what is kept of the records that did not become events
(`landing`, `recovery`).

While a chunk is worked on, the next one is read and cut, and the segments of the one before it are written.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.landing.deduplicate import Repeated, find_repeated
from event_archive.landing.router import Routed, Router
from event_archive.landing.segment_file import Written, write_segment
from event_archive.limits import Limits
from event_archive.store.commit import NOTHING_BEFORE, Commit, Counts, segments_of
from event_archive.store.key_index import KeyIndex
from event_archive.validation.exact_validator import Rejected

RejectedRows = list[tuple[int, Rejected]]
Transform = Callable[[duckdb.DuckDBPyConnection, Chunk], tuple[Chunk, RejectedRows]]
"""Makes events of a chunk's records; what it can't make any of is refused, and blank in the new chunk."""

Note = Callable[[Chunk, RejectedRows, list[int]], None]
"""Told of each chunk as it came, which rows were refused and which are duplicates; the others were accepted.

Broken records are the chunk's own to tell, and refused as well."""


class Transaction:
    """One attempt, against the log as it was `known` to be; its files are in `folder`, in scratch."""

    def __init__(
        self,
        archive: Archive,
        known: Sequence[Commit],
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        limits: Limits,
        transform: Transform | None = None,
    ) -> None:
        self._archive = archive
        self._connection = connection
        self._folder = folder
        self._transform = transform
        self._known = known
        self._index = KeyIndex(archive, connection, self._known, folder)
        self._router = Router(archive, connection, datetime.now(UTC) + limits.clock_skew)
        self._written: list[Written] = []
        self._pending: list[Future[Written]] = []
        self.counts = Counts()

    def take_in(self, chunks: Iterator[Chunk], note: Note) -> None:
        """Work through all chunks; afterwards `counts` says what they held."""
        with ThreadPoolExecutor(2) as background:
            for chunk in _ahead(chunks, background):
                self._take_chunk(chunk, note, background)
            self._finish_segments()
        if not self.counts.conserved:
            raise AssertionError(f"records were lost or counted twice: {self.counts}")

    def commit(
        self, draft: Commit, files: Mapping[Path, str], overtaken: Callable[[Sequence[Commit]], bool]
    ) -> Commit | None:
        """Make all that was taken in part of the archive, at once, by `draft` at its place in the log.

        `files` are adopted with the segments. None where other processes have committed meanwhile, and what
        they did makes this attempt's files wrong: some of its events, or what `overtaken` finds in it.
        """
        for written in self._written:
            self._archive.storage.adopt(written.file, written.segment.path)
        for file, name in files.items():
            self._archive.storage.adopt(file, name)
        while True:
            known = self._archive.log.commits()
            others = known[len(self._known) :]
            if overtaken(others) or self._index.clashes(segments_of(others)):
                return None
            commit = replace(
                draft,
                sequence=len(known) + 1,
                previous=known[-1].digest if known else NOTHING_BEFORE,
                landed_at=max([datetime.now(UTC), *(one.landed_at for one in known[-1:])]),
                segments=tuple(written.segment for written in self._written),
            )
            if self._archive.log.append(commit):
                if not others:
                    self._index.keep(commit)
                return commit

    def _take_chunk(self, chunk: Chunk, note: Note, background: ThreadPoolExecutor) -> None:
        events, lost = self._transform(self._connection, chunk) if self._transform else (chunk, [])
        routed = self._router.route(events)
        self._finish_segments()
        repeated = find_repeated(self._connection, routed.contracts, self._index)
        rejected = [*routed.rejected, *lost, *self._conflicts(routed, repeated)]
        duplicates = [row for rows in repeated.duplicates.values() for row in rows]
        unreadable = sum(one.part == 0 for one in chunk.unreadable)
        self.counts += Counts(
            received=routed.received + len(lost) + unreadable,
            accepted=self._write(routed, repeated, background),
            duplicate=len(duplicates),
            rejected=len(rejected) + unreadable,
        )
        note(chunk, rejected, duplicates)

    def _conflicts(self, routed: Routed, repeated: Repeated) -> RejectedRows:
        rejected: RejectedRows = []
        for name, row, met in repeated.conflicts:
            names = f"SELECT source, event_id FROM {name} WHERE n = ?"
            ((source, event_id),) = self._connection.execute(names, [row]).fetchall()
            detail = f"source and id are taken by {met}"
            claimed = routed.tables[name].contract.type
            rejected.append((row, Rejected("conflict", detail, claimed, source, event_id)))
        return rejected

    def _write(self, routed: Routed, repeated: Repeated, background: ThreadPoolExecutor) -> int:
        """Start writing each typed table without the rows that are not new; returns the rows written."""
        rows = 0
        for name, typed in routed.tables.items():
            table = typed.events
            if dropped := repeated.rows(name):
                table = table.filter(pc.invert(pc.is_in(table["n"], pa.array(dropped, pa.int64()))))
            if table.num_rows:
                file = self._folder / f"segment-{len(self._index.files)}.parquet"
                self._index.add(file, typed.contract.type, table)
                self._pending.append(background.submit(write_segment, table, typed.contract, file))
                rows += table.num_rows
        return rows

    def _finish_segments(self) -> None:
        self._written += [future.result() for future in self._pending]
        self._pending = []


def _ahead(iterator: Iterator[Chunk], background: ThreadPoolExecutor) -> Iterator[Chunk]:
    """The same chunks, each read and cut while the one before it is worked on."""
    following = background.submit(next, iterator, None)
    while (chunk := following.result()) is not None:
        following = background.submit(next, iterator, None)
        yield chunk
