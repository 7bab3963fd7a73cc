"""Writing into a dataset file what it says of itself: the schema `meta`.

Belongs here: the rows of its tables. Not here: which tables there are (`meta_tables`), and the marts
(`dataset_file`). All of it is at hand when a file is written: the log, the checks, what the build recorded.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import duckdb

from event_archive import UnusableInput
from event_archive.registry.contract import ALL_EVENTS, view_of, with_all
from event_archive.sql_text import literal, quoted
from event_archive.store.commit import LANDING, OTHER, Commit, standing_segments
from event_archive.views.segment_sql import SCHEMA
from orchestration.dataset.mart_lineage import EVENTS, TABLE, Edge, event_views_of, recorded_lineage
from orchestration.dataset.meta_tables import LAYOUT, META, TABLES
from orchestration.dataset.provenance import Provenance
from orchestration.dataset.shown_marts import MAIN, shown_names
from orchestration.dataset.table_state import TableState, changed_tables
from orchestration.dataset.tables import REPORTING, columns, comments, insert_rows

CORRECTIONS = f"{SCHEMA}.corrections"
MART_COLUMNS = ("row_key", "traced_to", "landing_columns")
SCHEMAS = {
    MAIN: "The tables of all other schemas, without these: `FROM invoices`.",
    SCHEMA: "What the tables were derived from: views of the events, read from the archive.",
    META: "What this file is: which version, how fresh, what each table and column means.",
}
OF_DEFINITIONS = {"schemas", "columns"}
"""Those that are the same as long as the tables have the same columns."""

Row = Sequence[object]
Freshness = tuple[datetime, datetime, int]
"""Of an event type: when the latest occurred, when the last landed, and how many there are."""


def describe(
    connection: duckdb.DuckDBPyConnection,
    provenance: Provenance,
    tables: Mapping[str, TableState],
    definitions: Mapping[str, str],
) -> None:
    """Write the schema into the attached file `reporting`; `definitions`: digests of its views of events."""
    require_recorded(connection)
    create_meta_tables(connection)
    said = comments(connection)
    descriptions = {table: said.get(table.lower(), {}).get(None) for table in tables}
    insert(connection, "schemas", schema_rows(tables))
    insert(connection, "columns", list(column_rows(connection, tables, said)))
    fill(connection, provenance, tables, definitions, descriptions)


def describe_again(
    connection: duckdb.DuckDBPyConnection,
    provenance: Provenance,
    tables: Mapping[str, TableState],
    definitions: Mapping[str, str],
) -> None:
    """Write what may be another than in the version before; the tables and columns are the same."""
    require_recorded(connection)
    described = connection.execute(
        f"SELECT table_name, description FROM {REPORTING}.{META}.tables"
    ).fetchall()
    for table in TABLES:
        if table not in OF_DEFINITIONS:
            connection.execute(f"DELETE FROM {REPORTING}.{META}.{quoted(table)}")
    fill(connection, provenance, tables, definitions, dict(described))


def fill(
    connection: duckdb.DuckDBPyConnection,
    provenance: Provenance,
    tables: Mapping[str, TableState],
    definitions: Mapping[str, str],
    descriptions: Mapping[str, str | None],
) -> None:
    """Fill the tables that may be others in each version."""
    info = provenance.info
    commits = provenance.archive.log.commits(info.sequence)
    edges = recorded_lineage(connection)
    events = freshness_of_events(commits) if info.as_of is None else {}
    content: dict[str, Sequence[Row]] = {
        "about": [about_row(provenance, commits, tables, events)],
        "tables": list(table_rows(connection, tables, descriptions)),
        "freshness": list(freshness_rows(tables, edges, events)),
        "lineage": [[edge.table, edge.reads, edge.kind] for edge in edges if edge.table in tables],
        "events": list(event_rows(descriptions_of_views(provenance), definitions)),
        "checks": provenance.checks,
        "refusals": list(refusal_rows(commits)),
    }
    for table, rows in content.items():
        insert(connection, table, rows)
    copied = ", ".join(map(quoted, TABLES["corrections"].columns))
    connection.execute(
        f"INSERT INTO {REPORTING}.{META}.corrections "
        f"SELECT {copied} FROM warehouse.{CORRECTIONS} ORDER BY ALL"
    )


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows into a table of the schema."""
    insert_rows(connection, f"{REPORTING}.{META}.{quoted(table)}", rows)


def about_row(
    provenance: Provenance,
    commits: Sequence[Commit],
    tables: Mapping[str, TableState],
    events: Mapping[str, Freshness],
) -> Row:
    """What the file holds, in the order of the columns."""
    info, before = provenance.info, provenance.before
    return [
        provenance.version,
        info.sequence,
        info.log_digest,
        commits[-1].landed_at if commits else None,
        max((newest for newest, _, _ in events.values()), default=None),
        info.as_of,
        info.written_at,
        info.code_version,
        before.number if before else None,
        changed_tables(before.tables, tables) if before else None,
        str(provenance.archive.root),
        LAYOUT,
    ]


