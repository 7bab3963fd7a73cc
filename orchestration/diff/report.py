"""How a comparison of two datasets reads: lines for people, and a record for programs.

Belongs here: the words, shared by the command line and Dagster. Not here: colours and pages (theirs), and
what is compared (`diffing`). Of an event only its name, type, times and file are told: no data, no person.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import PurePath

from orchestration.diff.causes import Cause
from orchestration.diff.compare import Change, Comparison, Side, TableDifference
from orchestration.diff.rows import ADDED, CHANGED, REMOVED

EVENTS_SHOWN = 3
SIGNS = {CHANGED: "~", REMOVED: "-", ADDED: "+"}
SET_APART = ("table", *SIGNS)
SUMMARY = ("table", "rows in A", "rows in B", "changed", "removed", "added")


@dataclass(frozen=True)
class Line:
    """A line, and what kind of thing it tells: the kind of a change, `table`, `value`, `event` or `note`."""

    kind: str
    text: str


def heading(comparison: Comparison) -> list[str]:
    """Say what A and B are."""
    return [f"A  {side_line(comparison.a)}", f"B  {side_line(comparison.b)}"]


def side_line(side: Side) -> str:
    """Say what one side is, and what it was derived from."""
    about = side.about
    known = (
        f"commits 1 to {about.sequence}, landed by {seconds(side.landed_at)}"
        if side.landed_at
        else "no commit"
    )
    before = f", of events before {seconds(about.as_of)}" if about.as_of else ""
    return f"{side.label}: {known}{before}, code {about.code_version}"


def summary(comparison: Comparison) -> list[tuple[object, ...]]:
    """Count per table that differs, in the columns of SUMMARY."""
    return [
        (one.table, one.rows_a, one.rows_b, one.found.changed, one.found.removed, one.found.added)
        for one in comparison.tables
        if one.differs
    ]


def outcome(comparison: Comparison) -> list[str]:
    """Say what does not show in the counts: what is the same, and tables of one side."""
    if comparison.is_same_file:
        return ["A and B are the same file: nothing to compare."]
    said = []
    for side, tables in (("A", comparison.only_a), ("B", comparison.only_b)):
        if tables:
            said.append(f"Only in {side}: {', '.join(tables)}")
    differing = [one for one in comparison.tables if one.differs]
    same = len(comparison.same_tables) + len(comparison.tables) - len(differing)
    if not comparison.differs:
        return [f"No difference: {'all ' if same > 1 else ''}{number(same, 'table')} the same in A and B."]
    return [*said, *([f"{number(same, 'table')} the same in A and B."] if same else [])]


def number(count: int, what: str) -> str:
    """Word how many are."""
    return f"{count:,} {what}{'' if count == 1 else 's'} {'is' if count == 1 else 'are'}"


def lines(comparison: Comparison, hint: str = "") -> Iterator[Line]:
    """Tell each table that differs, row by row; `hint`: how the rows that are not told can be seen."""
    for one in comparison.tables:
        if one.differs or one.found.read_again:
            yield from table_lines(one, hint)


def table_lines(one: TableDifference, hint: str) -> Iterator[Line]:
    """Tell one table: its columns, its first rows that differ, and how many more there are."""
    found, shape = one.found, one.found.shape
    counts = [(found.changed, CHANGED), (found.removed, REMOVED), (found.added, ADDED)]
    said = ", ".join(f"{count:,} {kind}" for count, kind in counts if count) or "no row differs"
    yield Line("table", f"{one.table}: {said}")
    for side, columns in (("A", shape.only_a), ("B", shape.only_b)):
        if columns:
            yield Line("note", f"columns only in {side}, not compared: {', '.join(columns)}")
    if shape.retyped:
        yield Line("note", f"columns of another type in B, compared as text: {', '.join(shape.retyped)}")
    for change in one.changes:
        yield from change_lines(change, one.without_events)
    more = found.rows - len(one.changes)
    if more > 0:
        yield Line("note", f"… and {more:,} more {'row' if more == 1 else 'rows'}{hint}")
    if found.read_again:
        landing = ", ".join(shape.landing)
        rows = "row differs" if found.read_again == 1 else "rows differ"
        yield Line("note", f"{found.read_again:,} more {rows} only in when something landed ({landing})")


def change_lines(change: Change, without_events: str) -> Iterator[Line]:
    """Tell one row: its key, what changed, and by which events."""
    key = ", ".join(f"{column} {worded(value)}" for column, value in change.key.items())
    yield Line(change.kind, f"{SIGNS[change.kind]} {key}")
    width = max(map(len, change.values), default=0)
    for column, (old, new) in change.values.items():
        yield Line("value", f"    {column:<{width}}  {worded(old)} → {worded(new)}")
    shown = change.causes.events[:EVENTS_SHOWN]
    for event in shown:
        yield from event_lines(event)
    more = change.causes.count - len(shown)
    if more > 0:
        yield Line("event", f"  … and {more:,} more {'event' if more == 1 else 'events'}")
    if not change.causes.count:
        yield Line("event", f"  {without_events}")


def event_lines(event: Cause) -> Iterator[Line]:
    """Tell one event: what it is, when it occurred, when and from which file it landed, and what it mends."""
    by = "by" if event.only_in == "b" else "without"
    indent = " " * (len(by) + 3)
    yield Line("event", f"  {by} {event.event_type} {event.event_id}")
    landed = f"landed {seconds(event.landed_at)} in commit {event.sequence}"
    origin = PurePath(event.origin).name
    yield Line("event", f"{indent}occurred {seconds(event.occurred_at)}, {landed} from {origin}")
    if event.mends:
        of = f"of {seconds(event.mended_at)}" if event.mended_at else "which has not landed"
        yield Line("event", f"{indent}{event.mending} {event.mends}, {of}")


def seconds(value: datetime) -> str:
    """Word a time in UTC to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def worded(value: object) -> str:
    """Word a value of a row so that two that differ look different."""
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
            in_utc = value.astimezone(UTC) if value.tzinfo else value
            return in_utc.isoformat(sep=" ").removesuffix("+00:00")
        case date():
            return value.isoformat()
    return str(value)


def as_record(comparison: Comparison) -> dict[str, object]:
    """Give the whole comparison for programs."""
    return {
        "a": side_record(comparison.a),
        "b": side_record(comparison.b),
        "differs": comparison.differs,
        "tables": [table_record(one) for one in comparison.tables],
        "same_tables": list(comparison.same_tables),
        "only_in_a": list(comparison.only_a),
        "only_in_b": list(comparison.only_b),
    }


def side_record(side: Side) -> dict[str, object]:
    """Give one side."""
    return {"label": side.label, "file": str(side.file), "landed_at": side.landed_at, **asdict(side.about)}


def table_record(one: TableDifference) -> dict[str, object]:
    """Give one table."""
    found, shape = one.found, one.found.shape
    return {
        "table": one.table,
        "rows_in_a": one.rows_a,
        "rows_in_b": one.rows_b,
        CHANGED: found.changed,
        REMOVED: found.removed,
        ADDED: found.added,
        "read_again": found.read_again,
        "row_key": list(shape.key),
        "columns_only_in_a": list(shape.only_a),
        "columns_only_in_b": list(shape.only_b),
        "columns_of_another_type": list(shape.retyped),
        "rows": [
            {
                "kind": change.kind,
                "key": change.key,
                "values": {name: {"a": old, "b": new} for name, (old, new) in change.values.items()},
                "event_count": change.causes.count,
                "events": [asdict(event) for event in change.causes.events],
                "without_events": None if change.causes.count else one.without_events,
            }
            for change in one.changes
        ],
    }
