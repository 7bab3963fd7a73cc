"""What each mart is made of: other marts, and event types; staging and what lies between are passed over.

Belongs here: reading that out of dbt's manifest, and its table in the warehouse. Not here: which column comes
from which field (`contract_tools.readers`), and how a row is traced to events (`row_tracing`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from event_archive.registry.contract import view_of
from event_archive.views.segment_sql import SCHEMA
from orchestration.dataset.tables import has_row_ids, insert_rows
from orchestration.dbt.graph import Manifest, event_sources, table_of
from orchestration.dbt.kinds import marts

LINEAGE = "audit.lineage"
TABLE, EVENTS, OTHER = "table", "events", "other"


@dataclass(frozen=True, order=True)
class Edge:
    """A mart, something that it reads, both with their schemas, and what kind of thing that is."""

    table: str
    reads: str
    kind: str


def mart_lineage(manifest: Manifest) -> list[Edge]:
    """Return what each mart reads, in the order of their names."""
    published = marts(manifest)
    sources = event_sources(manifest)
    edges: set[Edge] = set()
    for mart, node in published.items():
        unread, seen = read_by(node), {mart}
        while unread:
            name = unread.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in sources:
                edges.add(Edge(table_of(node), f"{SCHEMA}.{view_of(sources[name])}", EVENTS))
            elif name in published:
                edges.add(Edge(table_of(node), table_of(published[name]), TABLE))
            elif name in manifest["sources"]:
                source = manifest["sources"][name]
                edges.add(Edge(table_of(node), f"{source['schema']}.{source['identifier']}", OTHER))
            elif between := manifest["nodes"].get(name):
                unread += read_by(between)
                if not read_by(between):
                    edges.add(Edge(table_of(node), table_of(between), OTHER))
    return sorted(edges)


def read_by(node: Mapping[str, Any]) -> list[str]:
    """The ids of what a node reads; a seed reads nothing, and has no word for it."""
    return list((node.get("depends_on") or {}).get("nodes") or [])


def record_lineage(connection: duckdb.DuckDBPyConnection, edges: Iterable[Edge]) -> None:
    """Remember in the warehouse what each mart is made of."""
    connection.execute(f"CREATE OR REPLACE TABLE {LINEAGE} (table_name VARCHAR, reads VARCHAR, kind VARCHAR)")
    insert_rows(connection, LINEAGE, [[edge.table, edge.reads, edge.kind] for edge in edges])


def recorded_lineage(connection: duckdb.DuckDBPyConnection) -> list[Edge]:
    """Return what the warehouse remembers; nothing where an older factlog built it."""
    if not has_row_ids(connection, LINEAGE):
        return []
    return [Edge(*row) for row in connection.execute(f"FROM {LINEAGE} ORDER BY ALL").fetchall()]


def event_views_of(table: str, edges: Sequence[Edge]) -> list[str]:
    """The views of events, without their schema, that a mart is derived from, directly or through others."""
    by_table: Mapping[str, list[Edge]] = {edge.table: [] for edge in edges}
    for edge in edges:
        by_table[edge.table].append(edge)
    unread, seen, views = [table], {table}, set()
    while unread:
        for edge in by_table.get(unread.pop(), []):
            if edge.kind == EVENTS:
                views.add(edge.reads.split(".", 1)[1])
            elif edge.kind == TABLE and edge.reads not in seen:
                seen.add(edge.reads)
                unread.append(edge.reads)
    return sorted(views)
