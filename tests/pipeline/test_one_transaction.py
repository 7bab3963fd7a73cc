"""What is written into the warehouse in one transaction is there whole or not at all.

Belongs here: that what fails half-way leaves nothing. Not here: what is written.
"""

from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pytest

from event_archive.views import event_views
from orchestration.warehouse.engine import in_one_transaction
from support.installation import land_events, note, published_installation

SHOWN = (
    "FROM events.segments ORDER BY ALL",
    "SELECT view_name, sql FROM duckdb_views() WHERE schema_name = 'events' ORDER BY ALL",
)


class Cut(Exception):
    """Stands for whatever ends a process at this instruction."""


def cut_short(*_: object, **__: object) -> NoReturn:
    raise Cut


def answers(connection: duckdb.DuckDBPyConnection, questions: tuple[str, ...]) -> list[Any]:
    return [connection.execute(question).fetchall() for question in questions]


def test_what_fails_half_way_has_done_nothing(tmp_path: Path) -> None:
    with closing(duckdb.connect(tmp_path / "file.duckdb")) as connection:
        connection.execute("CREATE TABLE numbers (number TINYINT)")
        for last, error in (("INSERT INTO numbers VALUES (2)", Cut), ("SELECT 300::TINYINT", duckdb.Error)):
            with pytest.raises(error), in_one_transaction(connection):
                connection.execute("INSERT INTO numbers VALUES (1)")
                connection.execute(last)
                cut_short()
            assert connection.execute("FROM numbers").fetchall() == []
        with in_one_transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (1)")
        assert connection.execute("FROM numbers").fetchall() == [(1,)]


def test_views_of_events_are_all_of_one_cut_where_making_them_is_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbt_plugin = import_module("orchestration.warehouse.dbt_plugin")  # it imports dbt, which takes a while
    settings = published_installation(tmp_path)
    land_events(settings, [note(20)], "more.ndjson")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(event_views, "all_events_sql", cut_short)
    plugin = object.__new__(dbt_plugin.Plugin)
    with closing(duckdb.connect(settings.warehouse)) as connection:
        before = answers(connection, SHOWN)
        with pytest.raises(Cut):
            plugin.configure_connection(connection)
        assert answers(connection, SHOWN) == before
