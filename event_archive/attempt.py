"""An attempt at landing one input: from its bytes to finished files, and one try at the commit.

Belongs here: the order of the steps on each chunk (map, route, deduplicate, write), and the commit. Not here:
the steps themselves, and what happens when an attempt fails (`landing`).

While a chunk is worked on, the next one is read and cut, and the segments of the one before it are written.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.chunk import Chunk
from event_archive.decode import chunks
from event_archive.duplicates import Repeated, find_repeated
from event_archive.foreign import map_chunk
from event_archive.keys import KeyIndex
from event_archive.limits import Limits
from event_archive.log import NOTHING_BEFORE, Commit, Counts, QuarantineFile, segments_of
from event_archive.mapping import Mapping
from event_archive.quarantine import QuarantineWriter, Refusal
from event_archive.routing import Routed, Router
from event_archive.segments import Written, write_segment
from event_archive.sources import Digested, Source
from event_archive.storage import file_digest

Progress = Callable[[int], None]


class Attempt:
    """One attempt, against the log as it was `known` to be; its files are in `folder`, in scratch."""

    def __init__(
        self,
        archive: Archive,
        known: Sequence[Commit],
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        mapping: Mapping | None,
        limits: Limits,
    ) -> None:
        self._archive = archive
        self._connection = connection
        self._folder = folder
        self._mapping = mapping
        self._limits = limits
        self._known = known
        self._index = KeyIndex(archive, connection, self._known, folder)
        self._router = Router(archive, connection, datetime.now(UTC) + limits.clock_skew)
        self._quarantine = QuarantineWriter(folder / "refused.parquet")
        self._written: list[Written] = []
        self._pending: list[Future[Written]] = []
        self.counts = Counts()

    def take_in(self, source: Source, progress: Progress | None) -> Digested:
        """Work through all of a source's bytes; afterwards `counts` says what they held."""
        bounds = self._limits.chunk_bytes, self._limits.record_bytes
        with closing(source.open()) as file, ThreadPoolExecutor(2) as background:
            stream = Digested(file)
            for chunk in _ahead(chunks(stream, *bounds), background):
                self._take_chunk(chunk, background)
                if progress:
                    progress(stream.bytes)
            stream.read_to_end()
            self._finish_segments()
        if not self.counts.conserved:
            raise AssertionError(f"{source.origin}: records were lost or counted twice: {self.counts}")
        return stream

    def commit(self, stream: Digested, origin: str) -> Commit | None:
        """Make all that was taken in part of the archive, at once.

        None where another process has landed some of it meanwhile, so that this attempt's files are wrong.
        """
        refused = self._quarantine.finish()
        for written in self._written:
            self._archive.storage.adopt(written.file, written.segment.path)
        if refused:
            self._archive.storage.adopt(self._quarantine.file, refused.path)
        while True:
            known = self._archive.log.commits()
            others = known[len(self._known) :]
            same_batch = any(other.batch == stream.digest() for other in others)
            if same_batch or self._index.clashes(segments_of(others)):
                return None
            commit = self._entry(known, stream, origin, refused)
            if self._archive.log.append(commit):
                if not others:
                    self._index.keep(commit)
                return commit

    def _entry(
        self, known: Sequence[Commit], stream: Digested, origin: str, refused: QuarantineFile | None
    ) -> Commit:
        return Commit(
            sequence=len(known) + 1,
            previous=known[-1].digest if known else NOTHING_BEFORE,
            kind="landing",
            landed_at=max([datetime.now(UTC), *(one.landed_at for one in known[-1:])]),
            batch=stream.digest(),
            batch_bytes=stream.bytes,
            origin=origin,
            mapping=file_digest(self._mapping.path) if self._mapping else None,
            counts=self.counts,
            segments=tuple(written.segment for written in self._written),
            quarantine=refused,
        )

    def _take_chunk(self, chunk: Chunk, background: ThreadPoolExecutor) -> None:
        mapped, unmapped = map_chunk(self._connection, self._mapping, chunk) if self._mapping else (chunk, [])
        routed = self._router.route(mapped)
        self._finish_segments()
        repeated = find_repeated(self._connection, routed.contracts, self._index)
        for broken in chunk.broken:
            self._quarantine.add(
                Refusal(
                    broken.position,
                    broken.offset,
                    broken.reason,
                    broken.detail,
                    broken.record,
                    part=broken.part,
                )
            )
        for row, verdict in [*routed.refused, *unmapped]:
            names = verdict.type, verdict.source, verdict.event_id
            self._refuse(chunk, row, verdict.reason, verdict.detail, names)
        self._refuse_conflicts(chunk, routed, repeated)
        broken_records = sum(broken.part == 0 for broken in chunk.broken)
        self.counts += Counts(
            received=routed.received + len(unmapped) + broken_records,
            accepted=self._write(routed, repeated, background),
            duplicate=sum(map(len, repeated.duplicates.values())),
            rejected=len(routed.refused) + len(unmapped) + len(repeated.conflicts) + broken_records,
        )

    def _refuse_conflicts(self, chunk: Chunk, routed: Routed, repeated: Repeated) -> None:
        for name, row, met in repeated.conflicts:
            names = f"SELECT source, event_id FROM {name} WHERE n = ?"
            ((source, event_id),) = self._connection.execute(names, [row]).fetchall()
            detail = f"source and id are taken by {met}"
            self._refuse(
                chunk, row, "conflict", detail, (routed.tables[name].contract.type, source, event_id)
            )

    def _refuse(
        self,
        chunk: Chunk,
        row: int,
        reason: str,
        detail: str,
        names: tuple[str | None, str | None, str | None],
    ) -> None:
        event_type, source, event_id = names
        self._quarantine.add(
            Refusal(
                position=int(chunk.positions[row]),
                offset=int(chunk.offsets[row]),
                reason=reason,
                detail=detail,
                record=chunk.record(row),
                type=event_type,
                source=source,
                event_id=event_id,
            )
        )

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
