"""Given these events, expect these rows: a dataset derived in a home of its own, and held to them.

Belongs here: landing the events of a test, refreshing, and comparing one table. Not here: in which orders
events may arrive (`arrivals`).
"""

import atexit
import json
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from event_archive import Source, UnusableInput, land
from event_archive.decoding.sources import find_sources
from event_archive.engine import open_engine
from event_archive.quarantine.queries import Filter, grouped
from event_archive.sql_text import literal, quoted
from event_archive.store.durable import make_durable_folder
from orchestration.dataset.tables import relation
from orchestration.dataset.versions import require_served_version
from orchestration.dbt.process import DEFINITIONS, PARTIAL_PARSE
from orchestration.model_testing.rows_apart import format_rows, rows_apart
from orchestration.publishing.publish import PublishingRefused
from orchestration.refresh import refresh
from orchestration.settings import Settings

Events = Path | Sequence[Mapping[str, Any]]
ExpectedRows = Path | Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Derived:
    """The dataset that was derived from the events of a test; its files go when nobody holds it any more."""

    settings: Settings
    folder: "tempfile.TemporaryDirectory[str]" = field(repr=False)

    @property
    def file(self) -> Path:
        """The published dataset."""
        return self.settings.published / require_served_version(self.settings).file_name

    @property
    def tables(self) -> list[str]:
        """The published tables, each with its schema."""
        return sorted(require_served_version(self.settings).tables)

    def expect(self, table: str, rows: ExpectedRows) -> None:
        """Hold a table to be exactly these rows, in any order; raises AssertionError that names others.

        `rows`: a CSV file with a header, where what is empty is null, or a mapping each. Columns that are
        not among them are not looked at.
        """
        __tracebackhide__ = True
        with closing(open_engine()) as connection:
            connection.execute(f"ATTACH {literal(str(self.file))} AS dataset (READ_ONLY)")
            types = _types(connection, table, self.tables)
            expected = _read_csv(rows) if isinstance(rows, Path) else rows
            columns = list(dict.fromkeys(column for row in expected for column in row)) or list(types)
            if unknown := [column for column in columns if column not in types]:
                raise AssertionError(
                    f"{table}: has no column {', '.join(unknown)}; it has {', '.join(types)}"
                )
            listed = ", ".join(map(quoted, columns))
            built = f"dataset.{relation(table)}"
            connection.execute(f"CREATE TEMP TABLE expected AS SELECT {listed} FROM {built} LIMIT 0")
            places = ", ".join("?" for _ in columns)
            for row in expected:
                connection.execute(
                    f"INSERT INTO expected VALUES ({places})", [_value(row.get(column)) for column in columns]
                )
            apart = rows_apart(connection, columns, built, "expected")
        if apart:
            raise AssertionError(f"{table} ({', '.join(columns)}):\n{format_rows(apart)}")


def given(events: Events, *, mapping: Path | None = None) -> Derived:
    """Land events in a new archive of the project, derive, test and publish; none may be refused.

    `events`: NDJSON, a file or a folder of files, or a dictionary each. `mapping`: the file by which foreign
    records become events. The project is that of the current folder.
    """
    derived = empty_home()
    land_lines(derived.settings, lines_of(events), "events.ndjson", mapping)
    build(derived.settings)
    return derived


def empty_home() -> Derived:
    """Return the project with a home of its own, in which nothing has landed yet."""
    settings = Settings.from_environment()
    settings.require("contracts", "dbt_project")
    folder = tempfile.TemporaryDirectory(prefix="factlog-given-")
    home = Path(folder.name) / "home"
    own = replace(settings, home=home, warehouse_file=None, unnamed=frozenset())
    _copy_parsed(_parsed(own.dbt_project), own.dbt_target)
    return Derived(own, folder)


@cache
def _parsed(project: Path) -> Path:
    """The folder in which what dbt has parsed of a project is kept for the tests of this process."""
    folder = tempfile.TemporaryDirectory(prefix=f"factlog-parsed-{project.name}-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _copy_parsed(source: Path, target: Path) -> None:
    """Copy what dbt has parsed, with its times: where the project has changed since, it is parsed again."""
    for name in (DEFINITIONS, PARTIAL_PARSE):
        if (source / name).is_file():
            make_durable_folder(target)
            shutil.copy2(source / name, target / name)


def lines_of(events: Events) -> list[str]:
    """Return each event as a line of JSON."""
    if not isinstance(events, Path):
        return [json.dumps(event) for event in events]
    sources = find_sources([str(events)])
    texts = [source.path.read_text(encoding="utf-8") for source in sources if source.path is not None]
    return [line for text in texts for line in text.splitlines() if line.strip()]


def land_lines(settings: Settings, lines: Iterable[str], name: str, mapping: Path | None = None) -> None:
    """Land events as one file; raises AssertionError that says why one is refused."""
    make_durable_folder(settings.home)
    path = settings.home / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    archive = settings.open_archive(may_create=True)
    read_by = settings.load_mapping(mapping, archive.contracts) if mapping else None
    if land(archive, Source(name, path), mapping=read_by, limits=settings.limits).counts.rejected:
        groups = grouped(archive, Filter(), samples=1)
        reasons = [f"{group.reason}: {sample.detail}" for group in groups for sample in group.samples]
        raise AssertionError(f"{name}: events are refused: {'; '.join(reasons)}")


def build(settings: Settings) -> None:
    """Derive, test and publish; raises AssertionError that names what does not hold."""
    try:
        refresh(settings)
        _copy_parsed(settings.dbt_target, _parsed(settings.dbt_project))
    except PublishingRefused as refused:
        causes = [check for check in refused.failed if check.detail != "skipped"]
        reasons = "\n".join(f"  {check.name}: {check.detail}" for check in causes)
        raise AssertionError(f"not published, because these do not hold:\n{reasons}") from None


def _types(connection: duckdb.DuckDBPyConnection, table: str, known: Collection[str]) -> dict[str, str]:
    if table not in known:
        raise AssertionError(f"{table}: is no published table; there are {', '.join(known)}")
    described = connection.execute(f"DESCRIBE dataset.{relation(table)}").fetchall()
    return {column: kind for column, kind, *_ in described}


def _read_csv(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise UnusableInput(f"{path}: there is no such file of expected rows")
    with closing(open_engine()) as connection:
        read = connection.execute("FROM read_csv(?, header = true, all_varchar = true)", [str(path)])
        names = [column[0] for column in read.description or []]
        return [dict(zip(names, row, strict=True)) for row in read.fetchall()]


def _value(value: object) -> object:
    """Return a value as DuckDB takes it for a column of any type."""
    return json.dumps(value) if isinstance(value, dict) else value
