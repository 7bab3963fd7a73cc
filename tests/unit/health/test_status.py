"""Where things stand: what status says of an installation, and what of it needs a person."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from event_archive.quarantine.queries import Filter, grouped
from event_archive.quarantine.recover import Selection, recover
from orchestration.health import status
from orchestration.health.dagster_history import last_heartbeat
from orchestration.health.standing import Standing
from orchestration.health.status_report import to_json, to_lines
from orchestration.names import LAND_JOB
from orchestration.publishing.build_inputs import NOTE, digest_of_code, warehouse_stamps
from orchestration.publishing.failed_build import last_failure, noting_failure
from orchestration.publishing.publish import PublishingRefused
from orchestration.publishing.serving import hold_version
from orchestration.refresh import refresh
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.outcomes import Check
from support.installation import (
    drop,
    land_events,
    landed,
    new_installation,
    note,
    published_installation,
    put,
)

MORE = "data: {notebook: red, words: 7}\n"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Ten notes, published; a copy is other files, so that what a build noted is brought up to date."""
    settings = published_installation(tmp_path_factory.mktemp("status"))
    as_built(settings)
    return settings


@pytest.fixture
def settings(untouched: Settings) -> Iterator[Settings]:
    """The same installation for each test, which is put back as it was."""
    kept = untouched.home.parent.with_name("kept")
    shutil.copytree(untouched.home.parent, kept, symlinks=True)
    yield untouched
    shutil.rmtree(untouched.home.parent)
    kept.rename(untouched.home.parent)
    as_built(untouched)


def as_built(settings: Settings) -> None:
    """Note the files of a copy as those that the last build left."""
    path = settings.dbt_target / NOTE
    noted = json.loads(path.read_bytes())
    noted["inputs"]["code"] = digest_of_code(settings)
    noted["warehouse"] = warehouse_stamps(settings)
    path.write_text(json.dumps(noted))


def problems(standing: Standing) -> list[str]:
    return [problem.what for problem in standing.problems]


def test_where_all_is_derived_all_is_well(settings: Settings) -> None:
    standing = status.collect(settings)
    assert standing.is_well
    assert standing.archive and standing.served and standing.waiting and standing.refresh
    assert (standing.archive.commits, standing.archive.events) == (1, 10)
    assert standing.served.version == 1
    assert standing.served.newest_event_at == datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert standing.refresh.does_nothing
    assert standing.waiting.corrections_waiting == 0
    assert standing.next_command.startswith("factlog query")


def test_what_a_refresh_would_do_is_counted_by_type(settings: Settings) -> None:
    land_events(settings, [note(20, "2026-01-05"), note(21, verb="read"), note(22, verb="read")], "more")
    standing = status.collect(settings)
    assert standing.refresh and standing.archive and standing.served
    assert standing.refresh.new_commits == 1
    assert standing.refresh.new_events == {"note.read.v1": 2, "note.written.v1": 1}
    assert standing.next_command == "factlog refresh"
    assert standing.is_well
    words = dict(to_lines(standing, datetime(2026, 1, 6, tzinfo=UTC), UTC))
    assert words["refresh"] == "would derive: 1 new commit with 3 events (2 note.read.v1, 1 note.written.v1)"
    assert "data up to 2026-01-02 12:00:00, 3 days ago, 3 days behind the archive" in words["served"]


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda settings: put(settings.dbt_project / "models/more.sql", "select 1 as one"), "the code has"),
        (lambda settings: settings.warehouse.unlink(), "the warehouse is lost"),
        (lambda settings: settings.warehouse.touch(), "the warehouse was written to"),
        (lambda settings: (settings.dbt_target / NOTE).unlink(), "it is not known"),
        (lambda settings: shutil.rmtree(settings.published), "nothing is published yet"),
    ],
)
def test_what_else_makes_a_refresh_derive_is_named(settings: Settings, change, because: str) -> None:  # type: ignore[no-untyped-def]
    change(settings)
    standing = status.collect(settings)
    assert standing.refresh and standing.refresh.because[0].startswith(because)
    assert standing.next_command == "factlog refresh"
    assert standing.is_well


def test_refused_records_are_counted_as_the_quarantine_counts_them(tmp_path: Path) -> None:
    settings = landed(tmp_path)
    land_events(settings, [{"nonsense": 1}, note(30, notebook=3), note(31, words=31)], "bad.ndjson")
    contract = settings.contracts / "note.written.v1.yaml"
    open_ended = contract.read_text().replace("notebook: {type: string,", "notebook: {")
    contract.write_text(open_ended)
    archive = settings.open_archive()
    before = status.count_refused(archive.log.commits())
    recover(archive, Selection(), limits=settings.limits)
    for commits in (archive.log.commits(2), archive.log.commits()):
        assert status.count_refused(commits) in (before, 1)
    groups = grouped(archive, Filter(state="refused"), limit=100, samples=0)
    assert before == 2
    assert status.count_refused(archive.log.commits()) == sum(group.records for group in groups)


