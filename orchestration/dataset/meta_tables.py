"""The schema `meta` of a dataset file: which tables there are, and what each column of them means.

Belongs here: these definitions, as values. Not here: filling them (`describe_dataset`), and the marts.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

META = "meta"
"""The schema. DuckDB keeps no comments on schemas: what one holds, `meta.schemas` says."""


@dataclass(frozen=True)
class MetaTable:
    """A table of the schema: what it says, and of each column its type and meaning."""

    description: str
    columns: Mapping[str, tuple[str, str]]


TABLES: Mapping[str, MetaTable] = {
    "about": MetaTable(
        "What this file holds, in one row: which version, up to when, by which code.",
        {
            "version": ("BIGINT", "Number of the published version; null in a file that a replay wrote."),
            "sequence": ("BIGINT", "Number of the last commit of the log that it was derived from."),
            "log_digest": ("VARCHAR", "SHA-256 of that commit; empty where there was none."),
            "data_until": ("TIMESTAMPTZ", "When that commit landed: what landed later is not in it."),
            "newest_event_at": ("TIMESTAMPTZ", "When the latest of its events occurred."),
            "as_of": ("TIMESTAMPTZ", "Only events that had occurred before are in it; null: all."),
            "built_at": ("TIMESTAMPTZ", "When the file was written."),
            "code_version": ("VARCHAR", "The code that derived it."),
            "version_before": ("BIGINT", "The version that was published before it, if there is one."),
            "changed_tables": ("VARCHAR[]", "The tables that are not as they were in that one."),
            "archive": ("VARCHAR", "Folder of the archive, which the views in `events` read."),
            "layout": ("VARCHAR", "A digest of how the schema `meta` is laid out."),
        },
    ),
    "schemas": MetaTable(
        "What each schema of this file holds.",
        {
            "schema_name": ("VARCHAR", "The schema."),
            "description": ("VARCHAR", "What is in it."),
        },
    ),
    "tables": MetaTable(
        "What is known of each table besides its rows.",
        {
            "table_name": ("VARCHAR", "The table, with its schema."),
            "shown_as": ("VARCHAR", "Its view without a schema (in `main`); null where two would share it."),
            "description": ("VARCHAR", "What it holds."),
            "row_count": ("BIGINT", "How many rows it holds."),
            "digest": ("VARCHAR", "A digest of its columns and rows, in any order."),
            "row_key": ("VARCHAR[]", "The columns that tell its rows apart; empty: all of them together."),
            "traced_to": ("VARCHAR", "How a row is traced to the events that it comes from, as JSON."),
            "landing_columns": ("VARCHAR[]", "Columns that only say when something landed."),
        },
    ),
    "columns": MetaTable(
        "The columns of each table, in their order.",
        {
            "table_name": ("VARCHAR", "The table, with its schema."),
            "column_name": ("VARCHAR", "The column."),
            "column_index": ("INTEGER", "Its place in the table, from 1."),
            "data_type": ("VARCHAR", "Its type in DuckDB."),
            "is_nullable": ("BOOLEAN", "Whether it may be null."),
            "description": ("VARCHAR", "What it means."),
        },
    ),
    "freshness": MetaTable(
        "How fresh each table and each event type is, by the time of the data.",
        {
            "name": ("VARCHAR", "A table or a view of events, with its schema."),
            "kind": ("VARCHAR", "`table` or `events`."),
            "newest_event_at": (
                "TIMESTAMPTZ",
                "When the latest occurred of all events that it reads.",
            ),
            "last_landed_at": ("TIMESTAMPTZ", "When the last of its events landed."),
            "event_count": ("BIGINT", "Of events: how many landed. Of a table: of all that it reads."),
        },
    ),
    "lineage": MetaTable(
        "What each table is made of: tables of this file, and event types.",
        {
            "table_name": ("VARCHAR", "The table, with its schema."),
            "reads": ("VARCHAR", "A table or a view of events, with its schema, that it is derived from."),
            "kind": ("VARCHAR", "`table`, `events`, or `other`: what is not in this file, such as a seed."),
        },
    ),
    "events": MetaTable(
        "The views of events: what each event type means.",
        {
            "view_name": ("VARCHAR", "The view, with its schema."),
            "description": ("VARCHAR", "What the events say, by their contract."),
            "definition": ("VARCHAR", "A digest of what the view reads."),
        },
    ),
    "checks": MetaTable(
        "The checks that this version passed to be published. None in a file that a replay wrote.",
        {
            "name": ("VARCHAR", "The check, or the test of a model."),
            "passed": ("BOOLEAN", "Whether it held."),
            "is_blocking": ("BOOLEAN", "Whether nothing is published where it does not hold."),
            "detail": ("VARCHAR", "What it found."),
        },
    ),
    "refusals": MetaTable(
        "The records that were refused, per landing, type and reason: they are in quarantine, in no table.",
        {
            "sequence": ("BIGINT", "The commit; its records: factlog quarantine list --sequence …"),
            "landed_at": ("TIMESTAMPTZ", "When it landed."),
            "origin": ("VARCHAR", "What it came from, such as the name of a file."),
            "received": ("BIGINT", "How many records came in it, of all types."),
            "event_type": ("VARCHAR", "The type that they claim; null where there is no such contract."),
            "reason": ("VARCHAR", "Why, as `factlog quarantine list` says; null: by a factlog of before."),
            "refused": ("BIGINT", "How many were refused."),
        },
    ),
    "corrections": MetaTable(
        "The events that correct or void another, and what came of each. Those that wait count as nothing.",
        {
            "source": ("VARCHAR", "The service that emitted it, and what it names."),
            "event_id": ("VARCHAR", "The correction."),
            "kind": ("VARCHAR", "`corrects` or `voids`."),
            "status": ("VARCHAR", "`in_effect`, `superseded`, `taken_back`, or `waiting`."),
            "waits_because": ("VARCHAR", "While it waits: what is wrong with what it names."),
            "object_type": ("VARCHAR", "What kind of object it is about."),
            "object_id": ("VARCHAR", "Which object it is about."),
            "verb": ("VARCHAR", "What was done, of it as of what it names."),
            "corrected_event_id": ("VARCHAR", "The event that it names."),
            "occurred_at": ("TIMESTAMPTZ", "When it was corrected."),
            "landed_at": ("TIMESTAMPTZ", "When the correction landed: since then it waits, if it does."),
            "place_at": ("TIMESTAMPTZ", "When what it mends occurred; null while it waits."),
        },
    ),
}

LAYOUT = hashlib.sha256(repr({name: asdict(table) for name, table in TABLES.items()}).encode()).hexdigest()
"""What tells a file whose schema is laid out like this: its tables can be filled again."""
