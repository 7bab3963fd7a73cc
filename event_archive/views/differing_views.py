"""The views `events.*` over the few files that tell two cuts apart: whose keys an event between them touched.

Belongs here: these views, and which event stands in whose place. Not here: which events just one cut shows
(`between_cuts`), and what is derived from the views (whoever compares datasets knows that).

An event between two cuts may have touched other keys than its own: a void those of the event that it names,
an event that a correction waited for those of the correction. So the views show, besides the events of files
that differ, all that are of one chain of corrections with them, each at its place, in effect or not.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.engine import Relations
from event_archive.registry.contract import ALL_EVENTS, Contract, with_all
from event_archive.sql_text import quoted
from event_archive.store.commit import Segment
from event_archive.views.between_cuts import Cut, differing_segments
from event_archive.views.correction_tables import create_correction_tables
from event_archive.views.corrections import VOIDS, EventKey
from event_archive.views.event_views import all_events_sql
from event_archive.views.events_in_effect import at_its_place_sql
from event_archive.views.resolved_corrections import KEYS, ResolvedCorrections
from event_archive.views.segment_sql import SCHEMA, create_segments_table, upcast_view_sql, view_sql

PLACES = f"{SCHEMA}.places"
"""The table of events that corrections have to do with: the id of the one whose place each takes, and whether
it says something. A void does not, nor what waits; of one that is not here, its place is its own."""


def create_differing_views(
    connection: duckdb.DuckDBPyConnection, archive: Archive, first: Cut, second: Cut, views: Collection[str]
) -> None:
    """Create these views, as `create_views` does, over the files that tell two cuts apart, and `PLACES`."""
    commits = archive.log.commits(max(first.sequence, second.sequence))
    create_segments_table(connection, archive, commits)
    resolved = create_correction_tables(connection, archive, commits, None, SCHEMA)
    with Relations(connection) as relations:
        places = pa.Table.from_pylist(list(_places(resolved)), _PLACES)
        table = relations.register("places", places)
        connection.execute(f"CREATE OR REPLACE TABLE {PLACES} AS SELECT * FROM {table}")
    shown = {segment.path for segment in differing_segments(commits, first, second)}
    touched = {_place(resolved, key) for key, fact in resolved.known.items() if fact.segment in shown}
    shown |= {fact.segment for key, fact in resolved.known.items() if _place(resolved, key) in touched}

    def at_its_place(archive: Archive, contract: Contract, segments: Sequence[Segment]) -> str:
        kept = [segment for segment in segments if segment.path in shown]
        return at_its_place_sql(view_sql(archive, contract, kept))

    newest = [contract.view_name for contract in archive.contracts.newest()]
    for view in newest if ALL_EVENTS in views else sorted({*views} & {*newest}):
        select = upcast_view_sql(archive, view, commits, at_its_place)
        for name in (view, with_all(view)):
            connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{quoted(name)} AS {select}")
    if ALL_EVENTS in views:
        connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{ALL_EVENTS} AS {all_events_sql(archive)}")


_PLACES = pa.schema([*KEYS, ("place_event_id", pa.string()), ("says_something", pa.bool_())])


def _places(resolved: ResolvedCorrections) -> Iterator[Mapping[str, Any]]:
    for (source, event_id), fact in resolved.known.items():
        waits = (source, event_id) in resolved.decision.reasons
        yield {
            "source": source,
            "event_id": event_id,
            "place_event_id": _place(resolved, (source, event_id))[1],
            "says_something": not waits and fact.kind != VOIDS,
        }


def _place(resolved: ResolvedCorrections, key: EventKey) -> EventKey:
    """The event in whose place another is or was; one that waits, or is the first of its chain: itself."""
    place = resolved.decision.place_of(key)
    return place.key if place else key
