"""Corrections: which events stand, where later ones correct or void earlier ones.

Belongs here: reading the events that carry `corrects` or `voids`, finding what they name, and deciding what
follows, over one cut of the log. Not here: taking an event in (`judge`), and leaving out what does not stand
(the staging models of dbt do that, by the tables that are made here).

A correction names an event of its own source, about its own object, that did not occur after it:
- `corrects`: the event stands in the place of the one it names, at that one's time, until the next does.
- `voids`: nothing stands in that place any more; where it names a correction, it takes that correction back.
  A voiding event says nothing else, so it never stands itself.
One that names nothing such has no effect and is `unmatched`: what it names may still land.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.envelope import CORRECTIONS
from event_archive.sql_text import sql_list
from event_archive.store.key_index import KEY, KeyIndex
from event_archive.store.log import Commit, segments_of

CORRECTS, VOIDS = CORRECTIONS
IN_EFFECT, SUPERSEDED, TAKEN_BACK, UNMATCHED = "in_effect", "superseded", "taken_back", "unmatched"
Name = tuple[str, str]
"""Source and id of an event."""

TABLES = {
    "corrections": pa.schema(
        [
            ("source", pa.string()),
            ("event_id", pa.string()),
            ("kind", pa.string()),
            ("status", pa.string()),
            ("object_type", pa.string()),
            ("object_id", pa.string()),
            ("occurred_at", pa.timestamp("us", tz="UTC")),
            ("sequence", pa.int64()),
            ("corrected_event_id", pa.string()),
            ("replaced_event_id", pa.string()),
            ("place_at", pa.timestamp("us", tz="UTC")),
            ("place_date", pa.date32()),
            ("known_sequence", pa.int64()),
            ("first_sequence", pa.int64()),
        ]
    ),
    "removed_events": pa.schema([("source", pa.string()), ("event_id", pa.string())]),
}


@dataclass(frozen=True)
class Fact:
    """What deciding needs to know of an event; `names`: what it corrects or voids, and which of the two."""

    source: str
    event_id: str
    object_type: str
    object_id: str
    occurred_at: datetime
    event_date: date
    sequence: int
    kind: str | None = None
    names: str | None = None

    @property
    def name(self) -> Name:
        """What names it."""
        return self.source, self.event_id

    @property
    def order(self) -> tuple[datetime, str]:
        """By time; where two are of one instant, by id: the same whenever they landed."""
        return self.occurred_at, self.event_id


@dataclass
class Standing:
    """What follows from all corrections: the status and place of each, and the events that do not stand.

    `replaced`: for a correction that has or had an effect, what stood in its place until then, if anything.
    """

    statuses: dict[Name, str] = field(default_factory=dict)
    places: dict[Name, Fact] = field(default_factory=dict)
    replaced: dict[Name, Name | None] = field(default_factory=dict)
    removed: set[Name] = field(default_factory=set)


def decide(corrections: Iterable[Fact], targets: Iterable[Fact]) -> Standing:
    """Decide which events stand; the order of the arguments does not matter."""
    known = {fact.name: fact for fact in [*targets, *corrections]}
    in_order = sorted((fact for fact in known.values() if fact.kind), key=lambda fact: fact.order)
    meant = {fact.name: target for fact in in_order if (target := _meant(fact, known))}
    result = Standing()
    taken_back: set[Name] = set()
    for fact in reversed(in_order):  # what takes a correction back is later, so it is decided by now
        if fact.kind == VOIDS and fact.name in meant and fact.name not in taken_back:
            taken_back.add(meant[fact.name].name)
    taken_back &= set(meant)
    standing: dict[Name, Name | None] = {}
    for fact in in_order:
        result.statuses[fact.name] = IN_EFFECT if fact.name in meant else UNMATCHED
        if fact.name not in meant:
            continue
        place = result.places[fact.name] = _place(fact, meant)
        result.removed |= {place.name, fact.name}
        if fact.name in taken_back:
            result.statuses[fact.name] = TAKEN_BACK
        elif fact.kind == CORRECTS or meant[fact.name] == place:
            result.replaced[fact.name] = standing.get(place.name, place.name)
            standing[place.name] = fact.name if fact.kind == CORRECTS else None
    for fact in result.places.values():
        standing.setdefault(fact.name, fact.name)
    result.removed -= {name for name in standing.values() if name}
    for fact in in_order:
        if fact.kind == CORRECTS and result.statuses[fact.name] == IN_EFFECT and fact.name in result.removed:
            result.statuses[fact.name] = SUPERSEDED
    return result


def create_correction_tables(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    commits: Sequence[Commit],
    as_of: datetime | None,
    schema: str,
) -> None:
    """Make the tables `corrections` and `removed_events` over these commits and, with `as_of`, up to then."""
    corrections = list(_corrections(archive, commits, as_of))
    targets = _targets(archive, commits, corrections)
    standing = decide(corrections, targets)
    known = {fact.name: fact for fact in [*targets, *corrections]}
    rows = []
    for fact in sorted(corrections, key=lambda one: one.order):
        place = standing.places.get(fact.name)
        meant = _meant(fact, known)
        rows.append(
            {
                "source": fact.source,
                "event_id": fact.event_id,
                "kind": fact.kind,
                "status": standing.statuses[fact.name],
                "object_type": fact.object_type,
                "object_id": fact.object_id,
                "occurred_at": fact.occurred_at,
                "sequence": fact.sequence,
                "corrected_event_id": fact.names,
                "replaced_event_id": (standing.replaced.get(fact.name) or (None, None))[1],
                "place_at": place.occurred_at if place else None,
                "place_date": place.event_date if place else None,
                "known_sequence": max(fact.sequence, meant.sequence if meant else 0),
                "first_sequence": min(fact.sequence, meant.sequence if meant else fact.sequence),
            }
        )
    removed = [{"source": source, "event_id": event_id} for source, event_id in sorted(standing.removed)]
    for name, content in (("corrections", rows), ("removed_events", removed)):
        connection.register("decided", pa.Table.from_pylist(content, TABLES[name]))
        connection.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS SELECT * FROM decided")
        connection.unregister("decided")


def _meant(fact: Fact, known: dict[Name, Fact]) -> Fact | None:
    """The event that a correction names, where it may name it."""
    target = known.get((fact.source, fact.names or ""))
    if target is None or (target.object_type, target.object_id) != (fact.object_type, fact.object_id):
        return None
    # Two corrections of one instant must not name each other: which of them counts would depend on nothing.
    earlier = target.order < fact.order if target.kind else target.occurred_at <= fact.occurred_at
    return target if earlier else None


def _place(fact: Fact, meant: dict[Name, Fact]) -> Fact:
    """The event at the start of a chain of corrections: all of the chain is about that one's place."""
    while (target := meant.get(fact.name)) is not None:
        fact = target
    return fact


