"""All definitions of the code location, put together from settings.

Belongs here: which parts there are. Not here: the parts. Nothing happens on import; building reads the
contracts and the log, and parses the dbt project where it has changed.
"""

import dagster as dg

from orchestration.assets.dbt_translator import Translator, with_attached_tests
from orchestration.assets.event_checks import event_checks
from orchestration.assets.events import event_assets
from orchestration.assets.landing import landing_asset
from orchestration.assets.models import dbt_assets, mart_keys
from orchestration.assets.partitions import daily_partitions, span_of_days
from orchestration.assets.published import published_asset
from orchestration.assets.quarantine import quarantine_asset
from orchestration.assets.refreshed_models import RefreshedModels
from orchestration.assets.unit_tests import unit_test_checks
from orchestration.automation.diff_job import diff_job
from orchestration.automation.nightly_checks import nightly_checks, nightly_job, nightly_schedule
from orchestration.automation.refresh_job import publish_op, refresh_job, replay_days_job
from orchestration.automation.replay_job import replay_job
from orchestration.automation.sensors import (
    inbox_sensor,
    land_job,
    refresh_schedule,
    refresh_sensor,
)
from orchestration.dbt.process import load_manifest
from orchestration.dbt.project_rules import check_macros, check_reads
from orchestration.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Build the definitions of one installation."""
    archive = settings.open_archive()
    manifest = load_manifest(settings)
    check_macros(manifest)
    check_reads(manifest, archive.contracts)
    commits = archive.log.commits()
    partitions = daily_partitions(settings, commits)
    events = event_assets(settings, archive, partitions)
    translator = Translator(archive, with_attached_tests(manifest), partitions, settings.dbt_project)
    models = dbt_assets(settings, archive, manifest, translator)
    marts = mart_keys(models, manifest)
    published = published_asset(settings, marts)
    land = land_job()
    refreshed = RefreshedModels(settings, manifest, translator, models)
    publish = publish_op(settings, marts)
    refresh = refresh_job(refreshed, publish)
    nightly = nightly_job()
    return dg.Definitions(
        assets=[
            landing_asset(settings),
            quarantine_asset(settings),
            events,
            models,
            published,
        ],
        asset_checks=[
            event_checks(settings, archive),
            *nightly_checks(settings),
            *unit_test_checks(settings, models, manifest),
        ],
        jobs=[
            land,
            refresh,
            replay_days_job(refreshed, publish),
            nightly,
            replay_job(settings),
            diff_job(settings),
        ],
        sensors=[
            inbox_sensor(settings, archive, land, events, span_of_days(settings, commits)),
            refresh_sensor(settings, archive, refresh, [models, published]),
        ],
        schedules=[refresh_schedule(settings, refresh), nightly_schedule(settings, nightly)],
        # One process per run: its steps follow each other anyway, and each process takes seconds to start.
        executor=dg.in_process_executor,
    )