def test_a_refused_publishing_needs_a_person_until_it_is_published(settings: Settings) -> None:
    checks = [Check("unique_notes", False, True, "3 results"), Check("below", False, True, "skipped")]
    with pytest.raises(PublishingRefused), noting_failure(settings):
        raise PublishingRefused(checks)
    standing = status.collect(settings)
    (problem,) = problems(standing)
    assert re.fullmatch(r"the last build, \S+ \S+Z, was not published: unique_notes: 3 results", problem)
    assert not standing.is_well
    assert last_failure(settings)
    status.collect(settings)  # looking at it changes nothing
    assert last_failure(settings)


def test_a_build_that_did_not_end_needs_a_person_but_not_while_it_is_under_way(settings: Settings) -> None:
    path = settings.dbt_target / NOTE
    path.write_text(json.dumps({"inputs": json.loads(path.read_bytes())["inputs"]}))
    assert problems(status.collect(settings)) == ["the last build did not come to its end"]
    with warehouse_lock(settings, "a refresh"):
        standing = status.collect(settings)
    assert standing.is_well
    assert standing.refresh and (standing.refresh.under_way or "").startswith("a refresh (process ")


def test_a_version_that_was_changed_needs_a_person(settings: Settings) -> None:
    file = settings.published / "versions/1/reporting.duckdb"
    file.chmod(0o644)
    with file.open("ab") as changed:
        changed.write(b"x")
    assert [what.partition(": ")[2] for what in problems(status.collect(settings))] == [
        "is not what was published"
    ]


def test_a_version_of_another_log_needs_a_person(settings: Settings) -> None:
    shutil.rmtree(settings.archive_root)
    archive = replace(settings, warehouse_file=settings.home / "none", home=settings.home)
    (settings.home / "aside").mkdir()
    archive.published.rename(settings.home / "aside" / "published")
    settings.warehouse.rename(settings.home / "aside" / "warehouse")
    settings.open_archive(may_create=True)
    (settings.home / "aside" / "published").rename(settings.published)
    land_events(settings, [note(1)], "other.ndjson")
    assert any("another log" in what for what in problems(status.collect(settings)))


def test_what_can_not_land_needs_a_person_and_what_can_is_the_next_step(settings: Settings) -> None:
    drop(settings, "dropped.ndjson", [note(40)])
    standing = status.collect(settings)
    assert standing.is_well
    assert standing.next_command == "factlog inbox"
    (settings.inbox / "link").symlink_to("/etc/hostname")
    assert ["is a symbolic link" in what for what in problems(status.collect(settings))] == [True]


def test_a_failed_run_of_dagster_needs_a_person_until_the_next_succeeds(settings: Settings) -> None:
    fails = True

    @dg.op
    def landing() -> None:
        if fails:
            raise dg.Failure("the disk was full", allow_retries=False)

    job = dg.JobDefinition(graph_def=dg.GraphDefinition("landing", node_defs=[landing]), name=LAND_JOB)
    settings.dagster_home.mkdir()
    with dg.DagsterInstance.local_temp(str(settings.dagster_home)) as instance:
        job.execute_in_process(instance=instance, raise_on_error=False)
        found = problems(status.collect(settings))
        assert [what.split(" (")[0] for what in found] == ["the newest run of the job land has failed"]
        fails = False
        job.execute_in_process(instance=instance)
        assert problems(status.collect(settings)) == []
        assert last_heartbeat(settings) is None


def test_no_verdict_depends_on_the_clock(settings: Settings) -> None:
    standing = status.collect(settings)
    years = [datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2027, 2999)]
    shown = [list(to_lines(standing, now, UTC)) for now in years]
    assert len({tuple(heading for heading, _ in lines) for lines in shown}) == 1
    assert {dict(lines)["problems"] for lines in shown} == {"none"}
    assert to_json(standing)["well"] is True


def test_a_project_that_was_just_made_says_what_to_do_first(tmp_path: Path) -> None:
    made = replace(new_installation(tmp_path), project=tmp_path)
    shutil.rmtree(made.archive_root)
    standing = status.collect(made)
    assert (standing.is_well, standing.next_command) == (False, "factlog land PATH")
    (tmp_path / "events").mkdir()
    assert status.collect(made).next_command == "factlog land events"
    # What was derived once had an archive: it is lost, and not to be begun.
    made.warehouse.touch()
    assert not status.is_new(made)


def test_a_version_that_is_held_is_said_to_be_and_is_no_reason_to_derive(settings: Settings) -> None:
    land_events(settings, [note(90)], "ninety.ndjson")
    refresh(settings)
    hold_version(settings, 1)
    standing = status.collect(settings)
    assert standing.served
    assert standing.refresh
    assert (standing.served.version, standing.served.is_held) == (1, True)
    assert (standing.refresh.new_commits, standing.refresh.because) == (0, ())
    words = dict(to_lines(standing, datetime(2026, 1, 6, tzinfo=UTC), UTC))
    assert "version 1, held: 3 tables" in words["served"]
    (settings.published / "held.json").unlink()
    (settings.published / "held.json").write_text("[]")
    assert problems(status.collect(settings))[0].startswith(f"{settings.published / 'held.json'}: is damaged")
