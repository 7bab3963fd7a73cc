"""The nightly sample of facts whose keys are no object's id: what it finds, and that it finds nothing else.

Not here: the sample as an asset check of Dagster (`test_replay_verification`).
"""

import shutil
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest

from orchestration.publishing.publish import publish
from orchestration.replay.verify_sample import SampleVerification, verify_sample
from orchestration.settings import Settings
from support.dbt_in_process import parsed_once
from support.installation import temporary_folder
from support.retail import TABLES, Line, build, dealt, installation, land_lines, parsing, rows

ALL_DAYS = 99


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Lines that were sold, returned, corrected and voided in three landings; published."""
    settings = installation(temporary_folder())
    lines = dealt(7)
    more = [Line("x", "x", "voided", 1, day=3), Line("y", "x", "i1", 1, day=4, voids="x")]
    for landed in (lines[:20], [*lines[20:40], *more], [*lines[40:], Line("z", "z", "i1", 1, None, day=2)]):
        land_lines(settings, landed)
        build(settings)
    with closing(duckdb.connect(settings.warehouse)) as connection:
        connection.execute("UPDATE audit.build SET complete = true")  # it left out views alone
    publish(settings)
    return settings


def sample(settings: Settings, seed: str = "a night", days: int = ALL_DAYS) -> SampleVerification:
    """Verify a sample, in this process."""
    in_process = partial(parsed_once(parsing(settings)).run)
    with patch("orchestration.warehouse.scratch.run_dbt", in_process):
        return verify_sample(settings, seed=seed, number_of_days=days)


def spoilt(settings: Settings, folder: Path, statement: str) -> Settings:
    """A copy in which a fact was written by another hand, and published so."""
    copied = replace(settings, home=Path(shutil.copytree(settings.home, folder / "home", symlinks=True)))
    with closing(duckdb.connect(copied.warehouse)) as connection:
        connection.execute(statement)
    publish(copied)
    return copied


def test_what_is_right_is_never_reported(settings: Settings) -> None:
    """Over all days every row that has an event is looked at; over a few, some."""
    whole = sample(settings)
    assert whole.differences == {}
    assert set(whole.rows) == {f"sales.{table}" for table in TABLES}
    assert {table: whole.rows[f"sales.{table}"] for table in TABLES} == {
        table: len(rows(settings, table)) for table in TABLES
    }
    for seed in ("a", "b"):
        some = sample(settings, seed, days=3)
        assert some.differences == {}
        assert 0 < some.keys < whole.keys


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("invoices", "UPDATE sales.invoices SET amount_minor = 7 WHERE invoice_id = 'i1'"),
        ("invoices", "DELETE FROM sales.invoices WHERE invoice_id = 'i2'"),
        ("customers", "UPDATE sales.customers SET line_count = 99 WHERE customer_id IS NULL"),
        ("customers", "DELETE FROM sales.customers WHERE customer_id IS NULL"),
        (
            "customer_products",
            "UPDATE sales.customer_products SET sold_quantity = 99 WHERE customer_id IS NULL",
        ),
        ("invoice_days", "UPDATE sales.invoice_days SET line_count = 99 WHERE event_date = '2026-01-02'"),
        ("invoices", "INSERT INTO sales.invoices VALUES ('voided', 1, 1, DATE '2026-01-03', 1, 3)"),
    ],
)
def test_a_wrong_row_is_found_whatever_its_key(
    settings: Settings, tmp_path: Path, table: str, statement: str
) -> None:
    """Also the row of a key whose only event was voided: it is the key of an event that was."""
    found = sample(spoilt(settings, tmp_path, statement))
    assert set(found.differences) == {f"sales.{table}"}
