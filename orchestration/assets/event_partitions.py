"""What is reported of the days of event types: a materialization per day, with rows and data version.

Belongs here: which days commits brought events of, and the facts of a day as a materialization. Not here:
when it is reported (`landing` after a landing, `events` after days were verified by hand).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from event_archive import Archive
from event_archive.registry.contract import Contract
from event_archive.store.commit import Commit
from event_archive.views.day_facts import DayFacts, day_facts
from orchestration.assets.data_versions import LOG_VERSION, version_tags
from orchestration.assets.keys import LOG
from orchestration.planning.arrivals import arrivals


def event_key(contract: Contract) -> dg.AssetKey:
    """The key of an event type's asset; all majors of it are one asset."""
    return dg.AssetKey(["events", contract.object_type, contract.verb])


def majors(archive: Archive, contract: Contract) -> list[str]:
    """The types that one event asset holds: the same object and verb, every major."""
    return [
        event_type for event_type, other in archive.contracts.items() if other.view_name == contract.view_name
    ]


def rows_by_day(archive: Archive, commits: Sequence[Commit]) -> dict[str, dict[date, int]]:
    """Count the rows that commits brought, per view name and day."""
    rows: dict[str, dict[date, int]] = {}
    for arrival in arrivals(commits, archive.contracts):
        days = rows.setdefault(arrival.view, {})
        days[arrival.day] = days.get(arrival.day, 0) + arrival.rows
    return rows


def bytes_by_day(archive: Archive, commits: Sequence[Commit]) -> dict[str, dict[date, float]]:
    """The bytes that commits brought, per view name and day: those of a segment by its rows."""
    sizes: dict[str, dict[date, float]] = defaultdict(dict)
    for segment in (segment for commit in commits for segment in commit.segments):
        if contract := archive.contracts.get(segment.type):
            of_view = sizes[contract.view_name]
            for day, rows in segment.days.items():
                of_day = date.fromisoformat(day)
                of_view[of_day] = of_view.get(of_day, 0.0) + segment.bytes * rows / segment.rows
    return sizes


def duplicates_by_day(archive: Archive, commits: Sequence[Commit]) -> dict[str, Counter[date]]:
    """Count the duplicates that commits found, per view name and day; those of before say of none."""
    found: dict[str, Counter[date]] = defaultdict(Counter)
    for commit in commits:
        for event_type, days in commit.duplicates.items():
            if contract := archive.contracts.get(event_type):
                counts = {date.fromisoformat(day): number for day, number in days.items()}
                found[contract.view_name].update(counts)
    return found


def materializations(
    archive: Archive, commits: Sequence[Commit], *, threads: int
) -> Iterator[dg.AssetMaterialization]:
    """The materializations of exactly the days that commits brought events of, as of the last of them."""
    if not commits:
        return
    newest = {contract.view_name: contract for contract in archive.contracts.newest()}
    first, last = commits[0].sequence, commits[-1].sequence
    span = f"{first} to {last}" if last > first else f"{last}"
    sizes = bytes_by_day(archive, commits)
    duplicates = duplicates_by_day(archive, archive.log.commits(last))
    for view_name, rows in sorted(rows_by_day(archive, commits).items()):
        facts = facts_of_days(archive, newest[view_name], sorted(rows), threads=threads, cut=last)
        for day in sorted(rows):
            extra = {
                "rows_landed": dg.MetadataValue.int(rows[day]),
                "bytes_landed": dg.MetadataValue.int(round(sizes[view_name].get(day, 0))),
                "duplicates": dg.MetadataValue.int(duplicates[view_name][day]),
                "commits": dg.MetadataValue.text(span),
            }
            yield materialization(newest[view_name], day, facts.get(day), extra)


def facts_of_days(
    archive: Archive, contract: Contract, days: list[date], *, threads: int, cut: int | None = None
) -> dict[date, DayFacts]:
    """Return the facts of days of one event asset, its majors taken together."""
    by_day: dict[date, list[DayFacts]] = {}
    for event_type in majors(archive, contract):
        for day, facts in day_facts(archive, event_type, days, threads=threads, cut=cut).items():
            by_day.setdefault(day, []).append(facts)
    return {day: add_up(parts) for day, parts in by_day.items()}


def add_up(parts: list[DayFacts]) -> DayFacts:
    """Return the facts of one day as the sum of those in several majors."""
    if len(parts) == 1:
        return parts[0]
    digest = hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()
    return DayFacts(sum(part.rows for part in parts), sum(part.late_rows for part in parts), digest)


def materialization(
    contract: Contract,
    day: date,
    facts: DayFacts | None,
    extra: Mapping[str, dg.MetadataValue],
) -> dg.AssetMaterialization:
    """The facts of one day as a materialization; a day without events has a data version too."""
    return dg.AssetMaterialization(
        asset_key=event_key(contract),
        partition=day.isoformat(),
        metadata={
            "dagster/partition_row_count": dg.MetadataValue.int(facts.rows if facts else 0),
            "late_rows": dg.MetadataValue.int(facts.late_rows if facts else 0),
            "digest": dg.MetadataValue.text(facts.digest if facts else "no events"),
            **extra,
        },
        tags=version_tags(
            facts.digest if facts else "no_events",
            code_version=f"{contract.major}.{contract.revision}",
            inputs={LOG: LOG_VERSION},
        ),
    )
