"""Which days a refresh marks and which look out of date: those on which events arrived that feed a model."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.loader import LoadingContextForTest

from orchestration.build import build_definitions
from orchestration.publishing.query import query
from orchestration.refresh import refresh
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days, pending, request_replay
from support.installation import land_events, new_installation, note
from support.runs import NOTES, WRITTEN, dagster_instance, failure, materializations, materialize, run

MARKED = ("writing/notes", "reading/readings")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation that has landed and published notes of three days, and readings of two of them."""
    settings = new_installation(tmp_path)
    land_events(settings, [note(n, f"2026-01-0{2 + n}") for n in range(3)], "written.ndjson")
    land_events(settings, [note(n, f"2026-01-0{2 + n}", "read") for n in range(2)], "read.ndjson")
    return settings


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` would use; Dagster has heard of everything."""
    with dagster_instance(settings) as instance:
        run(settings, instance, "land")
        # Those without events are done as well, up to the day of the newest event.
        assert refreshed(settings, instance) == {
            (model, f"2026-01-0{day}") for model in MARKED for day in (1, 2, 3, 4)
        }
        yield instance


def refreshed(settings: Settings, instance: dg.DagsterInstance) -> set[tuple[str, str | None]]:
    """Refresh, and list the days of models that were marked."""
    result = run(settings, instance, "refresh")
    assert result.success
    return {(key, day) for key, day in materializations(result) if key in MARKED}


def stale(settings: Settings, instance: dg.DagsterInstance) -> dict[tuple[str, str | None], set[str]]:
    """List what Dagster takes for out of date, assets and days of assets, with the kinds of reasons."""
    graph = build_definitions(settings).resolve_asset_graph()
    with partition_loading_context(dynamic_partitions_store=instance):
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        causes_by_key = {}
        for key in sorted(graph.get_all_asset_keys()):
            days: list[str | None] = [*sorted(instance.get_materialized_partitions(key))]
            for day in days if graph.get(key).is_partitioned else [None]:
                if resolver.get_status(key, day) != StaleStatus.FRESH:
                    causes = resolver.get_stale_causes(key, day)
                    causes_by_key[key.to_user_string(), day] = {cause.category.name for cause in causes}
    return causes_by_key


def test_days_that_a_landing_affects_look_out_of_date_until_the_refresh(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert stale(settings, instance) == {}
    late = [note(7, "2026-01-02"), note(8, "2026-01-04"), note(8, "2026-01-03", "read")]
    corrected = note(0, "2026-01-09", "read") | {"id": "right", "corrects": "read-0"}  # of the 2nd
    land_events(settings, [*late, note(9, "2026-01-09"), corrected], "late.ndjson")
    run(settings, instance, "land")
    assert stale(settings, instance) == {
        ("writing/notes", "2026-01-02"): {"DATA"},
        ("writing/notes", "2026-01-04"): {"DATA"},
        ("reading/readings", "2026-01-03"): {"DATA"},
    }
    assert refreshed(settings, instance) == {
        ("writing/notes", "2026-01-02"),
        ("writing/notes", "2026-01-04"),
        ("reading/readings", "2026-01-02"),
        ("reading/readings", "2026-01-03"),
        *((model, f"2026-01-0{day}") for model in MARKED for day in (5, 6, 7, 8, 9)),
    }
    assert stale(settings, instance) == {}
    assert refreshed(settings, instance) == set(), "nothing landed"


def test_a_landing_that_is_told_of_after_the_refresh_makes_nothing_look_out_of_date(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(7, "2026-01-03")], "late.ndjson")
    assert refreshed(settings, instance) == {("writing/notes", "2026-01-03")}
    assert stale(settings, instance) == {}
    again = materializations(run(settings, instance, "land"))
    assert {key for key, _ in again} == {"archive/log", "archive/quarantine"}, "a day is reported once"
    assert stale(settings, instance) == {}


def test_days_verified_or_replayed_by_hand_stay_up_to_date(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert materialize(settings, instance, [WRITTEN], ("2026-01-02", "2026-01-04")).success
    assert materialize(settings, instance, [NOTES], ("2026-01-02", "2026-01-03")).success
    assert stale(settings, instance) == {}
    land_events(settings, [note(7, "2026-01-03")], "late.ndjson")
    run(settings, instance, "land")
    assert stale(settings, instance) == {("writing/notes", "2026-01-03"): {"DATA"}}
    assert materialize(settings, instance, [NOTES], ("2026-01-03", "2026-01-03")).success
    assert stale(settings, instance) == {}


def test_changed_code_makes_every_day_of_what_it_derives_look_out_of_date(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    view = settings.dbt_project / "models" / "staging" / "stg_note__read.sql"
    view.write_text(f"{view.read_text()} where true")
    days: set[tuple[str, str | None]] = {("reading/readings", f"2026-01-0{day}") for day in (1, 2, 3, 4)}
    outdated = {*days, ("staging/stg_note__read", None)}
    assert stale(settings, instance) == {key: {"CODE"} for key in outdated}
    assert refreshed(settings, instance) == days
    assert stale(settings, instance) == {}


FACT = """
{{ config(tags=['daily'], materialized='fact', key='note_id', events='stg_note__written') }}
select note_id, notebook, WORDS as words, event_date as written_date from {{ factlog.events() }}
"""


def test_a_fact_that_other_code_derived_is_derived_again_from_nothing(tmp_path: Path) -> None:
    settings = new_installation(tmp_path)
    fact = settings.dbt_project / "models/marts/writing/notes.sql"
    fact.write_text(FACT.replace("WORDS", "words"))
    land_events(settings, [note(n) for n in (1, 2)], "first.ndjson")
    refresh(settings)
    fact.write_text(FACT.replace("WORDS", "10 * words"))
    land_events(settings, [note(3)], "second.ndjson")
    with dagster_instance(settings) as instance:
        assert run(settings, instance, "refresh").success
    rows = query(settings, "SELECT note_id, words FROM writing.notes ORDER BY ALL").rows
    assert rows == [("1", 10), ("2", 20), ("3", 30)]


def test_a_replay_that_was_killed_is_completed_and_marked_by_the_next_refresh(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    days = [Days(date(2026, 1, day), date(2026, 1, day + 1)) for day in (2, 4)]
    request_replay(settings, "killed", days)
    assert refreshed(settings, instance) == {
        (model, day) for model in MARKED for day in ("2026-01-02", "2026-01-04")
    }
    assert pending(settings) == []


def test_any_set_of_days_is_replayed_in_one_run(settings: Settings, instance: dg.DagsterInstance) -> None:
    form = {"ops": {"derive_days": {"config": {"days": "2026-01-02,2026-01-04"}}}}
    assert replayed(settings, instance, form) == {
        (model, day) for model in MARKED for day in ("2026-01-02", "2026-01-04")
    }
    assert replayed(settings, instance, None) == {(model, "2026-01-04") for model in MARKED}, "the newest day"
    assert stale(settings, instance) == {}
    form["ops"]["derive_days"]["config"]["days"] = "2026-02-30"
    wrong = run(settings, instance, "replay_days", form)
    assert failure(wrong) == "days 2026-02-30: not a day; write it like 2026-01-31"


def replayed(
    settings: Settings, instance: dg.DagsterInstance, form: dict[str, Any] | None
) -> set[tuple[str, str | None]]:
    """Replay days, and list the days of models that were marked."""
    result = run(settings, instance, "replay_days", form)
    assert result.success
    return {(key, day) for key, day in materializations(result) if key in MARKED}
