"""Running a mapping's query over records, in bounded memory: the outcomes, part by part.

Belongs here: the engine's tables, records whose numbers are marked, and records that take too much memory.
Not here: what the query says (`mapping`), and chunks (`map_records`).

The outcomes stay in the engine, which may spill them, and are fetched in parts: one record may have a million
elements.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.decoding.record_chunk import Numbers
from event_archive.engine import Relations, fetch_few
from event_archive.mapping.json_numbers import find_suspects, mark_numbers, unmark_numbers
from event_archive.mapping.mapping import Mapping
from event_archive.mapping.record_query import RECORD_ITSELF, record_types

TOO_LARGE = "the mapping takes more memory for this record than there is: half of FACTLOG_MEMORY"
PART_ROWS = 65_536
PART_BYTES = 16 << 20
OUTCOME = "n, element, taken, event || chr(10) AS line, reason, CAST(is_marked AS INTEGER) AS is_marked"
KEY = f"(n * {1 << 32} + element)"
TYPES = {"BIGINT": pa.int64(), "VARCHAR": pa.large_string()}
NO_EVENT = "\n"

Record = tuple[int, bytes, int, str]
"""A record's row in its chunk, its JSON in UTF-8, its position in the input, and the input's name."""


@dataclass(frozen=True)
class NoEvent:
    """That a mapping makes no event of an element: what stands in the place of its rule's number, and why."""

    taken: int | None
    reason: str | None


@dataclass(frozen=True)
class Outcomes:
    """What a mapping makes of elements, each of the record in one of the `rows`, in their order.

    `lines`: each event as JSON text with a line feed, a line feed alone where there is none; `missing`: of
    those, by their number among the elements here.
    """

    rows: Numbers
    elements: Numbers
    lines: pa.LargeStringArray
    missing: dict[int, NoEvent]


