"""The definitions: what Dagster shows before anything has run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.defs_state.base import set_defs_state_storage

from orchestration.assets.keys import LOG, REPORTING
from orchestration.build import build_definitions
from orchestration.settings import PROJECT, Settings
from support.installation import new_installation
from support.runs import NOTES, WRITTEN, dagster_instance


@pytest.fixture(autouse=True)
def no_instance_of_before() -> Iterator[None]:
    """Definitions are loaded as in a new process: Dagster remembers instances that other tests closed."""
    with set_defs_state_storage(None):
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation."""
    return new_installation(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` would use."""
    with dagster_instance(settings) as instance:
        yield instance


def test_every_contract_is_a_daily_asset_that_says_what_it_is(settings: Settings) -> None:
    definitions = build_definitions(settings)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    node = graph.get(WRITTEN)
    assert (node.description or "").startswith("Somebody wrote a note.")
    assert node.group_name == "2_events"
    assert node.owners == ["team:editing"]
    assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
    assert node.partitions_def.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    schema = node.metadata["dagster/column_schema"]
    columns = {column.name: (column.type, column.description) for column in schema.columns}
    assert columns["data.words"] == ("BIGINT", "How long the note is.")
    assert columns["occurred_at"][0] == "TIMESTAMPTZ"
    assert all(described for _, described in columns.values())


def test_the_lineage_is_whole(settings: Settings) -> None:
    graph = build_definitions(settings).resolve_asset_graph()
    assert graph.unexecutable_asset_keys == set()
    assert graph.get(REPORTING).parent_keys == {
        NOTES,
        dg.AssetKey(["writing", "notebooks"]),
        dg.AssetKey(["reading", "readings"]),
    }
    assert graph.get(dg.AssetKey(["staging", "stg_note__written"])).parent_keys == {WRITTEN}
    assert graph.get(WRITTEN).parent_keys == {LOG}
    assert (graph.get(NOTES).description or "").startswith("Notes, one row each.")
    checks = {key.name for key in graph.asset_check_keys}
    assert checks >= {"unique_notes_note_id", "archive_chain", "conservation", "models_tested"}
    for key in graph.get_all_asset_keys():
        assert graph.get(key).owners, f"{key} has no owner"
        assert graph.get(key).group_name != "default", f"{key} has no group"


def test_daily_models_have_the_days_of_the_events_and_all_writers_share_a_pool(settings: Settings) -> None:
    definitions = build_definitions(settings)
    graph = definitions.resolve_asset_graph()
    assert graph.get(NOTES).partitions_def == graph.get(WRITTEN).partitions_def
    assert graph.get(NOTES).backfill_policy == dg.BackfillPolicy.single_run()
    assert graph.get(dg.AssetKey(["writing", "notebooks"])).partitions_def is None
    pools = {node.name: node.pools for node in definitions.resolve_job_def("refresh").all_node_defs}
    assert pools == {"derive": {"warehouse"}, "publish": {"warehouse"}}


def test_the_instance_has_one_writer_and_calls_nobody(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert instance.global_op_concurrency_default_limit == 1
    assert instance.run_retries_enabled
    assert not instance.telemetry_enabled
    assert instance.run_monitoring_enabled
    assert instance.root_directory == str(settings.dagster_home)
    environment = settings.environment()
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


def test_the_workspace_names_the_definitions() -> None:
    workspace = yaml.safe_load((PROJECT / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["python_module"]["module_name"] == "orchestration.definitions"
