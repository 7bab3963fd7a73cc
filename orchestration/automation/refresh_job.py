"""The jobs `refresh` and `replay_days`: derive what landed, or days again; test; publish. One run, one dbt.

Belongs here: the two jobs and their forms. Not here: what a refresh does (`assets.refreshed_models`,
`assets.published`), and when one is asked for (`sensors`). The command line does the same: `factlog refresh`,
`factlog replay --days`.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from event_archive import UnusableInput
from orchestration.assets.archive import open_archive
from orchestration.assets.cursors import unpublished
from orchestration.assets.published import published_by_refresh
from orchestration.assets.refreshed_models import Events, RefreshedModels
from orchestration.automation.under_way import await_landing
from orchestration.names import REFRESH_JOB, REPLAY_DAYS_JOB, WAREHOUSE_POOL
from orchestration.planning.replay_days import RequestedDays, days_with_events, read_requested_days
from orchestration.publishing.unchanged import is_surely_unchanged
from orchestration.settings import Settings

NEWEST = "newest"
# What a longer landing has committed by then is derived; the sensor asks for a refresh of the rest.
AWAITED_SECONDS = 60.0
REFRESH = """Derive what landed since the last refresh and what is below it, test it, publish it.

One run, one dbt process, however many days were touched; it asks for nothing. On each model exactly the days
are marked on which events arrived that the model is derived from. A model that would come out as it is stays,
and has no new materialization."""
REPLAY_DAYS = """Derive days again from the log, any set of them in one run, and publish what comes of them.

`days`: such as `2026-01-31`, several with commas between them (`2026-01-03,2026-02-14`), a range as
`2026-01-01..2026-02-01` (the second day is left out), or `newest`: the last day that has events."""


class ReplayDaysForm(dg.Config):
    """Which days to derive again."""

    days: str = NEWEST


def refresh_job(models: RefreshedModels, publish: dg.OpDefinition) -> dg.JobDefinition:
    """Make the job that derives what landed."""

    @dg.op(name="derive", description=REFRESH, pool=WAREHOUSE_POOL, out=dg.Out(dg.Nothing))
    def derive(context: dg.OpExecutionContext) -> Events:
        # The sensor asks for a refresh as soon as a landing is under way: this process has started meanwhile.
        await_landing(context.instance, AWAITED_SECONDS)
        if is_up_to_date(models.settings, context.instance):
            context.log.info("Nothing to build: all is as it was derived.")
        else:
            yield from models.refresh(context)
        yield dg.Output(None)  # type: ignore[misc]

    @dg.job(name=REFRESH_JOB, description=REFRESH)
    def refresh() -> None:
        publish(derive())

    return refresh


def replay_days_job(models: RefreshedModels, publish: dg.OpDefinition) -> dg.JobDefinition:
    """Make the job that derives days again."""

    @dg.op(name="derive_days", description=REPLAY_DAYS, pool=WAREHOUSE_POOL, out=dg.Out(dg.Nothing))
    def derive_days(context: dg.OpExecutionContext, config: ReplayDaysForm) -> Events:
        try:
            days = read_days(models.settings, config.days)
        except UnusableInput as error:
            raise dg.Failure(description=str(error).replace("--", ""), allow_retries=False) from None
        context.log.info(f"derives again: {days}" + (f"; {days.clipped}" if days.clipped else ""))
        yield from models.refresh(context, days.ranges)
        yield dg.Output(None)  # type: ignore[misc]

    @dg.job(name=REPLAY_DAYS_JOB, description=REPLAY_DAYS)
    def replay_days() -> None:
        publish(derive_days())

    return replay_days


def publish_op(settings: Settings, marts: Sequence[dg.AssetKey]) -> dg.OpDefinition:
    """Make the op that publishes what was derived, at the end of both jobs."""

    @dg.op(name="publish", pool=WAREHOUSE_POOL, ins={"derived": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def publish(context: dg.OpExecutionContext) -> Iterator[object]:
        yield from published_by_refresh(settings, context, marts)
        yield dg.Output(None)

    return publish


def is_up_to_date(settings: Settings, instance: dg.DagsterInstance) -> bool:
    """Whether a build would give what is published, and Dagster has heard of all of it."""
    archive = open_archive(settings)
    return not unpublished(settings, instance, archive.log.commits()) and is_surely_unchanged(
        settings, archive
    )


def read_days(settings: Settings, typed: str) -> RequestedDays:
    """The days that somebody typed; raises UnusableInput where none can be meant."""
    archive = open_archive(settings)
    held = days_with_events(archive.log.commits(), archive.contracts)
    today, typed = datetime.now(UTC).date(), typed.strip()
    if typed == NEWEST and held:
        typed = max(held).isoformat()
    first, is_range, end = typed.partition("..")
    if is_range:
        return read_requested_days(first.strip(), end.strip(), None, held, today)
    return read_requested_days(None, None, typed, held, today)
