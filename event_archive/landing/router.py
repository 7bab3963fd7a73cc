"""Routing: one chunk of records to one typed table per event type, and the rest to rejected rows.

Belongs here: finding each record's type, running the fast validators that are known, learning new ones, and
handing what is left to the exact validator. Not here: validation itself (`fast_validator`, `exact_validator`)
and duplicates (`deduplicate`).
"""

from collections import defaultdict
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.archive import Archive
from event_archive.decoding.record_chunk import Chunk
from event_archive.engine import Relations
from event_archive.envelope import STORED_COLUMNS
from event_archive.landing.routed import Routed, Rows, Typed
from event_archive.landing.segment_file import typed_events
from event_archive.registry.arrow_types import ARROW_SCALARS, arrow_type
from event_archive.registry.contract import Contract
from event_archive.registry.majors import find_unreadable
from event_archive.sql_text import moment
from event_archive.validation.exact_validator import Accepted, Rejected, validate
from event_archive.validation.fast_conditions import Unfit
from event_archive.validation.fast_validator import FastValidator, learn_validator, parsing_once

MAX_FAST_VALIDATORS = 8  # of one event type
WORTH_COMPILING = 64  # rows; to validate fewer one by one is faster than to compile a query
VALIDATED_AT_A_TIME = 5_000
VALIDATED_BYTES_AT_A_TIME = 1 << 20  # parsed, values take up to 60 times the memory of their text
USUAL_SHARE = 0.99
ENGINE_BATCH_ROWS = 16_384  # the engine's threads share the work by these

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
        self._chunk = pa.table({})
        self._all_lines = ""
        self._usual: tuple[FastValidator, Contract] | None = None
        self._in_columns: list[Rows] = []
        self._all_json = True  # until a line was seen that is none: from then on parsing is tried

    def route(self, chunk: Chunk) -> Routed:
        """Sort one chunk."""
        self._parts = defaultdict(list)
        self._in_columns = [np.zeros(0, np.int64)]
        self._rows = len(chunk.positions)
        routed = Routed(Relations(self._connection), received=self._rows)
        self._chunk = pa.table({"n": np.arange(self._rows, dtype=np.int64), "line": chunk.lines})
        with Relations(self._connection) as relations:
            self._all_lines = relations.register("chunk", _in_batches(self._chunk))
            left: list[Rows] = [np.zeros(0, np.int64)]
            with parsing_once(self._connection):
                for claimed, rows in self._types(self._guess()):
                    contract = self._archive.contracts.get(claimed) if claimed is not None else None
                    left.append(rows if contract is None else self._accept_fast(chunk, rows, contract))
            self._validate_exactly(chunk, np.sort(np.concatenate(left)), routed)
            self._gather(routed)
        routed.in_columns = np.concatenate(self._in_columns)
        return routed

    def _guess(self) -> Rows:
        """Try on every row the validator that accepted nearly all of the last chunk; returns the rows left.

        It accepts records of its own type alone, so their types need not be read first.
        """
        rows: Rows = np.arange(self._rows)
        return self._run(*self._usual, rows, guess=True) if self._usual else rows

    def _types(self, rows: Rows) -> list[tuple[str | None, Rows]]:
        """The types that these rows claim, with the rows of each; None: no JSON, or no known type."""
        if not len(rows):
            return []
        types = "SELECT n, TRY(json_extract_string(line, '$.type')) AS type FROM "
        with Relations(self._connection) as relations:
            try:
                claimed = self._connection.sql(types + self._lines(rows, relations)).to_arrow_table()
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
        """SQL for some rows of the chunk, with `n` and `line`; copied, which costs less than to join them."""
        if len(rows) == self._rows:
            return self._all_lines
        return relations.register("selected_rows", _in_batches(self._chunk.take(pa.array(rows))))

    def _accept_fast(self, chunk: Chunk, rows: Rows, contract: Contract) -> Rows:
        """Accept what the fast validators accept; returns the rows that are left to the exact one."""
        fast_validators = self._learned.setdefault(contract.type, [])
        for validator in list(fast_validators):
            rows = self._run(validator, contract, rows) if len(rows) >= WORTH_COMPILING else rows
        while len(rows) >= WORTH_COMPILING and len(fast_validators) < MAX_FAST_VALIDATORS:
            learned = self._learn(chunk, rows, contract)
            if learned is None:
                break
            before, rows = rows, self._run(learned, contract, rows)
            if len(rows) == len(before):
                break
            fast_validators.append(learned)
        return rows

    def _learn(self, chunk: Chunk, rows: Rows, contract: Contract) -> FastValidator | None:
        """A fast validator from the first of these rows that the exact one accepts."""
        records = {row: chunk.record(row) for row in rows[:20].tolist()}
        has_escapes = any(b"\\" in record for record in records.values())
        for row, record in records.items():
            verdict = validate(record, self._archive.contracts, self._latest)
            if isinstance(verdict, Accepted):
                end = chunk.lines[row].as_py()[len(record.decode()) :]
                try:
                    return learn_validator(record, end, verdict.document, contract, has_escapes=has_escapes)
                except Unfit:
                    return None
        return None

    def _run(self, validator: FastValidator, contract: Contract, rows: Rows, *, guess: bool = False) -> Rows:
        """Run a fast validator over some rows of the chunk; returns the rows that it did not accept.

        With `guess` they may be of any type, or no JSON at all.
        """
        try:
            accepted = self._accepted(validator, contract, rows, valid=not guess or self._all_json)
        except (
            duckdb.InvalidInputException,
            duckdb.ConversionException,
            duckdb.OutOfMemoryException,
        ) as error:
            if guess and self._all_json and isinstance(error, duckdb.InvalidInputException):
                self._all_json = False
                return self._run(validator, contract, rows, guess=True)
            # It narrows the exact validator's work and decides nothing; where it can't run, that is more.
            return rows
        self._parts[contract.type].append(accepted)
        self._in_columns.append(accepted["n"].to_numpy())
        doubtful = np.zeros(self._rows, bool)
        doubtful[rows] = True
        doubtful[self._in_columns[-1]] = False
        self._usual = (validator, contract) if accepted.num_rows > USUAL_SHARE * self._rows else None
        return np.flatnonzero(doubtful)

    def _accepted(self, validator: FastValidator, contract: Contract, rows: Rows, *, valid: bool) -> pa.Table:
        """The events that a fast validator makes of rows, all of them `valid` JSON or not."""
        with Relations(self._connection) as relations:
            events = validator.select(self._lines(rows, relations), self._latest_sql, valid=valid)
            return typed_events(self._connection, f"({events})", contract, len(rows), validator.constants)

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
        for batch in chunk.batches(rows, VALIDATED_AT_A_TIME, VALIDATED_BYTES_AT_A_TIME):
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
        for name, kind in (types | {"data": arrow_type(contract.data_type), "extra": pa.string()}).items():
            arrays[name] = pa.array([event[name] for _, event in events], kind)
        with Relations(self._connection) as relations:
            table = relations.register("validated", pa.table(arrays))
            self._parts[contract.type].append(typed_events(self._connection, table, contract, len(events)))


def _in_batches(lines: pa.Table) -> pa.Table:
    return pa.Table.from_batches(lines.to_batches(max_chunksize=ENGINE_BATCH_ROWS), lines.schema)
