"""The answer of a query on the screen: a table, records below each other, JSON or CSV.

Belongs here: the forms of an answer. Not here: where the answer comes from (`query`).
"""

import csv
import json
import math
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.publishing.query import Answer

TABLE_ROWS = 200


def print_csv(answer: Answer) -> None:
    """Print comma separated values with a header; NULL is an empty field, times are ISO 8601."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([format_field(value) for value in row] for row in answer.rows)


def format_field(value: object) -> str:
    """Format a value for another program: times are ISO 8601 with their zone."""
    return str(screen.to_json_value(value)) if isinstance(value, datetime) else format_exactly(value)


def print_json(answer: Answer) -> None:
    """Print an array of objects, one on a line; decimals are strings, so that no digit is lost."""
    names = unique_names(answer.columns)
    opening = "["
    for row in answer.rows:
        record = {name: finite(value) for name, value in zip(names, row, strict=True)}
        sys.stdout.write(f"{opening}\n{json.dumps(record, default=screen.to_json_value, ensure_ascii=False)}")
        opening = ","
    print("[]" if opening == "[" else "\n]")


def print_table(answer: Answer) -> None:
    """Print the first rows: as a table where they fit the screen, else a record below the other."""
    shown = answer.rows[:TABLE_ROWS]
    few = len(answer.columns) <= max(
        2, screen.width() // 20
    )  # A few long columns are still readable when they wrap.
    if few or screen.fits(answer.columns, shown, format_exactly):
        screen.print_table(None, answer.columns, shown, format_value=format_exactly, may_cut=False)
    else:
        screen.print_records(answer.columns, shown, format_exactly)
    if len(answer.rows) > len(shown):
        screen.print_note(
            f"The first {len(shown)} of {len(answer.rows):,} rows. All of them: --csv or --json"
        )
    else:
        screen.print_note(format_count(len(shown), "row"))


def format_exactly(value: object) -> str:
    """Format a value without rounding it and without grouping its digits."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case datetime():
            return screen.format_time(value)
    return screen.format_cell(value)


def finite(value: object) -> object:
    """The value, or None for what JSON has not: NaN and infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def unique_names(columns: Sequence[str]) -> list[str]:
    """The names of the columns, numbered where several have the same."""
    seen: dict[str, int] = {}
    names = []
    for name in columns:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names
