"""The asset `archive/quarantine`: how many records are rejected, and whether more than a contract allows.

Belongs here: the quarantine as Dagster sees it. Not here: what a record's state is
(`event_archive.quarantine.recovery_outcomes`), and recovering records, which somebody has to decide on.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from event_archive.quarantine.queries import Filter, Group, grouped, rejected_share
from event_archive.quarantine.states import STATES
from event_archive.registry.contract import Contracts
from event_archive.wording import format_count
from orchestration.assets.archive import open_archive
from orchestration.assets.dbt_events import evaluations
from orchestration.assets.event_checks import check_events
from orchestration.assets.keys import LANDING_GROUP, LOG, QUARANTINE
from orchestration.settings import Settings

CHECK = "refused_share"
DESCRIPTION = """The records that were refused, with their bytes, place and reason: part of the archive.

Materializing it counts them by state (refused, recovered since, or found to be a duplicate), and looks at
every event type. `factlog quarantine list` shows them, `factlog quarantine recover` judges them again."""
CHECK_DESCRIPTION = """Of the records that claim a contract's type, no larger share is refused than its
`max_refused_share` allows. A warning: what is refused is kept, and what is accepted is whole."""


def quarantine_asset(settings: Settings) -> dg.AssetsDefinition:
    """Make the asset of the quarantine."""

    @dg.asset(
        key=QUARANTINE,
        deps=[LOG],
        description=DESCRIPTION,
        group_name=LANDING_GROUP,
        owners=["team:data_platform"],
        kinds={"parquet"},
        check_specs=[dg.AssetCheckSpec(CHECK, asset=QUARANTINE, description=CHECK_DESCRIPTION)],
    )
    def look_at_quarantine(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        archive = open_archive(settings)
        for evaluation in evaluations(context.instance, check_events(archive)):
            context.log_event(evaluation)
        head = archive.log.head()
        yield dg.MaterializeResult(
            metadata=count_by_state(grouped(archive, Filter(state=None), limit=0)),
            data_version=dg.DataVersion(head.digest if head else "empty"),
            check_results=[check_shares(archive.contracts, rejected_share(archive))],
        )

    return look_at_quarantine


def count_by_state(groups: Sequence[Group]) -> dict[str, dg.MetadataValue]:
    """Return the records by state, and those that are still rejected by reason and type, most first."""
    states: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for group in groups:
        states[group.state] += group.records
        if group.state == "refused":
            reasons[group.reason, group.type or "-"] += group.records
    table = [
        dg.TableRecord({"reason": reason, "type": claimed, "records": records})
        for (reason, claimed), records in reasons.most_common(100)
    ]
    schema = dg.TableSchema(
        [dg.TableColumn("reason"), dg.TableColumn("type"), dg.TableColumn("records", "int")]
    )
    by_state: dict[str, dg.MetadataValue] = {name: dg.MetadataValue.int(states[name]) for name in STATES}
    # An empty table shows as a head without a body.
    return by_state | ({"by_reason": dg.MetadataValue.table(table, schema)} if table else {})


def check_shares(contracts: Contracts, shares: dict[str, tuple[int, int]]) -> dg.AssetCheckResult:
    """Compare each contract's share of rejected records with what it allows."""
    rows = []
    exceeded = []
    for event_type, (rejected, events) in shares.items():
        share = rejected / (rejected + events) if rejected else 0.0
        allowed = contracts[event_type].max_refused_share
        if share > allowed:
            exceeded.append(f"{event_type}: {rejected:,} of {rejected + events:,} refused")
        rows.append(
            dg.TableRecord(
                {
                    "type": event_type,
                    "refused": rejected,
                    "events": events,
                    "share": share,
                    "allowed": allowed,
                }
            )
        )
    kinds = {"type": "string", "refused": "int", "events": "int", "share": "float", "allowed": "float"}
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()])
    detail = "; ".join(exceeded) or f"{format_count(len(rows), 'contract')}, none above its threshold"
    return dg.AssetCheckResult(
        asset_key=QUARANTINE,
        check_name=CHECK,
        passed=not exceeded,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "detail": dg.MetadataValue.text(detail),
            "contracts above": dg.MetadataValue.int(len(exceeded)),
            "by_contract": dg.MetadataValue.table(rows, schema),
        },
    )
