"""The events of some segments as SQL, with all columns of their view: every event, as it came.

Belongs here: the SELECT over the files of an event type, over all its majors, and the table of segments
that it joins. Not here: what corrections leave of these events (`events_in_effect`), and which views there
are (`event_views`).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.engine import Relations
from event_archive.envelope import COLUMNS, CORRECTIONS, PLACE, PLACE_COLUMNS, STORED_COLUMNS
from event_archive.registry.contract import Contract
from event_archive.sql_text import literal, sql_list
from event_archive.store.commit import Commit, Segment, segments_of, standing_segments

SCHEMA = "events"
LANDED, REPLACED = "segments", "replaced_segments"
COMMIT_COLUMNS = {column.name for column in COLUMNS if column.attribute is None} - {*PLACE}
SegmentsSql = Callable[[Archive, Contract, Sequence[Segment]], str]
"""The SELECT of an event type and major over some segments."""


def upcast_view_sql(
    archive: Archive, view_name: str, commits: Sequence[Commit], own_sql: SegmentsSql | None = None
) -> str:
    """Return the SELECT of all majors of an object and verb, each as the newest: the upcasts make a chain.

    `own_sql`: what is read of each major, all events of its segments where it is None.
    """
    read = own_sql or view_sql
    select = ""
    for contract in archive.contracts.majors(view_name):
        if select:
            select = f"SELECT * REPLACE ({archive.contracts.upcast(contract)} AS data) FROM ({select})"
        segments = segments_of(commits, contract.type)
        if segments or not select:
            own = read(archive, contract, segments)
            select = f"{select} UNION ALL {own}" if select else own
    return select


def view_sql(archive: Archive, contract: Contract, segments: Sequence[Segment], landed: str = LANDED) -> str:
    """Return the SELECT of an event type and major over these segments; if there are none, of no rows.

    `landed`: the table that says which commits they came with.
    """
    data = contract.data_type.sql()
    typed = {column.name: column.type for column in COLUMNS} | {"data": data, "extra": "VARCHAR"}
    if not segments:
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in typed.items())
        return f"SELECT {nothing} WHERE FALSE"
    # The few files that have columns for corrections are read by themselves, and so are old ones, without any
    # for places: to find out which of thousands have a column, the engine would open each of them.
    parts: defaultdict[tuple[bool, bool], list[Segment]] = defaultdict(list)
    for segment in segments:
        parts[bool(segment.corrections), not segment.has_places].append(segment)
    return " UNION ALL ".join(
        _files_sql(archive, contract, part, typed, landed) for _, part in sorted(parts.items())
    )


def _files_sql(
    archive: Archive, contract: Contract, segments: Sequence[Segment], typed: Mapping[str, str], landed: str
) -> str:
    """Return the SELECT of segments that all have the same columns."""
    revisions = {segment.revision for segment in segments}
    columns = {name: f"s.{name}" if name in COMMIT_COLUMNS else f"f.{name}" for name in typed}
    if revisions != {contract.revision}:
        columns["data"] = f"CAST(f.data AS {typed['data']})"
    if not segments[0].corrections:
        columns |= {name: f"CAST(NULL AS {STORED_COLUMNS[name]})" for name in CORRECTIONS}
    if not segments[0].has_places:
        columns |= {name: f"CAST(NULL AS {kind})" for name, kind in PLACE_COLUMNS.items()}
    listed = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    files = sql_list(archive.files.locations(segments))
    by_name = ", union_by_name = true" if len(revisions) > 1 else ""
    # Of this type alone: up to fifty files that a bound on the sequence leaves, DuckDB opens no other. A left
    # join, though every file has its segment: after an inner one DuckDB expects as many rows as there are
    # segments, and whoever looks some keys up has it keep all events in memory, rather than the keys.
    of_type = f"s.type = {literal(contract.type)}"
    return (
        f"SELECT {listed} FROM read_parquet({files}, filename = true{by_name}) AS f "
        f"LEFT JOIN {SCHEMA}.{landed} AS s ON s.path = f.filename AND {of_type}"
    )


def create_segments_table(
    connection: duckdb.DuckDBPyConnection, archive: Archive, commits: Sequence[Commit]
) -> None:
    """Create or replace `events.segments`, which file came with which commit: every view joins it.

    The files that a remap has replaced are in `events.replaced_segments`.
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    standing = standing_segments(commits)
    stand = {segment.path for _, segment in standing}
    named = [(commit, segment) for commit in commits for segment in commit.segments]
    replaced = [(commit, segment) for commit, segment in named if segment.path not in stand]
    for name, rows in ((LANDED, standing), (REPLACED, replaced)):
        with Relations(connection) as relations:
            landed = relations.register("landed_segments", _landed_table(archive, rows))
            connection.execute(f"CREATE OR REPLACE TABLE {SCHEMA}.{name} AS SELECT * FROM {landed}")


def _landed_table(archive: Archive, rows: Sequence[tuple[Commit, Segment]]) -> pa.Table:
    return pa.table(
        {
            "path": pa.array([archive.storage.location(segment.path) for _, segment in rows], pa.string()),
            "type": pa.array([segment.type for _, segment in rows], pa.string()),
            "sequence": pa.array([commit.sequence for commit, _ in rows], pa.int64()),
            "landed_at": pa.array([commit.landed_at for commit, _ in rows], pa.timestamp("us", tz="UTC")),
            "rows": pa.array([segment.rows for _, segment in rows], pa.int64()),
        }
    )
