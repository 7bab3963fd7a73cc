"""The asset `published/reporting`: what analysts open, published only where every blocking check holds.

Belongs here: publishing as Dagster sees it, with the checks that it waits for as asset checks. Not here: what
is checked (`warehouse.checks`) and how a version is written (`publishing.publish`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from event_archive import UnusableInput
from orchestration.assets.cursors import last_materialization
from orchestration.assets.data_versions import version_of, version_tags
from orchestration.assets.dbt_events import evaluations
from orchestration.assets.keys import PUBLISHING_GROUP, REPORTING
from orchestration.dataset.version_marks import RELEASE
from orchestration.names import REFRESH_JOB, WAREHOUSE_POOL
from orchestration.publishing.publish import Publication, PublishingRefused, publish
from orchestration.settings import Settings
from orchestration.shown_times import format_time
from orchestration.warehouse.checks import CHECKS, shown_checks
from orchestration.warehouse.outcomes import Check

DESCRIPTION = """The reporting dataset: a DuckDB file that analysts open at `published/reporting.duckdb`.

Each materialization that finds something new writes a numbered, immutable version and switches to it in one
step; where a check does not hold, the version that was served before stays. While somebody holds an older one
(`factlog published serve 3`), versions are written and that one stays served."""


def published_asset(settings: Settings, marts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Make the asset of the published dataset."""

    @dg.asset(
        key=REPORTING,
        deps=list(marts),
        description=DESCRIPTION,
        group_name=PUBLISHING_GROUP,
        owners=["team:data_platform"],
        kinds={"duckdb"},
        pool=WAREHOUSE_POOL,
        output_required=False,
        check_specs=[
            dg.AssetCheckSpec(
                check.name, asset=REPORTING, description=check.description, blocking=not check.only_warns
            )
            for check in CHECKS
        ],
    )
    def publish_reporting(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        try:
            publication = publish_or_fail(settings, context)
        except NotPublished as refused:
            yield from check_results(refused.checks)
            raise
        yield dg.MaterializeResult(
            metadata=to_metadata(publication, settings.time_zone),
            data_version=dg.DataVersion(f"{publication.version.number}"),
            check_results=list(check_results(publication.checks)),
        )

    return publish_reporting


class NotPublished(dg.Failure):
    """Publishing was refused; says what to do, and knows the checks."""

    def __init__(self, refused: PublishingRefused) -> None:
        super().__init__(
            f"Mend what does not hold, then start `{REFRESH_JOB}` again: {refused}. Until then what was "
            "published before is served.",
            allow_retries=False,
        )
        self.checks = refused.checks


def publish_or_fail(
    settings: Settings, context: dg.AssetExecutionContext | dg.OpExecutionContext
) -> Publication:
    """Publish, and say so in the run's log; fails the run where that can't be."""
    try:
        publication = publish(settings, log=context.log.info)
    except PublishingRefused as refused:
        raise NotPublished(refused) from None
    except UnusableInput as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    version = publication.version
    words = "published" if publication.is_new else "nothing new since"
    context.log.info(f"{words} version {version.number}, up to commit {version.sequence}")
    if publication.held is not None:
        held = publication.held
        context.log.warning(f"version {held} is held and stays served; to serve the newest: `{RELEASE}`")
    if publication.removed:
        numbers = ", ".join(map(str, publication.removed))
        context.log.info(f"removed old versions, as `retention` says: {numbers}")
    return publication


def published_by_refresh(
    settings: Settings, context: dg.OpExecutionContext, marts: Sequence[dg.AssetKey]
) -> Iterator[dg.AssetMaterialization | AssetCheckEvaluation]:
    """Publish at the end of a refresh; report the version, made of the marts as reported, and its checks."""
    instance = context.instance
    try:
        publication = publish_or_fail(settings, context)
    except NotPublished as refused:
        yield from evaluations(instance, check_results(refused.checks))
        raise
    inputs = {key: version_of(last_materialization(instance, key)) for key in marts}
    tags = version_tags(f"{publication.version.number}", code_version="", inputs=inputs)
    metadata = to_metadata(publication, settings.time_zone)
    yield dg.AssetMaterialization(REPORTING, metadata=metadata, tags=tags)
    yield from evaluations(instance, check_results(publication.checks))


def check_results(checks: Iterable[Check]) -> Iterator[dg.AssetCheckResult]:
    """The results that the UI shows."""
    for check in shown_checks(checks):
        yield dg.AssetCheckResult(
            asset_key=REPORTING,
            check_name=check.name,
            passed=check.passed,
            severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
            # A number beside the words: Dagster plots it over time, and says "no plots" where there is none.
            metadata={"detail": dg.MetadataValue.text(check.detail), "held": int(check.passed)},
        )


def to_metadata(publication: Publication, zone: tzinfo) -> dict[str, dg.MetadataValue]:
    """The metadata of a version."""
    version = publication.version
    tables = [
        dg.TableRecord({"table": table, "rows": state.rows, "digest": state.digest[:16]})
        for table, state in version.tables.items()
    ]
    return {
        "version": dg.MetadataValue.int(version.number),
        "served": dg.MetadataValue.int(publication.served.number),
        "held": dg.MetadataValue.bool(publication.is_held),
        "new": dg.MetadataValue.bool(publication.is_new),
        "sequence": dg.MetadataValue.int(version.sequence),
        "digest": dg.MetadataValue.text(version.log_digest),
        "code_version": dg.MetadataValue.text(version.code_version),
        "published_at": dg.MetadataValue.text(format_time(version.published_time, zone)),
        "bytes": dg.MetadataValue.int(version.bytes),
        "dagster/row_count": dg.MetadataValue.int(sum(state.rows for state in version.tables.values())),
        "tables": dg.MetadataValue.table(tables),
    }
