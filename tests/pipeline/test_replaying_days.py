"""`factlog replay` of days and `factlog refresh --dry-run`: what is asked for, said, derived, and left alone.

The models are those of the example company. Building them takes seconds, so that is done as few times as can
be, and whatever only looks shares one home.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from event_archive import Source, land
from orchestration.dataset.versions import served_version
from orchestration.refresh import refresh
from orchestration.settings import PROJECT, Settings
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.requests import Days, pending
from support.command_typing import RATED, Typed, begin_archive

EVENTS = Path(__file__).parent / "models" / "events.ndjson"
DAMAGE = """
DELETE FROM billing.usage WHERE delivered_date < DATE '2026-01-26';
UPDATE billing.usage SET price_minor = price_minor + 1;
UPDATE analytics.translations SET word_count = word_count + 1;
DELETE FROM billing.invoice_lines;
"""
END = "select *\nfrom final"
OTHER_END = "select * replace (10 * delivery_count as delivery_count)\nfrom final"


def land_bytes(settings: Settings, name: str, content: bytes) -> None:
    path = settings.home / name
    path.write_bytes(content)
    land(settings.open_archive(), Source(name, path), limits=settings.limits)


def copy_home(settings: Settings, home: Path) -> Settings:
    shutil.copytree(settings.home, home, symlinks=True)
    return replace(settings, home=home)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example company's events, landed and published."""
    settings = Settings(home=tmp_path_factory.mktemp("published") / "home")
    settings.open_archive(may_create=True)
    land_bytes(settings, "events.ndjson", EVENTS.read_bytes())
    refresh(settings)
    return settings


@pytest.fixture(scope="module")
def late(published: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same, and a late event and its correction that landed since; nothing here derives them."""
    settings = copy_home(published, tmp_path_factory.mktemp("late") / "home")
    rated = RATED | {"time": "2026-01-20T10:00:00Z", "object": "translation/trn_1"}
    corrected = rated | {"id": "a-2", "time": "2026-02-03T10:00:00Z", "corrects": "a-1"}
    land_bytes(
        settings, "late.ndjson", "".join(json.dumps(event) + "\n" for event in (rated, corrected)).encode()
    )
    served_version(settings)  # of a copied home it is told by its bytes, and that is noted
    return settings


def typing(factlog: Typed, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Type commands about an installation."""
    monkeypatch.setenv("FACTLOG_HOME", str(settings.home))
    monkeypatch.setenv("FACTLOG_DBT_PROJECT", str(settings.dbt_project))
    return factlog


def files(settings: Settings) -> dict[Path, tuple[int, int]]:
    """Every file of an installation with what changes when one is written."""
    return {
        path: (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in settings.home.rglob("*")
        if not path.is_dir()
    }


def digests(settings: Settings) -> Mapping[str, str]:
    """The digest of each published table."""
    version = served_version(settings)
    assert version is not None
    return {table: state.digest for table, state in version.tables.items()}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "no days are given"),
        (("--from", "2026-01-05"), "--to is missing"),
        (("--to", "2026-01-05"), "--from is missing"),
        (("--days", "2026-01-05", "--from", "2026-01-05"), "--days and --from/--to: give one or the other"),
        (("--from", "2026-01-05", "--to", "2026-01-05"), "an empty range"),
        (("--from", "2026-01-06", "--to", "2026-01-05"), "--to lies before --from"),
        (("--from", "2924-01-01", "--to", "2924-02-01"), "lies in the future"),
        (("--days", "2026-01-05,2924-01-01"), "--days 2924-01-01: lies in the future"),
        (("--from", "2025-01-01", "--to", "2025-02-01"), "lies before the first event"),
        (("--from", "2026-01-10", "--to", "2026-01-12"), "no event is of these days"),
        (("--days", "2026-01-05,2026-01-10,2026-01-11"), "--days [2026-01-10, 2026-01-12): no event is of"),
        (("--from", "2026-02-30", "--to", "2026-03-01"), "--from 2026-02-30: not a day"),
        (("--from", "2026-01-01", "--to", "soon"), "--to soon: not a day"),
        (("--days", "2026-01-05;2026-01-06"), "--days 2026-01-05;2026-01-06: not a day"),
        (("--days", ","), "names no day"),
    ],
)
def test_days_that_cannot_be_meant_are_refused_in_one_line(
    published: Settings, factlog: Typed, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], error: str
) -> None:
    before = files(published)
    code, out, err = typing(factlog, published, monkeypatch)("replay", *words)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("factlog: ")
    assert error in err
    assert files(published) == before


