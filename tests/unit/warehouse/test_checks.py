"""The checks that publishing waits for: given what is reported, expect that the list knows and shows it."""

from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from event_archive import open_archive
from orchestration.assets.keys import REPORTING
from orchestration.assets.published import published_asset
from orchestration.settings import Settings
from orchestration.warehouse.build_record import Build
from orchestration.warehouse.checks import (
    ARCHIVE_CHAIN,
    CHECKS,
    CONSERVATION,
    MODELS_TESTED,
    NOTHING_WAITS,
    Inspected,
    run_checks,
    shown_checks,
)
from orchestration.warehouse.outcomes import Check, NodeCheck

NAMES = [ARCHIVE_CHAIN, CONSERVATION, NOTHING_WAITS, MODELS_TESTED]


NO_CORRECTIONS = """
    SELECT 'e1' AS event_id, 'waiting' AS status, now() AS landed_at, 'e9' AS corrected_event_id,
        'not landed' AS waits_because
    WHERE false
"""


def reported(folder: Path, build: Build | None, waiting: str = NO_CORRECTIONS) -> list[Check]:
    """What is reported over an empty archive, and a warehouse with one test in it."""
    archive = open_archive(folder, Settings.contracts, may_create=True)
    with closing(duckdb.connect()) as connection:
        connection.execute("CREATE SCHEMA audit; CREATE SCHEMA events")
        outcome = "'a_test' AS name, true AS passed, 'pass' AS detail"
        connection.execute(f"CREATE TABLE audit.outcomes AS SELECT {outcome}")
        connection.execute("CREATE VIEW events.all_events AS SELECT 1 AS sequence WHERE false")
        connection.execute(f"CREATE TABLE events.corrections AS {waiting}")
        return run_checks(Inspected(archive, connection, build))


def test_every_check_that_is_reported_is_in_the_list(tmp_path: Path) -> None:
    checks = reported(tmp_path, Build("id", 0, "", True))
    assert [check.name for check in checks] == [*NAMES, "a_test"]
    assert [entry.name for entry in CHECKS] == [check.name for check in shown_checks(checks)] == NAMES
    for entry in CHECKS:
        with_nodes = [check for check in checks if not isinstance(check, NodeCheck)]
        assert [check.name for check in with_nodes if check.name == entry.name] == [entry.name]


def test_a_correction_that_waits_is_warned_of_with_its_age(tmp_path: Path) -> None:
    waiting = NO_CORRECTIONS.replace("WHERE false", "").replace("now()", "now() - INTERVAL 75 HOUR")
    checks = reported(tmp_path, Build("id", 0, "", True), waiting)
    assert [check for check in checks if not check.passed] == [
        Check(
            NOTHING_WAITS,
            passed=False,
            blocking=False,
            detail="1 correction waits and counts as nothing, the oldest for 3 days: e1 names e9, which is "
            "not landed; see: factlog corrections",
        )
    ]


def test_a_warehouse_of_an_older_version_says_nothing_of_what_waits(tmp_path: Path) -> None:
    checks = reported(tmp_path, Build("id", 0, "", True), "SELECT 'e1' AS event_id, 'unmatched' AS status")
    assert NOTHING_WAITS not in {check.name for check in checks}


def test_a_check_that_the_list_does_not_know_is_not_folded_away() -> None:
    with pytest.raises(LookupError, match="new_check: not in the list"):
        shown_checks([Check("new_check", False, blocking=True, detail="")])


def test_nodes_of_dbt_are_shown_as_one_check() -> None:
    chain = Check(ARCHIVE_CHAIN, True, True, "whole")
    good, bad = NodeCheck(CONSERVATION, True, True, "pass"), NodeCheck("notes", False, True, "error: no")
    whole = Check(MODELS_TESTED, True, True, "every model was built and tested")
    assert shown_checks([chain, whole, good]) == [
        chain,
        Check(MODELS_TESTED, True, True, "2 results, all of them hold"),
    ]
    assert shown_checks([whole, bad]) == [Check(MODELS_TESTED, False, True, "notes: error: no")]


def test_without_a_build_only_the_models_are_checked(tmp_path: Path) -> None:
    assert [(check.name, check.passed) for check in reported(tmp_path, None)] == [(MODELS_TESTED, False)]


def test_dagster_shows_the_checks_of_the_list(tmp_path: Path) -> None:
    specs = published_asset(Settings(home=tmp_path), []).check_specs
    assert {(spec.asset_key, spec.name, spec.description) for spec in specs} == {
        (REPORTING, check.name, check.description) for check in CHECKS
    }
