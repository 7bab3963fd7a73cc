"""A dbt profile says the warehouse's name alone: the home says where it lies, and one parse serves all homes.

Belongs here: which file dbt builds in, and that another home has nothing parsed anew. Not here: what comes of
a build.
"""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.dbt.process import dbt_executable, run_dbt
from orchestration.settings import WAREHOUSE, Settings
from support.installation import land_events, new_installation, note, put

PROFILE = "profiles.yml"
FROM_ENVIRONMENT = "\"{{ env_var('FACTLOG_HOME') ~ '/warehouse.duckdb' }}\""
PARSED_ANEW = "Unable to do partial parsing"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Notes that have landed; the project is parsed."""
    settings = new_installation(tmp_path)
    land_events(settings, [note(1), note(2)])
    return settings


def by_hand(settings: Settings, *arguments: str, **environment: str) -> str:
    """Type dbt in the project's folder, and return what it prints."""
    done = subprocess.run(
        [dbt_executable(), "--no-use-colors", *arguments],
        cwd=settings.dbt_project,
        env=settings.environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize(("path", "is_parsed_anew"), [(WAREHOUSE, False), (FROM_ENVIRONMENT, True)])
def test_a_warehouse_elsewhere_begins_with_what_the_home_has_parsed(
    settings: Settings, path: str, is_parsed_anew: bool
) -> None:
    file = settings.dbt_project / PROFILE
    file.write_text(file.read_text().replace(f"path: {WAREHOUSE}", f"path: {path}"))
    run_dbt(settings, ["parse"])
    aside = replace(settings, warehouse_file=settings.home / "aside" / WAREHOUSE)
    moved = replace(aside, home=settings.home.with_name("moved"))
    settings.home.rename(moved.home)
    run_dbt(moved, ["parse"])
    assert (PARSED_ANEW in (aside.dbt_target / "dbt.log").read_text()) == is_parsed_anew


def test_dbt_by_hand_builds_in_the_home_of_the_project_whatever_the_folder(settings: Settings) -> None:
    put(
        settings.dbt_project.parent / "factlog.toml",
        'format = 1\ndbt_project = "dbt"\nhome = "state/of/it"\n',
    )
    home = settings.dbt_project.parent / "state" / "of" / "it"
    home.parent.mkdir(parents=True)
    settings.home.rename(home)
    unset = dict.fromkeys(("FACTLOG_HOME", "FACTLOG_PROJECT", "FACTLOG_WAREHOUSE"), "")
    assert "ERROR=0" in by_hand(settings, "build", "--select", "notes", "+notes", **unset)
    assert (home / WAREHOUSE).is_file()
    assert not list(settings.dbt_project.rglob("*.duckdb"))


def test_a_warehouse_of_another_name_is_refused_in_one_line(settings: Settings) -> None:
    other = settings.home / "scratch.duckdb"
    printed = by_hand(settings, "build", FACTLOG_WAREHOUSE=str(other))
    assert f"FACTLOG_WAREHOUSE={other}: " in printed
    assert f"name a file {WAREHOUSE}, in any folder" in printed
    assert "Traceback" not in printed
    assert not other.exists()


def test_a_missing_archive_is_told_by_dbt_in_one_line(settings: Settings) -> None:
    missing = settings.home.with_name("missing")
    printed = by_hand(settings, "build", FACTLOG_HOME=str(missing))
    assert f"{missing / 'archive'}: there is no archive here" in printed
    assert "Traceback" not in printed
    assert not missing.exists()


def test_a_target_of_one_s_own_is_where_it_says(settings: Settings) -> None:
    put(settings.dbt_project / PROFILE, (settings.dbt_project / PROFILE).read_text() + OWN_TARGET)
    assert "ERROR=0" in by_hand(settings, "build", "--target", "own", "--select", "+notes")
    assert (settings.dbt_project / "own.duckdb").is_file()
    assert not settings.warehouse.exists()


OWN_TARGET = """    own:
      type: duckdb
      path: own.duckdb
      plugins: [{module: orchestration.warehouse.dbt_plugin}]
"""
