"""Whether what is served is what the log gives: all of it on demand, a sample of it every night."""

import json
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.automation.nightly_checks import SAME_AGAIN, op_name
from orchestration.build import build_definitions
from orchestration.command_line.main import run
from orchestration.dataset.versions import served_version
from orchestration.publishing.publish import publish
from orchestration.refresh import refresh
from orchestration.replay.verify_sample import draw_days
from orchestration.settings import Settings
from support.dbt_in_process import parsed_once
from support.installation import copy_of, land_events, new_installation, note, put, temporary_folder
from support.runs import dagster_instance

FACT = "models/marts/reading/notes_read.sql"
FACT_FILES = {
    FACT: """
{{ config(materialized='fact', key='note_id', events='stg_note__read',
          day='first_read_date', tags=['daily']) }}
select note_id, min(event_date) as first_read_date, count(*) as readings
from {{ factlog.events() }}
group by note_id
""",
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Notes read on two days, published; then late readings, with an incremental fact brought up to date."""
    settings = new_installation(temporary_folder())
    for name, content in FACT_FILES.items():
        put(settings.dbt_project / name, content)
    days = ["2026-01-02", "2026-01-03"]
    first = [note(number, days[number % 2], verb="read") for number in range(6)]
    land_events(settings, [*first, note(1), note(2), {"type": "nonsense"}])
    refresh(settings)
    land_events(settings, [note(1, "2026-01-02", verb="read") | {"id": "late"}], "late.ndjson")
    refresh(settings)
    return settings


@pytest.fixture
def in_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive from nothing without a process of dbt's own, where the models are those of the home."""
    monkeypatch.setattr("orchestration.warehouse.scratch.run_dbt", parsed_once(settings).run)


def broken(settings: Settings, folder: Path) -> Settings:
    """A copy with a reading too many on 3 January, as a faulty incremental build leaves and publishes it."""
    settings = copy_of(settings, folder)
    with closing(duckdb.connect(settings.warehouse)) as connection:
        connection.execute("UPDATE reading.notes_read SET readings = 7 WHERE note_id = '3'")
    publish(settings)
    return settings


def factlog(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> tuple[int, str]:
    """Run a command; its exit code and what it printed."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    return run(arguments), capsys.readouterr().out


def nightly(settings: Settings, days: int = 3) -> dict[str, dg.AssetCheckEvaluation]:
    """Run the job of the night; its checks by name."""
    sample = {"seed": "2026-02-01", "days": days}
    with dagster_instance(settings) as instance:
        result = (
            build_definitions(settings)
            .resolve_job_def("nightly_verification")
            .execute_in_process(
                instance=instance,
                run_config={"ops": {op_name(SAME_AGAIN): {"config": sample}}},
                raise_on_error=False,
            )
        )
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def metadata(check: dg.AssetCheckEvaluation) -> dict[str, Any]:
    """What a check says besides whether it holds."""
    return {name: value.value for name, value in check.metadata.items()}


@pytest.mark.usefixtures("in_process")
def test_what_was_built_by_increments_is_the_same_from_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert served_version(settings) is not None
    code, output = factlog(settings, monkeypatch, capsys, "replay", "--verify")
    assert code == 0
    assert output.startswith(
        "4 tables, 12 rows: the same as in version 2, derived from nothing up to commit 2"
    )


def test_what_differs_is_named_by_table_and_day(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = broken(settings, tmp_path)
    served = wrong.published / "versions/3/reporting.duckdb"
    served.chmod(0o644)
    with closing(duckdb.connect(served)) as connection:
        connection.execute("DELETE FROM writing.notebooks WHERE notebook = 'red'")
    put(wrong.dbt_project / FACT, FACT_FILES[FACT] + "-- the same rows by other code")
    code, output = factlog(wrong, monkeypatch, capsys, "replay", "--verify", "--json")
    report = json.loads(output)
    assert (code, report["same"], len(report["tables"])) == (1, False, 4)
    differing = {table["table"]: (table["day_column"], table["days"]) for table in report["differences"]}
    assert differing == {
        "reading.notes_read": (
            "first_read_date",
            [{"day": "2026-01-03", "only_published": 1, "only_replayed": 1}],
        ),
        "writing.notebooks": (None, [{"day": None, "only_published": 0, "only_replayed": 1}]),
    }
    assert report["reasons"] == [
        "versions/3/reporting.duckdb was changed after it was published: writing.notebooks",
        f"reading.notes_read was derived by other code: {FACT}",
    ]


@pytest.mark.usefixtures("in_process")
def test_every_night_the_archive_and_a_sample_are_verified(settings: Settings) -> None:
    checks = nightly(settings)
    assert {name: check.passed for name, check in checks.items()} == {
        "archive_complete": True,
        "replay_gives_the_same": True,
    }
    version = served_version(settings)
    assert version is not None
    values = metadata(checks["replay_gives_the_same"])
    assert values["seed"] == f"2026-02-01 {version.log_digest}"
    assert values["days"] == ["2026-01-02", "2026-01-03"]
    assert (values["keys"], values["rows"]) == (6, {"reading.notes_read": 6})


@pytest.mark.usefixtures("in_process")
def test_a_night_finds_a_wrong_row_and_a_changed_byte(settings: Settings, tmp_path: Path) -> None:
    wrong = broken(settings, tmp_path)
    # dbt never reads it, so only the check of the archive can tell.
    [refused] = (wrong.archive_root / "quarantine").glob("*.parquet")
    refused.chmod(0o644)
    refused.write_bytes(refused.read_bytes()[:-1] + b"?")
    checks = nightly(wrong)
    assert not checks["archive_complete"].passed
    assert refused.name in str(metadata(checks["archive_complete"])["findings"])
    same = checks["replay_gives_the_same"]
    assert (same.passed, same.description) == (False, "differs: reading.notes_read")
    [record] = metadata(same)["differences"].records
    assert record.data == {
        "table": "reading.notes_read",
        "day": "2026-01-03",
        "only_published": 1,
        "only_replayed": 1,
    }


def test_the_schedule_asks_at_night_for_the_sample_of_that_night(settings: Settings, tmp_path: Path) -> None:
    night = datetime(2026, 2, 1, 2, 30, tzinfo=UTC)

    def evaluate(of: Settings) -> dg.RunRequest | dg.SkipReason:
        with dagster_instance(of) as instance:
            # In the instance: Dagster would look for state of definitions in the one before, which is closed.
            schedule = build_definitions(of).resolve_schedule_def("nightly_verification")
            assert schedule.cron_schedule == "30 2 * * *"
            assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
            context = dg.build_schedule_context(instance, scheduled_execution_time=night)
            tick = schedule.evaluate_tick(context)
        return tick.run_requests[0] if tick.run_requests else dg.SkipReason(tick.skip_message)

    request = evaluate(settings)
    assert isinstance(request, dg.RunRequest)
    sample = {"seed": "2026-02-01", "days": 3}
    assert request.run_config == {"ops": {op_name(SAME_AGAIN): {"config": sample}}}
    assert evaluate(new_installation(tmp_path)) == dg.SkipReason("Nothing is published yet.")


def test_the_same_seed_draws_the_same_days(settings: Settings) -> None:
    commits = settings.open_archive().log.commits()
    both = [date(2026, 1, 2), date(2026, 1, 3)]
    assert draw_days(commits, "a", 5) == both
    drawn = [draw_days(commits, str(seed), 1) for seed in range(20)]
    assert drawn == [draw_days(commits, str(seed), 1) for seed in range(20)]
    assert {day for (day,) in drawn} == set(both)
