"""A version out of the one before: given an error at any point of it, expect no file, and a way on."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

from event_archive import UnusableInput
from event_archive.engine import open_engine
from event_archive.sql_text import literal
from event_archive.views.correction_tables import create_correction_tables
from orchestration.dataset.compare import table_states
from orchestration.dataset.dataset_file import write_dataset
from orchestration.dataset.dataset_update import update_dataset
from orchestration.dataset.provenance import DatasetInfo, Provenance
from orchestration.dataset.table_state import TableState
from support.events import new_archive
from support.installation import temporary_folder

EMPTY = new_archive(temporary_folder())
SAID = [
    Provenance(DatasetInfo(sequence, "digest", None, "code", datetime.now(UTC)), EMPTY, sequence)
    for sequence in range(3)
]
BEFORE = r'''
CREATE SCHEMA audit;
CREATE TABLE audit.marts (schema_name VARCHAR, table_name VARCHAR, row_key VARCHAR[], traced_to VARCHAR,
    landing_columns VARCHAR[]);
INSERT INTO audit.marts VALUES ('s', 'facts', ['id'], '[]', []), ('s', 'large', [], '[]', []),
    ('s', 'small', [], '[]', []), ('s', 'Glance "x"', [], '[]', []);
CREATE SCHEMA s;
CREATE TABLE s.facts AS SELECT i AS id, 0 AS amount, 1 AS last_sequence FROM range(20) AS r (i);
CREATE TABLE s.large AS SELECT i AS id, 0 AS amount FROM range(20) AS r (i);
CREATE TABLE s.small AS SELECT 0 AS amount;
CREATE VIEW s."Glance ""x""" AS SELECT count(*) AS "a ""b""", sum(amount) AS amount FROM s.large;
'''
AFTER = """
UPDATE s.facts SET amount = 9, last_sequence = 2 WHERE id = 3;
UPDATE s.large SET amount = 9 WHERE id = 3;
UPDATE s.small SET amount = 9;
"""
Break = Callable[[duckdb.DuckDBPyConnection], object]


class BreakingConnection:
    """A connection of which one statement, the how-manyth, fails."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, at: int, fault: Break) -> None:
        self.connection, self.at, self.fault, self.count = connection, at, fault, 0

    def execute(self, *arguments: Any) -> duckdb.DuckDBPyConnection:
        self.count += 1
        if self.count == self.at:
            self.fault(self.connection)
        return self.connection.execute(*arguments)


@contextmanager
def warehouse(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(open_engine()) as connection:
        connection.execute(f"ATTACH {literal(str(file))} AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        yield connection


def change(file: Path, sql: str) -> None:
    with closing(duckdb.connect(file)) as connection:
        connection.execute(sql)


@pytest.fixture
def changed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that has changed since `1.duckdb` was written from it."""
    file = tmp_path / "warehouse.duckdb"
    change(file, BEFORE)
    with closing(duckdb.connect(file)) as connection:
        connection.execute("CREATE SCHEMA events")
        create_correction_tables(
            connection, new_archive(tmp_path_factory.mktemp("empty")), [], None, "events"
        )
    with warehouse(file) as connection:
        write_dataset(connection, tmp_path / "1.duckdb", SAID[1], table_states(connection))
    change(file, AFTER)
    return file


def update(
    connection: Any, folder: Path, tables: dict[str, TableState], said: list[str] | None = None
) -> bool:
    given = cast("duckdb.DuckDBPyConnection", connection)
    log = said.append if said is not None else print
    return update_dataset(given, folder / "1.duckdb", folder / "2.duckdb", SAID[2], tables, log)


def rows(file: Path) -> list[list[tuple[Any, ...]]]:
    with closing(duckdb.connect(file, read_only=True)) as connection:
        tables = ("facts", "large", "small", '"Glance ""x"""')
        return [connection.execute(f"FROM s.{table} ORDER BY ALL").fetchall() for table in tables]


def number_of_statements(changed: Path) -> int:
    with warehouse(changed) as connection:
        counting = BreakingConnection(connection, 0, lambda _: None)
        assert update(counting, changed.parent, table_states(connection))
    (changed.parent / "2.duckdb").unlink()
    return counting.count


def fail_in_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    """As a statement that fails inside of a transaction, which ends it."""
    connection.execute("SELECT error('full')")


def fail_in_python(_: duckdb.DuckDBPyConnection) -> None:
    raise LookupError("no such table")


def fail_for_good(connection: duckdb.DuckDBPyConnection) -> None:
    connection.close()


def test_rows_and_views_that_changed_are_those_of_the_warehouse(changed: Path) -> None:
    with warehouse(changed) as connection:
        assert update(connection, changed.parent, table_states(connection))
    assert rows(changed.parent / "2.duckdb") == rows(changed)
    assert rows(changed)[3] == [(20, 9)]


@pytest.mark.parametrize("fault", [fail_in_duckdb, fail_in_python])
def test_after_an_error_at_any_statement_it_is_written_from_nothing(changed: Path, fault: Break) -> None:
    folder = changed.parent
    statements = number_of_statements(changed)
    assert statements > 50
    with warehouse(changed) as connection:
        tables = table_states(connection)
        for at in range(1, statements + 1):
            said: list[str] = []
            assert not update(BreakingConnection(connection, at, fault), folder, tables, said), at
            (why,) = said
            assert re.fullmatch(
                r"the version before could not be brought up to date, .*: .*(full|no such).*", why
            )
            assert {path.name for path in folder.iterdir()} == {"1.duckdb", "warehouse.duckdb"}, at
            held = connection.execute("SELECT database_name FROM duckdb_databases()").fetchall()
            assert ("reporting",) not in held, at
            connection.execute("BEGIN")  # an error where a transaction is open still
            connection.execute("ROLLBACK")
        write_dataset(connection, folder / "2.duckdb", SAID[2], tables)
    assert rows(folder / "2.duckdb") == rows(changed)


def test_an_engine_that_is_of_no_use_any_more_is_no_error_either(changed: Path) -> None:
    for at in (2, 40):
        with warehouse(changed) as connection:
            tables = table_states(connection)
            assert not update(BreakingConnection(connection, at, fail_for_good), changed.parent, tables)
        with warehouse(changed) as anew:
            write_dataset(anew, changed.parent / "2.duckdb", SAID[2], tables)
        assert rows(changed.parent / "2.duckdb") == rows(changed)
        (changed.parent / "2.duckdb").unlink()


def test_a_view_that_never_gives_the_same_is_published_as_the_file_holds_it(changed: Path) -> None:
    folder = changed.parent
    change(changed, "DROP TABLE s.small; CREATE VIEW s.small AS SELECT random() AS amount")
    with warehouse(changed) as connection:
        tables = table_states(connection)
        assert not update(connection, folder, tables)
        written = write_dataset(connection, folder / "2.duckdb", SAID[2], tables)
    with warehouse(folder / "2.duckdb") as connection:
        sql = "SELECT digest FROM meta.tables WHERE table_name = 's.small'"
        noted = connection.execute(sql).fetchall()
    assert noted == [(written["s.small"].digest,)]
    assert written["s.small"] != tables["s.small"]


def test_a_view_that_cannot_be_computed_is_an_error_of_one_line(changed: Path) -> None:
    change(changed, "DROP TABLE s.small; CREATE VIEW s.small AS SELECT CAST('x ' || id AS INT) FROM s.facts")
    with (
        warehouse(changed) as connection,
        pytest.raises(UnusableInput, match=r"s\.small: its rows can't be computed, .*x 0") as raised,
    ):
        table_states(connection)
    assert "\n" not in str(raised.value)
