"""Mapping records: a chunk of them becomes a chunk of events, before anything else looks at it.

Belongs here: running a mapping over a chunk. A record is parsed strictly first, as an event would be, since
the engine that evaluates the mapping reads JSON leniently. Not here: what a mapping says (`mapping`).
"""

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from event_archive.decoding.record_chunk import Chunk, chunk_of
from event_archive.mapping.json_numbers import mark_numbers, unmark_numbers
from event_archive.mapping.mapping import Mapping
from event_archive.validation.exact_validator import Rejected, strict_fault

TOO_LARGE = "the mapping takes more memory for this record than there is: half of FACTLOG_MEMORY"


def map_chunk(
    connection: duckdb.DuckDBPyConnection, chunk: Chunk, *, mapping: Mapping
) -> tuple[Chunk, list[tuple[int, Rejected]]]:
    """Return the chunk with each record as its event's JSON, and the records that no rule could map, by row.

    Rows keep their numbers: a row that could not be mapped is empty in the new chunk.
    """
    records = [chunk.record(row) for row in range(len(chunk.positions))]
    rejected: list[tuple[int, Rejected]] = []
    strict: list[int] = []
    for row, record in enumerate(records):
        # A number that the mapping does not read may be of any size.
        fault = strict_fault(record) if record else None
        if fault:
            rejected.append((row, fault))
        elif record:
            strict.append(row)
    mapped = map_texts(connection, mapping, [records[row].decode() for row in strict])
    events = [b""] * len(records)
    for row, (event, reason) in zip(strict, mapped, strict=True):
        if event is None:
            rejected.append((row, Rejected("not_mapped", str(reason))))
        else:
            events[row] = event.encode()
    return chunk_of(events, chunk.positions, np.asarray(chunk.offsets)), rejected


def map_texts(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, records: Sequence[str]
) -> list[tuple[str | None, str | None]]:
    """Return each record's event as JSON text, or None and why there is none."""
    mapped: dict[int, tuple[str | None, str | None]] = {}
    marked = {row: text for row, record in enumerate(records) if (text := mark_numbers(record)) is not None}
    plain = {row: record for row, record in enumerate(records) if row not in marked}
    for texts in (plain, marked):
        event = mapping.sql("record", marked=texts is marked)
        reason = mapping.reason_sql("record", marked=texts is marked)
        for row, made, why in _evaluate(connection, event, reason, list(texts.items())) if texts else []:
            mapped[row] = (unmark_numbers(made) if made and texts is marked else made, why)
    return [mapped[row] for row in range(len(records))]


def _evaluate(
    connection: duckdb.DuckDBPyConnection, event: str, reason: str, records: list[tuple[int, str]]
) -> list[tuple[int, str | None, str | None]]:
    """Return number, event and reason of each record; halves of them where all take too much memory."""
    numbers, texts = zip(*records, strict=True)
    table = pa.table({"n": pa.array(numbers, pa.int64()), "record": pa.array(texts, pa.string())})
    try:
        return (
            connection.from_arrow(table)
            .project(f"n, record, CAST({event} AS VARCHAR) AS event")
            .project(f"n, event, CASE WHEN event IS NULL THEN {reason} END AS reason")
            .fetchall()
        )
    except duckdb.OutOfMemoryException:
        if len(records) == 1:
            return [(numbers[0], None, TOO_LARGE)]
    half = len(records) // 2
    return [
        *_evaluate(connection, event, reason, records[:half]),
        *_evaluate(connection, event, reason, records[half:]),
    ]
