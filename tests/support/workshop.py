"""Where deals are played: warehouses that are built again and again in one process, and told apart.

Belongs here: landing a deal's events, building as a refresh does, and the rows that only one of two
warehouses has. Not here: what is dealt (`dealing`), dbt in this process (`dbt_in_process`), and what has to
hold (`pipeline/test_confluence.py`).
"""

import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

import duckdb
from dbt.contracts.graph.nodes import ModelNode

from event_archive import Source, land
from event_archive.sql_text import literal
from orchestration import refresh
from orchestration.dataset.compare import table_states
from orchestration.dataset.table_state import TableState
from orchestration.dbt.graph import Manifest, as_names, read_manifest
from orchestration.dbt.process import DEFINITIONS, MANIFEST
from orchestration.model_testing.rows_apart import Rows
from orchestration.model_testing.rows_apart import differing as rows_by_table
from orchestration.planning.selection import Basis
from orchestration.publishing.build_inputs import digest_of_code
from orchestration.settings import Settings
from orchestration.warehouse.build_record import record_build
from orchestration.warehouse.engine import open_warehouse
from orchestration.warehouse.outcomes import NOTHING_BUILT, BuiltFrom, read_built_from
from orchestration.warehouse.requests import request_replay, requested_days, requested_rebuilds
from support.dbt_in_process import InProcess
from support.dealing import EVERYTHING, NOTHING, SOME, Deal

NO_LOCK = -1


class Workshop:
    """A dbt that is parsed, and a warehouse over an empty archive to start from: its views are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.empty = Settings(home=folder / "empty")
        self.empty.open_archive(may_create=True)
        self.dbt = InProcess(self.empty)
        self.homes = 0
        with patch("orchestration.refresh.run_dbt", self.dbt.run):
            refresh.build(self.empty, self.empty.open_archive(), NO_LOCK, from_nothing=False)

    @property
    def graph(self) -> Manifest:
        """dbt's manifest, as the product reads it."""
        return read_manifest(self.empty.dbt_target / DEFINITIONS)

    @property
    def models(self) -> list[ModelNode]:
        """Every model that is a table."""
        nodes = self.dbt.manifest.nodes.values()
        models = [node for node in nodes if isinstance(node, ModelNode)]
        return [model for model in models if model.config.materialized != "view"]

    @property
    def marts(self) -> set[str]:
        """The table of every mart that dbt knows: a new one is among them."""
        return {f"{model.schema}.{model.alias}" for model in self.models if model.fqn[1] == "marts"}

    @property
    def facts(self) -> set[str]:
        """The table of every model that is kept up to date by key."""
        models = [model for model in self.models if model.config.materialized == "fact"]
        return {f"{model.schema}.{model.alias}" for model in models}

    def read_by(self, table: str) -> tuple[tuple[str, ...], list[str]]:
        """By which key a fact is kept up to date, and from which relations of events."""
        (fact,) = [model for model in self.models if f"{model.schema}.{model.alias}" == table]
        upstream = [
            self.dbt.manifest.nodes[f"model.translation_company.{name}"]
            for name in as_names(fact.config["events"])
        ]
        return as_names(fact.config["key"]), [f"{model.schema}.{model.alias}" for model in upstream]

    def new_home(self) -> Settings:
        """An installation with an empty archive."""
        self.homes += 1
        home = self.folder / str(self.homes)
        shutil.copytree(self.empty.home, home)
        return Settings(home=home)

    def beside(self, settings: Settings, aside: str, like: Settings | None = None) -> Settings:
        """Another warehouse over the same archive: a copy of one, or one with nothing in it yet."""
        folder = settings.home / aside
        folder.mkdir()
        shutil.copy((like or self.empty).warehouse, folder)
        return replace(settings, warehouse_file=folder / settings.warehouse.name)

    def build(
        self,
        settings: Settings,
        *,
        from_nothing: bool = False,
        profiles: Path | None = None,
        basis: Basis | None = None,
    ) -> None:
        """Build what the log as it is may change, as a refresh does; `basis`: what else to go by."""
        last = NOTHING_BUILT if from_nothing else last_built(settings)
        basis = basis or Basis(self.graph, digest_of_code(settings), last)
        with patch("orchestration.refresh.run_dbt", partial(self.dbt.run, profiles=profiles)):
            refresh.build(settings, settings.open_archive(), NO_LOCK, from_nothing=from_nothing, basis=basis)

    def build_some(self, settings: Settings, models: Sequence[str], request: str) -> None:
        """Build some models over the log as it is, as a run of chosen assets does."""
        assert self.dbt.run(settings, ["run", "--select", *models]) == ""
        manifest = read_manifest(settings.dbt_target / MANIFEST)
        checks = record_build(settings, settings.open_archive().contracts, manifest, request)
        assert all(check.passed for check in checks)

    def play(self, dealt: Deal) -> Settings:
        """Land the events as they are dealt, with what is done in between."""
        settings, chance = self.new_home(), Random(dealt.seed)
        names = sorted(model.name for model in self.models)
        for number, step in enumerate(dealt.steps):
            land_lines(settings, dealt.landing(number))
            request = f"step {number}"
            request_replay(settings, request, step.replayed)
            if step.built == EVERYTHING:
                self.build(settings)
            elif step.built == SOME:
                self.build_some(settings, chance.sample(names, len(names) // 3), request)
            else:
                assert step.built == NOTHING
        return settings

    def from_nothing(self, settings: Settings) -> Settings:
        """The same log, derived from nothing."""
        other = self.beside(settings, "from-nothing")
        self.build(other, from_nothing=True)
        return other

    def ideal(self, lines: Sequence[str]) -> Settings:
        """These events landed in one commit, and derived from nothing."""
        settings = self.new_home()
        land_lines(settings, lines)
        self.build(settings, from_nothing=True)
        return settings


def last_built(settings: Settings) -> BuiltFrom:
    """Of what the nodes are made that a build may keep; nothing is tested here, so that none is complete."""
    with open_warehouse(settings, read_only=True) as connection:
        if requested_days(connection) or requested_rebuilds(connection):
            return NOTHING_BUILT
        return read_built_from(connection)


def land_lines(settings: Settings, lines: Iterable[str]) -> None:
    """Land these lines as one file; none of them may be rejected."""
    path = settings.home / "landing.ndjson"
    path.write_text("".join(line + "\n" for line in lines))
    assert land(settings.open_archive(), Source(path.name, path), limits=settings.limits).counts.rejected == 0


def states(settings: Settings) -> dict[str, TableState]:
    """The rows and the digest of every mart, as publishing takes them."""
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(str(settings.warehouse))} AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        return table_states(connection)


def differing(
    tables: Iterable[str], built: Settings, expected: Settings, without: Iterable[str] = ()
) -> dict[str, Rows]:
    """The rows by table that only one of two warehouses has, `without` these columns."""
    return rows_by_table(tables, built.warehouse, expected.warehouse, {*without})
