"""Fields of CSV as JSON values: numbers digit by digit, truth values, null, and the text that all else is.

Belongs here: what a text means as a value of its column's type, and why it has no such meaning. Not here:
cutting rows (`csv_rows`).
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from event_archive.decoding.csv_options import BOOLEAN, INTEGER, NUMBER, TEXT, CsvOptions
from event_archive.wording import shown

TRUTH = {"true": True, "yes": True, "t": True, "y": True, "1": True}
FALSEHOOD = {"false": False, "no": False, "f": False, "n": False, "0": False}
BOOLEANS = TRUTH | FALSEHOOD
SPACES = str.maketrans({"\u00a0": " ", "\u202f": " "})
GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:([,. '])[0-9]{2,3})*([,. '])[0-9]{3}(?:[.,][0-9]*)?")
COMMA_DECIMAL = re.compile(r"[+-]?[0-9]*,[0-9]+")

Convert = Callable[[str], Any]
"""Returns what `orjson` writes as the value; raises BadValue."""


class BadValue(Exception):
    """A text is no value of its column's type; the message says why, and what to write in the mapping."""


class CsvValues:
    """Makes values of the texts of columns, by the options of a file."""

    def __init__(self, options: CsvOptions) -> None:
        self._options = options
        self._number = _number_pattern(options)
        self._by_type: dict[str, Convert] = {
            NUMBER: self._as_number,
            INTEGER: self._as_integer,
            BOOLEAN: self._as_boolean,
        }
        self.columns = {name for name, kind in options.columns.items() if kind != TEXT}

    def converter(self, column: str) -> Convert | None:
        """Return what converts the texts of a column; None where they stay texts."""
        return self._by_type.get(self._options.columns.get(column, TEXT))

    def convert(self, column: str, text: str) -> Any:
        """Return the value of a text in a column; raises BadValue."""
        if text in self._options.nulls:
            return None
        convert = self.converter(column)
        return text if convert is None else convert(text)

    def convert_fields(self, fields: dict[str, Any], names: Iterable[str]) -> list[str]:
        """Give texts among these fields the values that they are; returns what is none, and stays text."""
        faults = []
        for name in names:
            text = fields[name]
            if isinstance(text, str):
                try:
                    fields[name] = self.convert(name, text)
                except BadValue as error:
                    faults.append(f"column {shown(name)}: {error}")
        return faults

    def _as_number(self, text: str) -> Any:
        return orjson.Fragment(self._digits(text, "a number"))

    def _as_integer(self, text: str) -> Any:
        digits = self._digits(text, "an integer")
        whole, _, fraction = digits.partition(".")
        if fraction.strip("0") or "e" in digits.lower():
            raise BadValue(f"{shown(text)} is not an integer")
        return orjson.Fragment(whole)

    def _as_boolean(self, text: str) -> Any:
        value = BOOLEANS.get(text.strip().lower())
        if value is None:
            raise BadValue(f"{shown(text)} is not a boolean, such as true or false, yes or no, 1 or 0")
        return value

    def _digits(self, text: str, what: str) -> str:
        """Return a number as JSON writes it, with exactly the digits that it has."""
        found = self._number.fullmatch(text.translate(SPACES).strip())
        if not found or not (found["whole"] or found["fraction"]):
            raise BadValue(f"{shown(text)} is not {what}{self._hint(text.translate(SPACES).strip())}")
        whole = re.sub(r"[^0-9]", "", found["whole"]).lstrip("0") or "0"
        fraction = f".{found['fraction']}" if found["fraction"] else ""
        sign = "-" if found["sign"] == "-" else ""
        return f"{sign}{whole}{fraction}{found['exponent'] or ''}"

    def _hint(self, text: str) -> str:
        grouped = GROUPED.fullmatch(text)
        if grouped and not self._options.thousands and grouped[2] != self._options.decimal:
            return f'; if {shown(grouped[2])} separates its thousands, write thousands: "{grouped[2]}"'
        if COMMA_DECIMAL.fullmatch(text) and self._options.decimal != ",":
            return '; if the comma is its decimal mark, write decimal: ","'
        return ""


def _number_pattern(options: CsvOptions) -> re.Pattern[str]:
    group = re.escape(options.thousands.translate(SPACES)) if options.thousands else None
    grouped = rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|" if group else ""
    return re.compile(
        rf"(?P<sign>[+-]?)(?P<whole>{grouped}[0-9]*)(?:{re.escape(options.decimal)}(?P<fraction>[0-9]*))?"
        r"(?P<exponent>[eE][+-]?[0-9]+)?"
    )
