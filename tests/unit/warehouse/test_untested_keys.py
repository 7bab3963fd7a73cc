"""What no test has seen yet: when everything is tested again, and when nothing is left to test."""

from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.settings import Settings
from orchestration.warehouse.untested_keys import record_all_passed, request_full_tests

MANIFEST: dict[str, Any] = {
    "metadata": {"project_name": "shop"},
    "macros": {"macro.shop.tidy": {"package_name": "shop", "macro_sql": "tidy"}},
    "nodes": {
        "model.shop.sales": {
            "resource_type": "model",
            "schema": "shop",
            "alias": "sales",
            "config": {"materialized": "fact"},
        },
        "test.shop.unique_sale": {"resource_type": "test", "raw_code": "unique", "config": {}},
    },
}
EVERY_KEY, ONE_KEY = ("shop.sales", None), ("shop.sales", ["sale_1"])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse that was built from nothing, and in which every test held."""
    settings = Settings(home=tmp_path)
    duckdb.connect(settings.warehouse).close()
    request_full_tests(settings, MANIFEST)
    assert untested(settings) == [EVERY_KEY]
    hold(settings, MANIFEST)
    return settings


def hold(settings: Settings, manifest: dict[str, Any]) -> None:
    """End a build in which every test held."""
    with closing(duckdb.connect(settings.warehouse)) as connection:
        record_all_passed(connection, manifest, 1)


def derive(settings: Settings, key: str) -> None:
    """Derive a key again, as dbt's macros note it."""
    with closing(duckdb.connect(settings.warehouse)) as connection:
        connection.execute("INSERT INTO audit.untested VALUES ('shop.sales', [?], 7)", [key])


def untested(settings: Settings) -> list[tuple[object, ...]]:
    """What the next build tests."""
    with closing(duckdb.connect(settings.warehouse, read_only=True)) as connection:
        return connection.execute("SELECT table_name, key_values FROM audit.untested ORDER BY ALL").fetchall()


def changed() -> dict[str, Any]:
    """The project with another test."""
    manifest = deepcopy(MANIFEST)
    manifest["nodes"]["test.shop.sale_is_paid"] = {"resource_type": "test", "raw_code": "paid", "config": {}}
    return manifest


def test_keys_are_tested_until_every_test_held(settings: Settings) -> None:
    derive(settings, "sale_1")
    request_full_tests(settings, MANIFEST)
    assert untested(settings) == [ONE_KEY], "nothing of what held before"
    hold(settings, MANIFEST)
    assert untested(settings) == []


def test_a_new_test_sees_every_row_once(settings: Settings) -> None:
    request_full_tests(settings, changed())
    assert untested(settings) == [EVERY_KEY]
    hold(settings, changed())
    request_full_tests(settings, changed())
    assert untested(settings) == []


def test_a_test_that_was_new_only_after_the_build_was_asked_for_sees_every_row_in_the_next(
    settings: Settings,
) -> None:
    request_full_tests(settings, MANIFEST)
    hold(settings, changed())
    request_full_tests(settings, changed())
    assert untested(settings) == [EVERY_KEY]
