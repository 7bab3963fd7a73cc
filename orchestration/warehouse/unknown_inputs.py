"""Which nodes of a build are made of what no digest is of: the clock, a file, a table that they do not name.

Belongs here: asking for each node that dbt has built. Not here: how it is told (`dbt.outside_reads`,
`dbt.unsaid_reads`), and what is remembered of it (`outcomes`).
"""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from event_archive.views.segment_sql import SCHEMA
from orchestration.dbt.graph import read_manifest
from orchestration.dbt.outside_reads import outside_of_builds, outside_reads
from orchestration.dbt.process import MANIFEST
from orchestration.dbt.unsaid_reads import unsaid_reads
from orchestration.settings import Settings


@dataclass(frozen=True)
class UnknownInputs:
    """The nodes that may say something else by themselves, and those that read what they do not say."""

    moving: frozenset[str] = frozenset()
    unsaid: frozenset[str] = frozenset()


def unknown_inputs(
    settings: Settings, connection: duckdb.DuckDBPyConnection, done: Collection[str]
) -> UnknownInputs:
    """Ask for these nodes by the SQL that dbt has made of them; all, where a build does more than that."""
    built = read_manifest(settings.dbt_target / MANIFEST)
    if outside_of_builds(built, settings.dbt_project):
        return UnknownInputs(moving=frozenset(done))
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_catalog = current_database() AND table_schema = ?",
        [SCHEMA],
    )
    events = [name for (name,) in rows.fetchall()]
    return UnknownInputs(frozenset(outside_reads(built, done)), frozenset(unsaid_reads(built, events, done)))
