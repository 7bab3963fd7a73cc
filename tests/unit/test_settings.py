"""Settings: the environment is read in one place, and what is wrong with it is said in one line."""

import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from event_archive import UnusableInput
from orchestration.setting_values import Retention
from orchestration.settings import PROJECT, Settings

READS = re.compile(r"os\.environ|os\.getenv|import environ|getenv\(")


def test_defaults_lie_in_the_project(tmp_path: Path) -> None:
    settings = Settings.from_environment({}, PROJECT)
    assert settings.project == PROJECT
    assert settings.home == PROJECT / "var"
    assert settings.contracts == PROJECT / "event_archive" / "contracts"
    assert settings.limits.memory_bytes == 1 << 30
    assert settings.clock_skew == timedelta(minutes=5)
    assert (settings.time_zone, settings.retention) == (ZoneInfo("UTC"), None)


def test_settings_are_read_and_handed_on(tmp_path: Path) -> None:
    given = {
        "FACTLOG_HOME": str(tmp_path / "home"),
        "FACTLOG_CONTRACTS": str(tmp_path),
        "FACTLOG_MEMORY": "2 GiB",
        "FACTLOG_BUILD_MEMORY": "6G",
        "FACTLOG_MAX_RECORD": "8M",
        "FACTLOG_MAX_INPUT": "40G",
        "FACTLOG_THREADS": "3",
        "FACTLOG_CLOCK_SKEW": "60",
        "FACTLOG_TIME_ZONE": "Europe/Berlin",
        "FACTLOG_RETENTION": "48h",
        "FACTLOG_FIRST_DAY": "2026-01-31",
        "FACTLOG_CUT": "7",
        "FACTLOG_AS_OF": "2026-03-03",
        "FACTLOG_SAMPLE_DAYS": "2026-01-05, 2026-01-09",
        "FACTLOG_WAREHOUSE": str(tmp_path / "scratch.duckdb"),
    }
    settings = Settings.from_environment(given, PROJECT)
    assert settings.inbox == tmp_path / "home" / "inbox"
    assert (settings.memory_bytes, settings.threads) == (2 << 30, 3)
    assert settings.build_memory_bytes == 6 << 30
    assert (settings.limits.max_record_bytes, settings.limits.max_input_bytes) == (8 << 20, 40 << 30)
    assert settings.first_day == date(2026, 1, 31)
    assert settings.limits.clock_skew == timedelta(seconds=60)
    assert settings.time_zone == ZoneInfo("Europe/Berlin")
    assert settings.retention == Retention(age=timedelta(days=2))
    assert settings.cut == 7
    assert settings.as_of == datetime(2026, 3, 3, tzinfo=UTC)
    assert settings.sample_days == (date(2026, 1, 5), date(2026, 1, 9))
    assert settings.warehouse == tmp_path / "scratch.duckdb"
    assert Settings.from_environment(settings.environment()) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FACTLOG_MEMORY", "plenty"),
        ("FACTLOG_MEMORY", "1M"),
        ("FACTLOG_BUILD_MEMORY", "plenty"),
        ("FACTLOG_MAX_RECORD", "100K"),
        ("FACTLOG_MAX_INPUT", "0"),
        ("FACTLOG_AS_OF", "yesterday"),
        ("FACTLOG_THREADS", "0"),
        ("FACTLOG_THREADS", "-1"),
        ("FACTLOG_THREADS", "²"),
        ("FACTLOG_CLOCK_SKEW", "5 minutes"),
        ("FACTLOG_FIRST_DAY", "yesterday"),
        ("FACTLOG_SAMPLE_DAYS", "2026-01-05,yesterday"),
        ("FACTLOG_CONTRACTS", "/nowhere/at/all"),
        ("FACTLOG_CUT", "latest"),
        ("FACTLOG_TIME_ZONE", "Europe/Berln"),
        ("FACTLOG_TIME_ZONE", "Europe"),
        ("FACTLOG_TIME_ZONE", "../../etc/passwd"),
        ("FACTLOG_TIME_ZONE", "/etc/localtime"),
        ("FACTLOG_RETENTION", "1"),
        ("FACTLOG_RETENTION", "0d"),
        ("FACTLOG_RETENTION", "90 days"),
        ("FACTLOG_RETENTION", "for ever"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(UnusableInput, match=re.escape(f"{name}={value}: ")) as error:
        Settings.from_environment({name: value})
    assert "\n" not in str(error.value)


def test_nobody_else_in_orchestration_reads_the_environment() -> None:
    modules = [path for path in (PROJECT / "orchestration").glob("*.py") if READS.search(path.read_text())]
    assert [path.name for path in modules] == ["settings.py"]


def test_settings_load_nothing_heavy() -> None:
    heavy = "{'dagster', 'dbt', 'duckdb', 'polars', 'pyarrow'}"
    code = f"import sys, orchestration.settings; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
