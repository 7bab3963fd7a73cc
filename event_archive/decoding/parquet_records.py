"""Parquet files as chunks of records: each row is a JSON object, by the names of the columns.

Belongs here: reading the file in bounded memory, and what is wrong with it as a whole. Not here: what the
values of a column are as JSON (`parquet_values`).

A Parquet file is read from its end, so its bytes are kept in a file of their own until its rows are read. One
that is damaged is refused whole: no page says which rows another one had.
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.decoding.byte_window import Blocks
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.parquet_values import NoJsonType, Unsayable, json_values
from event_archive.decoding.record_chunk import (
    BAD_VALUE,
    Chunk,
    ChunkBounds,
    UnreadableRecord,
    in_parts,
)
from event_archive.decoding.unlandable import Unlandable
from event_archive.wording import shown

MOST_ROWS = 4096  # read at a time
VALUE_BYTES = 32  # that a value takes at least while it is written as JSON, however small it is in the file
INDEX_BYTES = 4  # of the number of a word in a dictionary, at most
BUFFER_BYTES = 1 << 20
WRONG = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)


def parquet_records(blocks: Blocks, bounds: ChunkBounds, folder: Path | None) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file as records; raises Unlandable. `folder`: where its bytes are kept."""
    builder = ChunkBuilder()
    with tempfile.TemporaryFile(dir=folder) as file:
        while block := blocks.take():
            file.write(block)
        if blocks.fault:
            raise _damaged(blocks.fault)
        file.flush()
        yield from builder.chunks(_rows(file, bounds, builder), bounds)


def _damaged(why: object) -> Unlandable:
    first_line = (str(why).splitlines() or ["no reason is given"])[0][:300]
    return Unlandable(
        f"the Parquet file is damaged, and nothing of it was landed: {first_line}; ask for a whole copy"
    )


def _rows(file: IO[bytes], bounds: ChunkBounds, builder: ChunkBuilder) -> Iterator[UnreadableRecord | None]:
    """Yield None for each row that was added to the builder, and rows that are no record."""
    position = 0
    try:
        parquet = _open(file)
        for offset, batch in _batches(parquet, bounds):
            for record, faults in _records(batch):
                position += 1
                if len(record) > bounds.record_bytes:
                    detail = bounds.too_long("the row")
                    yield from in_parts(UnreadableRecord(position, offset, record, "too_long", detail))
                elif faults:
                    detail = "; ".join(faults)
                    yield from in_parts(UnreadableRecord(position, offset, record, BAD_VALUE, detail))
                else:
                    builder.add(record, position, offset)
                    yield None
        if position != parquet.metadata.num_rows:
            raise _damaged(f"it says that it has {parquet.metadata.num_rows:,} rows, and has {position:,}")
    except NoJsonType as error:
        raise Unlandable(str(error)) from error
    except orjson.JSONEncodeError as error:
        raise Unlandable(
            f"row {position + 1:,} of the Parquet file can't be written as JSON: {error}"
        ) from error
    except WRONG as error:
        raise _damaged(error) from error


def _open(file: IO[bytes]) -> pq.ParquetFile:
    """Open a file for reading page by page, with a look at their checksums."""
    metadata = pq.read_metadata(file)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(place) for group in groups for place in range(group.num_columns)]
    parquet = pq.ParquetFile(
        file,
        metadata=metadata,
        read_dictionary=sorted({column.path_in_schema for column in columns if _has_dictionary(column)}),
        buffer_size=BUFFER_BYTES,
        pre_buffer=False,
        page_checksum_verification=True,
        coerce_int96_timestamp_unit="us",  # in nanoseconds the year 9999 would be another one
    )
    names = parquet.schema_arrow.names
    for name in names:
        if names.count(name) > 1:
            raise NoJsonType(f"the column {name!r} is there twice")
    return parquet


def _has_dictionary(column: pq.ColumnChunkMetaData) -> bool:
    """Whether the texts of a column are hardly more than numbers of words, which could be of any size."""
    is_small: bool = column.total_uncompressed_size <= INDEX_BYTES * max(column.num_values, 1) + BUFFER_BYTES
    return column.physical_type == "BYTE_ARRAY" and column.has_dictionary_page and is_small


def _batches(parquet: pq.ParquetFile, bounds: ChunkBounds) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield batches of rows, and where the group of rows begins that each is in."""
    for number in range(parquet.num_row_groups):
        group = parquet.metadata.row_group(number)
        columns = [group.column(place) for place in range(group.num_columns)]
        pages = [column.dictionary_page_offset or column.data_page_offset for column in columns]
        size = group.total_byte_size + VALUE_BYTES * sum(column.num_values for column in columns)
        row_bytes = size // max(group.num_rows, 1)
        rows = min(max(bounds.chunk_bytes // 8 // max(row_bytes, 1), 1), MOST_ROWS)
        for batch in parquet.iter_batches(rows, row_groups=[number], use_threads=False):
            yield min(pages, default=0), batch


def _records(batch: pa.RecordBatch) -> Iterator[tuple[bytes, list[str]]]:
    """Yield each row as JSON, and what of it JSON can't say, which stands there as text."""
    names = batch.schema.names
    columns = [json_values(column, name) for name, column in zip(names, batch.columns, strict=True)]
    rows = zip(*columns, strict=True) if columns else [()] * batch.num_rows
    for row in rows:
        faults: list[str] = []
        record = dict(zip(names, row, strict=True))
        yield orjson.dumps(record, partial(_text, faults), orjson.OPT_PASSTHROUGH_DATACLASS), faults


def _text(faults: list[str], value: Any) -> str:
    if not isinstance(value, Unsayable):
        raise TypeError
    faults.append(f"column {shown(value.column)}: {shown(value.text)} {value.why}")
    return value.text
