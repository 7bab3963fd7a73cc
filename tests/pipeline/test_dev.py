"""`factlog dev`: what a person is told of what happens, and that it says why it can't start."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from event_archive import recover
from orchestration.command_line.dev import tell
from orchestration.dataset.table_state import TableState
from orchestration.dataset.versions import require_served_version
from orchestration.dev import dev_environment, log_file, url, why_not_loaded
from orchestration.dev_news import FAILED, LANDED, PUBLISHED, REFUSED, News, Newsreader, news_of_version
from orchestration.refresh import refresh
from orchestration.settings import Settings
from support.daemon import free_port
from support.installation import drop, land_events, new_installation, note, published_installation, put
from support.runs import dagster_instance, run

UI = url("3000")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with ten notes, published as version 1."""
    return published_installation(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Its Dagster instance."""
    with dagster_instance(settings) as instance:
        yield instance


@pytest.fixture
def reader(settings: Settings, instance: dg.DagsterInstance) -> Newsreader:
    """Who looks at it from now on."""
    return Newsreader(settings, settings.open_archive().storage, instance, UI)


def test_what_was_there_before_is_no_news_and_nothing_is_told_twice(
    settings: Settings, reader: Newsreader
) -> None:
    assert list(reader.look()) == []
    land_events(settings, [note(10), note(11), note(10)], "more.ndjson")
    assert list(reader.look()) == [News(LANDED, "more.ndjson: 2 events, 1 duplicate, commit 2")]
    assert list(reader.look()) == []


def test_what_was_refused_comes_with_the_command_that_shows_it(
    settings: Settings, reader: Newsreader
) -> None:
    land_events(settings, [note(10), {**note(11), "data": {}}], "mixed.ndjson")
    assert list(reader.look()) == [
        News(LANDED, "mixed.ndjson: 1 event, commit 2"),
        News(REFUSED, "mixed.ndjson: 1 of 2 records", "factlog quarantine list --sequence 2"),
    ]


def test_a_recovery_is_told_by_its_events(settings: Settings, reader: Newsreader) -> None:
    land_events(settings, [{**note(11), "data": {"notebook": "red"}}, note(12)], "early.ndjson")
    list(reader.look())
    contract = settings.contracts / "note.written.v1.yaml"
    contract.write_text(contract.read_text().replace("required: [notebook, words]", "required: [notebook]"))
    recover(settings.open_archive())
    assert list(reader.look()) == [News(LANDED, "1 event recovered from quarantine")]


def test_a_file_that_can_not_land_is_told_once(
    settings: Settings, instance: dg.DagsterInstance, reader: Newsreader
) -> None:
    broken = drop(settings, "broken.ndjson", [])
    written = broken.stat().st_mtime_ns
    broken.write_text("hello\n" * 3)
    os.utime(broken, ns=(written, written))
    drop(settings, "whole.ndjson", [note(10)])
    result = run(settings, instance, "land")
    landed, refused = reader.look()
    assert landed == News(LANDED, "whole.ndjson: 1 event, commit 2")
    assert refused.text.startswith(
        "stays in the inbox: `broken.ndjson` there is no event in it: all of its 3"
    )
    assert (refused.kind, refused.more) == (REFUSED, f"{UI}/runs/{result.run_id}")
    assert list(reader.look()) == []


def test_a_run_that_failed_says_why_in_a_line(
    settings: Settings, instance: dg.DagsterInstance, reader: Newsreader
) -> None:
    put(settings.dbt_project / "models/marts/reading/readings.sql", "select no_such_column from nowhere\n")
    land_events(settings, [note(10, verb="read")])
    list(reader.look())
    result = run(settings, instance, "refresh")
    [failed] = reader.look()
    assert (failed.kind, failed.more) == (FAILED, f"{UI}/runs/{result.run_id}")
    assert failed.text.startswith("refresh: ")
    assert "readings" in failed.text
    assert "\n" not in failed.text
    assert list(reader.look()) == []


def test_a_publishing_names_the_tables_that_changed(settings: Settings, reader: Newsreader) -> None:
    land_events(settings, [note(10, verb="read")])
    list(reader.look())
    refresh(settings)
    assert list(reader.look()) == [
        News(PUBLISHED, "version 2, up to commit 2; changed: reading.readings"),
    ]


def test_a_version_says_whether_it_is_an_older_one_and_names_a_few_tables(settings: Settings) -> None:
    first = require_served_version(settings)
    second = replace(first, number=2, tables={f"billing.t{n}": TableState(1, "d") for n in range(6)})
    assert news_of_version(first, None).text == "version 1, up to commit 1"
    assert news_of_version(replace(first, number=2), first).text == "version 2, up to commit 1"
    assert news_of_version(second, replace(first, tables={})).text == (
        "version 2, up to commit 1; changed: billing.t0, billing.t1, billing.t2, billing.t3 and 2 more"
    )
    assert "version 1 (an older one, served again), up to" in news_of_version(first, second).text


def test_many_small_files_of_one_commit_are_one_line(
    settings: Settings, instance: dg.DagsterInstance, reader: Newsreader
) -> None:
    for number in range(10, 30):
        drop(settings, f"{number}.ndjson", [note(number)])
    assert run(settings, instance, "land").success
    assert [news.text for news in reader.look()] == ["20 files: 20 events, commit 2"]


def test_a_name_drives_no_terminal_and_breaks_no_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(settings, News(LANDED, "a\x1b[31m\nb [bold]c: 1 event"))
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out[8:] == "  landed     a\\x1b[31m b [bold]c: 1 event\n"


def test_a_project_that_does_not_load_says_why() -> None:
    error = {
        "__typename": "PythonError",
        "message": "outer",
        "causes": [{"message": "a.errors.Bad: no macro 'x': y"}],
    }
    loaded = {"__typename": "RepositoryLocation"}

    def workspace(*found: object) -> object:
        return {"__typename": "Workspace", "locationEntries": [{"locationOrLoadError": one} for one in found]}

    assert why_not_loaded(workspace(loaded)) == ""
    assert why_not_loaded(workspace(None)) == ""  # it is still being loaded
    assert why_not_loaded(workspace(loaded, error)) == "no macro 'x': y"
    assert why_not_loaded({"__typename": "PythonError", "message": "no workspace"}) == "no workspace"


def test_a_dagster_that_ends_by_itself_is_one_line(tmp_path: Path) -> None:
    settings = new_installation(tmp_path)
    put(settings.home.parent / "project" / "factlog.toml", "format = 1\n")
    project = settings.contracts.parent
    put(project / "workspace.yaml", "load_from: nonsense\n")
    environment = dev_environment(settings) | {"FACTLOG_PROJECT": str(project)}
    factlog = Path(sys.executable).with_name("factlog")
    put(log_file(settings), "of the start before\n")
    ended = subprocess.run(
        [factlog, "dev", "--no-browser", "--port", free_port()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    [line] = [line for line in ended.stderr.splitlines() if "nanobind" not in line and "leak" not in line]
    assert line.startswith("factlog: Dagster has ended by itself, with exit code")
    assert "load_from" in log_file(settings).read_text()
    assert log_file(settings).with_name("dev.log.1").read_text() == "of the start before\n"
