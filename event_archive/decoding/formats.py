"""THE list of input formats: how each is recognised, and how it gives its records.

Belongs here: the list, and choosing from it. Not here: the formats themselves (a module each, beside this
one), compression (`decompress`), and what a record means (`validation`, `mapping`).

To add a format, write two functions and add an entry to `FORMATS`:

- `sniff(start)`: whether an input that begins so is of this format. The first entry that says yes is taken,
  so a format with a magic number stands above one that only looks plausible.
- `records(blocks, bounds)`: yields the records as chunks, each within `bounds`: a record is one JSON text
  without its line feed, and has a position and an offset. `ChunkBuilder` gathers records to chunks;
  `ByteWindow` reads a binary stream piece by piece. Bytes that are no record are not dropped: they become
  `UnreadableRecord`s of their chunk, and go to quarantine.

The records of a format that does not hold CloudEvents become events by a mapping, as JSON records do. A
format that nobody can be sure of by its bytes is taken where the mapping says so (`InputForm`), not found.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from event_archive.decoding import avro, json, json_array, json_sequence, json_texts, protobuf
from event_archive.decoding.byte_window import Blocks, InputStart, Meter
from event_archive.decoding.compressed_bytes import Readable
from event_archive.decoding.csv_records import csv_records
from event_archive.decoding.input_form import InputForm
from event_archive.decoding.parquet_records import parquet_records
from event_archive.decoding.record_chunk import (
    UNDECODABLE,
    Chunk,
    ChunkBounds,
    UnreadableRecord,
    unreadable_chunk,
)
from event_archive.decoding.unlandable import is_parquet, require_landable


@dataclass(frozen=True)
class Format:
    """One way in which inputs hold records: how it is recognised, and how it gives them."""

    name: str
    sniff: Callable[[InputStart], bool]
    records: Callable[[Blocks, ChunkBounds], Iterator[Chunk]]


FORMATS: Sequence[Format] = (
    Format("Avro container file", avro.is_container, avro.container_records),
    Format("Protobuf batch", protobuf.is_batch, protobuf.batch_records),
    Format("Protobuf with lengths", protobuf.is_length_delimited, protobuf.length_delimited_records),
    Format("JSON array", json_array.is_array, json_array.array_records),
    Format("JSON text sequence", json_sequence.is_sequence, json_sequence.sequence_records),
    Format("JSON document", json.is_document, json.document_record),
    Format("concatenated JSON", json_texts.is_concatenated, json_texts.concatenated_records),
    Format("NDJSON", json.is_text, json.line_records),  # all the rest, whatever it is
)


def read_chunks(
    stream: Readable, bounds: ChunkBounds, form: InputForm | None = None, scratch: Path | None = None
) -> Iterator[Chunk]:
    """Yield the records of an input as chunks; raises DecodesToTooMuch, and Unlandable.

    `form`: what the mapping says of the input, None where it is read without one. `scratch`: the folder for
    the bytes of formats that are not read from their start to their end; else that of the system.
    Many small records make smaller chunks: each record costs some hundred bytes, however small it is.
    """
    blocks = Blocks(stream, bounds)
    meter = Meter(bounds.input_bytes)
    position = 0
    for chunk in _format_of(blocks, bounds, form, scratch).records(blocks, bounds):
        position = max(position, chunk.last_position)
        meter.add(chunk.size)
        yield chunk
    yield from _undecodable(blocks, position + 1)


def _undecodable(blocks: Blocks, position: int) -> Iterator[Chunk]:
    """Yield the compressed bytes that could not be decoded, if there are any, as one record in parts."""
    if blocks.fault is None:
        return
    rest = blocks.fault.rest
    detail = f"{blocks.fault}; what was decoded is taken, and here is the input from byte {rest.offset} on"
    part, offset = 0, rest.offset
    for piece in rest.pieces():
        yield unreadable_chunk(UnreadableRecord(position, offset, piece, UNDECODABLE, detail, part))
        part, offset = part + 1, offset + len(piece)
    if part == 0:  # all bytes that there are were decoded, and yet some are missing
        yield unreadable_chunk(UnreadableRecord(position, offset, b"", UNDECODABLE, detail))


def _format_of(blocks: Blocks, bounds: ChunkBounds, form: InputForm | None, scratch: Path | None) -> Format:
    """Return the format that a mapping names, or the first that recognises the next bytes; none is taken."""
    start = InputStart(blocks.peek(max(bounds.chunk_bytes, 1)), blocks.at_end, bounds)
    require_landable(start, form)
    if form and form.csv:
        return Format("CSV", json.is_text, partial(csv_records, options=form.csv))
    if form and is_parquet(start):
        return Format("Parquet", is_parquet, partial(parquet_records, folder=scratch))
    return next(entry for entry in FORMATS if entry.sniff(start))
