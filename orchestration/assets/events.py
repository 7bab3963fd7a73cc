"""Event types as daily assets `events/<object>/<verb>`, made from the contracts.

Belongs here: a contract as an asset, and what materializing its days by hand does: it verifies them.
Not here: landing, which reports the days that it brought events of (`landing`).
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg

from event_archive import Archive
from event_archive.registry.contract import Contract
from event_archive.verification import verify_days
from event_archive.views.documented_columns import data_columns, envelope_columns
from event_archive.views.shown_example import shown_example
from event_archive.wording import format_count
from orchestration.assets.archive import open_archive
from orchestration.assets.code_places import code_places
from orchestration.assets.event_activity import Activity, activities, newest_day
from orchestration.assets.event_partitions import event_key, facts_of_days, majors, materialization
from orchestration.assets.event_pictures import picture
from orchestration.assets.keys import EVENTS_GROUP, LOG
from orchestration.assets.markdown import code, image, json_block, text
from orchestration.assets.partitions import days_of
from orchestration.settings import Settings

SHOWN_FINDINGS = 10
MAX_TAG = 63  # characters, by Dagster's rule
PAGE = Path("docs") / "event-types.md"


def event_spec(
    contract: Contract,
    partitions: dg.PartitionsDefinition[str],
    activity: Activity | None,
    newest: date | None,
    page: Path | None,
) -> dg.AssetSpec:
    """Return a contract as an asset; `page`: where the project describes its event types, if it does."""
    return dg.AssetSpec(
        key=event_key(contract),
        deps=[LOG],
        description=describe(contract, activity, newest),
        group_name=EVENTS_GROUP,
        owners=[f"team:{contract.owner}"],
        kinds={"parquet"},
        tags={"contract": contract.type} if len(contract.type) <= MAX_TAG else {},
        metadata={
            "dagster/column_schema": column_schema(contract),
            **code_places(places(contract, page)),
            "contract": dg.MetadataValue.text(contract.type),
            "revision": dg.MetadataValue.int(contract.revision),
            "allowed_refused_share": dg.MetadataValue.float(contract.max_refused_share),
        },
        partitions_def=partitions,
        skippable=True,
    )


def describe(contract: Contract, activity: Activity | None, newest: date | None) -> str:
    """What an event type is, in Markdown: its contract's words, a picture of what came, a sample event."""
    actors = " or ".join(contract.actor_types)
    drawn = ""
    if activity and newest:
        svg = picture(activity.by_day, activity.by_lateness, newest)
        drawn = f"{image(f'{activity.rows:,} events per day, and how late they came', svg)}\n\n"
    return (
        f"{text(contract.description)}\n\n{drawn}"
        f"Contract {code(contract.type)}, revision {contract.revision}, of {text(contract.owner)}; actor: "
        f"{text(actors)}. A sample, without personal fields:\n\n{json_block(shown_example(contract))}\n\n"
        "One partition per UTC day of `occurred_at`. Landings materialize the days they touch; materializing "
        "days by hand verifies their bytes against the log."
    )


def places(contract: Contract, page: Path | None) -> list[tuple[Path, int]]:
    """Where to read more: the contract, and its row in the page of event types."""
    found = [(contract.path, 1)]
    if page is not None and page.is_file():
        lines = page.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = [number for number, line in enumerate(lines, 1) if f"`{contract.type}`" in line]
        found += [(page, row) for row in rows[:1]]
    return found


def column_schema(contract: Contract) -> dg.TableSchema:
    """The columns of the event's view: the envelope, then each field of `data`, nested ones too."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type.replace('"', ""),
                description=column.description or None,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable,
                    other=[*(["personal (x-pii)"] if column.personal else []), *column.rules],
                ),
            )
            for column in [*envelope_columns(), *data_columns(contract)]
        ]
    )


def event_assets(
    settings: Settings, archive: Archive, partitions: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    """Make one asset per event type, all of one op: days of any number of types are verified in one run."""
    contracts = {event_key(contract): contract for contract in archive.contracts.newest()}
    by_view = activities(archive.log.commits(), archive.contracts)
    newest = newest_day(by_view)
    page = settings.project / PAGE if settings.project else None

    @dg.multi_asset(
        name="verify_events",
        specs=[
            event_spec(contract, partitions, by_view.get(contract.view_name), newest, page)
            for contract in contracts.values()
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def verify_events(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
        days = days_of(context.partition_time_window)
        current = open_archive(settings)
        for key in sorted(context.selected_asset_keys):
            verify_type(context, settings, current, contracts[key], days)
        # Each day is reported by itself above, with its own data version, so the op has no output to give.
        yield from ()

    return verify_events


def verify_type(
    context: dg.AssetExecutionContext,
    settings: Settings,
    archive: Archive,
    contract: Contract,
    days: list[date],
) -> None:
    """Verify days of one event type and report each; fails with what does not hold."""
    findings = [
        finding
        for event_type in majors(archive, contract)
        for finding in verify_days(archive, event_type, days)
    ]
    if findings:
        shown = "; ".join(f"{finding.path}: {finding.problem}" for finding in findings[:SHOWN_FINDINGS])
        raise dg.Failure(
            description=f"{contract.type} does not hold on {len(findings)} point(s): {shown}",
            metadata={"findings": dg.MetadataValue.int(len(findings))},
            allow_retries=False,
        )
    facts = facts_of_days(archive, contract, days, threads=settings.threads)
    for day in days:
        context.log_event(
            materialization(contract, day, facts.get(day), {"verified": dg.MetadataValue.bool(True)})
        )
    rows = sum(fact.rows for fact in facts.values())
    context.log.info(
        f"{contract.type}: {format_count(len(days), 'day')} verified, {format_count(rows, 'row')}"
    )
