"""Mapping records: a chunk of them becomes events, before anything else looks at them.

Belongs here: records of a chunk in, events or why there are none out. A record is parsed strictly first, as
an event would be, since the engine that evaluates the mapping reads JSON leniently. Not here: what a mapping
says (`mapping`), and running it (`evaluation`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from event_archive.decoding.record_chunk import Chunk, line_chunk
from event_archive.engine import Relations
from event_archive.mapping.evaluation import NO_EVENT, Evaluation, NoEvent, Outcomes, Record
from event_archive.mapping.mapped_chunk import NOT_MAPPED, MappedChunk
from event_archive.mapping.mapping import Mapping
from event_archive.mapping.read_again import read_again
from event_archive.mapping.record_query import RECORD_ITSELF, fault_of
from event_archive.validation.exact_validator import Rejected, strict_fault

AnyChunk = TypeVar("AnyChunk", bound=Chunk)
Place = tuple[int, str]
"""Where a record stands: its position in the input, and the input's name."""

Fault = tuple[int, Rejected]
"""The row of a record that can't be mapped at all, and why."""


def map_chunk(
    connection: duckdb.DuckDBPyConnection,
    chunk: AnyChunk,
    *,
    mapping: Mapping,
    places: Callable[[AnyChunk], Iterable[Place]],
    is_read_again: bool = False,
) -> Iterator[MappedChunk]:
    """Yield the events of a chunk's records, in parts, at least one; `places`: where each record stands.

    `is_read_again`: the records have come before, and are read as the mapping's `input` says now.
    """
    records: list[Record] = []
    faults: list[Fault] = []
    for row, (written, place) in enumerate(zip(chunk.records(), places(chunk), strict=True)):
        # A number that the mapping does not read may be of any size.
        record = written
        fault = strict_fault(record) if record else None
        if is_read_again and mapping.input.csv and record and not fault:
            read = read_again(record, options=mapping.input.csv)
            record, fault = (record, read) if isinstance(read, Rejected) else (read, None)
        if fault:
            faults.append((row, fault))
        elif record:
            records.append((row, record, *place))
    with Relations(connection) as relations:
        parts = Evaluation(connection, relations, mapping, records).parts()
        # One part is looked at ahead, to know the last one; those whose JSON is none stand in the first.
        waiting = _with_faults(next(parts, None), faults)
        is_first = True
        for part in parts:
            yield _mapped_chunk(chunk, *waiting, mapping, is_first=is_first, is_last=False)
            waiting, is_first = (part, {}), False
        yield _mapped_chunk(chunk, *waiting, mapping, is_first=is_first, is_last=True)


def places_in(origin: str) -> Callable[[Chunk], Iterator[Place]]:
    """Return what says where the records of a chunk stand in an input of this name."""
    return lambda chunk: ((position, origin) for position in chunk.positions.tolist())


def map_texts(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, records: Sequence[str]
) -> list[tuple[str | None, str | None]]:
    """Return the event of each element as JSON text, or None and why there is none."""
    texts = [(row, record.encode(), row + 1, "") for row, record in enumerate(records)]
    with Relations(connection) as relations:
        parts = list(Evaluation(connection, relations, mapping, texts).parts())
    return [
        (None, _why_missing(mapping, part.missing[number])) if number in part.missing else (line[:-1], None)
        for part in parts
        for number, line in enumerate(part.lines.to_pylist())
    ]


def _why_missing(mapping: Mapping, missing: NoEvent) -> str:
    fate = _fate(mapping, missing)
    return fate.detail if isinstance(fate, Rejected) else fate


def _fate(mapping: Mapping, missing: NoEvent) -> Rejected | str:
    """Return why an element is rejected, or the reason for which it is ignored."""
    ignored = mapping.ignored_because(missing.taken)
    if ignored is not None:
        return ignored
    fault = None if missing.taken is None else fault_of(missing.taken, mapping.steps)
    return Rejected(NOT_MAPPED, fault or str(missing.reason))


def _with_faults(part: Outcomes | None, faults: list[Fault]) -> tuple[Outcomes, dict[int, Rejected]]:
    """Return outcomes with records that can't be mapped in their places, and why, by their numbers."""
    if part is None:
        part = Outcomes(np.zeros(0, np.int64), np.zeros(0, np.int64), pa.array([], pa.large_string()), {})
    if not faults:
        return part, {}
    unmapped = np.array([row for row, _ in faults], np.int64)
    rows = np.concatenate([part.rows, unmapped])
    elements = np.concatenate([part.elements, np.full(len(faults), RECORD_ITSELF, np.int64)])
    lines = pa.concat_arrays([part.lines, pa.array([NO_EVENT] * len(faults), pa.large_string())])
    order = np.lexsort((elements, rows))
    number = {before: after for after, before in enumerate(order.tolist())}
    missing = {number[before]: why for before, why in part.missing.items()}
    why = {number[len(part.rows) + index]: fault for index, (_, fault) in enumerate(faults)}
    return Outcomes(rows[order], elements[order], lines.take(pa.array(order)), missing), why


def _mapped_chunk(
    chunk: Chunk,
    made: Outcomes,
    faults: dict[int, Rejected],
    mapping: Mapping,
    *,
    is_first: bool,
    is_last: bool,
) -> MappedChunk:
    events = line_chunk(made.lines, chunk.positions[made.rows], chunk.offsets[made.rows])
    if mapping.steps:
        events.elements = made.elements
    fates = faults | {number: _fate(mapping, missing) for number, missing in made.missing.items()}
    return MappedChunk(
        events,
        made.rows,
        [(number, fate) for number, fate in sorted(fates.items()) if isinstance(fate, Rejected)],
        [(number, fate) for number, fate in sorted(fates.items()) if isinstance(fate, str)],
        is_first=is_first,
        is_last=is_last,
    )
