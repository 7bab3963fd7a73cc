"""Given these events, expect these rows: the models over real landings, built by a real dbt.

Belongs here: what the marts say, that it does not depend on how the events arrived, and that a blocking test
blocks. Not here: how dbt is scheduled (Dagster's tests), nor one model's SQL.

`models/events.ndjson` is the input, `models/expected/<schema>/<table>.csv` what each mart has to hold.
"""

import json
import math
import random
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from event_archive import land
from event_archive.decoding.sources import find_sources
from orchestration.dataset.row_tracing import RowTrace, describe_marts
from orchestration.dbt.process import run_dbt
from orchestration.diff.traced_rows import ToEvents
from orchestration.settings import PROJECT, Settings
from orchestration.warehouse.requests import Days, request_replay

MODELS = Path(__file__).parent / "models"
MARTS = sorted(
    path.relative_to(PROJECT / "dbt_project/models/marts")
    for path in PROJECT.glob("dbt_project/models/marts/*/*.sql")
)
TABLES = [f"{path.parent}.{path.stem}" for path in MARTS]
# They say what landed when, which is the one thing that differs between two ways of arriving.
LANDED_COLUMNS = {"first_sequence", "last_sequence"}


def land_lines(settings: Settings, name: str, lines: Iterable[str]) -> None:
    """Land these events as one file; every one of them has to be accepted."""
    lines = list(lines)
    path = settings.home / name
    path.write_text("".join(line + "\n" for line in lines))
    (source,) = find_sources([str(path)])
    counts = land(settings.open_archive(), source).counts
    assert (counts.received, counts.accepted) == (len(lines), len(lines))


def dbt(settings: Settings, *arguments: str) -> dict[str, str]:
    """Run dbt; the outcome of each node by its name."""
    output = run_dbt(settings, arguments)
    results = json.loads((settings.dbt_target / "run_results.json").read_text())["results"]
    outcomes = {result["unique_id"].split(".")[2]: result["status"] for result in results}
    assert outcomes, output
    return outcomes


def rows_of(settings: Settings, table: str) -> str:
    """A mart as CSV, in one order whatever the order of its rows is."""
    schema, name = table.split(".")
    path = settings.home / f"{table}.csv"
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        described = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? "
            "ORDER BY ordinal_position",
            [schema, name],
        ).fetchall()
        columns = ", ".join(column for (column,) in described if column not in LANDED_COLUMNS)
        connection.execute(
            f"COPY (SELECT {columns} FROM {schema}.{name} ORDER BY ALL) TO '{path}' "
            "(HEADER, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%gZ')"
        )
    return path.read_text()


def all_rows(settings: Settings) -> dict[str, str]:
    return {table: rows_of(settings, table) for table in TABLES}


def expected_rows() -> dict[str, str]:
    return {
        table: (MODELS / "expected" / table.replace(".", "/")).with_suffix(".csv").read_text()
        for table in TABLES
    }


def events() -> list[str]:
    return (MODELS / "events.ndjson").read_text().splitlines()


def new_settings(home: Path) -> Settings:
    settings = Settings(home=home)
    settings.open_archive(may_create=True)
    return settings


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Mapping[str, str]]:
    """Everything landed at once, and built from nothing."""
    settings = new_settings(tmp_path_factory.mktemp("built"))
    land_lines(settings, "events.ndjson", events())
    return settings, dbt(settings, "build")


@pytest.mark.parametrize("table", TABLES)
def test_mart_holds_what_the_events_say(built: tuple[Settings, Mapping[str, str]], table: str) -> None:
    settings, _ = built
    expected = (MODELS / "expected" / table.replace(".", "/")).with_suffix(".csv")
    actual = rows_of(settings, table)
    assert actual == expected.read_text(), f"if that is meant: cp {settings.home / table}.csv {expected}"


