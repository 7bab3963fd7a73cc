"""How many keys a build would derive again, and which corrections count: by queries on the archive.

Belongs here: asking the views of the archive what dbt's macro `find_keys_to_derive` asks them in the build.
Not here: which models and days they are asked for (`plan`). A connection of its own, in memory: the warehouse
is read for a moment, because only the views in it say which keys an event has, and left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress

import duckdb

from event_archive import Archive, UnusableInput, create_views
from event_archive.engine import open_engine
from event_archive.sql_text import literal, quoted
from event_archive.store.commit import Commit
from event_archive.views.correction_tables import CORRECTIONS_SINCE, create_correction_tables
from event_archive.views.corrections import count_corrections
from orchestration.dataset.key_tracing import KeyTrace, create_relations, key_trace, with_definitions
from orchestration.dataset.tables import WAREHOUSE, relation
from orchestration.dbt.graph import Manifest, day_columns
from orchestration.planning.plan import Correction, ModelPlan, Plan
from orchestration.settings import Settings
from orchestration.warehouse.lock import shared_lock
from orchestration.warehouse.requests import Days


def read_corrections(archive: Archive, commits: Sequence[Commit]) -> list[Correction]:
    """Return all corrections; where the log names none, nothing is read."""
    if not count_corrections(commits):
        return []
    with closing(open_engine()) as connection:
        create_correction_tables(connection, archive, commits, None, "main")
        rows = connection.execute(
            "SELECT kind, status, object_type || '_' || verb, place_date, known_sequence "
            "FROM corrections ORDER BY sequence, event_id"
        ).fetchall()
    return [Correction(*row) for row in rows]


def count_keys(
    settings: Settings, archive: Archive, manifest: Manifest, commits: Sequence[Commit], planned: Plan
) -> dict[str, int]:
    """Count the keys that each fact derives again, by unique id.

    What is built from nothing is left out; so is what can't be counted: while somebody writes the warehouse,
    and where events come through a view that reads something besides events.
    """
    traces = {
        model: trace
        for model in planned.models
        if model.is_fact and not model.from_nothing and (trace := key_trace(manifest, model.model))
    }
    if not traces:
        return {}
    counts: dict[str, int] = {}
    engine = open_engine(threads=settings.threads, memory_bytes=settings.memory_bytes)
    days = day_columns(manifest)
    with closing(engine) as connection:
        held = read_warehouse(settings, connection, traces, days, planned.replays)
        if held:
            create_views(connection, archive, len(commits))
        for model, trace in held.items():
            with suppress(duckdb.Error, UnusableInput):
                create_relations(connection, trace)
                counts[model.model] = count_found(
                    connection, model, trace, planned.replays, has_day=model.table in days
                )
    return counts


def read_warehouse(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    traces: Mapping[ModelPlan, KeyTrace],
    days: Mapping[str, str],
    replays: Sequence[Days],
) -> dict[ModelPlan, KeyTrace]:
    """Return the traces with the statements of their views; none while somebody writes the warehouse.

    Also keeps the keys of the rows that a replay derives again, whatever events there are, per fact.
    """
    with shared_lock(settings) as holder:
        if holder is not None or not settings.warehouse.is_file():
            return {}
        try:
            connection.execute(f"ATTACH {literal(str(settings.warehouse))} AS {WAREHOUSE} (READ_ONLY)")
        except duckdb.IOException:
            return {}
        for model, trace in traces.items():
            day = days.get(model.table)
            where = on_days(quoted(day), replays) if day else "true" if replays else "false"
            connection.execute(
                f"CREATE TEMP TABLE {rows_of(model)} AS SELECT {listed(trace)} "
                f"FROM {relation(model.table, WAREHOUSE)} WHERE {where}"
            )
        held = {model: with_definitions(connection, trace, WAREHOUSE) for model, trace in traces.items()}
        connection.execute(f"DETACH {WAREHOUSE}")
        return held


def count_found(
    connection: duckdb.DuckDBPyConnection,
    model: ModelPlan,
    trace: KeyTrace,
    replays: Sequence[Days],
    *,
    has_day: bool,
) -> int:
    """Count the keys of a fact, as the macro finds them; without a day, also those that no event has."""
    found = quoted(f"keys of {model.table}")
    unsupported = (
        ""
        if has_day
        else "".join(
            f" ANTI JOIN {relation(name)} AS events{place} ON "
            + " AND ".join(
                f"held.{quoted(column)} IS NOT DISTINCT FROM events{place}.{quoted(column)}"
                for column in trace.key
            )
            for place, name in enumerate(trace.relations)
        )
    )
    connection.execute(
        f"CREATE TEMP TABLE {found} AS SELECT {listed(trace)} FROM {rows_of(model)} AS held{unsupported}"
    )
    for since, condition in conditions(model.after, replays):
        connection.execute(f"SET VARIABLE {CORRECTIONS_SINCE} = {since}")
        for name in trace.relations:
            connection.execute(
                f"INSERT INTO {found} BY NAME SELECT {listed(trace)} FROM {relation(name)} WHERE {condition}"
            )
    connection.execute(f"RESET VARIABLE {CORRECTIONS_SINCE}")
    (count,) = connection.execute(f"SELECT count(*) FROM (SELECT DISTINCT * FROM {found})").fetchall()[0]
    return int(count)


def conditions(after: int, replays: Sequence[Days]) -> Iterator[tuple[str, str]]:
    """Which events are looked at: what corrections touched since a commit, or what stands; and of these."""
    yield "null", f"sequence > {int(after)}"
    yield str(int(after)), "true"
    if replays:
        yield "0", on_days("event_date", replays)
        yield "null", on_days("event_date", replays)


def on_days(column: str, replays: Sequence[Days]) -> str:
    """The condition that a day is replayed."""
    ranges = (f"({column} >= DATE '{days.first}' AND {column} < DATE '{days.end}')" for days in replays)
    return " OR ".join(ranges) or "false"


def listed(trace: KeyTrace) -> str:
    """The columns of the key, as SQL."""
    return ", ".join(map(quoted, trace.key))


def rows_of(model: ModelPlan) -> str:
    """The temporary table of the keys of a fact's rows."""
    return quoted(f"rows of {model.table}")
