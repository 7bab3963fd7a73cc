"""What differs between two states of the reporting dataset, row by row, and which events made it so.

Belongs here: which two files are meant, that they can be compared, and the comparison as a whole. Not here:
comparing one table (`row_differences`), finding events (`causes`), and how a report looks (the command line,
Dagster). Only the rows that are shown are traced, and only files of events that one side knows are opened.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from event_archive.archive import Archive
from event_archive.errors import UnusableInput
from event_archive.views.between_cuts import Cut
from orchestration.dataset.dataset_file import Dataset, DatasetInfo, attach_dataset
from orchestration.dataset.tables import text
from orchestration.dataset.versions import find_version, require_served_version
from orchestration.diff.causes import Causes, find_causes
from orchestration.diff.rows import RowDifferences, compare_rows, rows_of
from orchestration.settings import Settings
from orchestration.warehouse.build_record import commit_at

CURRENT = "current"
SHOWN_NAMES = 3
FEW_EVENTS = 5


@dataclass(frozen=True)
class Side:
    """One of the two states: as it was asked for, what its file says, and when its last commit landed."""

    label: str
    file: Path
    about: DatasetInfo
    landed_at: datetime | None


@dataclass(frozen=True)
class Change:
    """One row that differs, by its key; of a changed one the old and new values; and the events behind it."""

    kind: str
    key: dict[str, Any]
    values: dict[str, tuple[Any, Any]]
    causes: Causes


@dataclass(frozen=True)
class TableDifference:
    """How a table differs, and its first rows that do.

    `without_events`: what is to be said of a row that no event explains.
    """

    table: str
    rows_a: int
    rows_b: int
    found: RowDifferences
    changes: tuple[Change, ...]
    without_events: str

    @property
    def differs(self) -> bool:
        """Whether rows or columns differ, but for when something landed."""
        shape = self.found.shape
        return bool(self.found.rows or shape.only_a or shape.only_b or shape.retyped)


@dataclass(frozen=True)
class Comparison:
    """Two states of the dataset, the tables in which they differ, and how many there are that do not."""

    a: Side
    b: Side
    is_same_file: bool = False
    tables: tuple[TableDifference, ...] = ()
    same_tables: tuple[str, ...] = ()
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.only_a or self.only_b or any(table.differs for table in self.tables))


@dataclass
class Comparing:
    """A comparison under way: both files, attached, and what has been found of each table so far."""

    connection: duckdb.DuckDBPyConnection
    a: Dataset
    b: Dataset
    found: dict[str, RowDifferences] = field(default_factory=dict)

    def differences(self, table: str) -> RowDifferences | None:
        """Compare a table, once; None where one side has no such table."""
        if table not in self.a.notes or table not in self.b.notes:
            return None
        if table not in self.found:
            pair = self.a.notes[table], self.b.notes[table]
            self.found[table] = compare_rows(self.connection, table, *pair)
        return self.found[table]


def diff(
    settings: Settings, a: str, b: str, table: str | None = None, limit: int | None = None
) -> Comparison:
    """Compare two states; each is a version's number, a dataset file, or `current`.

    `limit`: at most so many rows of a table, and as many events of a row, or a few. Raises UnusableInput.
    """
    (label_a, file_a), (label_b, file_b) = dataset_asked(settings, a), dataset_asked(settings, b)
    archive = settings.open_archive()
    with TemporaryDirectory(prefix="factlog-diff-") as folder, closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET threads = {settings.threads}")
        connection.execute(f"SET memory_limit = '{settings.memory_bytes}B'")
        connection.execute(f"SET temp_directory = {text(folder)}")
        first = attach_dataset(connection, file_a, "a")
        side = side_of(settings, archive, label_a, first)
        if file_a == file_b:
            check_table(table, first.states)
            return Comparison(side, replace(side, label=label_b), is_same_file=True)
        second = attach_dataset(connection, file_b, "b")
        sides = side, side_of(settings, archive, label_b, second)
        check_table(table, {**first.states, **second.states})
        return compare(Comparing(connection, first, second), archive, sides, table, limit)


def compare(
    comparing: Comparing, archive: Archive, sides: tuple[Side, Side], table: str | None, limit: int | None
) -> Comparison:
    """Compare two attached datasets; tables of equal digest are not looked into."""
    states_a, states_b = comparing.a.states, comparing.b.states
    asked = [one for one in sorted({*states_a, *states_b}) if table in (None, one)]
    both = [one for one in asked if one in states_a and one in states_b]
    differing = [one for one in both if states_a[one].digest != states_b[one].digest]
    found = {one: difference for one in differing if (difference := comparing.differences(one))}
    rows = {one: rows_of(comparing.connection, difference, limit) for one, difference in found.items()}
    notes = {**comparing.a.notes, **comparing.b.notes}
    events = None if limit is None else max(limit, FEW_EVENTS)
    causes = find_causes(
        comparing.connection, archive, cuts(sides), rows, notes, comparing.differences, events
    )
    tables = [
        TableDifference(
            table=one,
            rows_a=states_a[one].rows,
            rows_b=states_b[one].rows,
            found=difference,
            changes=tuple(
                Change(row.kind, row.key, row.values, causes.get((one, row.id), Causes()))
                for row in rows[one]
            ),
            without_events=without_events(sides, is_traced=bool(notes[one].traced_to)),
        )
        for one, difference in found.items()
    ]
    return Comparison(
        *sides,
        tables=tuple(tables),
        same_tables=tuple(one for one in both if one not in found),
        only_a=tuple(one for one in asked if one not in states_b),
        only_b=tuple(one for one in asked if one not in states_a),
    )


def cuts(sides: tuple[Side, Side]) -> tuple[Cut, Cut]:
    """The cuts of the log that two states show."""
    a, b = (Cut(side.about.sequence, side.about.as_of) for side in sides)
    return a, b


def without_events(sides: tuple[Side, Side], *, is_traced: bool) -> str:
    """Say why a row may differ though no event that only one side knows is behind it."""
    codes = [side.about.code_version for side in sides]
    if not is_traced:
        return "how its rows are traced to events is not said (meta: traced_to)"
    if codes[0] != codes[1]:
        return f"no event between: other code derived it ({codes[0]} → {codes[1]})"
    return "no event between explains it"


def dataset_asked(settings: Settings, asked: str) -> tuple[str, Path]:
    """Find what is meant: a published version, the one that is served, or any dataset file."""
    if asked == CURRENT:
        version = require_served_version(settings)
        return f"version {version.number} ({CURRENT})", (settings.published / version.file_name).resolve()
    if asked.isascii() and asked.isdigit():
        version = find_version(settings, int(asked))
        return f"version {version.number}", (settings.published / version.file_name).resolve()
    path = Path(asked).expanduser()
    if not path.exists():
        raise UnusableInput(f"{asked}: no such file, and neither a version's number nor `{CURRENT}`")
    return asked, path.resolve()


def side_of(settings: Settings, archive: Archive, label: str, dataset: Dataset) -> Side:
    """Take a dataset of this log; what is in the archive explains nothing about one of another log."""
    about = dataset.about
    commit = commit_at(archive, about.sequence)
    if (commit.digest if commit else "") != about.log_digest:
        raise UnusableInput(
            f"{label}: derived from another archive than {settings.archive_root}, "
            f"whose commit {about.sequence} is {'another one' if commit else 'not there'}"
        )
    return Side(label, dataset.file, about, commit.landed_at if commit else None)


def check_table(asked: str | None, known: Iterable[str]) -> None:
    """Refuse a table that neither side has, and name those that may be meant."""
    tables = sorted(known)
    if asked is None or asked in tables:
        return
    near = near_names(asked, tables)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are: {', '.join(tables)}"
    raise UnusableInput(f"{asked}: no such table on either side{hint}")


def near_names(asked: str, tables: Sequence[str]) -> list[str]:
    """Name the tables that somebody may have meant: another schema left out, or a letter wrong."""
    bare = {table: table.split(".", 1)[1] for table in tables}
    exact = [table for table, one in bare.items() if one == asked.rsplit(".", 1)[-1]]
    near = get_close_matches(asked, tables, SHOWN_NAMES)
    by_bare = get_close_matches(asked, bare.values(), SHOWN_NAMES)
    return exact or near or [table for table in tables if bare[table] in by_bare]
