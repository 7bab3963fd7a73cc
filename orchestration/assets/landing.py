"""The asset `archive/log`: materializing it lands the inbox and reports what is not reported yet.

Belongs here: landing as Dagster sees it. Its own last materialization is the cursor: every commit after the
sequence noted there is reported, whoever made it, so what the `factlog` command landed shows up as well.
Not here: landing itself (the archive's), and when it is asked for (`automation`).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from event_archive import Archive, Landed, UnusableInput
from event_archive.landing.inbox import land_inbox
from event_archive.landing.land import PassedOver
from event_archive.quarantine.landed_again import clear_landed_again
from event_archive.store.durable import make_durable_folder
from event_archive.wording import agree, format_count
from orchestration.assets.archive import open_archive
from orchestration.assets.cursors import last_reported_sequence
from orchestration.assets.data_versions import LOG_VERSION
from orchestration.assets.keys import LANDING_GROUP, LOG
from orchestration.assets.log_reports import LogReport, report_commits
from orchestration.assets.markdown import code, text
from orchestration.names import ARCHIVE_POOL
from orchestration.settings import Settings

MOST_SHOWN = 20
CHECK = "nothing_refused"
CHECK_DESCRIPTION = """Of what was reported last, no record was refused, and every file in the inbox landed. A
warning: what is refused is kept, byte by byte."""
DESCRIPTION = """The ordered, hash-chained list of commits: what it names exists, anything else does not.

Materializing it lands the files in the inbox, each in one atomic commit or many small ones in one, and
reports a materialization of exactly the days of event types that were touched since it was last
materialized."""


def landing_asset(settings: Settings) -> dg.AssetsDefinition:
    """Make the asset of the log."""

    @dg.asset(
        key=LOG,
        description=DESCRIPTION,
        group_name=LANDING_GROUP,
        owners=["team:data_platform"],
        kinds={"json"},
        pool=ARCHIVE_POOL,
        check_specs=[dg.AssetCheckSpec(CHECK, asset=LOG, description=CHECK_DESCRIPTION)],
    )
    def land(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        archive = open_archive(settings)
        passed_over = land_files(context, settings, archive)
        commits = archive.log.commits()
        after = last_reported_sequence(context.instance, LOG, commits)
        report = report_commits(context.instance, settings, archive, commits, after, context.log_event)
        yield dg.MaterializeResult(
            metadata={
                **report.to_metadata(),
                "passed_over": dg.MetadataValue.int(len(passed_over)),
                "passed_over_files": dg.MetadataValue.md(format_passed_over(passed_over)),
            },
            data_version=dg.DataVersion(LOG_VERSION),
            check_results=[nothing_refused(report, passed_over)],
        )

    return land


def nothing_refused(report: LogReport, passed_over: Sequence[PassedOver]) -> dg.AssetCheckResult:
    """Whether all that came was taken, and if not, where to look."""
    rejected, received = report.counts.rejected, report.counts.received
    said = f"{received - rejected:,} of {received:,} records were taken"
    if rejected:
        was, it = agree(rejected, "was", "were"), agree(rejected, "it", "them")
        said += f"; {rejected:,} {was} refused: look at {it} by `factlog quarantine list`"
    if passed_over:
        said += f"; {format_count(len(passed_over), 'file')} in the inbox can't land: see `passed_over_files`"
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=not rejected and not passed_over,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"detail": dg.MetadataValue.text(said), "rejected": dg.MetadataValue.int(rejected)},
    )


def land_files(context: dg.AssetExecutionContext, settings: Settings, archive: Archive) -> list[PassedOver]:
    """Land the inbox, and log what came of each file as soon as it is committed; what was passed over."""
    make_durable_folder(settings.inbox)
    passed_over = []
    try:
        mappings = settings.load_inbox_mappings()
        for outcome in land_inbox(
            archive, settings.inbox, mappings=mappings, limits=settings.limits, quarantine_anyway=False
        ):
            if isinstance(outcome, PassedOver):
                passed_over.append(outcome)
                context.log.warning(f"passed over: {outcome.origin}: {outcome.problem}")
            else:
                clear_landed_again(archive, outcome, mappings.values(), settings.limits)
                is_whole = not (outcome.counts.rejected or outcome.damage)
                (context.log.info if is_whole else context.log.warning)(format_landing(outcome))
    except UnusableInput as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    return passed_over


def format_landing(outcome: Landed) -> str:
    """What came of one file, in one line."""
    damage = f"; it is damaged: {outcome.damage}" if outcome.damage else ""
    if outcome.earlier is not None:
        return (
            f"{outcome.origin}: these bytes had landed before, in commit {outcome.earlier.sequence}{damage}"
        )
    counts = outcome.counts
    ignored = f" + {counts.ignored} ignored" if counts.ignored else ""
    return (
        f"{outcome.origin}: {counts.received} received = {counts.accepted} accepted + "
        f"{counts.duplicate} duplicate + {counts.rejected} rejected{ignored}{damage}"
    )


def format_passed_over(passed_over: Sequence[PassedOver]) -> str:
    """The files that lie in the inbox and can't land, as a list in Markdown: the first of them."""
    shown = [f"- {code(outcome.origin)} {text(outcome.problem)}" for outcome in passed_over[:MOST_SHOWN]]
    more = len(passed_over) - len(shown)
    return "\n".join([*shown, *([f"- and {more:,} more"] if more else [])]) or "none"
