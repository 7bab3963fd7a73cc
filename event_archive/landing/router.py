"""Routing: one chunk of records to one typed table per event type, and the rest to rejected rows.

Belongs here: finding each record's type, running the fast validators that are known, learning new ones, and
handing what is left to the exact validator. Not here: validation itself (`fast_validator`, `exact_validator`)
and duplicates (`deduplicate`).
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.envelope import STORED_COLUMNS
from event_archive.landing.routed import Routed, Typed
from event_archive.landing.segment_file import typed_events
from event_archive.registry.column_types import ARROW_SCALARS
from event_archive.registry.contract import Contract
from event_archive.registry.majors import find_unreadable
from event_archive.sql_text import Relations, moment
from event_archive.validation.exact_validator import Accepted, Rejected, validate
from event_archive.validation.fast_conditions import Unfit
from event_archive.validation.fast_validator import FastValidator, learn_validator

MAX_FAST_VALIDATORS = 8  # of one event type
WORTH_LEARNING = 64  # rows that no fast validator has accepted
VALIDATED_AT_A_TIME = 5_000
VALIDATED_BYTES_AT_A_TIME = 1 << 20  # parsed, values take up to 60 times the memory of their text
USUAL_SHARE = 0.99
ENGINE_BATCH_ROWS = 16_384  # the engine's threads share the work by these

Rows = npt.NDArray[np.int64]
ValidatedRow = tuple[int, dict[str, Any]]
"""A row of the chunk, and its event by the archive's columns."""

LearnedValidators = dict[str, list[FastValidator]]
"""By event type, how producers were seen to spell their events."""

_LEARNED: WeakKeyDictionary[Archive, LearnedValidators] = WeakKeyDictionary()


def learned_validators(archive: Archive) -> LearnedValidators:
    """Return what the landings of this archive object have learned, for the next one to go on with."""
    return _LEARNED.setdefault(archive, {})


