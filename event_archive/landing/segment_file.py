"""Segments: the Parquet files that hold events, from typed tables to finished files.

A file has the columns `corrects` and `voids` only where one of its events has a value there: few ever do. The
place of each event in the input is written beside what it says, and is no part of its content.

Belongs here: the columns of an event in the archive, writing them sorted by time with statistics, page index,
checksums and contract, and what the log says of each file. Not here: the commit (`landing`), and reading
(`views`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from event_archive.decoding.record_chunk import Places
from event_archive.engine import fetch_few
from event_archive.envelope import CORRECTIONS, PLACE_COLUMNS, STORED_COLUMNS
from event_archive.registry.arrow_types import ARROW_SCALARS
from event_archive.registry.contract import Contract
from event_archive.store.commit import Segment
from event_archive.store.durable import file_digest
from event_archive.store.folders import EVENTS

ROW_GROUP_ROWS = 122_880
MOST_FEW = 50_000
DICTIONARY_COLUMNS = (
    "source",
    "actor_type",
    "actor_id",
    "verb",
    "object_type",
    "event_date",
    "object_version",
)
# Numbers that mostly grow from row to row take two fifths of their bytes; texts that hardly ever repeat are
# written, and compressed, faster where their sizes stand apart.
ENCODINGS = dict.fromkeys((*PLACE_COLUMNS, "occurred_at"), "DELTA_BINARY_PACKED") | dict.fromkeys(
    ("event_id", "object_id", "correlation_id", "causation_id"), "DELTA_LENGTH_BYTE_ARRAY"
)


@dataclass(frozen=True)
class Written:
    """A finished segment file in scratch, and what the log will say of it."""

    file: Path
    segment: Segment


def event_columns(contract: Contract) -> dict[str, str]:
    """The archive's columns for what events of one contract say, with their DuckDB types, in order."""
    return dict(STORED_COLUMNS) | {"data": contract.data_type.sql(), "extra": "VARCHAR"}


def typed_columns(contract: Contract) -> list[str]:
    """SQL for the archive's columns, each cast to its type."""
    return [_typed(name, kind) for name, kind in event_columns(contract).items()]


def _typed(name: str, kind: str) -> str:
    return f"CAST({name} AS {kind}) AS {name}"


def typed_events(
    connection: duckdb.DuckDBPyConnection,
    events: str,
    contract: Contract,
    most: int,
    constants: Mapping[str, str | None] = MappingProxyType({}),
) -> pa.Table:
    """The events of the SQL relation `events`: the archive's columns and `n`, their row in the input.

    `most`: how many there may be; `constants`: columns that `events` lacks, as all have the same value there.
    """
    columns = event_columns(contract)
    given = [_typed(name, kind) for name, kind in columns.items() if name not in constants]
    query = f"SELECT {', '.join(['n', *given])} FROM {events}"
    table = fetch_few(connection, query) if most <= MOST_FEW else connection.sql(query).to_arrow_table()
    table = table.cast(_plain_schema(table.schema))
    for name, value in constants.items():
        scalar = pa.scalar(value, ARROW_SCALARS[columns[name]])
        table = table.append_column(name, pa.repeat(scalar, len(table)))
    return table.select(["n", *columns])


def write_segment(
    table: pa.Table,
    places: Places,
    contract: Contract,
    file: Path,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Written:
    """Write typed events, at least one, to a file. `places`: of their chunk's rows; `more`: notes in it."""
    notes = {"type": contract.type, "revision": str(contract.revision), **more}
    corrections = sum(len(table) - table[name].null_count for name in CORRECTIONS)
    dropped = ["n"] if corrections else ["n", *CORRECTIONS]
    table = _with_places(_sorted(table), places).drop_columns(dropped)
    with pq.ParquetWriter(
        file,
        table.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*DICTIONARY_COLUMNS, *_paths("data", table.schema.field("data").type)],
        column_encoding=ENCODINGS,
        write_page_index=True,
        write_page_checksum=True,
        store_schema=False,  # and with it what the schema is annotated with: notes are added below
    ) as writer:
        writer.write_table(table, ROW_GROUP_ROWS)
        writer.add_key_value_metadata({f"factlog.{name}": text for name, text in notes.items()})
    digest = file_digest(file)
    return Written(file, _describe(table, contract, file, digest, corrections))


def _sorted(table: pa.Table) -> pa.Table:
    """The events by time, then by place in the input, so that the same input gives the same file."""
    times = table["occurred_at"].cast(pa.int64()).to_numpy()
    rows = table["n"].to_numpy()
    order = np.lexsort((rows, times))
    in_order = bool((order[1:] > order[:-1]).all())
    return table if in_order else table.take(pa.array(order))


def _with_places(table: pa.Table, places: Places) -> pa.Table:
    """The events with the place of each in the input."""
    rows = table["n"].to_numpy()
    for (name, kind), numbers in zip(PLACE_COLUMNS.items(), places, strict=True):
        table = table.append_column(name, pa.array(numbers[rows], ARROW_SCALARS[kind]))
    return table


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with plain booleans: the engine hands them over as one-byte integers when it keeps UUIDs."""
    return pa.schema([part.with_type(_plain(part.type)) for part in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.Bool8Type):
        return pa.bool_()
    if pa.types.is_struct(kind):
        return pa.struct([part.with_type(_plain(part.type)) for part in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    return kind


def _paths(name: str, kind: pa.DataType) -> list[str]:
    """The text columns below a column: they often repeat. Parquet drops a dictionary that does not pay."""
    if pa.types.is_struct(kind):
        return [path for part in kind for path in _paths(f"{name}.{part.name}", part.type)]
    if pa.types.is_list(kind):
        return _paths(f"{name}.list.element", kind.value_type)
    return [name] if pa.types.is_string(kind) else []


def rows_correcting(metadata: pq.FileMetaData) -> int:
    """Count the events of a segment that correct or void another, from the file's own statistics."""
    columns = [at for at in range(metadata.num_columns) if metadata.schema.column(at).path in CORRECTIONS]
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    chunks = [group.column(at) for group in groups for at in columns]
    return sum(chunk.num_values - chunk.statistics.null_count for chunk in chunks)


def rows_per_day(dates: pa.ChunkedArray) -> dict[str, int]:
    """Count the rows of each ISO day, in the order of the days."""
    counted = sorted(pc.value_counts(dates).to_pylist(), key=lambda day: str(day["values"]))
    return {day["values"].isoformat(): day["counts"] for day in counted}


def _describe(table: pa.Table, contract: Contract, file: Path, digest: str, corrections: int) -> Segment:
    ends = pc.min_max(table["occurred_at"].cast(pa.int64())).as_py()
    return Segment(
        type=contract.type,
        path=f"{EVENTS}/{contract.type}/{digest}.parquet",
        sha256=digest,
        bytes=file.stat().st_size,
        rows=table.num_rows,
        days=rows_per_day(table["event_date"]),
        min_occurred_at=_moment(ends["min"]),
        max_occurred_at=_moment(ends["max"]),
        revision=contract.revision,
        corrections=corrections,
        has_places=True,
    )


def _moment(microseconds: int) -> str:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).isoformat(timespec="microseconds")
