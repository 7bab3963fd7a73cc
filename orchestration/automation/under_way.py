"""Which runs wait or are under way, and waiting for a landing.

Belongs here: asking Dagster. Not here: what follows from it (`sensors`, `refresh_job`).
"""

import time

import dagster as dg

from orchestration.names import LAND_JOB

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
LOOKS_EVERY = 0.1


def is_running(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether a run of a job is waiting or under way."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=UNFINISHED)) > 0


def landing_under_way(instance: dg.DagsterInstance) -> str:
    """The id of the landing that waits or runs; nothing where none does."""
    under_way = instance.get_run_records(dg.RunsFilter(job_name=LAND_JOB, statuses=UNFINISHED), limit=1)
    return under_way[0].dagster_run.run_id if under_way else ""


def await_landing(instance: dg.DagsterInstance, at_most: float) -> None:
    """Wait until no landing is under way, at most so many seconds."""
    until = time.monotonic() + at_most
    while landing_under_way(instance) and time.monotonic() < until:
        time.sleep(LOOKS_EVERY)