class Router:
    """Sorts the chunks of one transaction.

    `latest`: when an event may have occurred at the latest; `learned`: fast validators to go on with, to
    which new ones are added.
    """

    def __init__(
        self,
        archive: Archive,
        connection: duckdb.DuckDBPyConnection,
        latest: datetime,
        learned: LearnedValidators | None = None,
    ) -> None:
        self._archive = archive
        self._learned = {} if learned is None else learned
        self._connection = connection
        self._latest = latest
        self._latest_sql = moment(latest)
        self._parts: defaultdict[str, list[pa.Table]] = defaultdict(list)
        self._rows = 0
        self._chunk = ""
        self._usual: tuple[FastValidator, Contract] | None = None

    def route(self, chunk: Chunk) -> Routed:
        """Sort one chunk."""
        self._parts = defaultdict(list)
        self._rows = len(chunk.positions)
        routed = Routed(Relations(self._connection), received=self._rows)
        lines = pa.table({"n": np.arange(self._rows, dtype=np.int64), "line": chunk.lines})
        batches = lines.to_batches(max_chunksize=ENGINE_BATCH_ROWS)
        with Relations(self._connection) as relations:
            self._chunk = relations.register("chunk", pa.Table.from_batches(batches, lines.schema))
            left: list[Rows] = [np.zeros(0, np.int64)]
            for claimed, rows in self._types(self._guess()):
                contract = self._archive.contracts.get(claimed) if claimed is not None else None
                left.append(rows if contract is None else self._accept_fast(chunk, rows, contract))
            self._validate_exactly(chunk, np.sort(np.concatenate(left)), routed)
            self._gather(routed)
        return routed

    def _guess(self) -> Rows:
        """Try on every row the validator that accepted nearly all of the last chunk; returns the rows left.

        It accepts records of its own type alone, so their types need not be read first.
        """
        rows: Rows = np.arange(self._rows, dtype=np.int64)
        return self._run(*self._usual, rows, guess=True) if self._usual else rows

    def _types(self, rows: Rows) -> list[tuple[str | None, Rows]]:
        """The types that these rows claim, with the rows of each; None: no JSON, or no known type."""
        if not len(rows):
            return []
        with Relations(self._connection) as relations:
            lines = self._lines(rows, relations)
            types = f"SELECT n, TRY(json_extract_string(line, '$.type')) AS type FROM {lines}"
            try:
                claimed = self._connection.sql(types).to_arrow_table()
            except duckdb.OutOfMemoryException:
                return [(None, rows)]
        encoded = pc.dictionary_encode(claimed["type"], null_encoding="encode").combine_chunks()
        encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
        codes, numbers = np.asarray(encoded.indices), claimed["n"].to_numpy()
        names = encoded.dictionary.to_pylist()
        known = [code for code, name in enumerate(names) if name in self._archive.contracts]
        unknown = numbers[np.isin(codes, known, invert=True)]
        return [*((names[code], numbers[codes == code]) for code in known), (None, unknown)]

    def _lines(self, rows: Rows, relations: Relations) -> str:
        """SQL for some rows of the chunk, with `n` and `line`."""
        if len(rows) == self._rows:
            return self._chunk
        selected = relations.register("selected_rows", pa.table({"n": pa.array(rows)}))
        return f"(SELECT n, line FROM {self._chunk} SEMI JOIN {selected} USING (n))"

    def _accept_fast(self, chunk: Chunk, rows: Rows, contract: Contract) -> Rows:
        """Accept what the fast validators accept; returns the rows that are left to the exact one."""
        fast_validators = self._learned.setdefault(contract.type, [])
        for validator in list(fast_validators):
            rows = self._run(validator, contract, rows) if len(rows) else rows
        while len(rows) >= WORTH_LEARNING and len(fast_validators) < MAX_FAST_VALIDATORS:
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
        """A fast validator from the first of these rows that the exact one accepts."""
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

    def _run(self, validator: FastValidator, contract: Contract, rows: Rows, *, guess: bool = False) -> Rows:
        """Run a fast validator over some rows of the chunk; returns the rows that it did not accept.

        With `guess` they may be of any type, or no JSON at all.
        """
        with Relations(self._connection) as relations:
            events = validator.select(self._lines(rows, relations), self._latest_sql, valid=not guess)
            # With this step of the optimizer, each use of the parsed record would parse the line once more.
            self._connection.execute("SET disabled_optimizers = 'filter_pushdown'")
            try:
                accepted = typed_events(self._connection, f"({events})", contract)
            except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfMemoryException):
                # It narrows the exact validator's work and decides nothing: where it can't be run, it is left
                # out.
                return rows
            finally:
                self._connection.execute("SET disabled_optimizers = ''")
        self._parts[contract.type].append(accepted)
        doubtful = np.zeros(self._rows, bool)
        doubtful[rows] = True
        doubtful[accepted["n"].to_numpy()] = False
        self._usual = (validator, contract) if accepted.num_rows > USUAL_SHARE * self._rows else None
        return np.flatnonzero(doubtful)

    def _gather(self, routed: Routed) -> None:
        """Make one relation per contract of what its validators accepted."""
        for event_type, parts in self._parts.items():
            contract = self._archive.contracts[event_type]
            table = pa.concat_tables(parts)
            table = self._readable(contract, table, routed)
            if table.num_rows:
                routed.tables[routed.relations.register("accepted", table)] = Typed(contract, table)

    def _readable(self, contract: Contract, table: pa.Table, routed: Routed) -> pa.Table:
        """The events that read as the newest major; the others are rejected."""
        contracts = self._archive.contracts
        if contracts.majors(contract.view_name)[-1] == contract or not table.num_rows:
            return table
        with Relations(self._connection) as relations:
            older = relations.register("older", table)
            names = f"SELECT source, event_id FROM {older} WHERE n = ?"
            unreadable = find_unreadable(self._connection, older, contracts, contract)
            for row, why in unreadable:
                ((source, event_id),) = self._connection.execute(names, [row]).fetchall()
                routed.rejected.append((row, Rejected("upcast_fails", why, contract.type, source, event_id)))
        rejected = pa.array([row for row, _ in unreadable], pa.int64())
        return table.filter(pc.invert(pc.is_in(table["n"], rejected))) if unreadable else table

    def _validate_exactly(self, chunk: Chunk, rows: Rows, routed: Routed) -> None:
        """Validate rows one by one, a bounded number at a time."""
        blank = chunk.blank(rows)
        routed.received -= int(blank.sum())
        rows = rows[~blank]
        for batch in _batches(rows, chunk.bounds[rows + 1] - chunk.bounds[rows]):
            accepted: defaultdict[str, list[ValidatedRow]] = defaultdict(list)
            for row in batch:
                record = chunk.record(row)
                if not record and row not in chunk.apart:
                    routed.received -= 1  # a line of white space is no record
                    continue
                verdict = validate(record, self._archive.contracts, self._latest)
                if isinstance(verdict, Accepted):
                    accepted[verdict.contract.type].append((row, verdict.row))
                else:
                    routed.rejected.append((row, verdict))
            for event_type, events in accepted.items():
                self._take(self._archive.contracts[event_type], events)

    def _take(self, contract: Contract, events: list[ValidatedRow]) -> None:
        arrays = {"n": pa.array([row for row, _ in events], pa.int64())}
        types = {name: ARROW_SCALARS[kind] for name, kind in STORED_COLUMNS.items()}
        for name, kind in (types | {"data": contract.data_type.arrow(), "extra": pa.string()}).items():
            arrays[name] = pa.array([event[name] for _, event in events], kind)
        with Relations(self._connection) as relations:
            validated = relations.register("validated", pa.table(arrays))
            self._parts[contract.type].append(typed_events(self._connection, validated, contract))


def _batches(rows: Rows, sizes: Rows) -> Iterator[list[int]]:
    """Yield rows in batches of bounded number and size; one that is larger stands alone."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(rows):
        before = ends[start] - sizes[start]
        end = int(np.searchsorted(ends, before + VALIDATED_BYTES_AT_A_TIME, side="right"))
        end = min(max(end, start + 1), start + VALIDATED_AT_A_TIME)
        yield rows[start:end].tolist()
        start = end
