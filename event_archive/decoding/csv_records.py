"""CSV as chunks of records: each row is a JSON object, by the names of the header.

Belongs here: rows as records, rows that are none, and why. Not here: the header (`csv_header`), cutting rows
(`csv_rows`), and the values of their fields (`csv_values`).

A row that can't be cut right is kept as its bytes. One with a value that is not of its column's type is kept
as the record that it would be, with that value as text: a mapping that says better how to read it finds it
there.
"""

from collections.abc import Iterator

import orjson

from event_archive.decoding.byte_window import Blocks
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.csv_header import read_header
from event_archive.decoding.csv_options import CsvOptions
from event_archive.decoding.csv_rows import NOT_CLOSED, CsvLines, CsvRows, CutRow, RowTooLong
from event_archive.decoding.csv_values import CsvValues
from event_archive.decoding.record_chunk import (
    BAD_VALUE,
    PART_BYTES,
    Chunk,
    ChunkBounds,
    UnreadableRecord,
    in_parts,
)
from event_archive.wording import format_count, shown

BAD_ROW = "bad_row"
BAD_CSV = "bad_csv"
CAN_HINT = "if its quotes are characters like any other, write quote: none"


def csv_records(blocks: Blocks, bounds: ChunkBounds, options: CsvOptions) -> Iterator[Chunk]:
    """Yield the rows of a CSV file as records; raises Unlandable where the header can't be right."""
    builder = ChunkBuilder()
    return builder.chunks(_CsvTable(blocks, bounds, options, builder).steps(), bounds)


class _CsvTable:
    """One CSV file while its rows are read."""

    def __init__(
        self, blocks: Blocks, bounds: ChunkBounds, options: CsvOptions, builder: ChunkBuilder
    ) -> None:
        self._blocks = blocks
        self._bounds = bounds
        self._options = options
        self._builder = builder
        self._lines = CsvLines(blocks, options, bounds.record_bytes)
        self._position = 0

    def steps(self) -> Iterator[UnreadableRecord | None]:
        """Yield None for each record that was added to the builder, and what is no record."""
        rows = CsvRows(self._lines, self._options)
        header = read_header(rows, self._options)
        if header is None:
            return
        self._names, self._header = header.names, header.fields
        values = CsvValues(self._options)
        self._typed = [name for name in self._names if values.converter(name)]
        self._values = values
        while True:
            try:
                row = rows.next_row()
            except RowTooLong:
                yield from self._too_long()
                continue
            if row is None:
                return
            if not self._is_blank(row):
                yield from self._step(row)

    def _is_blank(self, row: CutRow) -> bool:
        """Whether a row is a line of white space, which is no record."""
        if row.fault or len(row.fields) > 1 or "".join(row.fields).strip():
            return False
        return len(self._names) > 1 or not row.fields

    def _step(self, row: CutRow) -> Iterator[UnreadableRecord | None]:
        self._position += 1
        if (fault := self._fault(row)) is not None:
            yield from self._unreadable(*fault, self._lines.raw)
            return
        nulls, fields = self._options.nulls, row.fields
        record: dict[str, object] = dict(
            zip(self._names, [None if text in nulls else text for text in fields], strict=True)
        )
        faults = self._values.convert_fields(record, self._typed)
        try:
            written = orjson.dumps(record)
        except TypeError:
            yield from self._unreadable(BAD_ROW, self._not_text(fields), self._lines.raw)
            return
        if faults:
            yield from self._unreadable(BAD_VALUE, "; ".join(faults), written)
            return
        self._builder.add(written, self._position, self._lines.offset)
        yield None

    def _fault(self, row: CutRow) -> tuple[str, str] | None:
        """Return reason and detail of a row that is no record."""
        lines = f"line {row.line:,}"
        if row.line < self._lines.line:
            lines = f"lines {row.line:,} to {self._lines.line:,}"
        if len(self._lines.raw) > self._bounds.record_bytes:
            return "too_long", self._bounds.too_long("the row")
        if self._blocks.break_reason and not self._lines.is_ended and self._blocks.at_end:
            return "truncated", self._blocks.break_reason
        if row.fault == NOT_CLOSED:
            return (
                BAD_CSV,
                f"the quote that opens in line {row.line:,} is never closed; all from there on is kept; "
                f"{CAN_HINT}",
            )
        if row.fault and row.line < self._lines.line:
            return BAD_CSV, f"{lines}: {row.fault}, after a quote that opens in line {row.line:,}; {CAN_HINT}"
        if row.fault:
            return BAD_ROW, f"{lines}: {row.fault}"
        if row.fields == self._header:
            return (
                BAD_ROW,
                f"{lines}: the header stands here again, as where files were joined; it is no record",
            )
        if len(row.fields) != len(self._names):
            expected = format_count(len(self._names), "column")
            return BAD_ROW, f"{lines}: {format_count(len(row.fields), 'field')} where there are {expected}"
        return None

    def _not_text(self, fields: list[str]) -> str:
        name, text = next(
            (name, text)
            for name, text in zip(self._names, fields, strict=True)
            if any("\ud800" <= character <= "\udfff" for character in text)
        )
        other = "windows-1252" if self._options.encoding == "utf-8" else "utf-8"
        return (
            f"column {shown(name)}: {shown(text)} is not {self._options.encoding}; write encoding: {other}, "
            "or what it is in"
        )

    def _unreadable(self, reason: str, detail: str, record: bytes) -> Iterator[UnreadableRecord]:
        yield from in_parts(UnreadableRecord(self._position, self._lines.offset, record, reason, detail))

    def _too_long(self) -> Iterator[UnreadableRecord]:
        """Take a row that is too long to be held: its line, or all that follows an unclosed quote."""
        self._position += 1
        offset, part = self._lines.offset, 0
        is_line = self._lines.is_in_first_line
        reason, detail = "too_long", self._bounds.too_long("the line")
        if not is_line:
            opens = self._lines.line - self._lines.raw.count(b"\n") + 1
            reason = BAD_CSV
            detail = (
                f"a quote that opens in line {opens:,} does not close within "
                f"{self._bounds.record_bytes:,} bytes; here is all from there on; {CAN_HINT}"
            )
        for held in self._lines.take_rest(of_line=is_line):
            for at in range(0, len(held), PART_BYTES):
                piece = held[at : at + PART_BYTES]
                yield UnreadableRecord(self._position, offset, piece, reason, detail, part)
                part, offset = part + 1, offset + len(piece)
