"""The project's file: found from the current folder upwards, and each mistake in it said in one line."""

import os
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from event_archive import UnusableInput
from orchestration.setting_values import Retention
from orchestration.settings import Settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of three folders and a mapping."""
    folder = tmp_path / "shop"
    for name in ("contracts", "dbt_project", "mappings", "deep/below"):
        (folder / name).mkdir(parents=True)
    (folder / "mappings/till.yaml").write_text("")
    shown = 'time_zone = "Asia/Tokyo"\nretention = 30\n'
    put(folder, f'contracts = "contracts"\nfirst_day = 2026-01-31\nmemory = "2G"\nthreads = 3\n{shown}')
    return folder


def put(folder: Path, text: str) -> None:
    (folder / "factlog.toml").write_text(text)


def test_a_project_is_found_from_the_current_folder_upwards(project: Path) -> None:
    for start in (project, project / "contracts", project / "deep" / "below"):
        settings = Settings.from_environment({}, start)
        assert settings.project == project
        assert (settings.home, settings.contracts) == (project / "var", project / "contracts")
        assert settings.dbt_project == project / "dbt_project"
        assert (settings.time_zone, settings.retention) == (ZoneInfo("Asia/Tokyo"), Retention(count=30))
        assert (settings.first_day, settings.memory_bytes, settings.threads) == (
            date(2026, 1, 31),
            2 << 30,
            3,
        )


def test_the_environment_wins_over_the_project(project: Path, tmp_path: Path) -> None:
    given = {"FACTLOG_HOME": str(tmp_path / "home"), "FACTLOG_MEMORY": "1G", "FACTLOG_FIRST_DAY": " "}
    settings = Settings.from_environment(given, project)
    assert (settings.home, settings.memory_bytes) == (tmp_path / "home", 1 << 30)
    assert settings.first_day == date(2026, 1, 31)


def test_a_project_that_is_named_wins_over_the_current_folder(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    put(other, "threads = 7\n")
    for name in (other, other / "factlog.toml"):
        assert Settings.from_environment({"FACTLOG_PROJECT": str(name)}, project).threads == 7
    with pytest.raises(UnusableInput, match=r"FACTLOG_PROJECT=.*nowhere: there is no factlog.toml there"):
        Settings.from_environment({"FACTLOG_PROJECT": str(tmp_path / "nowhere")}, project)


def test_what_is_started_from_elsewhere_finds_the_same_project(project: Path, tmp_path: Path) -> None:
    put(project, '[inbox.mappings]\ntill = "mappings/till.yaml"\n"pos/old" = "mappings/till.yaml"\n')
    settings = Settings.from_environment({}, project)
    till = project / "mappings/till.yaml"
    assert settings.inbox_mappings == (("pos/old", till), ("till", till))
    assert Settings.from_environment(settings.environment(), tmp_path) == settings


def test_without_a_project_nothing_is_written_anywhere(tmp_path: Path) -> None:
    settings = Settings.from_environment({}, tmp_path)
    for use in (settings.open_archive, settings.require_archive):
        with pytest.raises(UnusableInput, match=r"there is no factlog\.toml here or in a folder above"):
            use()
    assert [*tmp_path.iterdir()] == []


def test_a_project_above_that_somebody_else_put_there_is_not_taken_for_ones_own(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its models are code that is run; whoever goes to its folder, or names it, trusts it."""
    monkeypatch.setattr(os, "geteuid", lambda: (project / "factlog.toml").stat().st_uid + 1)
    if (project / "factlog.toml").stat().st_uid == 0:
        os.chown(project / "factlog.toml", 12345, -1)
    with pytest.raises(UnusableInput, match="belongs to another user") as error:
        Settings.from_environment({}, project / "contracts")
    assert "\n" not in str(error.value)
    assert Settings.from_environment({}, project).project == project
    assert Settings.from_environment({"FACTLOG_PROJECT": str(project)}, project / "contracts").threads == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('contract = "x"', "contract: there is no such key; did you mean contracts?"),
        ("quack = 1", "quack: there is no such key; a project has contracts, dbt_project, home"),
        ("contracts = 7", 'contracts = 7: not a folder; write it like contracts = "contracts"'),
        ('contracts = "nowhere"', "nowhere: no such folder; name an existing one"),
        ("memory = 1", 'memory = 1: not a size; write it like memory = "1G"'),
        ('memory = "plenty"', "memory = plenty: not a size of at least 256M"),
        ('threads = "2"', 'threads = "2": not a whole number; write it like threads = 2'),
        ("threads = true", "threads = True: not a whole number"),
        ("threads = 0", "threads = 0: not a whole number of at least 1"),
        ('first_day = "soon"', 'first_day = "soon": not a day; write it like first_day = 2026-01-31'),
        ("first_day = 2026-01-31T10:00:00Z", "not a day; write it like first_day = 2026-01-31"),
        ("time_zone = 1", 'time_zone = 1: not a time zone; write it like time_zone = "Europe/Berlin"'),
        ('time_zone = "Europe/Berln"', "there is no such time zone; did you mean Europe/Berlin?"),
        ('time_zone = "Nowhere/else"', "there is no such time zone; write it like Europe/Berlin, or UTC"),
        ("retention = 1", "retention = 1: neither a number of versions, at least 2, nor an age"),
        ('retention = "a year"', "nor an age; write it like 30, 90d or 12h"),
        ("retention = false", 'not a number of versions or an age; write it like retention = 30 or "90d"'),
        ("format = 2", "format = 2: this factlog reads format 1"),
        ("contracts = contracts", "not valid TOML"),
        ("inbox = 1", "inbox = 1: not a table; write it like [inbox.mappings]"),
        ("[inbox]\nmapping = {}", "inbox.mapping: there is no such key; did you mean mappings?"),
        ("[inbox]\nmappings = 1", "inbox.mappings = 1: not a table"),
        ("[inbox.mappings]\ntill = 1", "inbox.mappings.till = 1: not a file"),
        ('[inbox.mappings]\ntill = "x.yaml"', 'inbox.mappings.till = "x.yaml": there is no file'),
        ('[inbox.mappings]\n"../till" = "x.yaml"', "inbox.mappings.../till: not a folder of the inbox"),
        ('[inbox.mappings]\n"/till" = "x.yaml"', "inbox.mappings./till: not a folder of the inbox"),
        ('[inbox.mappings]\n"" = "x.yaml"', "inbox.mappings.: not a folder of the inbox"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file_and_what_to_write(
    project: Path, text: str, said: str
) -> None:
    put(project, text)
    with pytest.raises(UnusableInput) as error:
        Settings.from_environment({}, project)
    message = str(error.value)
    assert message.startswith(f"{project / 'factlog.toml'}: ")
    assert said in message
    assert "\n" not in message
