"""How the rows of a fact are traced to events: by its key, through the views that its events come through.

Belongs here: what is known of that, from dbt's manifest and the warehouse's catalog, its form in a dataset
file, and making the views elsewhere. Not here: other ways of tracing (`row_tracing`), and whose events are
looked for (`diff.wanted_keys`, `planning.key_counts`).

The key need not be the id of the object that events are about, so which keys an event has is known to the
relations alone that the fact's config `events` names. These are views over the archive's `events.*`: whoever
makes those over a part of the archive, and then these over them, can ask of each of its events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from event_archive import UnusableInput
from event_archive.sql_text import quoted
from event_archive.views.correction_tables import TABLES
from orchestration.dataset.tables import relation
from orchestration.dbt.graph import (
    Manifest,
    fact_events,
    fact_key,
    in_order,
    key_views_of,
    table_of,
    upstream,
)

NAMES_OF_EVENT = ("source", "event_id")


@dataclass(frozen=True)
class ViewDefinition:
    """A view of the warehouse: its name, with the schema, and the statement that makes it."""

    name: str
    sql: str = ""


@dataclass(frozen=True)
class KeyTrace:
    """A row comes from the events that have its key in one of these relations.

    `views`: the views of event types that these read; `definitions`: the views in between, each after those
    that it reads.
    """

    key: tuple[str, ...]
    relations: tuple[str, ...]
    views: tuple[str, ...]
    definitions: tuple[ViewDefinition, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the key, by a name that no other column of a query has."""
        return {f"of_key_{place}": column for place, column in enumerate(self.key)}


def key_trace(manifest: Manifest, fact: str) -> KeyTrace | None:
    """Return how a fact is traced, without the statements; None where it declares no key or no events."""
    key, events = fact_key(manifest["nodes"][fact]), fact_events(manifest, fact).values()
    if not key or not events:
        return None
    below = {name: node for unique_id in events for name, node in upstream(manifest, unique_id).items()}
    views = {
        table_of(node) for node in below.values() if node.get("config", {}).get("materialized") == "view"
    }
    nodes = [manifest["nodes"].get(unique_id) or manifest["sources"][unique_id] for unique_id in events]
    return KeyTrace(
        key,
        tuple(
            f"{node['schema']}.{node['identifier']}" if node["resource_type"] == "source" else table_of(node)
            for node in nodes
        ),
        tuple(sorted(key_views_of(manifest, fact) - set(TABLES))),
        tuple(ViewDefinition(table_of(node)) for node in in_order(manifest) if table_of(node) in views),
    )


def with_definitions(
    connection: duckdb.DuckDBPyConnection, trace: KeyTrace, database: str | None = None
) -> KeyTrace:
    """Return a trace with the statements that make its views in a warehouse: the database in use, or this."""
    rows = connection.execute(
        "SELECT schema_name || '.' || view_name, sql FROM duckdb_views() "
        "WHERE database_name = coalesce(?, current_database())",
        [database],
    ).fetchall()
    statements = dict(rows)
    return replace(
        trace,
        definitions=tuple(
            replace(view, sql=statements[view.name]) for view in trace.definitions if view.name in statements
        ),
    )


def create_relations(connection: duckdb.DuckDBPyConnection, trace: KeyTrace) -> None:
    """Make the views that the events of a trace come through, in the database in use, which has `events.*`.

    The statements may be from a file that somebody sent: nothing is run but what makes a view. Raises
    UnusableInput, or duckdb.Error where one reads what is not there.
    """
    for view in trace.definitions:
        statements = connection.extract_statements(view.sql)
        if len(statements) != 1 or not view.sql.startswith("CREATE VIEW "):
            raise UnusableInput(f"{view.name}: what is noted of it is not the statement that makes a view")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(view.name.split('.', 1)[0])}")
        connection.execute(f"DROP VIEW IF EXISTS {relation(view.name)}")
        connection.execute(statements[0])


def columns_of_relation(connection: duckdb.DuckDBPyConnection, name: str) -> set[str]:
    """The columns of a relation of events."""
    rows = connection.execute(f"DESCRIBE {relation(name)}").fetchall()
    return {column for column, *_ in rows}


def to_json(trace: KeyTrace) -> dict[str, object]:
    """Return a trace in the form in which a dataset file holds it."""
    return {
        "key": list(trace.key),
        "relations": list(trace.relations),
        "events": list(trace.views),
        "views": [[view.name, view.sql] for view in trace.definitions],
    }


def from_json(record: Mapping[str, Any]) -> KeyTrace:
    """Return the trace that a JSON object holds."""
    key, relations, views = (tuple(map(str, record[name])) for name in ("key", "relations", "events"))
    return KeyTrace(
        key, relations, views, tuple(ViewDefinition(str(name), str(sql)) for name, sql in record["views"])
    )
