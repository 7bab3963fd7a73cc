"""What is asked for, and when; and what windows of days mean."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer

import dagster as dg
import pytest

from event_archive import Limits
from orchestration.assets.partitions import daily_partitions
from orchestration.automation.reload import code_server
from orchestration.build import build_definitions
from orchestration.dataset.versions import require_served_version
from orchestration.publishing.serving import hold_version, release_hold
from orchestration.refresh import refresh as derive
from orchestration.settings import Settings
from support.installation import drop, land_events, new_installation, note
from support.runs import dagster_instance, failure, materializations, run


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation."""
    return new_installation(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` would use."""
    with dagster_instance(settings) as instance:
        yield instance


def test_days_end_at_the_newest_event(settings: Settings) -> None:
    unset = Settings(home=settings.home, contracts=settings.contracts)
    today = datetime.now(UTC).date().isoformat()
    assert daily_partitions(unset, []).get_partition_keys() == [today]
    land_events(settings, [note(1, "2026-01-02"), note(2, "2025-12-30")])
    commits = settings.open_archive().log.commits()
    assert daily_partitions(unset, commits).get_partition_keys() == [
        "2025-12-30",
        "2025-12-31",
        "2026-01-01",
        "2026-01-02",
    ]
    assert daily_partitions(settings, commits).get_partition_keys() == ["2026-01-01", "2026-01-02"]
    # At its first second: an event that lies ahead of the clock is refused.
    land_events(settings, [note(3, today) | {"time": f"{today}T00:00:00Z"}], "today.ndjson")
    newest = daily_partitions(settings, settings.open_archive().log.commits())
    assert newest.get_last_partition_key() == today, "a day that is not over"


Requests = Callable[[str], list[dg.RunRequest]]


@pytest.fixture
def requests(settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Requests:
    """What a sensor asks for at once when the daemon goes round."""
    monkeypatch.setattr("orchestration.automation.sensors.WATCH_SECONDS", 0)
    definitions = build_definitions(settings)

    def requests(sensor: str) -> list[dg.RunRequest]:
        definition = (
            definitions.resolve_sensor_def(sensor) if hasattr(definitions, "resolve_sensor_def") else None
        )
        definition = definition or definitions.get_sensor_def(sensor)
        context = dg.build_sensor_context(instance=instance, definitions=definitions, sensor_name=sensor)
        return list(definition.evaluate_tick(context).run_requests or [])

    return requests


def test_the_sensors_ask_for_what_is_missing_and_for_nothing_else(
    settings: Settings, instance: dg.DagsterInstance, requests: Requests
) -> None:
    assert requests("inbox") == requests("new_commits") == []
    drop(settings, "a.ndjson", [note(1, "2026-01-02"), note(2, "2026-01-04")])
    (settings.inbox / ".hidden").write_text("not yet")
    [landing] = requests("inbox")
    assert requests("inbox")[0].run_key == landing.run_key, "the same file asks twice"
    assert requests("new_commits") == []
    run(settings, instance, "land")
    assert requests("inbox") == []
    [refresh] = requests("new_commits")
    assert (refresh.job_name, refresh.partition_key) == ("refresh", None)
    run(settings, instance, "refresh")
    assert requests("new_commits") == []
    land_events(settings, [note(3, "2026-01-03")], "late.ndjson")
    assert len(requests("inbox")) == 1
    assert requests("new_commits") == [], "the landing that reports the commit comes first"
    run(settings, instance, "land")
    [late] = requests("new_commits")
    assert late.run_key != refresh.run_key
    # Derived and published by the command line: Dagster tells its models' days with a run of its own.
    derive(settings)
    [requested] = requests("new_commits")
    assert requested.run_key == late.run_key
    run(settings, instance, "refresh")
    assert requests("new_commits") == []


def test_a_version_that_is_held_stays_served_and_asks_for_nothing(
    settings: Settings, instance: dg.DagsterInstance, requests: Requests
) -> None:
    land_events(settings, [note(1)])
    run(settings, instance, "refresh")
    hold_version(settings, 1)
    drop(settings, "news.ndjson", [note(2)])
    run(settings, instance, "land")
    result = run(settings, instance, "refresh")
    assert result.success
    assert materializations(result)["published/reporting", None].metadata["version"].value == 2
    assert require_served_version(settings).number == 1
    assert requests("new_commits") == requests("inbox") == []
    assert release_hold(settings).number == 2
    assert requests("new_commits") == []


def test_what_comes_while_a_sensor_looks_waits_for_no_other_round(
    settings: Settings, instance: dg.DagsterInstance, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.automation.sensors.WATCH_SECONDS", 60)
    monkeypatch.setattr("orchestration.automation.sensors.is_to_be_reported", lambda *_: False)
    for sensor, happens in {
        "inbox": lambda: drop(settings, "a.ndjson", [note(1)]),
        "new_commits": lambda: land_events(settings, [note(2)]),
    }.items():
        later = Timer(0.5, happens)
        later.start()
        assert len(requests(sensor)) == 1
        later.join()


def test_what_can_not_land_asks_once_and_keeps_nothing_waiting(
    settings: Settings, instance: dg.DagsterInstance, requests: Requests
) -> None:
    settings.inbox.mkdir(parents=True, exist_ok=True)
    (settings.inbox / "a.ndjson").symlink_to("/etc/passwd")
    os.mkfifo(settings.inbox / "b.ndjson")
    drop(settings, "no-event.ndjson", [{"kind": "sale"}])
    [asked] = requests("inbox")
    reported = materializations(run(settings, instance, "land"))["archive/log", None].metadata
    assert (reported["passed_over"].value, reported["rejected"].value) == (3, 0)
    assert "`no-event.ndjson` there is no event in it" in str(reported["passed_over_files"].value)
    assert "`a.ndjson` is a symbolic link" in str(reported["passed_over_files"].value)
    assert [request.run_key for request in requests("inbox")] == [asked.run_key], "Dagster runs a key once"

    drop(settings, "c.ndjson", [note(1)])
    [other] = requests("inbox")
    assert other.run_key != asked.run_key
    landed = materializations(run(settings, instance, "land"))["archive/log", None].metadata
    assert (landed["accepted"].value, landed["passed_over"].value) == (1, 3)
    waiting = ["a.ndjson", "b.ndjson", "no-event.ndjson"]
    assert sorted(path.name for path in settings.inbox.iterdir()) == waiting
    assert [request.run_key for request in requests("inbox")] == [asked.run_key]


def test_a_landing_that_failed_is_tried_again_after_a_while(
    settings: Settings,
    instance: dg.DagsterInstance,
    requests: Requests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = Limits(clock=lambda: datetime(2099, 1, 1, tzinfo=UTC))
    land_events(settings, [note(1)])
    assert run(settings, instance, "land").success
    drop(settings, "a.ndjson", [note(2)])
    [first] = requests("inbox")
    with monkeypatch.context() as wrong:
        wrong.setattr(Settings, "limits", far)
        failed = run(settings, instance, "land")
    assert "clock: it is 2099-01-01 00:00:00Z here" in failure(failed)
    assert [path.name for path in settings.inbox.iterdir()] == ["a.ndjson"]
    assert requests("inbox")[0].run_key == first.run_key
    monkeypatch.setattr("orchestration.automation.sensors.RETRY_SECONDS", 0)
    [again] = requests("inbox")
    assert again.run_key != first.run_key
    assert requests("inbox")[0].run_key == again.run_key
    assert run(settings, instance, "land").success
    assert requests("inbox") == []


def test_days_that_are_no_partitions_yet_have_the_definitions_loaded_again(
    settings: Settings, instance: dg.DagsterInstance, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("orchestration.automation.sensors.reload_definitions", lambda: asked.append(True))
    assert requests("inbox") == []
    land_events(settings, [note(1, "2026-01-02")])
    assert len(requests("inbox")) == 1
    assert asked == [], "the days are reported first"
    run(settings, instance, "land")
    for _ in range(2):
        assert requests("inbox") == []
        assert asked == [True], "once"


def test_the_code_server_is_known_by_its_command(tmp_path: Path) -> None:
    def server(*words: str) -> bool:
        (tmp_path / "7").mkdir(exist_ok=True)
        (tmp_path / "7" / "cmdline").write_text("\0".join(words))
        return code_server(7, tmp_path) is not None

    assert server("python", "-m", "dagster", "code-server", "start", "--socket", "/tmp/here")
    assert server("dagster", "code-server", "start", "-h", "0.0.0.0", "-p", "4000")
    assert not server("dagster", "code-server", "start")
    assert not server("dagster", "api", "grpc", "--socket", "/tmp/here")
    assert code_server(8, tmp_path) is None


def test_a_refresh_is_asked_for_while_a_landing_is_under_way_and_waits_for_what_it_lands(
    settings: Settings, instance: dg.DagsterInstance, requests: Requests
) -> None:
    land = build_definitions(settings).resolve_job_def("land")
    landing = instance.create_run_for_job(land, status=dg.DagsterRunStatus.STARTED)
    [asked] = requests("new_commits")
    assert asked.run_key == f"refresh-after-{landing.run_id}"

    def land_and_end() -> None:
        land_events(settings, [note(1)])
        instance.report_run_canceled(landing)

    later = Timer(1.0, land_and_end)
    later.start()
    assert run(settings, instance, "refresh").success
    later.join()
    assert require_served_version(settings).sequence == 1
    assert requests("new_commits") == []


def test_a_refresh_with_nothing_new_builds_nothing(settings: Settings, instance: dg.DagsterInstance) -> None:
    land_events(settings, [note(1)])
    assert derived(run(settings, instance, "refresh"))
    assert not derived(run(settings, instance, "refresh"))
    assert require_served_version(settings).number == 1


def derived(result: dg.ExecuteInProcessResult) -> set[str]:
    """The models that a run has derived."""
    assert result.success
    return {asset for asset, _ in materializations(result) if asset.startswith(("writing/", "reading/"))}
