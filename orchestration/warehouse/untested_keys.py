"""Which keys of the facts no test has seen yet, so that a refresh tests what it changed, not the whole log.

Belongs here: the table `audit.untested`, which dbt's macros fill and read, and when it is emptied; and in
`audit.tested` the commit up to which all was tested. Not here: what a test looks at (dbt's macros). Keys stay
in the warehouse until every test of a whole build has passed: what a build leaves untested that is killed, or
fails, the next one tests.
"""

import hashlib
import json

import duckdb

from orchestration.dbt.graph import Manifest, data_tests, facts, project_macros, table_of
from orchestration.settings import Settings
from orchestration.warehouse.engine import has_columns, open_warehouse

UNTESTED = "audit.untested"
ALL_KEYS = None
"""Stands for all keys of a table; one key is the list of its values, as texts."""


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of untested keys, and of the tests that passed, where there are none yet."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS audit")
    if has_columns(connection, UNTESTED) and not has_columns(connection, UNTESTED, "key_values"):
        connection.execute(f"DROP TABLE {UNTESTED}")  # of an older version, whose facts are all built anew
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {UNTESTED} "
        "(table_name VARCHAR, key_values VARCHAR[], first_sequence BIGINT)"
    )
    connection.execute("CREATE TABLE IF NOT EXISTS audit.tests_held (code VARCHAR)")
    connection.execute("CREATE TABLE IF NOT EXISTS audit.tested (sequence BIGINT)")


def request_full_tests(settings: Settings, manifest: Manifest) -> None:
    """Have the next build test every fact whole where other tests passed last: a new one has seen no row.

    Needs the warehouse's lock.
    """
    if not settings.warehouse.is_file():
        return
    with open_warehouse(settings) as connection:
        create_tables(connection)
        if read_passed_code(connection) != code_of_tests(manifest):
            for table in fact_tables(manifest):
                connection.execute("INSERT INTO audit.untested VALUES (?, ?, 0)", [table, ALL_KEYS])


def record_all_passed(connection: duckdb.DuckDBPyConnection, manifest: Manifest, sequence: int) -> None:
    """Remember that every test of a whole build up to a commit passed: no key is untested any more.

    Which tests these are is recorded where they have seen every row. A test that was changed after the build
    had been requested has not: then the next build tests everything.
    """
    create_tables(connection)
    code = code_of_tests(manifest)
    whole_tables = {
        table
        for (table,) in connection.execute(
            "SELECT DISTINCT table_name FROM audit.untested WHERE key_values IS NULL"
        ).fetchall()
    }
    connection.execute("DELETE FROM audit.untested")
    connection.execute("DELETE FROM audit.tested")
    connection.execute("INSERT INTO audit.tested VALUES (?)", [sequence])
    if read_passed_code(connection) != code and fact_tables(manifest) <= whole_tables:
        connection.execute("DELETE FROM audit.tests_held")
        connection.execute("INSERT INTO audit.tests_held VALUES (?)", [code])


def fact_tables(manifest: Manifest) -> set[str]:
    """The facts, as `schema.table`."""
    return {table_of(node) for node in facts(manifest).values()}


def read_passed_code(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the code of the tests that passed last over every row; None where none has."""
    row = connection.execute("SELECT code FROM audit.tests_held").fetchone()
    return row[0] if row else None


def code_of_tests(manifest: Manifest) -> str:
    """A digest of all tests: what each looks at, its SQL, and the project's macros."""
    tests = {
        name: [node["raw_code"], node.get("test_metadata"), node["config"].get("where")]
        for name, node in data_tests(manifest).items()
    }
    macros = {name: macro["macro_sql"] for name, macro in project_macros(manifest).items()}
    return hashlib.sha256(json.dumps([tests, macros], sort_keys=True).encode()).hexdigest()
