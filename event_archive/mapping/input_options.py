"""`input:` of a mapping file: which format its inputs are in, and how it is read.

Belongs here: the options as they are written, and what is wrong with them. Not here: what they mean to a
reader (`decoding`), and the rest of a mapping (`mapping`).
"""

from collections.abc import Iterable

from event_archive.decoding.csv_options import COLUMN_TYPES, ENCODINGS, CsvOptions
from event_archive.decoding.input_form import FOUND, InputForm
from event_archive.registry.yaml_file import Entry

OPTIONS = {
    "columns",
    "decimal",
    "delimiter",
    "encoding",
    "header",
    "nulls",
    "quote",
    "skip",
    "thousands",
}
MOST_SKIPPED = 1000
CALLED = {"iso-8859-1": "latin-1", "cp1252": "windows-1252", "utf8": "utf-8", "utf16": "utf-16", "tab": "\t"}
"""Other names of some values."""


def read_input(entry: Entry | None) -> InputForm:
    """Return the form that `input:` describes; where it is left out, it is found. Raises UnusableInput."""
    if entry is None:
        return FOUND
    if entry.fields is None and entry.items is None and entry.text in ("csv", "parquet"):
        return InputForm(csv=CsvOptions()) if entry.text == "csv" else InputForm(is_parquet=True)
    if entry.fields is None or set(entry.fields) != {"csv"}:
        raise entry.rejected(
            "input is csv, parquet, or {csv: {delimiter: …}}; without it inputs are JSON, Avro or Protobuf"
        )
    return InputForm(csv=_read_csv(entry.fields["csv"]))


def _read_csv(entry: Entry) -> CsvOptions:
    fields = entry.only(OPTIONS, set(), "csv")
    names = _names(fields["header"]) if "header" in fields else None
    options = CsvOptions(
        delimiter=_character(fields, "delimiter", ",") or ",",
        quote=_character(fields, "quote", '"'),
        names=names,
        skip=_skipped(fields["skip"]) if "skip" in fields else 0,
        encoding=_encoding(fields["encoding"]) if "encoding" in fields else "utf-8",
        decimal=_character(fields, "decimal", ".") or ".",
        thousands=_character(fields, "thousands", None),
        nulls=frozenset(_texts(fields["nulls"])) if "nulls" in fields else frozenset({""}),
        columns=_columns(fields["columns"]) if "columns" in fields else {},
    )
    if options.quote == options.delimiter:
        raise entry.rejected("the quote and the delimiter are the same character")
    if options.thousands == options.decimal:
        raise entry.rejected("the thousands separator and the decimal mark are the same character")
    for name, column in (fields["columns"].fields or {}).items() if "columns" in fields else ():
        if names is not None and name not in names:
            raise column.rejected(f"there is no column {name!r} in header")
    return options


def _character(fields: dict[str, Entry], name: str, default: str | None) -> str | None:
    """The one character that an option is; None where it says `none`, which a delimiter can't be."""
    if name not in fields:
        return default
    entry = fields[name]
    may_be_none = name in ("quote", "thousands")
    text = CALLED.get(entry.text, entry.text)
    if may_be_none and text.lower() in ("none", ""):
        return None
    is_plain = entry.fields is None and entry.items is None
    if not is_plain or len(text) != 1 or ord(text) > 0xFFFF or text in "\r\n\x00" or text.isalnum():
        none = ", or none" if may_be_none else ""
        raise entry.rejected(f"{name} is one character (no letter, no digit) in quotes{none}")
    return text


def _names(entry: Entry) -> tuple[str, ...] | None:
    if entry.constant is True:
        return None
    if not entry.items:
        raise entry.rejected("header is true, or the names of all columns where the file has none: [a, b, c]")
    names = tuple(_texts(entry))
    for number, name in enumerate(names):
        if not name or name in names[:number]:
            raise entry.items[number].rejected(f"{name!r} can't be the name of a column, or is one already")
    return names


def _texts(entry: Entry) -> Iterable[str]:
    """The texts of a list, or the one that stands in its place."""
    items = [entry] if entry.items is None and entry.fields is None else entry.items
    if items is None or any(item.fields is not None or item.items is not None for item in items):
        raise entry.rejected("here stands a list of texts, such as [NA, n/a]")
    return [item.text for item in items]


def _skipped(entry: Entry) -> int:
    number = entry.constant
    if type(number) is not int or not 0 <= number <= MOST_SKIPPED:
        raise entry.rejected(f"skip is how many lines stand before the header, at most {MOST_SKIPPED:,}")
    return number


def _encoding(entry: Entry) -> str:
    name = entry.text.lower().replace("_", "-")
    name = CALLED.get(name, name)
    if name == "shift-jis":
        return "shift_jis"
    if name not in ENCODINGS:
        raise entry.rejected(f"encoding is one of {', '.join(sorted(ENCODINGS))}")
    return name


def _columns(entry: Entry) -> dict[str, str]:
    if entry.fields is None:
        raise entry.rejected("columns gives types to columns: {Quantity: integer, Price: number}")
    for name, kind in entry.fields.items():
        if kind.text not in COLUMN_TYPES:
            raise kind.rejected(f"the type of {name} is {', '.join(COLUMN_TYPES)}, and not {kind.text!r}")
    return {name: kind.text for name, kind in entry.fields.items()}
