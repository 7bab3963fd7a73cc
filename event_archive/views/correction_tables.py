"""What is decided on corrections, as tables that SQL reads.

Belongs here: the tables `events.corrections`, `events.removed_events` and `events.correction_chains`.
Not here: finding corrections (`resolved_corrections`), and what follows from them (`corrections`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.sql_text import Relations
from event_archive.store.commit import Commit
from event_archive.views.corrections import EventKey, Fact
from event_archive.views.resolved_corrections import KEYS, ResolvedCorrections, resolve_corrections

Row = Mapping[str, Any]
MOMENT = pa.timestamp("us", tz="UTC")
PLACE = [("place_at", MOMENT), ("place_date", pa.date32())]
TABLES = {
    "corrections": pa.schema(
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


def create_correction_tables(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    commits: Sequence[Commit],
    as_of: datetime | None,
    schema: str,
) -> ResolvedCorrections:
    """Make the tables over these commits and, with `as_of`, up to then; returns what they say."""
    resolved = resolve_corrections(archive, commits, as_of)
    landed = {commit.sequence: commit.landed_at for commit in commits}
    content = {
        "corrections": _corrections(resolved, landed),
        "removed_events": (_key(key) for key in sorted(resolved.decision.removed)),
        "correction_chains": _chains(resolved),
    }
    for name, rows in content.items():
        with Relations(connection) as relations:
            table = relations.register(name, pa.Table.from_pylist(list(rows), TABLES[name]))
            connection.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS SELECT * FROM {table}")
    return resolved


def _corrections(resolved: ResolvedCorrections, landed: Mapping[int, datetime]) -> Iterator[Row]:
    decision = resolved.decision
    for fact in sorted(resolved.corrections, key=lambda fact: (fact.occurred_at, *fact.key)):
        chain = decision.chains.get(fact.key)
        yield {
            **_key(fact.key),
            "kind": fact.kind,
            "status": decision.statuses[fact.key],
            "waits_because": decision.reasons.get(fact.key),
            "object_type": fact.object_type,
            "object_id": fact.object_id,
            "verb": fact.verb,
            "occurred_at": fact.occurred_at,
            "landed_at": landed[fact.sequence],
            "sequence": fact.sequence,
            "corrected_event_id": fact.target_id,
            "replaced_event_id": (decision.replaced.get(fact.key) or (None, None))[1],
            **_place(chain.place if chain else None),
            "known_sequence": chain.known_sequence if chain else fact.sequence,
            "changed_sequence": decision.changed[fact.key],
            "first_sequence": chain.first_sequence if chain else fact.sequence,
        }


def _chains(resolved: ResolvedCorrections) -> Iterator[Row]:
    decision = resolved.decision
    for key, sequence in sorted(decision.changed.items()):
        yield {**_key(key), "changed_sequence": sequence, **_place(decision.place_of(key))}


def _key(key: EventKey) -> Mapping[str, str]:
    return dict(zip(KEYS.names, key, strict=True))


def _place(place: Fact | None) -> Row:
    return {
        "place_at": place.occurred_at if place else None,
        "place_date": place.event_date if place else None,
    }
