"""How a CSV file is read: what a mapping says of it, as values.

Belongs here: the options and their defaults, which are those of most files. Not here: reading them from a
mapping file (`mapping.input_options`), and reading CSV (`csv_rows`, `csv_records`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ENCODINGS: Mapping[str, str] = {
    name: name
    for name in (
        "utf-8",
        "utf-16",
        "latin-1",
        "iso-8859-15",
        "windows-1250",
        "windows-1251",
        "windows-1252",
        "gb18030",
        "shift_jis",
    )
}
"""Encodings in which the byte of a line feed is nothing else (but for UTF-16, which is cut by pairs)."""

TEXT, NUMBER, INTEGER, BOOLEAN = "text", "number", "integer", "boolean"
COLUMN_TYPES = (TEXT, NUMBER, INTEGER, BOOLEAN)


@dataclass(frozen=True)
class CsvOptions:
    """How a CSV file is read.

    `quote`: None where a quote is a character like any other. `names`: of the columns, where the file has no
    header. `skip`: the lines before the header. `nulls`: the texts that stand for null. `columns`: the types
    of columns that are not text.
    """

    delimiter: str = ","
    quote: str | None = '"'
    names: tuple[str, ...] | None = None
    skip: int = 0
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str | None = None
    nulls: frozenset[str] = frozenset({""})
    columns: Mapping[str, str] = field(default_factory=dict)
