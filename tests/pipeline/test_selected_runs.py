"""A refresh by Dagster builds what the news can touch, and says of the rest what is so.

Belongs here: runs of the refresh job between refreshes by the command line, in one installation. Not here:
which nodes follow from which news (`unit/planning/test_selection`), days (`test_orchestration_days`), and
generated histories (`test_selected_histories`).
"""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from test_orchestration_days import stale

from orchestration.build import build_definitions
from orchestration.dataset.versions import require_served_version
from orchestration.json_file import read_json_file
from orchestration.publishing.query import query
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.installation import land_events, new_installation, note, put
from support.runs import dagster_instance, failure, materializations, materialize, run

CHECKS = {"unique_notes_note_id", "not_null_notes_note_id", "unique_notebooks_notebook"}
VIEWS = {"stg_note__written", "stg_note__read"}
NOTEBOOKS, NOTES, READINGS = ("writing/notebooks", None), "writing/notes", "reading/readings"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation in which both types of events have landed."""
    settings = new_installation(tmp_path)
    land_events(settings, [note(1), note(2, verb="read")], "first.ndjson")
    return settings


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` would use; it has refreshed once."""
    with dagster_instance(settings) as instance:
        assert run(settings, instance, "land").success
        refreshed(settings, instance)
        yield instance


def refreshed(settings: Settings, instance: dg.DagsterInstance) -> set[tuple[str, str | None]]:
    """Refresh by Dagster; every check is reported to hold, all is up to date. The marts that are reported."""
    result = run(settings, instance, "refresh")
    checks = result.get_asset_check_evaluations()
    assert {check.check_name for check in checks} >= CHECKS
    assert all(check.passed for check in checks)
    assert stale(settings, instance) == {}
    assert require_served_version(settings).sequence == len(settings.open_archive().log.commits())
    return derived(result)


def derived(result: dg.ExecuteInProcessResult) -> set[tuple[str, str | None]]:
    """The marts that a run that succeeded has reported."""
    assert result.success, failure(result)
    return {(key, day) for key, day in materializations(result) if key.startswith(("writing/", "reading/"))}


def built(settings: Settings) -> set[str]:
    """The names of the nodes that dbt built and tested last."""
    results = read_json_file(settings.dbt_target / "run_results.json", "")["results"]
    return {result["unique_id"].split(".")[2] for result in results}


def did_nothing(settings: Settings) -> bool:
    done = refresh(settings)
    return (done.models, done.tests) == (0, 0)


def test_a_run_builds_what_the_news_can_touch_and_so_does_the_command_after_it(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert did_nothing(settings)
    land_events(settings, [note(3, "2026-01-03", verb="read")], "read.ndjson")
    assert refreshed(settings, instance) == {(READINGS, "2026-01-03"), (NOTES, "2026-01-03")}
    assert built(settings) == {"readings"}
    assert did_nothing(settings)
    land_events(settings, [note(4, "2026-01-04")], "written.ndjson")
    done = refresh(settings)
    assert (done.models, done.tests) == (2, 3)
    assert built(settings) == {"notes", "notebooks", *CHECKS}
    # What the command has built is kept, and Dagster hears of it.
    assert refreshed(settings, instance) == {NOTEBOOKS, (NOTES, "2026-01-04"), (READINGS, "2026-01-04")}
    assert len(built(settings)) == 1
    # Where Dagster has heard of all, and nothing is new, there is nothing to say.
    assert not derived(run(settings, instance, "refresh"))
    assert did_nothing(settings)


def test_a_part_that_is_built_by_hand_leaves_nothing_to_go_on_from(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(3), note(4, verb="read")], "more.ndjson")
    assert materialize(
        settings, instance, [dg.AssetKey(NOTES.split("/"))], ("2026-01-02", "2026-01-02")
    ).success
    assert built(settings) == {"notes", *(CHECKS - {"unique_notebooks_notebook"})}
    assert NOTEBOOKS in refreshed(settings, instance)
    assert built(settings) == {"notes", "notebooks", "readings", *VIEWS, *CHECKS}


def test_a_project_that_changed_since_it_was_loaded_is_built_as_it_is(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    loaded = build_definitions(settings).resolve_job_def("refresh")
    marts = settings.dbt_project / "models" / "marts" / "writing"
    put(marts / "longest.sql", "select max(words) as words from {{ ref('notes') }}")
    (marts / "notebooks.sql").unlink()
    put(settings.dbt_project / "models" / "models.yml", "models: []")
    land_events(settings, [note(5, verb="read")], "read.ndjson")
    done = loaded.execute_in_process(instance=instance, raise_on_error=False)
    assert done.success, failure(done)
    assert built(settings) == {"notes", "longest", "readings", *VIEWS}
    assert query(settings, "SELECT words FROM writing.longest").rows == [(1,)]
    assert did_nothing(settings)


def test_after_a_run_that_failed_everything_is_built(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    test = settings.dbt_project / "tests" / "never.sql"
    put(test, "select note_id from {{ ref('notes') }}")
    land_events(settings, [note(5, verb="read")], "read.ndjson")
    for _ in range(2):
        result = run(settings, instance, "refresh")
        assert not result.success
        assert "never" in failure(result)
        assert built(settings) >= {"notes", "notebooks", "readings", "never", *VIEWS, *CHECKS}
    test.unlink()
    refreshed(settings, instance)
    assert did_nothing(settings)
