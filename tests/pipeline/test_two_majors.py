"""A company whose intakes move to a new major one by one, and one that always spoke it: equal reports.

Belongs here: a producer may change without any mart being touched, over real landings and a real dbt. Not
here: the upcast itself (`test_upcast`) and the view (`test_majors`).
"""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from test_models import TABLES, dbt, new_settings, rows_of

from event_archive import land
from event_archive.decoding.sources import find_sources
from event_archive.store.commit import segments_of
from examples.company.simulation import emit
from orchestration.assets.event_partitions import facts_of_days
from orchestration.settings import Settings

DAYS, SCALE = 32, 0.04
REQUESTED = {"translation.requested.v1", "translation.requested.v2"}
# So small a company makes no mistake within a month.
EMPTY = {"analytics.version_gaps", "billing.compensations"}


def build(home: Path, *, always_newest: bool) -> Settings:
    """Land a simulation and derive everything from it."""
    settings = new_settings(home)
    emit(home / "files", days=DAYS, scale=SCALE, always_newest=always_newest)
    archive = settings.open_archive()
    for source in find_sources([str(home / "files")]):
        land(archive, source)
    dbt(settings, "build")
    return settings


def requests(settings: Settings) -> Counter[str]:
    """How many requests the archive holds of each major."""
    rows: Counter[str] = Counter()
    for segment in segments_of(settings.open_archive().log.commits()):
        if segment.type in REQUESTED:
            rows[segment.type] += segment.rows
    return rows


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Settings]:
    """The company that moved, and the one that never had to."""
    moved = build(tmp_path_factory.mktemp("moved"), always_newest=False)
    newest = build(tmp_path_factory.mktemp("newest"), always_newest=True)
    return moved, newest


def test_one_company_speaks_two_majors_and_the_other_one(companies: tuple[Settings, Settings]) -> None:
    moved, newest = map(requests, companies)
    assert set(moved) == REQUESTED and min(moved.values()) > 100
    assert set(newest) == {"translation.requested.v2"}
    assert moved.total() == newest.total()


def test_one_asset_reports_the_days_of_both_majors(companies: tuple[Settings, Settings]) -> None:
    def rows_by_day(settings: Settings) -> dict[date, int]:
        archive = settings.open_archive()
        contract = archive.contracts["translation.requested.v2"]
        days = [date(2026, 4, 1) - timedelta(days=number) for number in range(DAYS)]
        return {day: facts.rows for day, facts in facts_of_days(archive, contract, days, threads=2).items()}

    moved, newest = map(rows_by_day, companies)
    assert moved == newest and len(moved) == DAYS


@pytest.mark.parametrize("table", TABLES)
def test_every_reporting_table_is_the_same(companies: tuple[Settings, Settings], table: str) -> None:
    moved, newest = (rows_of(settings, table) for settings in companies)
    assert moved == newest
    assert (moved.count("\n") > 1) is (table not in EMPTY)