def _corrections(archive: Archive, commits: Sequence[Commit], as_of: datetime | None) -> Iterable[Fact]:
    """The events that correct or void; only files that the log says hold some are opened."""
    held = {
        archive.storage.location(segment.path): commit.sequence
        for commit in commits
        for segment in commit.segments
        if segment.corrections
    }
    if not held:
        return
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(
            f"SELECT {_FACT_COLUMNS}, filename, corrects, voids "
            f"FROM read_parquet({sql_list(held)}, filename = true, union_by_name = true) "
            "WHERE corrects IS NOT NULL OR voids IS NOT NULL"
        ).fetchall()
    for *fact, file, corrects, voids in rows:
        kind = CORRECTS if corrects is not None else VOIDS
        one = replace(_fact(fact, held[file]), kind=kind, names=corrects or voids)
        if as_of is None or one.occurred_at < as_of:
            yield one


_FACT_COLUMNS = "source, event_id, object_type, object_id, occurred_at, event_date"


def _targets(archive: Archive, commits: Sequence[Commit], corrections: Sequence[Fact]) -> list[Fact]:
    """The events that corrections name, corrections themselves left out, found by the index of keys."""
    wanted = {(fact.source, fact.names) for fact in corrections} - {fact.name for fact in corrections}
    if not wanted:
        return []
    sequences = [commit.sequence for commit in commits for _ in commit.segments]
    with archive.storage.scratch() as folder, closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return _find(archive, commits, connection, folder, wanted, sequences)


def _find(
    archive: Archive,
    commits: Sequence[Commit],
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    wanted: Iterable[tuple[str, str | None]],
    sequences: Sequence[int],
) -> list[Fact]:
    index = KeyIndex(archive, connection, commits, folder)
    names = [{"source": source, "event_id": event_id} for source, event_id in wanted]
    connection.register("wanted", pa.Table.from_pylist(names, TABLES["removed_events"]))
    connection.execute(f"CREATE TEMP TABLE wanted_keys AS SELECT {KEY} AS h FROM wanted")
    held = {index.files[number][0]: sequences[number] for number in index.find("wanted_keys")}
    if not held:
        return []
    rows = connection.execute(
        f"SELECT {_FACT_COLUMNS}, filename FROM read_parquet({sql_list(held)}, filename = true) "
        "SEMI JOIN wanted USING (source, event_id)"
    ).fetchall()
    return [_fact(fact, held[file]) for *fact, file in rows]


def _fact(columns: Sequence[Any], sequence: int) -> Fact:
    source, event_id, object_type, object_id, occurred_at, event_date = columns
    return Fact(source, event_id, object_type, object_id, occurred_at, event_date, sequence)


def corrections_in(commits: Sequence[Commit]) -> int:
    """How many events of these commits correct or void another; from the log alone."""
    return sum(segment.corrections for segment in segments_of(commits))
