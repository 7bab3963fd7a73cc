"""CSV cut into rows: the lines of a text in any of the encodings, and which bytes each row was.

Belongs here: lines, quoted line feeds and the quotes that never close, in bounded memory. Python's `csv` cuts
the fields. Not here: what the fields mean (`csv_values`), and headers and records (`csv_records`).
"""

import codecs
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from event_archive.decoding.byte_window import Blocks
from event_archive.decoding.csv_options import CsvOptions

LOOKED_AT = 1 << 16
UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
NOT_CLOSED = "unexpected end of data"  # what `csv` says of a quote that is open at the end
NOT_TEXT = "\udcff"  # stands for what is no text in UTF-16

# A field is bounded by the bytes of its row; the limit of `csv` is one for the whole process.
csv.field_size_limit(sys.maxsize)


class RowTooLong(Exception):
    """A row is longer than the bound of a record, as far as it was read."""


@dataclass(frozen=True)
class CutRow:
    """A row: its fields, and the number of its first line. `fault`: why `csv` can't cut it, in its words."""

    fields: list[str]
    line: int
    fault: str | None = None


class CsvLines:
    """The lines of a text, decoded, of which `csv` takes as many as a row has.

    Bytes that are no text in the encoding become lone surrogates, which no text holds. `raw`: the bytes of
    the row that is being taken; `line`: how many lines were taken.
    """

    def __init__(self, blocks: Blocks, options: CsvOptions, longest: int) -> None:
        self._blocks = blocks
        self._longest = longest
        self._encoding = options.encoding
        self._errors = "surrogateescape"
        self._skip_mark(options.encoding)
        self._end = self._line_end_of(blocks.peek(LOOKED_AT)[:LOOKED_AT])
        self._data, self._row, self._at, self._base = b"", 0, 0, blocks.offset
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._at - self._row > self._longest:
            raise RowTooLong
        end = self._find_end()
        if end == self._at:
            raise StopIteration
        line, self._at = self._data[self._at : end], end
        self.line += 1
        try:
            return line.decode(self._encoding, self._errors)
        except UnicodeDecodeError:
            return NOT_TEXT

    @property
    def raw(self) -> bytes:
        """The bytes of the row so far."""
        return self._data[self._row : self._at]

    @property
    def offset(self) -> int:
        """Where the row begins."""
        return self._base + self._row

    @property
    def is_ended(self) -> bool:
        """Whether the row ends with a line end, and not with the input."""
        return self.raw.endswith(self._end)

    @property
    def is_in_first_line(self) -> bool:
        """Whether no line of the row was taken."""
        return self._at == self._row

    def begin_row(self) -> None:
        """What is taken from now on is the next row."""
        self._row = self._at

    def take_rest(self, *, of_line: bool) -> Iterator[bytes]:
        """Take the rest of the row's line, or of the input, in parts; first comes what is held of the row."""
        found = -1
        while True:
            self._at = len(self._data)
            if of_line and (found := self._find(self._row)) >= 0:
                self._at = found + len(self._end)
            yield self.raw
            self.begin_row()
            if found >= 0 or not self._load():
                self.line += of_line
                return

    def _skip_mark(self, encoding: str) -> None:
        start = self._blocks.peek(len(UTF8_MARK))
        if encoding == "utf-16":
            self._encoding = UTF16_MARKS.get(start[:2], "utf-16-le")
            self._errors = "surrogatepass"
            self._blocks.skip(2 if start[:2] in UTF16_MARKS else 0)
        elif start.startswith(UTF8_MARK) and encoding == "utf-8":
            self._blocks.skip(len(UTF8_MARK))

    def _line_end_of(self, start: bytes) -> bytes:
        """A line feed; or a carriage return, in a text that has no other line ends."""
        line_feed, carriage_return = "\n".encode(self._encoding), "\r".encode(self._encoding)
        return carriage_return if line_feed not in start and carriage_return in start else line_feed

    def _find_end(self) -> int:
        """Where the next line ends; that of the held bytes, where the input ends there."""
        searched = self._at
        while (found := self._find(searched)) < 0:
            if len(self._data) - self._row > self._longest:
                raise RowTooLong
            before = len(self._data) - self._row
            if not self._load():
                return len(self._data)
            searched = max(self._at, before - before % len(self._end))
        return found + len(self._end)

    def _find(self, start: int) -> int:
        """Where the next line end begins; in UTF-16 it is a pair of bytes, counted from the start."""
        found = self._data.find(self._end, start)
        while found >= 0 and found % len(self._end):
            found = self._data.find(self._end, found + 1)
        return found

    def _load(self) -> bool:
        """Hold more bytes, and of those before only the row's; whether there were any."""
        block = self._blocks.take()
        self._data = self._data[self._row :] + block
        self._base += self._row
        self._row, self._at = 0, self._at - self._row
        return bool(block)


class CsvRows:
    """The rows of a text, with the lines that they are cut from."""

    def __init__(self, lines: CsvLines, options: CsvOptions) -> None:
        self.lines = lines
        self._options = options
        self._reader = self._new_reader()

    def next_row(self) -> CutRow | None:
        """Return the next row; None at the end. Raises RowTooLong, after which its rest is to be taken."""
        self.lines.begin_row()
        first = self.lines.line + 1
        try:
            fields = next(self._reader, None)
        except csv.Error as error:
            self._reader = self._new_reader()
            return CutRow([], first, str(error))
        except RowTooLong:
            self._reader = self._new_reader()
            raise
        return None if fields is None else CutRow(fields, first)

    def _new_reader(self) -> Iterator[list[str]]:
        options = self._options
        if options.quote is None:
            return csv.reader(self.lines, delimiter=options.delimiter, quoting=csv.QUOTE_NONE, strict=True)
        return csv.reader(
            self.lines, delimiter=options.delimiter, quotechar=options.quote, strict=True, doublequote=True
        )
