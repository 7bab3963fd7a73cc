"""The checks of every event type: refused share, volume, freshness. They warn, and keep nothing back.

Belongs here: them as asset checks. Not here: what is odd (`event_activity`), and what is refused
(`event_archive.quarantine`). A landing evaluates them; a person may, too.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from event_archive import Archive
from event_archive.quarantine.queries import rejected_share
from orchestration.assets.archive import open_archive
from orchestration.assets.event_activity import (
    LEAST_SHARE,
    MOST_SHARE,
    Activity,
    Judged,
    activities,
    is_overdue,
    newest_day,
    odd_volume,
)
from orchestration.assets.event_partitions import duplicates_by_day, event_key, majors
from orchestration.settings import Settings

REFUSED, VOLUME, FRESHNESS = "refused_share", "volume", "freshness"
NOTHING_LANDED: Judged = False, "no event has landed yet", {"events": 0}
DESCRIPTIONS = {
    REFUSED: "Of the records that claim this type, no larger share is refused than its contract allows.",
    VOLUME: (
        f"The last whole day has at least {LEAST_SHARE:.0%} and at most {MOST_SHARE:.0%} of the events that "
        "the same weekday had before."
    ),
    FRESHNESS: (
        "The type is not silent for more than twice as long as it ever was, counted up to the newest event "
        "of all types: the clock does not matter."
    ),
}


def event_checks(settings: Settings, archive: Archive) -> dg.AssetChecksDefinition:
    """Make the checks of every event type."""
    specs = [
        dg.AssetCheckSpec(name, asset=event_key(contract), description=description)
        for contract in archive.contracts.newest()
        for name, description in DESCRIPTIONS.items()
    ]

    @dg.multi_asset_check(name="look_at_events", specs=specs, can_subset=True)
    def look_at_events(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for result in check_events(open_archive(settings)):
            assert result.asset_key is not None and result.check_name is not None
            key = dg.AssetCheckKey(result.asset_key, result.check_name)
            if key in context.selected_asset_check_keys:
                yield result

    return look_at_events


def check_events(archive: Archive) -> Iterator[dg.AssetCheckResult]:
    """How every event type fares: of the log, and of the records that are refused."""
    commits = archive.log.commits()
    by_view = activities(commits, archive.contracts)
    newest = newest_day(by_view)
    duplicates = duplicates_by_day(archive, commits)
    shares = rejected_share(archive)
    for contract in archive.contracts.newest():
        key = event_key(contract)
        of_majors = [(shares[name], archive.contracts[name]) for name in majors(archive, contract)]
        refused, events = (sum(share[part] for share, _ in of_majors) for part in (0, 1))
        most = max(of_major.max_refused_share for _, of_major in of_majors)
        share = refused / (refused + events) if refused else 0.0
        said = f"{refused:,} of {refused + events:,} records are refused; the contract allows {most:.1%}"
        known = duplicates[contract.view_name].total()
        numbers = {"refused": refused, "share": share, "duplicates": known}
        yield warning(key, REFUSED, share > most, said, numbers)
        activity = by_view.get(contract.view_name, Activity())
        for name, judge in ((VOLUME, odd_volume), (FRESHNESS, is_overdue)):
            yield warning(key, name, *(judge(activity, newest) if newest else NOTHING_LANDED))


def warning(
    key: dg.AssetKey, name: str, is_odd: bool, said: str, numbers: Mapping[str, float]
) -> dg.AssetCheckResult:
    """A check that holds, or warns; with what was found."""
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not is_odd,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"detail": dg.MetadataValue.text(said), **numbers},
    )