def test_durations_are_exact_to_the_microsecond(built: tuple[Settings, Mapping[str, str]]) -> None:
    """Each column that is a duration in seconds, computed again from the moments it lies between."""
    settings, _ = built
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema IN ('analytics', 'billing') AND column_name LIKE '%\\_seconds' ESCAPE '\\'"
        ).fetchall()
        delivered = connection.execute(
            "SELECT (source_language, target_language, service_level), requested_at, delivered_at, "
            "turnaround_seconds FROM analytics.translations WHERE turnaround_seconds IS NOT NULL"
        ).fetchall()
        pairs = connection.execute(
            "SELECT (source_language, target_language, service_level), p50_turnaround_seconds, "
            "p95_turnaround_seconds, max_turnaround_seconds FROM analytics.turnaround_per_language_pair"
        ).fetchall()
    per_pair = [(f"{part}_turnaround_seconds") for part in ("p50", "p95", "max")]
    assert sorted(columns) == [
        ("translations", "turnaround_seconds"),
        *(("turnaround_per_language_pair", column) for column in sorted(per_pair)),
    ]
    durations: dict[str, list[Decimal]] = {}
    for pair, requested_at, delivered_at, seconds in delivered:
        exact = Decimal((delivered_at - requested_at) // timedelta(microseconds=1)) / 1_000_000
        assert seconds == exact
        durations.setdefault(str(pair), []).append(exact)
    assert any(number % 1000 for numbers in durations.values() for number in map(microseconds, numbers))
    for pair, *quantiles in pairs:
        ordered = sorted(durations.pop(str(pair)))
        assert quantiles == [ordered[math.ceil(len(ordered) * part) - 1] for part in (0.5, 0.95, 1)]
    assert not durations


def microseconds(seconds: Decimal) -> int:
    return int(seconds * 1_000_000)


def test_only_what_may_be_odd_is_warned_of(built: tuple[Settings, Mapping[str, str]]) -> None:
    _, outcomes = built
    assert {name: status for name, status in outcomes.items() if status not in ("success", "pass")} == {
        "payments_are_in_time": "warn",
        "delivered_is_invoiced": "warn",
        "not_null_translations_requested_at": "warn",
        "no_versions_are_missing": "warn",
    }


def test_expected_tables_are_of_marts_that_exist() -> None:
    assert {
        path.relative_to(MODELS / "expected").with_suffix(".sql") for path in MODELS.glob("expected/*/*")
    } == set(MARTS)


def test_every_mart_has_a_contract_and_describes_every_column_and_its_day(
    built: tuple[Settings, Mapping[str, str]],
) -> None:
    settings, _ = built
    manifest: dict[str, Any] = json.loads((settings.dbt_target / "manifest.json").read_text())
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert [model["name"] for model in models if not model["description"]] == []
    marts = [model for model in models if model["schema"] in ("billing", "analytics")]
    assert [mart["name"] for mart in marts if not mart["config"]["contract"]["enforced"]] == []
    undescribed = [
        f"{mart['name']}.{column['name']}"
        for mart in marts
        for column in mart["columns"].values()
        if not (column["description"] and column["data_type"])
    ]
    assert undescribed == []
    days = {
        mart["name"]: (
            mart["config"].get("day") or mart["config"]["meta"].get("day"),
            "daily" in mart["tags"],
        )
        for mart in marts
    }
    types = {
        mart["name"]: mart["columns"][day]["data_type"] for mart in marts if (day := days[mart["name"]][0])
    }
    assert {name for name, (_, is_daily) in days.items() if is_daily} <= types.keys()
    assert set(types.values()) == {"date"}


def test_every_mart_has_a_key_and_can_be_traced_to_its_events(
    built: tuple[Settings, Mapping[str, str]],
) -> None:
    """`factlog diff` tells which events changed a row; where none of this follows, the YAML says it."""
    settings, _ = built
    notes = describe_marts(json.loads((settings.dbt_target / "manifest.json").read_text()))
    assert [note.table for note in notes] == sorted(TABLES)
    assert [note.table for note in notes if not note.row_key] == []
    assert [note.table for note in notes if not note.traced_to] == []
    facts = {note.table for note in notes if any(isinstance(trace, ToEvents) for trace in note.traced_to)}
    named = {trace.table for note in notes for trace in note.traced_to if isinstance(trace, RowTrace)}
    assert named <= facts, "a report is traced to facts, which are traced to events"


@pytest.mark.parametrize("seed", [20260103])
def test_any_order_of_arrival_gives_the_same_rows(tmp_path: Path, seed: int) -> None:
    """Shuffled events in three landings, a refresh after each; the last one is a replay of days as well.

    The replayed days touch keys of a landing that was not read yet: what else it holds must not be
    passed over.
    """
    settings = new_settings(tmp_path / "home")
    shuffled = random.Random(seed).sample(events(), k=len(events()))
    after_first: dict[str, str] = {}
    for number in range(3):
        land_lines(settings, f"{number}.ndjson", shuffled[number::3])
        if number == 2:
            request_replay(settings, "test", [Days(date(2026, 1, 21), date(2026, 1, 26))])
        assert set(dbt(settings, "run").values()) == {"success"}
        after_first = after_first or all_rows(settings)
    assert all_rows(settings) == expected_rows()

    # Back to an earlier cut of the log: no row outlives its events.
    earlier = Settings(home=settings.home, cut=1)
    assert set(dbt(earlier, "run").values()) == {"success"}
    assert all_rows(settings) == after_first


def test_a_replay_derives_the_keys_of_its_days_again(built: tuple[Settings, Mapping[str, str]]) -> None:
    settings, _ = built
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute("UPDATE billing.usage SET price_minor = 0")
    days = [Days(date(2026, 1, 5), date(2026, 1, 25)), Days(date(2026, 2, 2), date(2026, 2, 3))]
    request_replay(settings, "test", days)
    dbt(settings, "run", "--select", "usage")
    with duckdb.connect(settings.warehouse) as connection:
        prices = dict(connection.execute("SELECT translation_id, price_minor FROM billing.usage").fetchall())
    # trn_4 was delivered again on 2 February; the others have no event on any of these days.
    assert prices == {"trn_1": 1200, "trn_2": 80, "trn_4": 390, "trn_5": 0, "trn_8": 0, "trn_9": 0}


def test_an_invoice_for_what_was_not_delivered_is_caught(tmp_path: Path) -> None:
    settings = new_settings(tmp_path / "home")
    wrong = []
    for line in events():
        event = json.loads(line)
        if event["type"] == "invoice.issued.v1" and event["object"] == "invoice/inv_1":
            for name in ("word_count", "amount_minor"):
                event["data"]["lines"][0][name] *= 2
        wrong.append(json.dumps(event))
    land_lines(settings, "wrong.ndjson", wrong)
    outcomes = dbt(settings, "build", "--select", "+path:models/marts/billing")
    assert {name for name, status in outcomes.items() if status == "fail"} == {
        "invoiced_is_delivered",
        "invoice_total_is_sum_of_lines",
    }


def test_profile_and_project_keep_to_themselves() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project/dbt_project.yml").read_text())
    assert project["flags"]["send_anonymous_usage_stats"] is False
    packages = yaml.safe_load((PROJECT / "dbt_project/packages.yml").read_text())["packages"]
    assert [list(package) for package in packages] == [["local"]], "nothing is fetched from elsewhere"
