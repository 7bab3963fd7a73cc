"""What is decided on corrections, as tables that SQL reads.

Belongs here: `events.corrections`, whose rows are values as well, `events.removed_events` and
`events.correction_chains`, and the variable by which views show what corrections had to do with.
Not here: finding corrections (`resolved_corrections`), and what follows from them (`corrections`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.engine import Relations
from event_archive.sql_text import literal
from event_archive.store.commit import Commit
from event_archive.views.corrections import Decision, EventKey, Fact
from event_archive.views.resolved_corrections import KEYS, ResolvedCorrections, resolve_corrections

CORRECTIONS, DECIDED = "corrections", "decided_corrections"
CORRECTIONS_SINCE = "corrections_since"
"""The session variable that turns the views: while it is set, they show what corrections had to do with."""

SINCE = f"getvariable({literal(CORRECTIONS_SINCE)})"
"""That variable in SQL."""

Row = Mapping[str, Any]
MOMENT = pa.timestamp("us", tz="UTC")
PLACE = [("place_at", MOMENT), ("place_date", pa.date32())]
TABLES = {
    CORRECTIONS: pa.schema(
        [
            *KEYS,
            ("kind", pa.string()),
            ("status", pa.string()),
            ("waits_because", pa.string()),
            ("object_type", pa.string()),
            ("object_id", pa.string()),
            ("verb", pa.string()),
            ("occurred_at", MOMENT),
            ("landed_at", MOMENT),
            ("sequence", pa.int64()),
            ("corrected_event_id", pa.string()),
            ("replaced_event_id", pa.string()),
            *PLACE,
            ("known_sequence", pa.int64()),
            ("changed_sequence", pa.int64()),
            ("first_sequence", pa.int64()),
        ]
    ),
    "removed_events": KEYS,
    "correction_chains": pa.schema([*KEYS, ("changed_sequence", pa.int64()), *PLACE]),
}
"""`known_sequence`: the commit with which a correction and all that it depends on were there;
`changed_sequence`: the highest of these in its place. `removed_events`: what is not in effect.
`correction_chains`: every event that corrections have to do with; the first of a chain has its own place."""


@dataclass(frozen=True)
class ListedCorrection:
    """One row of `events.corrections`: an event that corrects or voids another, and what came of it."""

    source: str
    event_id: str
    kind: str
    status: str
    waits_because: str | None
    object_type: str
    object_id: str
    verb: str
    occurred_at: datetime
    landed_at: datetime
    sequence: int
    corrected_event_id: str
    replaced_event_id: str | None
    place_at: datetime | None
    place_date: date | None
    known_sequence: int
    changed_sequence: int
    first_sequence: int


def create_correction_tables(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    commits: Sequence[Commit],
    as_of: datetime | None,
    schema: str,
) -> ResolvedCorrections:
    """Make the tables over these commits and, with `as_of`, up to then; returns what they say."""
    resolved = resolve_corrections(archive, commits, as_of)
    content = {
        CORRECTIONS: map(asdict, list_corrections(resolved, commits)),
        "removed_events": (_key(key) for key in sorted(resolved.decision.removed)),
        "correction_chains": _chains(resolved),
    }
    for name, rows in content.items():
        with Relations(connection) as relations:
            table = relations.register(name, pa.Table.from_pylist(list(rows), TABLES[name]))
            stored = DECIDED if name == CORRECTIONS else name
            connection.execute(f"CREATE OR REPLACE TABLE {schema}.{stored} AS SELECT * FROM {table}")
    _show_corrections(connection, schema)
    return resolved


def _show_corrections(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Make the view of corrections: each says by itself when it changed, so it is touched by no other."""
    held = connection.execute(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE database_name = current_database() AND schema_name = ? AND table_name = ?",
        [schema, CORRECTIONS],
    ).fetchone()
    if held and held[0]:  # an older version made a table of that name
        connection.execute(f"DROP TABLE {schema}.{CORRECTIONS}")
    connection.execute(
        f"CREATE OR REPLACE VIEW {schema}.{CORRECTIONS} AS FROM {schema}.{DECIDED} WHERE {SINCE} IS NULL"
    )


def list_corrections(resolved: ResolvedCorrections, commits: Sequence[Commit]) -> list[ListedCorrection]:
    """Return all corrections of these commits with what came of each, in the order of their times."""
    landed = {commit.sequence: commit.landed_at for commit in commits}
    in_order = sorted(resolved.corrections, key=lambda fact: (fact.occurred_at, *fact.key))
    return [_listed(fact, resolved.decision, landed[fact.sequence]) for fact in in_order]


def _listed(fact: Fact, decision: Decision, landed_at: datetime) -> ListedCorrection:
    chain = decision.chains.get(fact.key)
    return ListedCorrection(
        source=fact.source,
        event_id=fact.event_id,
        kind=fact.kind or "",
        status=decision.statuses[fact.key],
        waits_because=decision.reasons.get(fact.key),
        object_type=fact.object_type,
        object_id=fact.object_id,
        verb=fact.verb,
        occurred_at=fact.occurred_at,
        landed_at=landed_at,
        sequence=fact.sequence,
        corrected_event_id=fact.target_id or "",
        replaced_event_id=(decision.replaced.get(fact.key) or (None, None))[1],
        place_at=chain.place.occurred_at if chain else None,
        place_date=chain.place.event_date if chain else None,
        known_sequence=chain.known_sequence if chain else fact.sequence,
        changed_sequence=decision.changed[fact.key],
        first_sequence=chain.first_sequence if chain else fact.sequence,
    )


def _chains(resolved: ResolvedCorrections) -> Iterator[Row]:
    decision = resolved.decision
    for key, sequence in sorted(decision.changed.items()):
        place = decision.place_of(key)
        yield {
            **_key(key),
            "changed_sequence": sequence,
            "place_at": place.occurred_at if place else None,
            "place_date": place.event_date if place else None,
        }


def _key(key: EventKey) -> Row:
    return dict(zip(KEYS.names, key, strict=True))
