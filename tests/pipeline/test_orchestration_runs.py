"""Runs in one process: what is reported, verified, derived and published."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from event_archive.views.day_facts import day_facts
from orchestration.assets.keys import REPORTING
from orchestration.dataset.versions import served_version
from orchestration.settings import Settings
from support.installation import drop, land_events, new_installation, note
from support.runs import (
    NOTES,
    READ,
    WRITTEN,
    dagster_instance,
    failure,
    materializations,
    materialize,
    run,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation."""
    return new_installation(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` would use."""
    with dagster_instance(settings) as instance:
        yield instance


def touched(result: dg.ExecuteInProcessResult) -> set[tuple[str, str | None]]:
    """The days of event types on which a landing brought events."""
    reported = materializations(result)
    return {key for key, materialization in reported.items() if "rows_landed" in materialization.metadata}


def test_a_landing_reports_exactly_the_days_it_touched(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    days = ["2026-01-02", "2026-01-02", "2026-01-05"]
    drop(settings, "a.ndjson", [note(n, day) for n, day in enumerate(days)])
    first = run(settings, instance, "land")
    assert touched(first) == {("events/note/written", "2026-01-02"), ("events/note/written", "2026-01-05")}
    # On all other days up to the newest event nothing happened: they are done.
    assert {key for key in materializations(first) if key[1]} == {
        (f"events/note/{verb}", f"2026-01-0{day}") for verb in ("written", "read") for day in (1, 2, 3, 4, 5)
    }
    again = note(0, "2026-01-02")
    fresh = [note(7, "2026-01-02"), note(1, "2026-01-05", "read")]
    drop(settings, "b.ndjson", [*fresh, again, {"type": "nonsense"}])
    second = materializations(run(settings, instance, "land"))
    assert set(second) == {
        ("events/note/written", "2026-01-02"),
        ("events/note/read", "2026-01-05"),
        ("archive/log", None),
        ("archive/quarantine", None),
    }
    reported = second["events/note/written", "2026-01-02"]
    metadata = {name: value.value for name, value in reported.metadata.items()}
    facts = day_facts(settings.open_archive(), "note.written.v1", [date(2026, 1, 2)])[date(2026, 1, 2)]
    assert metadata["dagster/partition_row_count"] == facts.rows == 3
    assert (metadata["rows_landed"], metadata["duplicates"]) == (1, 1)
    assert metadata["late_rows"] == facts.late_rows == 1
    assert metadata["commits"] == "2"
    assert reported.tags is not None
    assert reported.tags["dagster/data_version"] == facts.digest
    log = second["archive/log", None].metadata
    assert (log["sequence"].value, log["received"].value, log["rejected"].value) == (2, 4, 1)
    assert isinstance(log["by_type"], dg.TableMetadataValue)
    assert [list(record.data.values()) for record in log["by_type"].records] == [
        ["note.written.v1", "duplicate", "2026-01-02", 1],
        ["other", "rejected", "bad_envelope", 1],
    ]
    assert not list(settings.inbox.iterdir())
    assert instance.get_materialized_partitions(WRITTEN) == {f"2026-01-0{day}" for day in range(1, 6)}


def test_what_landed_without_dagster_is_reported_once(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(1, "2026-01-02")], "one.ndjson")
    land_events(settings, [note(2, "2026-01-03")], "two.ndjson")
    result = run(settings, instance, "land")
    first = materializations(result)
    assert touched(result) == {("events/note/written", "2026-01-02"), ("events/note/written", "2026-01-03")}
    assert first["events/note/written", "2026-01-03"].metadata["commits"].value == "1 to 2"
    assert set(materializations(run(settings, instance, "land"))) == {
        ("archive/log", None),
        ("archive/quarantine", None),
    }


def test_another_log_is_reported_from_its_start(settings: Settings, instance: dg.DagsterInstance) -> None:
    land_events(settings, [note(1, "2026-01-02")])
    run(settings, instance, "land")
    settings.archive_root.rename(settings.home / "old-archive")
    settings.open_archive(may_create=True)
    land_events(settings, [note(2, "2026-01-04")])
    assert ("events/note/written", "2026-01-04") in materializations(run(settings, instance, "land"))


def test_days_materialized_by_hand_are_verified_in_one_run(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(n, day) for n, day in enumerate(["2026-01-02", "2026-01-04"])])
    result = materialize(settings, instance, [WRITTEN, READ], ("2026-01-02", "2026-01-04"))
    assert result.success
    reported = materializations(result)
    assert set(reported) == {
        (f"events/note/{verb}", f"2026-01-0{day}") for verb in ("written", "read") for day in (2, 3, 4)
    }
    rows = [
        reported["events/note/written", f"2026-01-0{day}"].metadata["dagster/partition_row_count"].value
        for day in (2, 3, 4)
    ]
    assert rows == [1, 0, 1]
    assert instance.get_runs_count() == 1


def test_verifying_days_fails_with_what_does_not_hold(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(1, "2026-01-02")], "one.ndjson")
    land_events(settings, [note(2, "2026-01-03")], "two.ndjson")
    [segment] = settings.open_archive().log.commits()[0].segments
    path = settings.archive_root / segment.path
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    result = materialize(settings, instance, [WRITTEN], ("2026-01-02", "2026-01-02"))
    assert not result.success
    assert segment.path in failure(result)
    assert not materializations(result)
    assert materialize(settings, instance, [WRITTEN], ("2026-01-03", "2026-01-03")).success


def test_a_refresh_is_one_run_over_the_touched_days_and_publishes(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    # One of the days lies before the first partition: it is reported, and shown once that moves.
    land_events(settings, [note(n, day) for n, day in enumerate(["2025-12-30", "2026-01-02", "2026-01-04"])])
    result = run(settings, instance, "refresh")
    assert result.success
    reported = materializations(result)
    assert {partition for key, partition in reported if key == "writing/notes"} == {
        "2025-12-30",
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
        "2026-01-04",
    }
    version = reported["published/reporting", None].metadata["version"].value
    served = served_version(settings)
    assert served is not None
    assert (served.number, served.sequence) == (version, 1) == (1, 1)
    evaluated = result.get_asset_check_evaluations()
    checks = {event.check_name: event.passed for event in evaluated}
    assert checks["unique_notes_note_id"] and checks["archive_chain"] and checks["conservation"]
    assert all(checks.values())
    without_number = [
        event.check_name
        for event in evaluated
        if not any(isinstance(value.value, int | float) for value in event.metadata.values())
    ]
    assert without_number == [], "Dagster shows an empty plot"
    views = {key: made for (key, _), made in reported.items() if key.startswith("staging/")}
    for key, made in {"writing/notes": reported["writing/notes", "2026-01-04"], **views}.items():
        schema = made.metadata["dagster/column_schema"].value
        assert isinstance(schema, dg.TableSchema)
        assert schema.columns and all(column.type.isupper() for column in schema.columns), key


def announced(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> set[str]:
    """The assets that Dagster shows as under way while a run lasts."""
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    events = [entry.get_dagster_event() for entry in instance.all_logs(result.run_id, of_type=planned)]
    return {event.asset_key.to_user_string() for event in events if event.asset_key}


def test_a_refresh_announces_the_models_that_it_derives_and_no_other(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(1)])
    first = run(settings, instance, "refresh")
    models = {
        key
        for key, _ in materializations(first)
        if key.split("/")[0] not in {"events", "archive", "published"}
    }
    assert announced(instance, first) == models
    land_events(settings, [note(1, verb="read")])
    assert announced(instance, run(settings, instance, "refresh")) == {
        "staging/stg_note__read",
        "reading/readings",
    }
    assert announced(instance, run(settings, instance, "refresh")) == set()


def test_a_failing_test_stops_the_refresh_before_publishing(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(1), note(1) | {"id": "another"}])
    result = run(settings, instance, "refresh")
    assert not result.success
    said = failure(result)
    assert said.startswith("Mend the events, or the model, that fails unique_notes_note_id ("), said
    assert "then start `refresh` again" in said
    checks = {event.check_name: event.passed for event in result.get_asset_check_evaluations()}
    assert not checks["unique_notes_note_id"]
    assert served_version(settings) is None
    published = materialize(settings, instance, [REPORTING], ("2026-01-02", "2026-01-02"))
    assert not published.success
    assert "unique_notes_note_id" in failure(published)
    checks = {event.check_name: event.passed for event in published.get_asset_check_evaluations()}
    assert checks == {
        "archive_chain": True,
        "conservation": True,
        "no_correction_waits": True,
        "models_tested": False,
    }


def test_a_part_of_the_models_is_built_but_not_published(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    land_events(settings, [note(1, "2026-01-02"), note(2, "2026-01-03")])
    assert run(settings, instance, "refresh").success
    replayed = materialize(settings, instance, [NOTES], ("2026-01-02", "2026-01-03"))
    assert replayed.success
    assert {partition for _, partition in materializations(replayed)} == {"2026-01-02", "2026-01-03"}
    published = materialize(settings, instance, [REPORTING], ("2026-01-02", "2026-01-02"))
    assert "only a part of the models" in failure(published)
