"""The test `same_from_nothing`: what an incremental step left wrong is found before it is published.

Not here: what `replay --verify` and the nightly sample find afterwards.
"""

import shutil
from pathlib import Path
from unittest.mock import patch

import pytest

from orchestration.dataset.versions import served_version
from orchestration.dbt import packages
from orchestration.publishing.publish import PublishingRefused
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.retail import TABLES, Line, installation, land_lines, rows

TESTED = "".join(f"  - {{name: {table}, data_tests: [factlog.same_from_nothing]}}\n" for table in TABLES)
TOUCHED = "insert into {{ found }} by name select {{ listed }} from {{ factlog.events_relation(name) }};"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = installation(tmp_path, own_project=True)
    (settings.dbt_project / "models" / "marts" / "sales" / "_sales.yml").write_text(f"models:\n{TESTED}")
    land_lines(settings, [Line("1", "a", "536557", 125), Line("2", "b", "536557", 175, None)])
    refresh(settings)
    return settings


def without_what_corrections_touch(folder: Path) -> Path:
    """A copy of the product's package whose facts derive no key of what a correction removed."""
    package = Path(shutil.copytree(packages.PACKAGE, folder / "package"))
    macros = package / "macros" / "keys_to_derive.sql"
    assert TOUCHED in macros.read_text()
    macros.write_text(macros.read_text().replace(TOUCHED, ""))
    return package


def test_a_void_that_leaves_a_line_on_its_invoice_is_not_published(
    settings: Settings, tmp_path: Path
) -> None:
    """What is right passes: a sale, a return, a correction. Then the step that finds keys is broken."""
    land_lines(
        settings,
        [
            Line("3", "c", "i2", 7, None, "p2"),
            Line("4", "b", "i2", 175, "c2", corrects="2"),
            Line("5", "c", "i2", 7, None, "p2", verb="returned"),
        ],
    )
    refresh(settings)
    before = served_version(settings)
    land_lines(settings, [Line("6", "a", "536557", 125, voids="1")])
    with (
        patch.object(packages, "PACKAGE", without_what_corrections_touch(tmp_path)),
        pytest.raises(PublishingRefused) as refused,
    ):
        refresh(settings)
    failed = [check.name for check in refused.value.checks if not check.passed]
    assert sorted(failed) == [
        "factlog_same_from_nothing_customer_products_",
        "factlog_same_from_nothing_customers_",
        "factlog_same_from_nothing_invoice_days_",
        "factlog_same_from_nothing_invoices_",
        "factlog_same_from_nothing_last_sales_",
    ]
    assert served_version(settings) == before
    assert ("536557", 1, 125) in [row[:3] for row in rows(settings, "invoices")], "the line that was voided"
