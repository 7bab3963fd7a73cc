"""Inputs that can't land as they are: files of known kinds that hold no records, or only through a mapping.

Belongs here: recognising them by their first bytes, and the line that says what to do. Not here: the formats
that land (`formats`), and files in which no record is an event (`landing.no_event`).

Cut into lines, such a file would become thousands of rejected records that nobody can use.
"""

import codecs
import csv
import io
import re
from dataclasses import dataclass

from event_archive.decoding.byte_window import InputStart
from event_archive.decoding.input_form import InputForm

PARQUET_MAGIC = b"PAR1"
LOOKED_AT = 1 << 16
ROWS_LOOKED_AT = 20
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*")


class Unlandable(Exception):
    """An input that is refused as a whole; the message says what it is, or what is wrong, and what to do."""


@dataclass(frozen=True)
class KnownKind:
    """A kind of file that does not land: how it begins (a regular expression), and what to do with it."""

    name: str
    start: bytes
    advice: str


def _packed(name: str, start: bytes, command: str) -> KnownKind:
    return KnownKind(f"compressed by {name}", start, f"unpack it first: {command} FILE | factlog land -")


EXPORT = "export it as CSV or Parquet, and land that by a mapping"
KINDS = (
    KnownKind(
        "a ZIP archive or an Office file (xlsx, ods)", rb"PK\x03\x04", f"unpack it; of a workbook, {EXPORT}"
    ),
    KnownKind("an Office file (xls)", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", EXPORT),
    _packed("bzip2", rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "bzip2 -dc"),
    _packed("xz", rb"\xfd7zXZ\x00", "xz -dc"),
    _packed("lz4", rb"\x04\x22\x4d\x18", "lz4 -dc"),
    _packed("Snappy", rb"\xff\x06\x00\x00sNaPpY", "snzip -dc"),
    _packed("7-Zip", rb"7z\xbc\xaf\x27\x1c", "7z x -so"),
    KnownKind("a tar archive", rb".{257}ustar(\x00| )", "unpack it, and land the files in it"),
    KnownKind("an ORC file", rb"ORC[\x00-\x08]", EXPORT),
    KnownKind("an encrypted Parquet file", rb"PARE", "decrypt it, or export it without encryption"),
    KnownKind("an Arrow file", rb"ARROW1\x00\x00", EXPORT),
    KnownKind("an SQLite database", rb"SQLite format 3\x00", EXPORT),
    KnownKind("a DuckDB database", rb".{8}DUCK.\x00\x00", EXPORT),
    KnownKind("a PDF document", rb"%PDF-[0-9]", "events come as JSON, Avro or Protobuf, or by a mapping"),
    KnownKind("XML", rb"\s*<\?xml\s", "convert it to JSON, and land that by a mapping"),
    KnownKind(
        "an HTML page",
        rb"(?i)\s*<(!doctype )?html",
        "it may be the error page of a server in the place of the data",
    ),
)


def require_landable(start: InputStart, form: InputForm | None) -> None:
    """Raise Unlandable for an input that is of a kind that can't land, or not by this `form`."""
    head = start.data[:LOOKED_AT].removeprefix(codecs.BOM_UTF8)
    for kind in KINDS:
        if re.match(kind.start, head, re.DOTALL):
            raise Unlandable(f"this is {kind.name}: {kind.advice}")
    if form is None and is_parquet(start):
        raise Unlandable(
            "this is a Parquet file: its rows become events by a mapping, which says `input: parquet`"
        )
    if form and (form.csv if is_parquet(start) else form.is_parquet and start.data):
        said, found = ("csv", "is a Parquet file") if is_parquet(start) else ("parquet", "is no Parquet file")
        raise Unlandable(f"the mapping says input: {said}, but this {found}; name the mapping for it")
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if is_utf16 and form and form.csv and form.csv.encoding != "utf-16":
        raise Unlandable("this is text in UTF-16; write encoding: utf-16")
    if form is None or form.is_json:
        if is_utf16:
            raise Unlandable(
                "this is text in UTF-16; convert it first: iconv -f UTF-16 -t UTF-8 FILE | factlog land -"
            )
        _require_no_table(head, start, form)


def is_parquet(start: InputStart) -> bool:
    """Whether an input is a Parquet file, or begins as one."""
    return start.data.startswith(PARQUET_MAGIC)


def _require_no_table(head: bytes, start: InputStart, form: InputForm | None) -> None:
    delimiter = delimiter_of(head, is_all=start.is_all and len(start.data) <= LOOKED_AT)
    if delimiter is None:
        return
    how = (
        "input: csv" if delimiter == "," else f"input: {{csv: {{delimiter: {written_delimiter(delimiter)}}}}}"
    )
    where = "its rows become events by a mapping, which says" if form is None else "write into the mapping:"
    raise Unlandable(f"this is CSV, with a {DELIMITERS[delimiter]} between the fields: {where} `{how}`")


def written_delimiter(delimiter: str) -> str:
    """Return a delimiter as a mapping file has it."""
    return '"\\t"' if delimiter == "\t" else f'"{delimiter}"'


def delimiter_of(head: bytes, *, is_all: bool) -> str | None:
    """Return the delimiter of what is surely CSV: a header, and rows of as many fields; None elsewhere."""
    text = head.decode("utf-8-sig", "replace")
    if "\x00" in text or text.lstrip()[:1] in ("{", "[", ""):
        return None
    for delimiter in DELIMITERS:
        rows = _rows(text, delimiter, is_all=is_all)
        if len(rows) >= 2 and _is_header(rows[0]) and all(len(row) == len(rows[0]) for row in rows):
            return delimiter
    return None


def _rows(text: str, delimiter: str, *, is_all: bool) -> list[list[str]]:
    """The first rows of a text; none where it can't be cut so, or one of them looks like JSON."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if row and row[0].lstrip().startswith(("{", "[")):
                return []
            rows += [row] if row else []
            if len(rows) > ROWS_LOOKED_AT:
                break
    except csv.Error:
        is_all = False  # a quote that is not closed in what is held
        rows = [*rows, []]
    return rows if is_all else rows[:-1]


def _is_header(row: list[str]) -> bool:
    """Whether these may be the names of columns: several, each its own, and no number among them."""
    names = [name.strip() for name in row]
    return (
        len(names) > 1
        and all(names)
        and len({*names}) == len(names)
        and not any(map(NUMBER.fullmatch, names))
    )
