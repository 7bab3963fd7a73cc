"""What differs between two states of the reporting dataset, row by row, and which events made it so.

Belongs here: which two files are meant, that they can be compared, and the comparison as a whole. Not here:
comparing one table (`rows`), finding events (`causes`), and how a report looks (`report`, the command line,
Dagster). Only the rows that are shown are traced, and only files are opened of events that one side knows,
and of what these correct.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from event_archive import Archive, UnusableInput
from event_archive.engine import open_engine
from event_archive.views.between_cuts import Cut
from event_archive.wording import did_you_mean
from orchestration.dataset.dataset_file import Dataset, attach_dataset
from orchestration.dataset.versions import SERVED, find_version, intact_file, require_served_version, versions
from orchestration.diff.causes import Causes, find_causes
from orchestration.diff.comparison import Change, Comparison, DatasetSide, TableChanges
from orchestration.diff.rows import RowDifferences, compare_rows, read_rows
from orchestration.names import CURRENT
from orchestration.setting_values import absolute, whole_number
from orchestration.settings import Settings
from orchestration.warehouse.build_record import commit_at

Progress = Callable[[int, int, str], None]
SHOWN_NAMES = 3
FEW_EVENTS = 5


@dataclass
class AttachedDatasets:
    """Two dataset files, attached as `a` and `b`, and the tables that were compared so far."""

    connection: duckdb.DuckDBPyConnection
    a: Dataset
    b: Dataset
    compared: dict[str, RowDifferences] = field(default_factory=dict)

    def differences(self, table: str) -> RowDifferences | None:
        """Compare a table, once; None where one side has no such table."""
        if table not in self.a.marts or table not in self.b.marts:
            return None
        if table not in self.compared:
            self.compared[table] = compare_rows(
                self.connection, table, self.a.marts[table], self.b.marts[table]
            )
        return self.compared[table]


def diff(
    settings: Settings,
    a: str,
    b: str,
    table: str | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two states; each is a version's number, a dataset file, or `current`.

    `limit`: at most so many rows of a table, and as many events of a row, or a few. `progress` is called with
    how many tables were looked into, of so many that are not equal, and which comes next. Raises
    UnusableInput.
    """
    archive = settings.open_archive()
    (label_a, file_a), (label_b, file_b) = find_dataset(settings, a), find_dataset(settings, b)
    with (
        TemporaryDirectory(prefix="factlog-diff-") as folder,
        closing(
            open_engine(threads=settings.threads, memory_bytes=settings.memory_bytes, spill=Path(folder))
        ) as connection,
    ):
        first = attach_dataset(connection, file_a, "a")
        side = side_of(settings, archive, label_a, first)
        if file_a == file_b:
            check_table(table, first.states)
            return Comparison(side, replace(side, label=label_b), is_same_file=True)
        second = attach_dataset(connection, file_b, "b")
        sides = side, side_of(settings, archive, label_b, second)
        check_table(table, {**first.states, **second.states})
        return compare(AttachedDatasets(connection, first, second), archive, sides, table, limit, progress)


