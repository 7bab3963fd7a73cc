"""Prints what a query answered: a table, records one below the other, JSON or CSV.

Belongs here: the shapes of an answer. Not here: where the answer comes from (`querying`).
"""

import csv
import json
import math
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from orchestration.command_line import screen
from orchestration.publishing.query import Answer

TABLE_ROWS = 200


def print_csv(answer: Answer) -> None:
    """Print comma separated values with a header; NULL is an empty field, times are ISO 8601."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([field(value) for value in row] for row in answer.rows)


def field(value: object) -> str:
    """Word one value for another program: times are ISO 8601 with their zone."""
    return str(screen.plain(value)) if isinstance(value, datetime) else exact(value)


def print_json(answer: Answer) -> None:
    """Print an array of objects, one on a line; decimals are strings, so that no digit is lost."""
    names = unique(answer.columns)
    opening = "["
    for row in answer.rows:
        record = {name: whole(value) for name, value in zip(names, row, strict=True)}
        sys.stdout.write(f"{opening}\n{json.dumps(record, default=screen.plain, ensure_ascii=False)}")
        opening = ","
    print("[]" if opening == "[" else "\n]")


def print_table(answer: Answer) -> None:
    """Print the first rows: as a table where they fit the screen, else one record below the other."""
    shown = answer.rows[:TABLE_ROWS]
    widths = [
        max([len(name), *(len(exact(row[place])) for row in shown)])
        for place, name in enumerate(answer.columns)
    ]
    few = len(answer.columns) <= max(
        2, screen.width() // 20
    )  # A few long columns are still readable when they wrap.
    if few or sum(widths) + 3 * len(widths) <= screen.width():
        screen.table(None, answer.columns, shown, wording=exact)
    else:
        margin = max(len(name) for name in answer.columns)
        for number, row in enumerate(shown, start=1):
            screen.tell(f"-- {number}")
            fields = zip(answer.columns, row, strict=True)
            screen.tell(*(f"{name:<{margin}}  {exact(value)}" for name, value in fields))
    if len(answer.rows) > len(shown):
        screen.say(f"The first {len(shown)} of {len(answer.rows):,} rows. All of them: --csv or --json")
    else:
        screen.say(f"{len(shown)} row{'' if len(shown) == 1 else 's'}")


def exact(value: object) -> str:
    """Word a value without rounding it and without grouping its digits."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case datetime():
            return screen.moment(value)
    return screen.cell(value)


def whole(value: object) -> object:
    """Give what JSON can hold: it knows no NaN and no infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def unique(columns: Sequence[str]) -> list[str]:
    """Keep columns of the same name apart."""
    seen: dict[str, int] = {}
    names = []
    for name in columns:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names
