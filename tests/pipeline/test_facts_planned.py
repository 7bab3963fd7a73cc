"""How many keys a plan says that facts derive again: as many as the build then does, whatever their key is.

Not here: which models and days are planned (`unit/planning/test_plan`).
"""

from contextlib import closing
from datetime import date
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest

from orchestration.dbt.graph import read_manifest
from orchestration.dbt.process import MANIFEST
from orchestration.planning.estimate import plan_build
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days, request_replay
from support.retail import TABLES, Line, build, dealt, installation, land_lines


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return installation(tmp_path)


def planned(settings: Settings) -> dict[str, int | None]:
    """How many keys of each fact a refresh would derive, by the plan; None where it does not say."""
    manifest = read_manifest(settings.dbt_target / MANIFEST)
    with patch("orchestration.planning.estimate.load_manifest", lambda *_, **__: manifest):
        keys = plan_build(settings).keys
    return {table: keys.get(f"model.retail.{table}") for table in TABLES}


def derived(settings: Settings) -> dict[str, int]:
    """How many keys of each fact a build has derived since the last time that this was asked."""
    with closing(duckdb.connect(settings.warehouse)) as connection:
        counts = dict(
            connection.execute("SELECT table_name, count(*) FROM audit.untested GROUP BY ALL").fetchall()
        )
        connection.execute("DELETE FROM audit.untested")
    return {table: counts.get(f"sales.{table}", 0) for table in TABLES}


def played(settings: Settings, *lines: Line) -> tuple[dict[str, int | None], dict[str, int]]:
    """What is planned once these events have landed, and what the build then derives."""
    land_lines(settings, lines)
    expected = planned(settings) if settings.warehouse.is_file() else {}
    build(settings)
    return expected, derived(settings)


def test_a_moved_line_is_two_invoices(settings: Settings) -> None:
    played(settings, Line("1", "a", "i1", 100), Line("2", "b", "i1", 10))
    expected, done = played(settings, Line("3", "a", "i2", 100, None, corrects="1"))
    assert expected == done
    assert expected == {
        "customer_products": 2,
        "customers": 2,
        "invoice_days": 2,
        "invoices": 2,
        "large_invoices": 2,
        "last_sales": 2,
    }


def test_a_fact_that_a_correction_does_not_concern_is_not_planned(settings: Settings) -> None:
    played(settings, Line("1", "a", "i1", 100), Line("2", "b", "i1", 10, verb="returned"))
    expected, _ = played(settings, Line("3", "b", "i1", 11, verb="returned", corrects="2"))
    assert expected["invoices"] is None, "it reads nothing that was returned"
    assert expected["customers"] == 1


def test_as_many_keys_are_planned_as_are_derived(settings: Settings) -> None:
    lines = dealt(3)
    played(settings, *lines[:30])
    request_replay(settings, "test", [Days(date(2026, 1, 5), date(2026, 1, 7))])
    with closing(duckdb.connect(settings.warehouse)) as connection:
        connection.execute("INSERT INTO sales.invoices VALUES ('ghost', 1, 1, DATE '2026-01-05', 1, 1)")
        connection.execute("INSERT INTO sales.customers VALUES ('ghost', 1, 1, 1, 1)")
    expected, done = played(settings, *lines[30:45])
    assert expected == done
    expected, done = played(settings, *lines[45:])
    assert expected == done


def test_while_somebody_writes_the_warehouse_no_number_is_said(settings: Settings) -> None:
    played(settings, Line("1", "a", "i1", 100))
    land_lines(settings, [Line("2", "b", "i1", 10)])
    with patch("orchestration.planning.key_counts.shared_lock") as lock:
        lock.return_value.__enter__.return_value = "a refresh"
        assert set(planned(settings).values()) == {None}
