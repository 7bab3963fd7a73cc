"""How a comparison of two datasets reads: lines for people, and a record for programs.

Belongs here: the words, shared by the command line and Dagster. Not here: colours and pages (theirs), and
what is compared (`compare`). Of an event only its name, type, times and file are shown: no data, no person.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from pathlib import PurePath

from event_archive.wording import agree, format_count
from orchestration.diff.causes import Cause
from orchestration.diff.comparison import Change, Comparison, DatasetSide, TableChanges
from orchestration.diff.rows import ADDED, CHANGED, REMOVED
from orchestration.shown_times import format_time

EVENTS_SHOWN = 3
SIGNS = {CHANGED: "~", REMOVED: "-", ADDED: "+"}
SET_APART = ("table", *SIGNS)
SUMMARY = ("table", "rows in A", "rows in B", "changed", "removed", "added")


@dataclass(frozen=True)
class Line:
    """A line, and what kind of thing it shows: the kind of a change, `table`, `value`, `event` or `note`."""

    kind: str
    text: str


def heading(comparison: Comparison, zone: tzinfo = UTC) -> list[str]:
    """The lines that say what A and B are."""
    return [f"A  {format_side(comparison.a, zone)}", f"B  {format_side(comparison.b, zone)}"]


def format_side(side: DatasetSide, zone: tzinfo) -> str:
    """Return what one side is, and what it was derived from, as a line."""
    info = side.info
    commits = (
        f"commits 1 to {info.sequence}, landed by {format_moment(side.landed_at, zone)}"
        if side.landed_at
        else "no commit"
    )
    before = f", of events before {format_moment(info.as_of, zone)}" if info.as_of else ""
    return f"{side.label}: {commits}{before}, code {info.code_version}"


def summary(comparison: Comparison) -> list[tuple[object, ...]]:
    """The counts of each table that differs, in the columns of SUMMARY."""
    return [
        (
            table.table,
            table.rows_a,
            table.rows_b,
            table.differences.changed,
            table.differences.removed,
            table.differences.added,
        )
        for table in comparison.tables
        if table.differs
    ]


def outcome(comparison: Comparison) -> list[str]:
    """The lines on what the counts do not show: what is the same, and tables of one side."""
    if comparison.is_same_file:
        return ["A and B are the same file: nothing to compare."]
    only_on_a_side = [
        f"Only in {side}: {', '.join(tables)}"
        for side, tables in (("A", comparison.only_a), ("B", comparison.only_b))
        if tables
    ]
    differing = [table for table in comparison.tables if table.differs]
    same = len(comparison.same_tables) + len(comparison.tables) - len(differing)
    same_line = f"{format_count(same, 'table')} {agree(same, 'is', 'are')} the same in A and B."
    if not comparison.differs:
        return [f"No difference: {'all ' if same > 1 else ''}{same_line}"]
    return [*only_on_a_side, *([same_line] if same else [])]


def lines(comparison: Comparison, hint: str = "", zone: tzinfo = UTC) -> Iterator[Line]:
    """The lines on each table that differs, row by row; `hint`: how rows that are left out can be seen."""
    for table in comparison.tables:
        if table.differs or table.differences.read_again:
            yield from table_lines(table, hint, zone)


def table_lines(table: TableChanges, hint: str, zone: tzinfo) -> Iterator[Line]:
    """The lines on one table: its columns, its first rows that differ, and how many more there are."""
    rows = table.differences
    pair = rows.comparison.pair
    counts = [(rows.changed, CHANGED), (rows.removed, REMOVED), (rows.added, ADDED)]
    per_kind = ", ".join(f"{count:,} {kind}" for count, kind in counts if count) or "no row differs"
    yield Line("table", f"{table.table}: {per_kind}")
    for side, columns in (("A", pair.only_a), ("B", pair.only_b)):
        if columns:
            yield Line("note", f"columns only in {side}, not compared: {', '.join(columns)}")
    if pair.retyped:
        yield Line("note", f"columns of another type in B, compared as text: {', '.join(pair.retyped)}")
    for change in table.changes:
        yield from change_lines(change, table.without_events, zone)
    more = rows.rows - len(table.changes)
    if more > 0:
        yield Line("note", f"… and {more:,} more {'row' if more == 1 else 'rows'}{hint}")
    if rows.read_again:
        landing = ", ".join(rows.comparison.landing)
        differ = "row differs" if rows.read_again == 1 else "rows differ"
        yield Line("note", f"{rows.read_again:,} more {differ} only in when something landed ({landing})")


def change_lines(change: Change, without_events: str, zone: tzinfo) -> Iterator[Line]:
    """The lines on one row: its key, what changed, and by which events."""
    key = ", ".join(f"{column} {format_value(value, zone)}" for column, value in change.key.items())
    yield Line(change.kind, f"{SIGNS[change.kind]} {key}")
    width = max(map(len, change.values), default=0)
    for column, (old, new) in change.values.items():
        yield Line("value", f"    {column:<{width}}  {format_value(old, zone)} → {format_value(new, zone)}")
    shown = change.causes.events[:EVENTS_SHOWN]
    for event in shown:
        yield from event_lines(event, zone)
    more = change.causes.count - len(shown)
    if more > 0:
        yield Line("event", f"  … and {more:,} more {'event' if more == 1 else 'events'}")
    if not change.causes.count:
        yield Line("event", f"  {without_events}")


def event_lines(event: Cause, zone: tzinfo) -> Iterator[Line]:
    """The lines on one event: what it is, when it occurred, when and from where it landed, what it mends."""
    by = "by" if event.only_in == "b" else "without"
    indent = " " * (len(by) + 3)
    yield Line("event", f"  {by} {event.event_type} {event.event_id}")
    landed = f"landed {format_moment(event.landed_at, zone)} in commit {event.sequence}"
    origin = PurePath(event.origin).name
    yield Line("event", f"{indent}occurred {format_moment(event.occurred_at, zone)}, {landed} from {origin}")
    if event.mends:
        of = f"of {format_moment(event.mended_at, zone)}" if event.mended_at else "which has not landed"
        yield Line("event", f"{indent}{event.mending} {event.mends}, {of}")


def format_moment(value: datetime, zone: tzinfo = UTC) -> str:
    """Return a moment to the second."""
    return format_time(value.replace(microsecond=0), zone)


def format_value(value: object, zone: tzinfo) -> str:
    """Return a value of a row as text, so that two that differ look different."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:,}"
        case Decimal():
            return f"{value:,f}"
        case datetime():
            return format_time(value, zone)
        case date():
            return value.isoformat()
    return str(value)