class Evaluation:
    """What a mapping makes of some records; its tables are those of `relations`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        relations: Relations,
        mapping: Mapping,
        records: Sequence[Record],
    ) -> None:
        self._connection = connection
        self._relations = relations
        self._mapping = mapping
        self._tables: list[str] = []
        self._too_large: list[int] = []
        table = _table(records)
        texts = table["record"]
        marked = {row: mark_numbers(texts[row].as_py()) for row in find_suspects(texts)}
        rows = [row for row, text in marked.items() if text is not None]
        if not rows:
            self._evaluate(table, marked=False)
            return
        is_marked = np.zeros(len(records), bool)
        is_marked[rows] = True
        with_marks = pa.array([marked[row] for row in rows], texts.type)
        self._evaluate(table.filter(pa.array(~is_marked)), marked=False)
        self._evaluate(table.take(rows).set_column(1, "record", with_marks), marked=True)

    def parts(self) -> Iterator[Outcomes]:
        """Yield all outcomes in the order of the records and their elements, in parts of bounded size."""
        for start, end in self._bounds() if self._tables else []:
            yield _outcomes(self._fetch(OUTCOME, f"{KEY} >= ? AND {KEY} < ?", [start, end]))
        if self._too_large:
            count = len(self._too_large)
            yield Outcomes(
                np.array(sorted(self._too_large), np.int64),
                np.full(count, RECORD_ITSELF, np.int64),
                pa.array([NO_EVENT] * count, pa.large_string()),
                dict.fromkeys(range(count), NoEvent(None, TOO_LARGE)),
            )

    def _evaluate(self, records: pa.Table, *, marked: bool) -> None:
        """Map some records; halves of them where all take too much memory."""
        if not records.num_rows:
            return
        try:
            made = self._map(records, marked=marked)
        except duckdb.OutOfMemoryException:
            if records.num_rows == 1:
                self._too_large.append(records["n"][0].as_py())
                return
            half = records.num_rows // 2
            self._evaluate(records.slice(0, half), marked=marked)
            self._evaluate(records.slice(half), marked=marked)
        else:
            self._tables.append(made)

    def _map(self, records: pa.Table, *, marked: bool) -> str:
        """Return the table of what becomes of some records: those that fail are mapped again, with reasons.

        The SQL of the reasons is long: to compile it takes as long as to map thousands of records.
        """
        with Relations(self._connection) as own:
            query = self._mapping.query(own.register("records", records), marked=marked)
            made = own.create("made", f"SELECT *, {marked} AS is_marked FROM ({query})")
            failing = f"SELECT DISTINCT n FROM {made} WHERE {self._mapping.has_no_reason}"
            failed = [row for (row,) in self._connection.execute(failing).fetchall()]
            if not failed:
                return own.hand_over(made, self._relations)
            is_failed = pc.is_in(records["n"], pa.array(failed, pa.int64()))
            again = own.register("failed", records.filter(is_failed))
            query = self._mapping.query(again, marked=marked, has_reasons=True)
            return self._relations.create(
                "explained",
                f"SELECT * FROM {made} ANTI JOIN {again} USING (n) "
                f"UNION ALL SELECT *, {marked} AS is_marked FROM ({query})",
            )

    def _bounds(self) -> list[tuple[int, int]]:
        """Return the keys with which each part begins and before which it ends."""
        start, end = -1, 1 << 62
        size = "CAST(coalesce(sum(strlen(event)), 0) AS BIGINT) AS bytes"
        (sums,) = self._fetch(f"count(*) AS rows, {size}", "TRUE").to_pylist()
        if sums["rows"] <= PART_ROWS and sums["bytes"] <= PART_BYTES:
            return [(start, end)]
        cuts: list[int] = []
        count = held = 0
        lengths = self._fetch(f"{KEY} AS k, coalesce(strlen(event), 0) AS bytes", "TRUE ORDER BY k")
        for key, length in zip(*(lengths[name].to_pylist() for name in ("k", "bytes")), strict=True):
            if count == PART_ROWS or (count and held + length > PART_BYTES):
                cuts.append(key)
                count = held = 0
            count, held = count + 1, held + length
        return list(pairwise([start, *cuts, end]))

    def _fetch(self, columns: str, condition: str, values: Sequence[int] = ()) -> pa.Table:
        tables = " UNION ALL ".join(f"SELECT * FROM {table}" for table in self._tables)
        query = f"SELECT {columns} FROM ({tables}) WHERE {condition}"
        return fetch_few(self._connection, query, values)


def _outcomes(table: pa.Table) -> Outcomes:
    """Return outcomes in their order, with numbers as they were written."""
    rows, elements = (table[name].to_numpy() for name in ("n", "element"))
    is_ordered = (rows[1:] > rows[:-1]) | ((rows[1:] == rows[:-1]) & (elements[1:] > elements[:-1]))
    if not is_ordered.all():
        order = np.lexsort((elements, rows))
        table, rows, elements = table.take(pa.array(order)), rows[order], elements[order]
    lines = table["line"].cast(pa.large_string())
    if pc.any(pc.equal(table["is_marked"], 1)).as_py():
        lines = pc.if_else(pc.equal(table["is_marked"], 1), unmark_numbers(lines), lines)
    numbers = pc.indices_nonzero(pc.is_null(lines))
    without = table.select(["taken", "reason"]).take(numbers).to_pylist()
    missing = {
        number: NoEvent(one["taken"], one["reason"])
        for number, one in zip(numbers.to_pylist(), without, strict=True)
    }
    filled = pc.fill_null(lines, NO_EVENT) if missing else lines
    return Outcomes(rows, elements, pa.concat_arrays(filled.chunks or [pa.array([], filled.type)]), missing)


def _table(records: Sequence[Record]) -> pa.Table:
    """Return records as a table with the columns that a mapping's query reads."""
    rows, texts, positions, files = zip(*records, strict=True) if records else ((), (), (), ())
    text = pa.array(texts, pa.large_binary()).cast(pa.large_string())
    values = {
        "n": rows,
        "record": text,
        **dict(zip(list(record_types())[2:], (positions, files), strict=True)),
    }
    return pa.table({name: pa.array(values[name], TYPES[kind]) for name, kind in record_types().items()})