def require_recorded(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise UnusableInput for a warehouse that outlived the code which made it: that noted less of a mart."""
    noted = {"audit.marts": MART_COLUMNS, CORRECTIONS: TABLES["corrections"].columns}
    for table, names in noted.items():
        if not {*names} <= {column.name for column in columns(connection, table)}:
            raise UnusableInput("the warehouse was built by an older factlog; run `factlog refresh`")


def create_meta_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the schema and its tables, with what is said of each column."""
    connection.execute(f"CREATE SCHEMA {REPORTING}.{META}")
    for name, table in TABLES.items():
        target = f"{REPORTING}.{META}.{quoted(name)}"
        listed = ", ".join(f"{quoted(column)} {kind}" for column, (kind, _) in table.columns.items())
        connection.execute(f"CREATE TABLE {target} ({listed})")
        connection.execute(f"COMMENT ON TABLE {target} IS {literal(table.description)}")
        for column, (_, meaning) in table.columns.items():
            connection.execute(f"COMMENT ON COLUMN {target}.{quoted(column)} IS {literal(meaning)}")


def schema_rows(tables: Mapping[str, TableState]) -> list[Row]:
    """What each schema holds."""
    own = {table.split(".", 1)[0]: "Tables of the project." for table in tables}
    return [[name, description] for name, description in sorted((own | SCHEMAS).items())]


def table_rows(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, TableState],
    descriptions: Mapping[str, str | None],
) -> Iterator[Row]:
    """What is known of each table."""
    rows = connection.execute(
        f"SELECT schema_name || '.' || table_name, {', '.join(MART_COLUMNS)} FROM audit.marts"
    ).fetchall()
    recorded = {table: known for table, *known in rows}
    shown = shown_names(tables)
    for table, state in tables.items():
        yield [table, shown.get(table), descriptions.get(table), state.rows, state.digest, *recorded[table]]


def column_rows(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, TableState],
    said: Mapping[str, Mapping[str | None, str]],
) -> Iterator[Row]:
    """What each column of each table means."""
    for table in tables:
        meanings = said.get(table.lower(), {})
        for place, column in enumerate(columns(connection, table, database=REPORTING), start=1):
            meaning = meanings.get(column.name)
            yield [table, column.name, place, column.type, column.is_nullable, meaning]


def freshness_of_events(commits: Sequence[Commit]) -> dict[str, Freshness]:
    """By view of events: when the latest occurred, when the last landed, and how many there are."""
    found: dict[str, Freshness] = {}
    for commit, segment in standing_segments(commits):
        view = view_of_type(segment.type)
        occurred = datetime.fromisoformat(segment.max_occurred_at)
        newest, landed, rows = found.get(view, (occurred, commit.landed_at, 0))
        found[view] = max(newest, occurred), max(landed, commit.landed_at), rows + segment.rows
    return found


def view_of_type(event_type: str) -> str:
    """Return the view of an event type, whichever its major: `note.written.v2` in `note_written`."""
    object_type, verb, _ = event_type.split(".")
    return f"{object_type}_{verb}"


def freshness_rows(
    tables: Mapping[str, TableState],
    edges: Sequence[Edge],
    events: Mapping[str, Freshness],
) -> Iterator[Row]:
    """How fresh each table is, by the events that it is derived from, and each type of event."""
    for table in tables:
        read = [events[view] for view in event_views_of(table, edges) if view in events]
        newest, landed = (max((known[place] for known in read), default=None) for place in (0, 1))
        yield [table, TABLE, newest, landed, sum(known[2] for known in read) if read else None]
    for view, (occurred, last_landed, count) in sorted(events.items()):
        yield [f"{SCHEMA}.{view}", EVENTS, occurred, last_landed, count]


def descriptions_of_views(provenance: Provenance) -> dict[str, str]:
    """What is said of each view of events: what its contract says."""
    said = {ALL_EVENTS: "All events of all types as they came, without their data."}
    for contract in provenance.archive.contracts.newest():
        words = " ".join(contract.description.split())
        said[contract.view_name] = words
        said[with_all(contract.view_name)] = (
            f"{words} All of them as they came, corrected and voided ones too."
        )
    return said


def event_rows(said: Mapping[str, str], definitions: Mapping[str, str]) -> Iterator[Row]:
    """The views of events."""
    for view, definition in definitions.items():
        yield [f"{SCHEMA}.{view}", said.get(view) or said.get(view_of(view)), definition]


def refusal_rows(commits: Sequence[Commit]) -> Iterator[Row]:
    """The landings of which records were refused, by what they claim to be and why; older ones as a whole."""
    for commit in commits:
        if commit.kind == LANDING and commit.counts.rejected:
            landing = [commit.sequence, commit.landed_at, commit.origin, commit.counts.received]
            if not commit.rejected:
                yield [*landing, None, None, commit.counts.rejected]
            for event_type, reasons in commit.rejected.items():
                claimed = None if event_type == OTHER else event_type
                yield from ([*landing, claimed, reason, refused] for reason, refused in reasons.items())
