"""Routing: one chunk of records to one typed table per event type, and the rest to refusals.

Belongs here: finding each record's type, running the fast test with the shapes that are known, learning new
ones, and handing what is left to the exact judge. Not here: the tests themselves (`shape`, `judge`) and
duplicates.

The typed tables are relations of the engine, too, called `accepted_<number>`, until the next chunk.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.envelope import STORED_COLUMNS
from event_archive.landing.segment_file import typed_events
from event_archive.registry.contract import Contract
from event_archive.registry.majors import find_unreadable
from event_archive.sql_text import moment
from event_archive.validation.exact_validator import Accepted, Rejected, validate
from event_archive.validation.fast_conditions import Unfit
from event_archive.validation.fast_validator import FastValidator, learn_validator

MAX_SHAPES = 8
WORTH_A_SHAPE = 64
JUDGED_AT_A_TIME = 5_000
USUAL_SHARE = 0.99
ENGINE_BATCH_ROWS = 16_384  # the engine's threads share the work by these
EXCHANGE = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "DATE": pa.date32(),
}

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Typed:
    """Accepted events of one contract: the archive's columns and `n`, their rows in the chunk."""

    contract: Contract
    events: pa.Table


@dataclass
class Routed:
    """What became of a chunk: typed tables by their name in the engine, and refusals by row.

    `received` counts the chunk's records: its lines but for the empty ones.
    """

    tables: dict[str, Typed] = field(default_factory=dict)
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    received: int = 0

    @property
    def contracts(self) -> dict[str, Contract]:
        """The contracts of the typed tables."""
        return {name: typed.contract for name, typed in self.tables.items()}