def test_an_empty_archive_has_no_days_to_replay(factlog: Typed) -> None:
    begin_archive()
    code, _, err = factlog("replay", "--days", "2026-01-05")
    assert code == 2
    assert "the archive holds no events yet" in err


def test_a_dry_run_says_what_landed_and_what_follows_and_writes_nothing(
    late: Settings, factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(late)
    typed = typing(factlog, late, monkeypatch)
    code, out, _ = typed("refresh", "--dry-run", "--json")
    report = json.loads(out)
    assert (code, report["published"], report["head"], report["is_nothing"]) == (
        0,
        {"version": 1, "sequence": 1},
        2,
        False,
    )
    [landing] = report["landings"]
    assert (landing["sequence"], landing["origin"]) == (2, "late.ndjson")
    assert [(days["events"], days["day"], days["rows"]) for days in landing["events"]] == [
        ("translation_rated", "2026-01-20", 1),
        ("translation_rated", "2026-02-03", 1),
    ]
    assert landing["events"][0]["late_days"] > 0
    assert report["corrections"] == [{"kind": "corrects", "status": "in_effect", "events": 1}]
    reasons = {model["table"]: (model["keys"], *model["because"]) for model in report["models"]}
    assert reasons["analytics.translations"] == (1, "events landed", "corrections took effect")
    # It corrects a rating, and neither of these reads ratings.
    assert not {"billing.usage", "billing.invoices"} & {*reasons}
    _, out, _ = typed("refresh", "--dry-run")
    assert "1 commit landed since" in out
    assert "1 that corrects (in effect)" in out
    assert files(late) == before


def test_a_dry_run_waits_for_nobody_who_builds(
    late: Settings, factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warehouse_lock(late, "a refresh"), duckdb.connect(late.warehouse):
        code, out, _ = typing(factlog, late, monkeypatch)("refresh", "--dry-run", "--json")
    report = json.loads(out)
    assert (code, report["held_by"]) == (0, f"a refresh (process {os.getpid()})")
    assert "analytics.translations" in {model["table"] for model in report["models"]}


def test_a_dry_run_of_nothing_new_says_so(
    published: Settings, factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = typing(factlog, published, monkeypatch)("refresh", "--dry-run")
    assert code == 0
    assert "Nothing new" in out


def test_a_warehouse_that_is_none_is_named_in_one_line(
    published: Settings, tmp_path: Path, factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = copy_home(published, tmp_path / "home2")
    settings.warehouse.write_bytes(b"no database" * 1000)
    code, _, err = typing(factlog, settings, monkeypatch)("refresh", "--dry-run")
    assert (code, err.count("\n")) == (2, 1)
    assert str(settings.warehouse) in err


def test_an_estimate_starts_nothing_and_goes_by_earlier_builds(
    published: Settings, factlog: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(published)
    typed = typing(factlog, published, monkeypatch)
    code, out, err = typed("replay", "--from", "2026-01-05", "--to", "2030-01-01", "--estimate", "--json")
    report = json.loads(out)
    lines = [json.loads(line) for line in EVENTS.read_text().splitlines()]
    assert (code, report["events"]) == (0, sum(line["time"] >= "2026-01-05" for line in lines))
    assert report["files"] == len({line["type"] for line in lines if line["time"] >= "2026-01-05"})
    assert report["noted_builds"] == 1
    assert report["expected_seconds"] > 0
    assert "is replayed" in err, "it says that the range is clipped"
    _, out, err = typed("replay", "--days", "2026-01-05", "--estimate")
    assert "by 1 earlier build" in out
    assert "Nothing was started" in err
    assert files(published) == before


@pytest.fixture(scope="module")
def replayed(
    published: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, subprocess.CompletedProcess[str]]:
    """A warehouse with damage on three days, of which two are replayed, by a project of other code.

    A first try was killed after it had asked for all this, and before dbt began.
    """
    folder = tmp_path_factory.mktemp("replayed")
    settings = replace(copy_home(published, folder / "home"), dbt_project=folder / "project")
    shutil.copytree(PROJECT / "dbt_project", settings.dbt_project, symlinks=True)
    usage = settings.dbt_project / "models/marts/billing/usage.sql"
    assert END in usage.read_text()
    usage.write_text(usage.read_text().replace(END, OTHER_END))
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute("UPDATE analytics.translations SET channel = 'wrong'")
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr("orchestration.refresh.build")
        with pytest.raises(NameError):
            refresh(settings)
    return settings, command(settings, "replay", "--days", "2026-01-05,2026-02-02", "--json")


def command(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a process of its own."""
    done = start(settings, *words)
    out, err = done.communicate()
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def start(settings: Settings, *words: str) -> "subprocess.Popen[str]":
    """Start a command in a session of its own, so that it can be killed with all that it started."""
    return subprocess.Popen(
        [sys.executable, "-c", "from orchestration.command_line import main; main()", *words],
        env=settings.environment() | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def column(settings: Settings, table: str, name: str) -> dict[str, Any]:
    """One column of the served dataset by translation."""
    file = settings.published / "reporting.duckdb"
    with duckdb.connect(file, read_only=True) as connection:
        return dict(connection.execute(f"SELECT translation_id, {name} FROM {table}").fetchall())


def test_a_replay_derives_just_the_keys_with_events_on_its_days(
    replayed: tuple[Settings, subprocess.CompletedProcess[str]],
) -> None:
    settings, done = replayed
    assert done.returncode == 0, done.stderr
    channels = column(settings, "analytics.translations", "channel")
    assert {name for name, channel in channels.items() if channel != "wrong"} == {"trn_1", "trn_4", "trn_7"}
    report = json.loads(done.stdout)
    assert (report["days"], report["events"], report["version"], report["is_new"]) == (2, 13, 2, True)
    assert {"analytics.translations", "billing.usage"} <= set(report["changed"])
    keys = {model["table"]: model["keys"] for model in report["models"]}
    assert keys["analytics.translations"] == 3
    assert keys["billing.usage"] is None, "all of it"
    assert keys["billing.compensations"] == 0, "nothing was corrected on these days"


def test_what_other_code_derived_is_derived_again_from_nothing_also_after_a_crash(
    published: Settings,
    replayed: tuple[Settings, subprocess.CompletedProcess[str]],
) -> None:
    settings, _ = replayed
    before = column(published, "billing.usage", "delivery_count")
    assert column(settings, "billing.usage", "delivery_count") == {
        name: 10 * count for name, count in before.items()
    }
    assert pending(settings) == []


def test_progress_is_told_fact_by_fact_where_there_is_no_terminal(
    replayed: tuple[Settings, subprocess.CompletedProcess[str]],
) -> None:
    _, done = replayed
    assert "Deriving again 2026-01-05, 2026-02-02: 13 events in 8 files" in done.stderr
    assert "usage is derived (" in done.stderr


def test_a_replay_that_is_killed_at_any_time_is_completed_and_changes_nothing(
    published: Settings, tmp_path: Path
) -> None:
    settings = copy_home(published, tmp_path / "home")
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(DAMAGE)
        [(whole,)] = connection.execute("SELECT seconds FROM audit.builds").fetchall()
    moment = random.uniform(0, whole)
    killed = start(settings, "replay", "--from", "2026-01-01", "--to", "2026-02-21")
    time.sleep(moment)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    with warehouse_lock(settings, "a look"):  # dbt holds it, too, until it is dead
        days = pending(settings)
    if days:
        assert days == [Days(date(2026, 1, 1), date(2026, 2, 21))]
        refresh(settings)
    else:  # it had not begun, or it had ended: typed again it does the same
        done = command(settings, "replay", "--from", "2026-01-01", "--to", "2026-02-21")
        assert "Nothing has changed: version 1 stays published." in done.stdout, done.stderr
    assert digests(settings) == digests(published), f"killed after {moment:.2f} s of {whole:.2f}, {days=}"
    assert pending(settings) == []
