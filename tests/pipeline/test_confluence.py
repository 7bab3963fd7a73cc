"""Confluence: however the events arrived and however the tables were built, the marts are the same.

Belongs here: the property, and proof that it can fail. Not here: what is dealt (`dealing`), what the marts
say (`test_models`), and builds that are killed (the tests of publishing and of Dagster).

Each example deals some thirty worlds into one archive, each world in its own way, so ten examples are three
hundred dealings. The steps between the landings are refreshes, builds of some models as a person may start
them from Dagster, and replays of days in any order. In the end all marts are compared, row for row, with:

- a build from nothing over the same log, in every column;
- a build over an archive where the same events landed once, in order, in one commit; there without the
  columns that say what landed when.

A failure names the worlds whose rows differ. Hypothesis does not shrink it, at ten seconds an attempt: as
worlds do not touch each other, all smaller versions of one are tried at once, side by side in one archive.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from dbt.contracts.graph.nodes import ModelNode
from dbt_in_process import InProcess
from dealing import EVERYTHING, NOTHING, SOME, Deal, World, deal
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from event_archive.landing import land
from event_archive.sources import Source
from orchestration import refresh
from orchestration.audit import record
from orchestration.dataset import name, relation
from orchestration.replay_request import request_replay
from orchestration.settings import Settings

EXAMPLES = 10
WORLDS = 30
# They say what landed when, which is the one thing that may differ between two ways of arriving.
LANDED_COLUMNS = {"last_sequence"}
NO_LOCK = -1

Rows = list[tuple[Any, ...]]


class Workshop:
    """Where deals are played: a dbt that is parsed, and a warehouse whose views are made, to start from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.empty = Settings(home=folder / "empty")
        self.dbt = InProcess(self.empty)
        self.homes = 0
        self.build(self.empty)

    @property
    def marts(self) -> dict[str, str]:
        """Every mart that dbt knows: its table by its name in dbt."""
        return {
            node.name: f"{node.schema}.{node.alias}"
            for node in self.dbt.manifest.nodes.values()
            if isinstance(node, ModelNode) and node.fqn[1] == "marts"
        }

    def new_home(self) -> Settings:
        """An installation with an empty archive, derived once."""
        self.homes += 1
        home = self.folder / str(self.homes)
        shutil.copytree(self.empty.home, home)
        return Settings(home=home)

    def build(self, settings: Settings, *, from_nothing: bool = False) -> None:
        """Build everything over the log as it is, as a refresh does."""
        with patch("orchestration.refresh.run_dbt", self.dbt.run):
            refresh.build(settings, NO_LOCK, from_nothing=from_nothing, variables={})

    def build_some(self, settings: Settings, models: Sequence[str], request: str) -> None:
        """Build some models over the log as it is, as a run of chosen assets does."""
        self.dbt.run(settings, ["run", "--select", *models])
        assert all(check.passed for check in record(settings, request))

    def play(self, dealt: Deal) -> Settings:
        """Land the events as they are dealt, with what is done in between."""
        settings = self.new_home()
        chance = Random(dealt.order)
        for number, step in enumerate(dealt.steps):
            land_lines(settings, dealt.landing(number))
            request = f"step {number}"
            request_replay(settings, request, step.replayed)
            if step.built == EVERYTHING:
                self.build(settings)
            elif step.built == SOME:
                self.build_some(settings, chance.sample(sorted(self.marts), 4), request)
            else:
                assert step.built == NOTHING
        return settings

    def again(self, settings: Settings) -> Settings:
        """The same log, derived from nothing."""
        aside = settings.home / "again"
        aside.mkdir()
        shutil.copy(self.empty.warehouse, aside)
        settings = replace(settings, warehouse_file=aside / settings.warehouse.name)
        self.build(settings, from_nothing=True)
        return settings

    def in_order(self, dealt: Deal) -> Settings:
        """The same events in a perfect world: landed in order, in one commit, and derived from nothing."""
        settings = self.new_home()
        land_lines(settings, dealt.in_order())
        self.build(settings, from_nothing=True)
        return settings

    def differences(self, dealt: Deal) -> dict[str, Rows]:
        """The rows of each mart that are not as they have to be."""
        played = self.play(dealt)
        again = differing(self.marts, played, self.again(played), without=set())
        ideal = differing(self.marts, played, self.in_order(dealt), without=LANDED_COLUMNS)
        return {
            f"{table} {how}": rows
            for how, found in (("from nothing", again), ("in order", ideal))
            for table, rows in found.items()
        }


