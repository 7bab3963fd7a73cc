"""SQL as text: relations have names of their own and are gone with the work that made them."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from event_archive.engine import Relations, open_engine

TABLE = pa.table({"n": [1, 2]})


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine() as connection:
        yield connection


def relations_in(engine: duckdb.DuckDBPyConnection) -> list[str]:
    query = "SELECT table_name FROM information_schema.tables ORDER BY ALL"
    return [name for (name,) in engine.execute(query).fetchall()]


def test_two_pieces_of_work_may_use_one_stem(engine: duckdb.DuckDBPyConnection) -> None:
    with Relations(engine) as outer:
        keys = outer.register("keys", TABLE)
        with Relations(engine) as inner:
            others = inner.create("keys", f"SELECT n + 1 AS n FROM {keys}")
            assert engine.execute(f"SELECT n FROM {keys} SEMI JOIN {others} USING (n)").fetchall() == [(2,)]
        assert engine.execute(f"SELECT count(*) FROM {keys}").fetchall() == [(2,)]
        assert relations_in(engine) == [keys]
    assert relations_in(engine) == []


def test_relations_are_gone_after_an_error_which_is_the_one_that_is_seen(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(duckdb.ConversionException), Relations(engine) as relations:
        table = relations.create("texts", f"SELECT 'x' AS text FROM {relations.register('rows', TABLE)}")
        engine.execute(f"SELECT CAST(text AS INTEGER) FROM {table}").fetchall()
    assert relations_in(engine) == []
