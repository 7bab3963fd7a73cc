"""What is reported of the log: the days that commits touched, those without events, and up to where.

Belongs here: one report, whoever gives it: a landing, or a refresh that comes before one. Not here: what a
day holds (`event_partitions`). The log's last materialization is the cursor: nothing is reported twice.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg

from event_archive import Archive
from event_archive.store.commit import LANDING, RECOVERY, Commit, Counts
from orchestration.assets.data_versions import LOG_VERSION, version_tags
from orchestration.assets.event_partitions import event_key, materialization, materializations
from orchestration.assets.keys import LOG
from orchestration.assets.partitions import span_of_days
from orchestration.settings import Settings

Log = Callable[[dg.AssetMaterialization], None]
MOST_ROWS = 200


@dataclass(frozen=True)
class LogReport:
    """What was reported: the commits that were new, the keys of event types, and how many of their days."""

    commits: Sequence[Commit]
    fresh: Sequence[Commit]
    keys: frozenset[dg.AssetKey]
    days: int

    @property
    def counts(self) -> Counts:
        """What landed."""
        return sum((commit.counts for commit in self.fresh if commit.kind == LANDING), Counts())

    def to_metadata(self) -> dict[str, dg.MetadataValue]:
        """The metadata of the log's materialization; its sequence and digest say up to where."""
        head, counts = self.commits[-1] if self.commits else None, self.counts
        recovered = sum(commit.counts.accepted for commit in self.fresh if commit.kind == RECOVERY)
        numbers = {
            "sequence": head.sequence if head else 0,
            "commits_reported": len(self.fresh),
            "days_reported": self.days,
            "received": counts.received,
            "accepted": counts.accepted,
            "duplicate": counts.duplicate,
            "rejected": counts.rejected,
            "ignored": counts.ignored,
            "recovered": recovered,
        }
        digest = dg.MetadataValue.text(head.digest if head else "")
        shown = {name: dg.MetadataValue.int(number) for name, number in numbers.items()}
        return {"digest": digest, **shown, **self.by_type()}

    def by_type(self) -> dict[str, dg.MetadataValue]:
        """The duplicates, by day, and what was rejected, by reason, of each type; nothing where nothing was.

        Commits of before say neither, so their numbers are in the sums alone.
        """
        rows: Counter[tuple[str, str, str]] = Counter()
        for commit in self.fresh:
            for event_type, days in commit.duplicates.items():
                rows.update({(event_type, "duplicate", day): count for day, count in days.items()})
            for event_type, reasons in commit.rejected.items():
                rows.update({(event_type, "rejected", reason): count for reason, count in reasons.items()})
        if not rows:
            return {}
        kinds = {"type": "string", "outcome": "string", "day or reason": "string", "records": "int"}
        records = [
            dg.TableRecord(dict(zip(kinds, (*told, count), strict=True)))
            for told, count in sorted(rows.items())[:MOST_ROWS]
        ]
        schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()])
        return {"by_type": dg.MetadataValue.table(records, schema)}

    def materialization(self) -> dg.AssetMaterialization:
        """The materialization of the log, where no run of its own gives it."""
        tags = version_tags(LOG_VERSION, code_version="", inputs={})
        return dg.AssetMaterialization(LOG, metadata=self.to_metadata(), tags=tags)


def report_commits(
    instance: dg.DagsterInstance,
    settings: Settings,
    archive: Archive,
    commits: Sequence[Commit],
    after: int,
    log: Log,
) -> LogReport:
    """Report the days that the commits after a sequence touched, and the days without events beside them."""
    keys, days = set(), 0
    for event in materializations(archive, commits[after:], threads=settings.threads):
        log(event)
        keys.add(event.asset_key)
        days += 1
    for event in days_without_events(instance, settings, archive, commits, after):
        log(event)
        keys.add(event.asset_key)
        days += 1
    return LogReport(commits, commits[after:], frozenset(keys), days)


def days_without_events(
    instance: dg.DagsterInstance,
    settings: Settings,
    archive: Archive,
    commits: Sequence[Commit],
    after: int,
) -> list[dg.AssetMaterialization]:
    """The days of event types that nothing is known of once the commits after a sequence are reported.

    They are done as well: there is nothing of that type on them. Looked for only where the days of the log
    are others than before, or nothing was ever reported of a type: Dagster is asked for every day it has.
    """
    if not commits:
        return []
    span = span_of_days(settings, commits)
    moved = not after or span != span_of_days(settings, commits[:after])
    contracts = {event_key(contract): contract for contract in archive.contracts.newest()}
    records = instance.get_asset_records(list(contracts))
    heard = {
        record.asset_entry.asset_key for record in records if record.asset_entry.last_materialization_record
    }
    return [
        materialization(contract, day, None, {})
        for key, contract in contracts.items()
        if moved or key not in heard
        for done in [instance.get_materialized_partitions(key)]
        for day in span.each()
        if day.isoformat() not in done
    ]
