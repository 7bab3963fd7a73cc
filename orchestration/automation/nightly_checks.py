"""What is checked every night: whether the archive is whole, and whether it still gives what is served.

Belongs here: these two asset checks, their job and its schedule. Not here: checking
(`event_archive.verification`, `replay.verify_sample`). Neither keeps anything from being published: they
take longer than a refresh may wait, and they ask about what is served already.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from event_archive import Limits, UnusableInput
from event_archive.store.commit import Commit
from event_archive.store.landing_times import describe_wrong_times
from event_archive.verification import Inspection, inspect_archive
from event_archive.wording import agree, format_count
from orchestration.assets.archive import open_archive
from orchestration.assets.keys import LOG, REPORTING
from orchestration.dataset.versions import served_version
from orchestration.names import NIGHTLY_JOB
from orchestration.replay.verify_sample import SampleVerification, verify_sample
from orchestration.settings import Settings

SAMPLE_DAYS = 3
SHOWN = 100
ARCHIVE_COMPLETE = dg.AssetCheckKey(LOG, "archive_complete")
SAME_AGAIN = dg.AssetCheckKey(REPORTING, "replay_gives_the_same")


class Sample(dg.Config):
    """Which days are drawn: a seed, to which the log's head is added, and how many. No seed: today's date."""

    seed: str = ""
    days: int = SAMPLE_DAYS


def nightly_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """Make both checks."""

    @dg.asset_check(
        asset=LOG,
        name=ARCHIVE_COMPLETE.name,
        description=(
            "Every commit, and every byte of every file that a commit names, is as it was committed, and "
            "nothing was added. Litter of a crash is counted, and is no damage; nor are times that can't be "
            "right, because a clock was wrong."
        ),
    )
    def archive_complete() -> dg.AssetCheckResult:
        archive = open_archive(settings)
        found = inspect_archive(archive, limits=settings.limits)
        return archive_result(found, [] if found.findings else archive.log.commits(), settings.limits)

    @dg.asset_check(
        asset=REPORTING,
        name=SAME_AGAIN.name,
        description=(
            "All keys of facts that have events on some days, drawn by lot, come out of the log as they are "
            "served, when derived from nothing. All facts: `factlog replay --verify`."
        ),
    )
    def replay_gives_the_same(config: Sample) -> dg.AssetCheckResult:
        seed = config.seed or datetime.now(UTC).date().isoformat()
        try:
            verified = verify_sample(settings, seed=seed, number_of_days=config.days)
        except UnusableInput as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        return sample_result(verified)

    return [archive_complete, replay_gives_the_same]


def archive_result(found: Inspection, commits: Sequence[Commit], limits: Limits) -> dg.AssetCheckResult:
    """The result of the check of the archive."""
    findings = found.findings
    table = [
        dg.TableRecord({"file": finding.path, "problem": finding.problem}) for finding in findings[:SHOWN]
    ]
    schema = dg.TableSchema([dg.TableColumn("file"), dg.TableColumn("problem")])
    whole = "the one commit is whole" if len(commits) == 1 else f"all {len(commits)} commits are whole"
    return dg.AssetCheckResult(
        passed=not findings,
        description=f"{len(findings)} problem(s)" if findings else whole,
        metadata={
            "problems": dg.MetadataValue.int(len(findings)),
            "litter": dg.MetadataValue.int(len(found.litter)),
            "findings": dg.MetadataValue.table(table, schema),
            "wrong_times": dg.MetadataValue.md("\n\n".join(describe_wrong_times(commits, limits)) or "none"),
        },
    )


def sample_result(verified: SampleVerification) -> dg.AssetCheckResult:
    """The result of the comparison of a sample."""
    table = [
        dg.TableRecord(
            {
                "table": name,
                "day": str(difference.day or ""),
                "only_published": difference.only_published,
                "only_replayed": difference.only_replayed,
            }
        )
        for name, days in verified.differences.items()
        for difference in days
    ]
    numbers = [dg.TableColumn(name, "int") for name in ("only_published", "only_replayed")]
    schema = dg.TableSchema([dg.TableColumn("table"), dg.TableColumn("day"), *numbers])
    rows = sum(verified.rows.values())
    differing = ", ".join(verified.differences)
    same = f"{format_count(rows, 'row')} {agree(rows, 'is', 'are')} the same"
    return dg.AssetCheckResult(
        passed=verified.holds,
        description=f"differs: {differing}" if differing else same,
        metadata={
            "seed": dg.MetadataValue.text(verified.seed),
            "days": dg.MetadataValue.json([day.isoformat() for day in verified.days]),
            "version": dg.MetadataValue.int(verified.version),
            "sequence": dg.MetadataValue.int(verified.sequence),
            "keys": dg.MetadataValue.int(verified.keys),
            "rows": dg.MetadataValue.json(dict(verified.rows)),
            "differences": dg.MetadataValue.table(table[:SHOWN], schema),
            "seconds": dg.MetadataValue.float(round(verified.seconds, 1)),
        },
    )


def nightly_job() -> UnresolvedAssetJobDefinition:
    """Run both checks, and nothing else."""
    return dg.define_asset_job(
        NIGHTLY_JOB,
        selection=nightly_selection(),
        description="Check every byte of the archive, and derive the facts of a few days again to compare.",
    )


def nightly_selection() -> dg.AssetSelection:
    """Select both checks: other jobs leave them out."""
    return dg.AssetSelection.checks(ARCHIVE_COMPLETE, SAME_AGAIN)


def nightly_schedule(settings: Settings, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Verify every night, if there is anything to verify; a run that is tried again draws the same days."""

    @dg.schedule(
        name="nightly_verification",
        job=job,
        cron_schedule="30 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Checks the archive's bytes and a sample of what is served, every night at 2:30 UTC.",
    )
    def nightly_verification(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        settings.require_archive()
        if served_version(settings) is None:
            return dg.SkipReason("Nothing is published yet.")
        seed = context.scheduled_execution_time.date().isoformat()
        sample = {"seed": seed, "days": SAMPLE_DAYS}
        return dg.RunRequest(run_config={"ops": {op_name(SAME_AGAIN): {"config": sample}}})

    return nightly_verification


def op_name(check: dg.AssetCheckKey) -> str:
    """The name of the op of a check, as run config has it."""
    return f"{check.asset_key.to_python_identifier()}_{check.name}"
