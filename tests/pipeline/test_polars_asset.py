"""A Polars asset over the archive: given late events and a correction, expect a day that is read again.

Belongs here: an asset of somebody's own beside those of factlog. Not here: which rows a frame has
(`unit/views/test_scan`).
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.loader import LoadingContextForTest

from event_archive import scan
from orchestration.build import build_definitions
from orchestration.settings import Settings
from support.installation import land_events, new_installation, note
from support.runs import WRITTEN, dagster_instance, run

WORDS = dg.AssetKey(["words_per_notebook"])
SECOND, THIRD = "2026-01-02", "2026-01-03"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation in which notes of two days have landed."""
    settings = new_installation(tmp_path)
    land_events(settings, [note(1), note(2), note(3, THIRD)], "first.ndjson")
    return settings


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `make dev` would use; it has been told of what landed."""
    with dagster_instance(settings) as instance:
        run(settings, instance, "land")
        yield instance


def with_polars_asset(settings: Settings) -> dg.Definitions:
    """The definitions of factlog, and an asset that reads a day of an event type with Polars."""

    @dg.asset(key=WORDS, deps=[WRITTEN], partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def words_per_notebook(context: dg.AssetExecutionContext) -> pl.DataFrame:
        day = date.fromisoformat(context.partition_key)
        written = scan(settings.open_archive(), "note.written", days=day)
        data = pl.col("data").struct
        return (
            written.group_by(notebook=data.field("notebook"))
            .agg(words=data.field("words").sum())
            .sort("notebook")
            .collect()
        )

    return dg.Definitions.merge(build_definitions(settings), dg.Definitions([words_per_notebook]))


def materialized(settings: Settings, instance: dg.DagsterInstance) -> list[tuple[str, int]]:
    """Materialize the second day of the asset; returns its rows."""
    job = with_polars_asset(settings).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, asset_selection=[WORDS], partition_key=SECOND)
    rows: pl.DataFrame = result.output_for_node(WORDS.to_python_identifier())
    return [(notebook, words) for notebook, words in rows.iter_rows()]


def status(settings: Settings, instance: dg.DagsterInstance) -> StaleStatus:
    """What the UI says of that day."""
    graph = with_polars_asset(settings).resolve_asset_graph()
    with partition_loading_context(dynamic_partitions_store=instance):
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        return resolver.get_status(WORDS, SECOND)


def test_a_day_is_read_again_where_its_events_land_late_or_are_corrected(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    graph = with_polars_asset(settings).resolve_asset_graph()
    assert graph.get(WORDS).parent_keys == {WRITTEN}
    assert materialized(settings, instance) == [("blue", 2), ("red", 1)]
    assert status(settings, instance) == StaleStatus.FRESH
    correction = note(7, THIRD) | {"corrects": "written-1", "object": "note/1"}
    land_events(settings, [note(4), correction], "late.ndjson")
    run(settings, instance, "land")
    assert status(settings, instance) == StaleStatus.STALE
    assert materialized(settings, instance) == [("blue", 6), ("red", 7)]
    assert status(settings, instance) == StaleStatus.FRESH
