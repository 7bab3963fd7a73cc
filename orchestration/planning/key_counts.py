"""How many keys a build would derive again, and which corrections count: by queries on the archive.

Belongs here: queries over the few columns of the files that the log names for it. Not here: which models and
days they are asked for (`plan`). A connection of its own, in memory: the warehouse is left alone.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from datetime import date

from event_archive import Archive
from event_archive.sql_text import open_engine, sql_list
from event_archive.store.commit import Commit
from event_archive.views.correction_tables import create_correction_tables
from event_archive.views.resolved_corrections import count_corrections
from orchestration.dbt.graph import Manifest, key_views_of
from orchestration.planning.plan import Correction, Plan, of_objects
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days


def read_corrections(archive: Archive, commits: Sequence[Commit]) -> list[Correction]:
    """Return all corrections; where the log names none, nothing is read."""
    if not count_corrections(commits):
        return []
    with closing(open_engine()) as connection:
        create_correction_tables(connection, archive, commits, None, "main")
        rows = connection.execute(
            "SELECT kind, status, object_type, object_id, place_date, known_sequence "
            "FROM corrections ORDER BY sequence, event_id"
        ).fetchall()
    return [Correction(*row) for row in rows]


def count_keys(
    settings: Settings,
    archive: Archive,
    manifest: Manifest,
    commits: Sequence[Commit],
    planned: Plan,
    corrections: Sequence[Correction],
) -> dict[str, int]:
    """Count the keys that each fact derives again, by unique id; what is built from nothing is left out.

    Raises UnusableInput where a fact does not declare which events its keys come from.
    """
    counts = {}
    engine = open_engine(threads=settings.threads, memory_bytes=settings.memory_bytes)
    with closing(engine) as connection:
        for model in planned.models:
            if not model.is_fact or model.from_nothing:
                continue
            views = key_views_of(manifest, model.model)
            corrected = [
                correction.object_id
                for correction in of_objects(manifest, archive.contracts, model.model, corrections)
                if is_derived_again(correction, model.after, planned.replays)
            ]
            ids = ids_query(archive, commits, views, model.after, planned.replays)
            row = connection.execute(
                f"SELECT count(DISTINCT object_id) FROM ({ids} UNION ALL SELECT unnest(?::VARCHAR[]))",
                [corrected],
            ).fetchone()
            counts[model.model] = row[0] if row else 0
    return counts


def is_derived_again(correction: Correction, after: int, replays: Iterable[Days]) -> bool:
    """Whether what a correction is about is derived again."""
    place = correction.place_date
    return correction.known_sequence > after or (place is not None and any(place in days for days in replays))


def ids_query(
    archive: Archive, commits: Sequence[Commit], views: Collection[str], after: int, replays: Sequence[Days]
) -> str:
    """The ids of objects with events in unread commits or on replayed days, from the files that hold some."""
    unread, replayed = [], []
    for commit in commits:
        for segment in commit.segments:
            contract = archive.contracts.get(segment.type)
            if contract is None or contract.view_name not in views:
                continue
            if commit.sequence > after:
                unread.append(segment)
            elif any(date.fromisoformat(day) in days for day in segment.days for days in replays):
                replayed.append(segment)
    parts = ["SELECT NULL::VARCHAR AS object_id WHERE false"]
    if unread:
        parts.append(f"SELECT object_id FROM read_parquet({sql_list(archive.files.locations(unread))})")
    if replayed:
        on_days = " OR ".join(
            f"(event_date >= DATE '{days.first}' AND event_date < DATE '{days.end}')" for days in replays
        )
        files = sql_list(archive.files.locations(replayed))
        parts.append(f"SELECT object_id FROM read_parquet({files}) WHERE {on_days}")
    return " UNION ALL ".join(parts)
