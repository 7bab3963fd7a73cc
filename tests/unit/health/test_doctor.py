"""What is wrong with an installation: each fault is put into one, and has to be named with what to do."""

import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from event_archive import UnusableInput
from orchestration.health import places
from orchestration.health.doctor import examine
from orchestration.health.examined import Examined
from orchestration.health.installed import differences, locked_versions, of_packages
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock
from support.installation import landed, published_installation, put

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return landed(tmp_path)


def told(settings: Settings, name: str) -> Examined:
    """What is said of one thing, where one thing is said."""
    (only,) = [each for each in examine(settings) if each.name == name]
    return only


def test_a_healthy_installation_has_nothing_wrong(settings: Settings) -> None:
    assert {each.name: each.state for each in examine(settings)} == {
        **dict.fromkeys(("python", "packages", "project", "contracts", "dbt project", "rights"), "well"),
        **dict.fromkeys(("archive", "clock", "disk", "locks", "leftovers"), "well"),
        "daemon": "note",
    }


def litter(settings: Settings) -> None:
    path = settings.archive_root / "scratch" / "tmp1"
    put(path, "")
    os.utime(path, (0, 0))


def broken_contract(settings: Settings) -> None:
    put(settings.contracts / "note.written.v1.yaml", "type: [")


@pytest.mark.parametrize(
    ("fault", "name", "state", "found"),
    [
        (lambda s: shutil.rmtree(s.archive_root), "archive", "wrong", "there is no archive here"),
        (lambda s: (s.archive_root / "anchor.json").unlink(), "archive", "wrong", "is missing"),
        (
            lambda s: put(s.archive_root / "events/what", ""),
            "leftovers",
            "wrong",
            "no commit names it",
        ),
        (litter, "leftovers", "note", "1 file of landings that crashed"),
        (broken_contract, "contracts", "wrong", "note.written.v1.yaml"),
        (lambda s: (s.dbt_project / "profiles.yml").unlink(), "dbt project", "wrong", "has no profiles.yml"),
    ],
)
def test_a_fault_is_named(
    settings: Settings, fault: Callable[[Settings], object], name: str, state: str, found: str
) -> None:
    fault(settings)
    examined = [each for each in examine(settings) if each.name == name]
    assert [(each.state, found in each.found, bool(each.to_do)) for each in examined] == [(state, True, True)]


def test_a_clock_that_is_before_the_last_commit_is_wrong(settings: Settings) -> None:
    class Earlier(Settings):
        @property
        def limits(self):  # type: ignore[no-untyped-def]
            return replace(super().limits, clock=lambda: datetime.now(UTC) - timedelta(days=3))

    wound_back = Earlier(**{name: getattr(settings, name) for name in settings.__dataclass_fields__})
    assert told(wound_back, "clock").state == "wrong"
    assert "commit 1 landed 2 days from now" in told(wound_back, "clock").found


def test_a_disk_without_room_for_a_build_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**12, 10**12, 10**6))
    assert told(settings, "disk").state == "wrong"
    assert "version" not in told(settings, "disk").found
    assert told(settings, "disk").found.startswith("1 MB are free")


def test_how_much_the_published_versions_take_is_said(tmp_path: Path) -> None:
    assert "; 1 version takes " in told(published_installation(tmp_path), "disk").found


def test_what_this_user_may_not_write_is_wrong(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "may_use", lambda place: place != settings.archive_root / "log")
    assert (told(settings, "rights").state, "archive/log" in told(settings, "rights").found) == (
        "wrong",
        True,
    )


def test_who_holds_the_warehouse_is_named(settings: Settings) -> None:
    with warehouse_lock(settings, "a refresh"):
        assert told(settings, "locks").state == "note"
        assert f"a refresh (process {os.getpid()})" in told(settings, "locks").found
    assert told(settings, "locks").state == "well"


def test_a_project_file_that_can_not_be_read_leaves_the_installation_to_look_at() -> None:
    examined = list(examine(UnusableInput("factlog.toml: memory = 3: not a size")))
    assert [each.name for each in examined] == ["python", "packages", "project"]
    assert (examined[-1].state, "not a size" in examined[-1].found) == ("wrong", True)


def test_a_package_of_another_version_is_wrong(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "duckdb==1.9.9 \\\n  --hash=sha256:0\nNo.Such_one==1 \\\npywin32==312 ; sys_platform == 'x'\n"
    )
    assert locked_versions(lock) == {"duckdb": "1.9.9", "no-such-one": "1"}
    (examined,) = of_packages(lock)
    assert examined.state == "wrong"
    assert "not 1.9.9; no-such-one 1 is missing" in examined.found
    assert differences({"a": "1"}, {"a": "1", "b": "2"}) == []


def test_without_a_lock_file_the_wheel_says_what_it_asks_for_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["click", "dbt-core<1.12,>=1.11", "duckdb==2.0.0", "pytest==9; extra == 'test'"]
    monkeypatch.setattr("orchestration.health.installed.requires", lambda _: asked)
    assert locked_versions(tmp_path / "none") == {"duckdb": "2.0.0"}
