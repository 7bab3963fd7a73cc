"""Mapping records: a chunk of them becomes a chunk of events, before anything else looks at it.

Belongs here: running a mapping over a chunk. A record is parsed strictly first, as an event would be, since
the engine that evaluates the mapping reads JSON leniently. Not here: what a mapping says (`mapping`).
"""

import duckdb
import numpy as np
import pyarrow as pa

from event_archive.decoding.record_chunk import Chunk, chunk_of
from event_archive.mapping.mapping import Mapping
from event_archive.validation.exact_validator import Rejected, strict_fault


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
        fault = strict_fault(record) if record else None
        if fault:
            rejected.append((row, fault))
        elif record:
            strict.append(row)
    texts = pa.array([records[row].decode() for row in strict], pa.string())
    table = pa.table({"n": pa.array(strict, pa.int64()), "record": texts})
    mapped = (
        connection.from_arrow(table)
        .project(f"n, record, CAST({mapping.sql('record')} AS VARCHAR) AS event")
        .project(f"n, event, CASE WHEN event IS NULL THEN {mapping.reason_sql('record')} END AS reason")
        .fetchall()
    )
    events = [b""] * len(records)
    for row, event, reason in mapped:
        if event is None:
            rejected.append((row, Rejected("not_mapped", str(reason))))
        else:
            events[row] = event.encode()
    return chunk_of(events, chunk.positions, np.asarray(chunk.offsets)), rejected
