"""Chunks: some records of an input, in one Arrow buffer, each with its place.

Belongs here: what a chunk is and how one is made from lines or from separate records. Not here: finding the
records in a stream (`formats`), and gathering them one by one (`chunk_builder`).

A chunk's lines lie in one buffer, each with its line feed, so that a columnar engine reads them where they
are. Records that are not UTF-8, which no text column can hold, are kept apart from it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

PART_BYTES = 1 << 20  # of what is no record: its parts

CACHED_BYTES = 1 << 20  # line ends are looked for in pieces that stay in the processor's cache

LEAST_RECORD_BYTES = 128  # what a record takes beside its text: smaller ones make smaller chunks

UNDECODABLE = "undecodable"
"""The reason of compressed bytes that can't be decompressed: their offset is that in the compressed input."""

BETWEEN_TEXTS = "between_documents"
"""The reason of bytes between JSON documents that are none."""

BAD_VALUE = "bad_value"
"""The reason of a row with a value that its column's type, or JSON, does not have."""

DAMAGE = (UNDECODABLE, "truncated", "after_array", BETWEEN_TEXTS, "bad_avro", "bad_protobuf", "bad_csv")
"""The reasons of bytes that could not be cut into records: nobody knows how many they held."""

Numbers = npt.NDArray[np.int64]
Places = tuple[Numbers, Numbers]
"""Of each row, the position of its record in the input, and its number among those made of that record."""


def too_long(what: str, record_bytes: int) -> str:
    """Return the detail of a record that is longer than so many bytes."""
    return (
        f"{what} is longer than {record_bytes} bytes, the bound of one record: "
        "the smaller of FACTLOG_MAX_RECORD and a 64th of FACTLOG_MEMORY"
    )