class Router:
    """Sorts chunks of one landing; shapes that were learned stay with the archive object."""

    def __init__(self, archive: Archive, connection: duckdb.DuckDBPyConnection, latest: datetime) -> None:
        self._archive = archive
        self._connection = connection
        self._latest = latest
        self._latest_sql = moment(latest)
        self._parts: defaultdict[str, list[pa.Table]] = defaultdict(list)
        self._rows = 0
        self._usual: tuple[FastValidator, Contract] | None = None

    def route(self, chunk: Chunk) -> Routed:
        """Sort one chunk."""
        self._parts = defaultdict(list)
        self._rows = len(chunk.positions)
        routed = Routed(received=self._rows)
        lines = pa.table({"n": np.arange(self._rows, dtype=np.int64), "line": chunk.lines})
        batches = lines.to_batches(max_chunksize=ENGINE_BATCH_ROWS)
        self._connection.register("chunk", pa.Table.from_batches(batches, lines.schema))
        left: list[Rows] = [np.zeros(0, np.int64)]
        for claimed, rows in self._types(self._guess()):
            contract = self._archive.contracts.get(claimed) if claimed is not None else None
            left.append(rows if contract is None else self._accept_fast(chunk, rows, contract))
        self._judge(chunk, np.sort(np.concatenate(left)), routed)
        self._gather(routed)
        self._connection.unregister("chunk")
        return routed

    def _guess(self) -> Rows:
        """Try on every row the shape by which nearly all of the last chunk went; returns the rows left.

        A shape accepts records of its own type alone, so their types need not be read first.
        """
        rows: Rows = np.arange(self._rows, dtype=np.int64)
        return self._run(*self._usual, rows, guess=True) if self._usual else rows

    def _types(self, rows: Rows) -> list[tuple[str | None, Rows]]:
        """The types that these rows claim, with the rows of each; None: no JSON, or no known type."""
        if not len(rows):
            return []
        wanted = f"SELECT n, TRY(json_extract_string(line, '$.type')) AS type FROM {self._lines(rows)}"
        try:
            claimed = self._connection.sql(wanted).to_arrow_table()
        except duckdb.OutOfMemoryException:
            return [(None, rows)]
        encoded = pc.dictionary_encode(claimed["type"], null_encoding="encode").combine_chunks()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
        codes, numbers = np.asarray(encoded.indices), claimed["n"].to_numpy()
        kinds = encoded.dictionary.to_pylist()
        known = [code for code, kind in enumerate(kinds) if kind in self._archive.contracts]
        unknown = numbers[np.isin(codes, known, invert=True)]
        return [*((kinds[code], numbers[codes == code]) for code in known), (None, unknown)]

    def _lines(self, rows: Rows) -> str:
        """SQL for some rows of the chunk, with `n` and `line`."""
        if len(rows) == self._rows:
            return "chunk"
        self._connection.register("wanted_rows", pa.table({"n": pa.array(rows)}))
        return "(SELECT chunk.n, chunk.line FROM chunk SEMI JOIN wanted_rows USING (n))"

    def _accept_fast(self, chunk: Chunk, rows: Rows, contract: Contract) -> Rows:
        """Accept what the shapes accept; returns the rows that are left to the exact judge."""
        fast_validators = self._archive.fast_validators.setdefault(contract.type, [])
        for shape in list(fast_validators):
            rows = self._run(shape, contract, rows) if len(rows) else rows
        while len(rows) >= WORTH_A_SHAPE and len(fast_validators) < MAX_SHAPES:
            learned = self._learn(chunk, rows, contract)
            if learned is None:
                break
            before = len(rows)
            rows = self._run(learned, contract, rows)
            if len(rows) == before:
                break
            fast_validators.append(learned)
        return rows

    def _learn(self, chunk: Chunk, rows: Rows, contract: Contract) -> FastValidator | None:
        """A shape from the first of these rows that the exact judge accepts."""
        for row in rows[:20].tolist():
            record = chunk.record(row)
            verdict = validate(record, self._archive.contracts, self._latest)
            if isinstance(verdict, Accepted):
                end = chunk.lines[row].as_py()[len(record.decode()) :]
                try:
                    return learn_validator(record, end, verdict.document, contract)
                except Unfit:
                    return None
        return None

    def _run(self, shape: FastValidator, contract: Contract, rows: Rows, *, guess: bool = False) -> Rows:
        """Run a shape over some rows of the chunk; returns the rows that it did not accept.

        With `guess` they may be of any type, or no JSON at all.
        """
        events = shape.select(self._lines(rows), self._latest_sql, valid=not guess)
        # With this step of the optimizer, each use of the parsed record would parse the line once more.
        self._connection.execute("SET disabled_optimizers = 'filter_pushdown'")
        try:
            accepted = typed_events(self._connection, f"({events})", contract)
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfMemoryException):
            # A shape narrows the exact judge's work and decides nothing: where it can't be run, it is
            # left out.
            return rows
        finally:
            self._connection.execute("SET disabled_optimizers = ''")
        self._parts[contract.type].append(accepted)
        doubtful = np.zeros(self._rows, bool)
        doubtful[rows] = True
        doubtful[accepted["n"].to_numpy()] = False
        self._usual = (shape, contract) if accepted.num_rows > USUAL_SHARE * self._rows else None
        return np.flatnonzero(doubtful)

    def _gather(self, routed: Routed) -> None:
        """Make one relation per contract of what its shapes and the judge accepted."""
        for event_type, parts in self._parts.items():
            contract = self._archive.contracts[event_type]
            table = pa.concat_tables(parts)
            table = self._readable(contract, table, routed)
            if table.num_rows:
                name = f"accepted_{len(routed.tables)}"
                self._connection.register(name, table)
                routed.tables[name] = Typed(contract, table)

    def _readable(self, contract: Contract, table: pa.Table, routed: Routed) -> pa.Table:
        """The events that read as the newest major; the others are refused."""
        contracts = self._archive.contracts
        if contracts.majors(contract.view_name)[-1] == contract or not table.num_rows:
            return table
        self._connection.register("older", table)
        names = "SELECT source, event_id FROM older WHERE n = ?"
        unreadable = find_unreadable(self._connection, "older", contracts, contract)
        for row, why in unreadable:
            ((source, event_id),) = self._connection.execute(names, [row]).fetchall()
            routed.rejected.append((row, Rejected("upcast_fails", why, contract.type, source, event_id)))
        self._connection.unregister("older")
        rejected = pa.array([row for row, _ in unreadable], pa.int64())
        return table.filter(pc.invert(pc.is_in(table["n"], rejected))) if unreadable else table

    def _judge(self, chunk: Chunk, rows: Rows, routed: Routed) -> None:
        """Judge rows one by one, a bounded number at a time."""
        blank = chunk.blank(rows)
        routed.received -= int(blank.sum())
        for batch in _batches(rows[~blank].tolist(), JUDGED_AT_A_TIME):
            accepted: defaultdict[str, list[tuple[int, Accepted]]] = defaultdict(list)
            for row in batch:
                record = chunk.record(row)
                if not record and row not in chunk.apart:
                    routed.received -= 1  # a line of white space is no record
                    continue
                verdict = validate(record, self._archive.contracts, self._latest)
                if isinstance(verdict, Accepted):
                    accepted[verdict.contract.type].append((row, verdict))
                else:
                    routed.rejected.append((row, verdict))
            for event_type, events in accepted.items():
                self._take(self._archive.contracts[event_type], events)

    def _take(self, contract: Contract, events: list[tuple[int, Accepted]]) -> None:
        arrays = {"n": pa.array([row for row, _ in events], pa.int64())}
        types = {name: EXCHANGE[kind] for name, kind in STORED_COLUMNS.items()}
        for name, kind in (types | {"data": contract.data_type.arrow(), "extra": pa.string()}).items():
            arrays[name] = pa.array([event.row[name] for _, event in events], kind)
        self._connection.register("judged", pa.table(arrays))
        self._parts[contract.type].append(typed_events(self._connection, "judged", contract))
        self._connection.unregister("judged")


def _batches(rows: list[int], size: int) -> Iterator[Iterable[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
