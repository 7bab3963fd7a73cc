"""What readers of the archive see: one view per event type over one fixed cut of the log.

Belongs here: which views there are: `events.<object>_<verb>`, the events of a type that are in effect;
`events.<object>_<verb>__all`, all of them as they came; `events.all_events`, these of all types without data.
Not here: their SQL (`segment_sql`, `events_in_effect`), row counts and digests of days (`day_facts`), writing
segments (`landing.segment_file`), and anything that dbt derives.

A cut is a sequence: the views show the commits up to and with it, whatever lands meanwhile. `events.segments`
says which file came with which commit; joining it by file name lets a reader of "what came after sequence n"
open just those files.
"""

from datetime import datetime

import duckdb

from event_archive.archive import Archive
from event_archive.envelope import COLUMNS
from event_archive.errors import UnusableInput
from event_archive.registry.contract import ALL_EVENTS, Contract, with_all
from event_archive.sql_text import literal, moment, quoted
from event_archive.views.correction_tables import CORRECTIONS, SINCE, create_correction_tables
from event_archive.views.events_in_effect import EventsInEffect
from event_archive.views.segment_sql import SCHEMA, create_segments_table, upcast_view_sql


def create_views(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    cut: int | None = None,
    as_of: datetime | None = None,
) -> int:
    """Create or replace the views in schema `events` of the connected database; returns the cut they show.

    `cut` is the highest sequence to show, the head of the log where it is None; 0 shows an empty archive.
    `as_of`: only events that had occurred before. Raises UnusableInput where there is no such commit.
    """
    commits = archive.log.commits()
    if cut is not None and not 0 <= cut <= len(commits):
        raise UnusableInput(f"sequence {cut}: the log has commits 1 to {len(commits)}; name one of them")
    commits = commits if cut is None else commits[:cut]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    _drop_views_without_contract(connection, archive)
    create_segments_table(connection, archive, commits)
    corrections = create_correction_tables(connection, archive, commits, as_of, SCHEMA)
    in_effect = EventsInEffect(archive, commits, corrections)
    before = "" if as_of is None else f" WHERE occurred_at < {moment(as_of)}"
    for contract in archive.contracts.newest():
        view = contract.view_name
        selects = {
            # What came is what it was, whatever a correction says of it.
            with_all(view): (
                f"SELECT * FROM ({upcast_view_sql(archive, view, commits)}) WHERE {SINCE} IS NULL"
            ),
            view: in_effect.view_sql(view),
        }
        for name, select in selects.items():
            connection.execute(
                f"CREATE OR REPLACE VIEW {SCHEMA}.{quoted(name)} AS SELECT * FROM ({select}){before}"
            )
    connection.execute(f"CREATE OR REPLACE VIEW {SCHEMA}.{ALL_EVENTS} AS {all_events_sql(archive)}")
    return len(commits)


def all_events_sql(archive: Archive) -> str:
    """Return the SELECT of the envelopes of all events, over the views of each type."""
    return " UNION ALL ".join(_all_events_part(contract) for contract in archive.contracts.newest())


def _drop_views_without_contract(connection: duckdb.DuckDBPyConnection, archive: Archive) -> None:
    names = [contract.view_name for contract in archive.contracts.newest()]
    known = {*names, *map(with_all, names), ALL_EVENTS, CORRECTIONS}
    views = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE schema_name = ? AND NOT internal "
        "AND database_name = current_database()",
        [SCHEMA],
    ).fetchall()
    for (name,) in views:
        if name not in known:
            connection.execute(f"DROP VIEW {SCHEMA}.{quoted(name)}")


def _all_events_part(contract: Contract) -> str:
    columns = ", ".join(column.name for column in COLUMNS)
    return (
        f"SELECT {literal(contract.type)} AS event_type, {columns} "
        f"FROM {SCHEMA}.{quoted(with_all(contract.view_name))}"
    )