@dataclass(frozen=True)
class ChunkBounds:
    """The sizes of chunks: so many bytes of records, more or less, and so many in one record at most.

    `input_bytes`: how many an input may decode to.
    """

    chunk_bytes: int
    record_bytes: int
    input_bytes: int = sys.maxsize

    @property
    def max_records(self) -> int:
        """The most records that a chunk may have, however small they are."""
        return max(self.chunk_bytes // LEAST_RECORD_BYTES, 1)

    def too_long(self, what: str) -> str:
        """Return the detail of a record that is too long, with the settings that raise the bound."""
        return too_long(what, self.record_bytes)


@dataclass(frozen=True)
class UnreadableRecord:
    """Bytes that are no record: too long, or cut off. A long one comes in pieces, `part` 0, 1, 2 …"""

    position: int
    offset: int
    record: bytes
    reason: str
    detail: str
    part: int = 0


@dataclass
class Chunk:
    """Some records. `positions`: line number or index in the array, from 1; `offsets`: bytes from the start.

    `apart`: row -> its bytes, for rows that are not UTF-8 and hence blank in `lines`. `elements`: where rows
    were made of the elements of records, the number of each among those of its record, from 1.
    """

    lines: pa.LargeStringArray
    positions: Numbers
    offsets: Numbers
    apart: dict[int, bytes] = field(default_factory=dict)
    unreadable: list[UnreadableRecord] = field(default_factory=list)
    elements: Numbers | None = None

    @property
    def places(self) -> Places:
        """Where each row comes from; a row is a record, or one of those that were made of it."""
        return self.positions, np.ones_like(self.positions) if self.elements is None else self.elements

    @property
    def bounds(self) -> Numbers:
        """The places in the buffer where each line begins, and where the last one ends."""
        return np.frombuffer(self.lines.buffers()[1], np.int64)[: len(self.positions) + 1]

    @property
    def size(self) -> int:
        """How many bytes its records are, readable or not."""
        return int(self.bounds[-1]) + sum(len(record.record) for record in self.unreadable)

    @property
    def last_position(self) -> int:
        """The highest position in it; 0 where it is empty."""
        positions = [record.position for record in self.unreadable]
        return max([0, *map(int, self.positions[-1:]), *positions])

    def blank(self, rows: Numbers) -> npt.NDArray[np.bool_]:
        """Return which of these rows are a line end alone, as a mask."""
        starts, sizes = self.bounds[rows], self.bounds[rows + 1] - self.bounds[rows]
        first = np.frombuffer(self.lines.buffers()[2], np.uint8)[starts]
        mask: npt.NDArray[np.bool_] = ((sizes == 1) & (first == 0x0A)) | ((sizes == 2) & (first == 0x0D))
        return mask

    def batches(self, rows: Numbers, most: int, most_bytes: int) -> Iterator[list[int]]:
        """Yield rows in batches of bounded number and size; one that is larger stands alone."""
        sizes = self.bounds[rows + 1] - self.bounds[rows]
        ends = np.cumsum(sizes)
        start = 0
        while start < len(rows):
            before = ends[start] - sizes[start]
            end = int(np.searchsorted(ends, before + most_bytes, side="right"))
            end = min(max(end, start + 1), start + most)
            yield rows[start:end].tolist()
            start = end

    def records(self) -> list[bytes]:
        """Return what `record` does for all rows, faster."""
        records = [line.strip(b" \t\r\n") for line in self.lines.cast(pa.large_binary()).to_pylist()]
        for row, record in self.apart.items():
            records[row] = record
        return records

    def record(self, row: int) -> bytes:
        """Return the bytes of one record, without the white space around it."""
        if row in self.apart:
            return self.apart[row]
        _, ends, buffer = self.lines.buffers()
        start, end = np.frombuffer(ends, np.int64)[row : row + 2]
        return memoryview(buffer)[start:end].tobytes().strip(b" \t\r\n")


def text_chunk(
    data: bytes | memoryview, size: int, first_line: int, offset: int, max_lines: int | None = None
) -> Chunk:
    """Return the lines of the first `size` bytes as a chunk; it may stop once it has `max_lines`."""
    view = np.frombuffer(data, np.uint8, size)
    line_ends: list[Numbers] = [np.zeros(1, np.int64)]
    lines = 0
    for at in range(0, size, CACHED_BYTES):
        line_ends.append(np.flatnonzero(view[at : at + CACHED_BYTES] == 0x0A) + (at + 1))
        lines += len(line_ends[-1])
        if max_lines is not None and lines >= max_lines:
            break
    ends = np.concatenate(line_ends)
    stopped = max_lines is not None and lines >= max_lines
    bounds: Numbers = ends if stopped or ends[-1] == size else np.append(ends, size)
    positions: Numbers = np.arange(first_line, first_line + len(bounds) - 1, dtype=np.int64)
    return _utf8_chunk(data, bounds, positions, bounds[:-1] + offset)


def _utf8_chunk(data: bytes | memoryview, bounds: Numbers, positions: Numbers, offsets: Numbers) -> Chunk:
    """Return a chunk over `data`, with the rows that are not UTF-8 blanked out and apart."""
    apart: dict[int, bytes] = {}
    lines = pa.LargeStringArray.from_buffers(len(positions), pa.py_buffer(bounds), pa.py_buffer(data))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        blanked = bytearray(data)
        for row, (start, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
            try:
                bytes(data[start:end]).decode("utf-8")
            except UnicodeDecodeError:
                apart[row] = bytes(data[start:end]).strip(b"\r\n")
                blanked[start:end] = b" " * (end - start)
        buffer = pa.py_buffer(bytes(blanked))
        lines = pa.LargeStringArray.from_buffers(len(positions), pa.py_buffer(bounds), buffer)
    return Chunk(lines, positions, offsets, apart)


def chunk_of(
    records: list[bytes], positions: Numbers, offsets: Numbers, sizes: list[int] | None = None
) -> Chunk:
    """Return a chunk of records with their places; `sizes`: with line feeds, where a text may be several."""
    sizes = [len(record) + 1 for record in records] if sizes is None else sizes
    bounds: Numbers = np.cumsum(np.array([0, *sizes], np.int64), dtype=np.int64)
    return _utf8_chunk(b"\n".join([*records, b""]), bounds, positions, offsets)


def line_chunk(lines: pa.LargeStringArray, positions: Numbers, offsets: Numbers) -> Chunk:
    """Return a chunk of lines, each with its line feed, with their places; they lie where they did."""
    if not len(lines) or lines.offset:  # without lines, or where others stand before them: no bounds from 0
        return chunk_of([line.removesuffix("\n").encode() for line in lines.to_pylist()], positions, offsets)
    return Chunk(lines, positions, offsets)


def in_parts(unreadable: UnreadableRecord) -> list[UnreadableRecord]:
    """Return an unreadable record as parts of bounded size, the first part 0."""
    places = range(0, max(len(unreadable.record), 1), PART_BYTES)
    return [
        replace(
            unreadable,
            offset=unreadable.offset + at,
            record=unreadable.record[at : at + PART_BYTES],
            part=unreadable.part + number,
        )
        for number, at in enumerate(places)
    ]


def unreadable_chunk(unreadable: UnreadableRecord) -> Chunk:
    """Return a chunk without records, but for bytes that are none."""
    chunk = text_chunk(b"", 0, unreadable.position, unreadable.offset)
    chunk.unreadable = [unreadable]
    return chunk