def to_json(comparison: Comparison) -> dict[str, object]:
    """Return the whole comparison for programs."""
    return {
        "a": side_to_json(comparison.a),
        "b": side_to_json(comparison.b),
        "differs": comparison.differs,
        "tables": [table_to_json(table) for table in comparison.tables],
        "same_tables": list(comparison.same_tables),
        "only_in_a": list(comparison.only_a),
        "only_in_b": list(comparison.only_b),
    }


def side_to_json(side: DatasetSide) -> dict[str, object]:
    """Return one side for programs."""
    return {"label": side.label, "file": str(side.file), "landed_at": side.landed_at, **asdict(side.info)}


def table_to_json(table: TableChanges) -> dict[str, object]:
    """Return one table for programs."""
    rows = table.differences
    pair = rows.comparison.pair
    return {
        "table": table.table,
        "rows_in_a": table.rows_a,
        "rows_in_b": table.rows_b,
        CHANGED: rows.changed,
        REMOVED: rows.removed,
        ADDED: rows.added,
        "read_again": rows.read_again,
        "row_key": list(rows.comparison.key),
        "columns_only_in_a": list(pair.only_a),
        "columns_only_in_b": list(pair.only_b),
        "columns_of_another_type": list(pair.retyped),
        "rows": [
            {
                "kind": change.kind,
                "key": change.key,
                "values": {name: {"a": old, "b": new} for name, (old, new) in change.values.items()},
                "event_count": change.causes.count,
                "events": [asdict(event) for event in change.causes.events],
                "without_events": None if change.causes.count else table.without_events,
            }
            for change in table.changes
        ],
    }