def compare(
    datasets: AttachedDatasets,
    archive: Archive,
    sides: tuple[DatasetSide, DatasetSide],
    only_table: str | None,
    limit: int | None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two attached datasets; tables of equal digest are not looked into."""
    states_a, states_b = datasets.a.states, datasets.b.states
    tables = [table for table in sorted({*states_a, *states_b}) if only_table in (None, table)]
    both = [table for table in tables if table in states_a and table in states_b]
    unequal = [table for table in both if states_a[table].digest != states_b[table].digest]
    differences, shown = {}, {}
    for looked_into, table in enumerate(unequal):
        if progress:
            progress(looked_into, len(unequal), table)
        if rows := datasets.differences(table):
            differences[table] = rows
            shown[table] = read_rows(datasets.connection, rows, limit)
    if progress:
        progress(len(unequal), len(unequal), "the events behind it")
    marts = {**datasets.a.marts, **datasets.b.marts}
    events = None if limit is None else max(limit, FEW_EVENTS)
    causes, problems = find_causes(
        datasets.connection, archive, cuts(sides), shown, marts, datasets.differences, events
    )
    changed = [
        TableChanges(
            table=table,
            rows_a=states_a[table].rows,
            rows_b=states_b[table].rows,
            differences=rows,
            changes=tuple(
                Change(row.kind, row.key, row.values, causes.get((table, row.id), Causes()))
                for row in shown[table]
            ),
            without_events=problems.get(table)
            or without_events(sides, is_traced=bool(marts[table].traced_to)),
        )
        for table, rows in differences.items()
    ]
    return Comparison(
        *sides,
        tables=tuple(changed),
        same_tables=tuple(table for table in both if table not in differences),
        only_a=tuple(table for table in tables if table not in states_b),
        only_b=tuple(table for table in tables if table not in states_a),
    )


def cuts(sides: tuple[DatasetSide, DatasetSide]) -> tuple[Cut, Cut]:
    """The cuts of the log that two states show."""
    a, b = (Cut(side.info.sequence, side.info.as_of) for side in sides)
    return a, b


def without_events(sides: tuple[DatasetSide, DatasetSide], *, is_traced: bool) -> str:
    """Why a row may differ though no event that only one side knows is behind it."""
    codes = [side.info.code_version for side in sides]
    if not is_traced:
        return "how its rows are traced to events is not said (meta: traced_to)"
    if codes[0] != codes[1]:
        return f"no event between: other code derived it ({codes[0]} → {codes[1]})"
    return "no event between explains it"


def find_dataset(settings: Settings, asked: str) -> tuple[str, Path]:
    """Return what is meant, by its label and file: a version, the one that is served, or any dataset file."""
    if asked == CURRENT:
        version = require_served_version(settings)
        return f"version {version.number} ({CURRENT})", intact_file(settings, version).resolve()
    if (number := whole_number(asked)) is not None:
        version = find_version(settings, number)
        return f"version {version.number}", intact_file(settings, version).resolve()
    path = absolute(asked, "dataset")
    if not path.exists():
        meant = did_you_mean(asked, [CURRENT])
        said = f"{asked}: no such file, and neither a version's number nor `{CURRENT}`"
        raise UnusableInput(f"{said}; {meant}" if meant else said)
    file = path.resolve()
    published = settings.published.resolve()
    if file == published / SERVED:
        intact_file(settings, require_served_version(settings))
    for version in versions(settings) if published in file.parents else ():
        if file == published / version.file_name:
            intact_file(settings, version)
    return asked, file


def side_of(settings: Settings, archive: Archive, label: str, dataset: Dataset) -> DatasetSide:
    """Return a dataset as a side; raises UnusableInput where it was derived from another log."""
    info = dataset.info
    commit = commit_at(archive, info.sequence)
    if (commit.digest if commit else "") != info.log_digest:
        raise UnusableInput(
            f"{label}: derived from another archive than {settings.archive_root}, "
            f"whose commit {info.sequence} is {'another one' if commit else 'not there'}"
        )
    return DatasetSide(label, dataset.file, info, commit.landed_at if commit else None)


def check_table(asked: str | None, known: Iterable[str]) -> None:
    """Raise UnusableInput for a table that neither side has; it names those that may be meant."""
    tables = sorted(known)
    if asked is None or asked in tables:
        return
    near = near_names(asked, tables)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are: {', '.join(tables)}"
    raise UnusableInput(f"{asked}: no such table on either side{hint}")


def near_names(asked: str, tables: Sequence[str]) -> list[str]:
    """The tables that somebody may have meant: another schema left out, or a letter wrong."""
    bare = {table: table.split(".", 1)[1] for table in tables}
    exact = [table for table, bare_name in bare.items() if bare_name == asked.rsplit(".", 1)[-1]]
    near = get_close_matches(asked, tables, SHOWN_NAMES)
    by_bare = get_close_matches(asked, bare.values(), SHOWN_NAMES)
    return exact or near or [table for table in tables if bare[table] in by_bare]