def land_lines(settings: Settings, lines: Sequence[str]) -> None:
    """Land these lines as one file; none of them may be refused."""
    if not lines:
        return
    path = settings.home / "landing.ndjson"
    path.write_text("".join(line + "\n" for line in lines))
    counts = land(settings.open_archive(), Source(path.name, path), limits=settings.limits).counts
    assert counts.rejected == 0


def differing(
    marts: Mapping[str, str], one: Settings, other: Settings, *, without: set[str]
) -> dict[str, Rows]:
    """The rows by table that only one of two warehouses has."""
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for alias, settings in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{settings.warehouse}' AS {alias} (READ_ONLY)")
        found = {table: rows_apart(connection, table, without) for table in sorted(marts.values())}
    return {table: rows for table, rows in found.items() if rows}


def rows_apart(connection: duckdb.DuckDBPyConnection, table: str, without: set[str]) -> Rows:
    """The rows that only one of the two attached warehouses has in this table, each said to be whose."""
    described = connection.execute(f"DESCRIBE one.{relation(table)}").fetchall()
    columns = ", ".join(name(column) for column, *_ in described if column not in without)
    one, other = (f"SELECT {columns} FROM {side}.{relation(table)}" for side in ("one", "other"))
    return connection.execute(
        f"SELECT 'dealt', * FROM ({one} EXCEPT ALL {other}) "
        f"UNION ALL SELECT 'expected', * FROM ({other} EXCEPT ALL {one}) ORDER BY ALL"
    ).fetchall()


def smaller(world: World) -> Iterator[World]:
    """Versions of a world with one event less, or one that lands once."""
    for place, told in enumerate(world.told):
        yield world.without([place])
        if len(told.landings) > 1:
            fewer = (*world.told[:place], replace(told, landings=told.landings[:1]), *world.told[place + 1 :])
            yield replace(world, told=fewer)


def smallest(workshop: Workshop, dealt: Deal, found: dict[str, Rows]) -> tuple[Deal, dict[str, Rows]]:
    """A deal of one small world that fails still, if one does by itself."""
    while True:
        owners = dealt.owners([row for rows in found.values() for row in rows])
        failing = [world for world in dealt.worlds if world.number in owners]
        if not failing:
            return dealt, found
        world = min(failing, key=lambda one: sum(len(told.landings) for told in one.told))
        alone = replace(dealt, worlds=(world,))
        candidates = [one for one in smaller(world) if one.told]
        tried = replace(
            dealt, worlds=tuple(replace(one, number=at) for at, one in enumerate([world, *candidates]))
        )
        again = workshop.differences(tried)
        if not dealt.owners([row for rows in again.values() for row in rows]):
            return alone, found
        dealt, found = tried, again


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("confluence"))


@example_settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    derandomize=False,
    database=None,
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_however_events_arrive_the_marts_are_the_same(workshop: Workshop, seed: int) -> None:
    dealt = deal(seed, WORLDS)
    found = workshop.differences(dealt)
    if found:
        dealt, found = smallest(workshop, dealt, found)
        pytest.fail(said(dealt, found))


def said(dealt: Deal, found: Mapping[str, Rows]) -> str:
    """A counterexample for people."""
    rows = [f"{table}:\n" + "\n".join(f"  {row}" for row in rows) for table, rows in found.items()]
    return "\n".join(["", *map(str, dealt.worlds), *map(str, dealt.steps), *rows])
