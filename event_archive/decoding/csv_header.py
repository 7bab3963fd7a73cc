"""The header of a CSV file: the names of its columns, or why they can't be right.

Belongs here: what is found out before the first row is read. Not here: the rows (`csv_records`).

A wrong header makes every row wrong, so that the file is refused as a whole.
"""

import json
from dataclasses import dataclass

from event_archive.decoding.csv_options import CsvOptions
from event_archive.decoding.csv_rows import CsvRows, CutRow, RowTooLong
from event_archive.decoding.unlandable import DELIMITERS, Unlandable, written_delimiter
from event_archive.wording import shown

MOST_NAMES_SHOWN = 12


@dataclass(frozen=True)
class CsvHeader:
    """The names of the columns, and the fields of the header, read as they stand; None: there is none."""

    names: list[str]
    fields: list[str] | None


def read_header(rows: CsvRows, options: CsvOptions) -> CsvHeader | None:
    """Return the header, None where there is none and no row either; raises Unlandable."""
    try:
        for _ in range(options.skip):
            next(rows.lines, None)
        if options.names is not None:
            _check_columns([*options.names], options)
            return CsvHeader([*options.names], None)
        row = rows.next_row()
        while row is not None and not row.fault and not "".join(row.fields).strip():
            row = rows.next_row()
    except RowTooLong:
        raise Unlandable(
            f"line {rows.lines.line + 1:,} is no header of a CSV file: it is longer than a record may be"
        ) from None
    if row is None:
        return None
    names = _names(row, options)
    _check_columns(names, options)
    return CsvHeader(names, row.fields)


def _names(row: CutRow, options: CsvOptions) -> list[str]:
    """Return the names in a header row; one without a name is called by its number."""
    where = f"line {row.line:,}, where the header should be"
    if row.fault:
        raise Unlandable(f"{where}, can't be cut into names: {row.fault}")
    text = options.delimiter.join(row.fields)
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Unlandable(
            f"{where}, is not {options.encoding}; write encoding: utf-16, windows-1252, or what it is in"
        )
    names = [name.strip() or f"column_{number}" for number, name in enumerate(row.fields, 1)]
    _check_is_no_json(where, text)
    if len(names) == 1:
        _check_delimiter(where, names[0], options)
    for number, name in enumerate(names):
        if name in names[:number]:
            first = names.index(name) + 1
            raise Unlandable(
                f"the header in line {row.line:,} has the column {shown(name)} twice, as columns {first} and "
                f"{number + 1}; give the columns names of their own: header: [name, …] with skip: {row.line}"
            )
    return names


def _check_is_no_json(where: str, text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        is_json = text.startswith(('{"', "[{"))
    else:
        is_json = text.startswith(("{", "["))
    if is_json:
        raise Unlandable(f"{where}, is JSON: leave input: out of the mapping, or name the mapping for JSON")


def _check_delimiter(where: str, name: str, options: CsvOptions) -> None:
    for delimiter, called in DELIMITERS.items():
        if delimiter in name and delimiter != options.delimiter:
            raise Unlandable(
                f"{where}, is a single column, {shown(name)}: its names are parted by a {called}; write "
                f"delimiter: {written_delimiter(delimiter)}"
            )


def _check_columns(names: list[str], options: CsvOptions) -> None:
    for name in options.columns:
        if name not in names:
            listed = ", ".join(map(shown, names[:MOST_NAMES_SHOWN])) + (
                ", …" if names[MOST_NAMES_SHOWN:] else ""
            )
            raise Unlandable(f"the mapping gives a type to the column {shown(name)}, but there are {listed}")
