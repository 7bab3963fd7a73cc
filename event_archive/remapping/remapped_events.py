"""What a remap makes of the events that stood: which come again as they were, changed, or not at all.

Belongs here: comparing the segments that are to be replaced with those that would replace them, in bounded
memory. Not here: making them (`remap`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.engine import Relations, open_engine
from event_archive.errors import UnusableInput
from event_archive.landing.deduplicate import NO_CORRECTIONS
from event_archive.landing.segment_file import Written, event_columns
from event_archive.limits import Limits
from event_archive.registry.contract import Contract
from event_archive.sql_text import literal, sql_list
from event_archive.store.commit import RECOVERY, Commit, Segment
from event_archive.store.remaps import landing_of
from event_archive.views.resolved_corrections import KEYS, resolve_corrections

NOTHING = "nothing was committed"
FIXED = ("object_id", "occurred_at", "corrects", "voids")
"""What the place of a correction depends on: of an event that one has to do with, it stays as it was."""

Stood = tuple[Commit, Segment]


@dataclass
class RemappedEvents:
    """How many events are others than they were, and how many there were none of before; by event type."""

    changed: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)

    def is_as_it_was(self, event_type: str) -> bool:
        """Whether all events of a type are as they were."""
        return not self.changed.get(event_type) and not self.added.get(event_type)


def compare_events(
    archive: Archive,
    known: Sequence[Commit],
    stood: Sequence[Stood],
    written: Sequence[Written],
    folder: Path,
    limits: Limits,
) -> RemappedEvents:
    """Compare what stood with what was written; raises UnusableInput where an event does not come again."""
    result = RemappedEvents()
    resolved = resolve_corrections(archive, known)
    with (
        open_engine(threads=limits.threads, memory_bytes=limits.engine_bytes, spill=folder) as connection,
        Relations(connection) as lasting,
    ):
        keys = [dict(zip(KEYS.names, key, strict=True)) for key in sorted(resolved.known)]
        corrected = lasting.register("corrected", pa.Table.from_pylist(keys, KEYS))
        for contract in _contracts(archive, stood, written):
            old = [each for each in stood if each[1].type == contract.type]
            with Relations(connection) as relations:
                pairs = relations.create("pairs", _pairs_sql(archive, contract, old, written, corrected))
                _refuse_missing(connection, pairs, contract, old, written, archive, known)
                ((result.changed[contract.type], result.added[contract.type]),) = connection.execute(
                    "SELECT count(*) FILTER (is_there AND is_changed), count(*) FILTER (NOT is_there) "
                    f"FROM {pairs}"
                ).fetchall()
    return result


def _contracts(archive: Archive, stood: Sequence[Stood], written: Sequence[Written]) -> Iterator[Contract]:
    types = {segment.type for _, segment in stood} | {each.segment.type for each in written}
    for event_type in sorted(types):
        if event_type not in archive.contracts:
            raise UnusableInput(f"{event_type}: events of it stand, and there is no contract; {NOTHING}")
        yield archive.contracts[event_type]


def _pairs_sql(
    archive: Archive, contract: Contract, old: Sequence[Stood], written: Sequence[Written], corrected: str
) -> str:
    """Return the SELECT of each key with what is to be known of its event before and after."""
    columns = event_columns(contract)
    before = _events_sql(columns, archive.files.locations(segment for _, segment in old))
    after = _events_sql(columns, [str(each.file) for each in written if each.segment.type == contract.type])
    is_same = [f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in columns]
    is_fixed = [f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in FIXED]
    return (
        "SELECT source, event_id, old.file, old.position, old.is_event IS NOT NULL AS is_there, "
        f"new.is_event IS NOT NULL AS comes, NOT ({' AND '.join(is_same)}) AS is_changed, "
        f"old.is_event AND new.is_event AND NOT ({' AND '.join(is_fixed)}) "
        f"AND (source, event_id) IN (SELECT (source, event_id) FROM {corrected}) AS is_moved "
        f"FROM ({before}) AS old FULL JOIN ({after}) AS new USING (source, event_id)"
    )


def _events_sql(columns: dict[str, str], files: Sequence[str]) -> str:
    typed = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in columns.items())
    no_place = "CAST(NULL AS BIGINT) AS position, CAST(NULL AS VARCHAR) AS file"
    if not files:
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in columns.items())
        return f"SELECT {nothing}, {no_place}, true AS is_event WHERE FALSE"
    read = f"read_parquet({sql_list(files)}, filename = true, union_by_name = true)"
    return (
        f"SELECT {typed}, position, filename AS file, true AS is_event "
        f"FROM ({NO_CORRECTIONS} UNION ALL BY NAME FROM {read})"
    )


def _refuse_missing(
    connection: duckdb.DuckDBPyConnection,
    pairs: str,
    contract: Contract,
    old: Sequence[Stood],
    written: Sequence[Written],
    archive: Archive,
    known: Sequence[Commit],
) -> None:
    """Raise UnusableInput for the first event that does not come again, or not in its place."""
    wrong = connection.execute(
        "SELECT file, position, source, event_id, comes, count(*) OVER () FROM "
        f"{pairs} WHERE is_there AND (NOT comes OR is_moved) ORDER BY file, position, event_id LIMIT 1"
    ).fetchall()
    if not wrong:
        return
    ((file, position, source, event_id, comes, events),) = wrong
    locations = archive.files.locations(segment for _, segment in old)
    landing = landing_of(*dict(zip(locations, old, strict=True))[file])
    event = f"{contract.type} with id {event_id!r} of source {source!r}"
    if comes:
        why = f"{event} has to do with a correction, and would have another time, object or target"
    elif known[landing - 1].kind == RECOVERY:  # of the records of several landings, each with its places
        why = f"{event} would not come again"
    else:
        why = f"{event} would not come again; {_what_came(connection, landing, position, written)}"
    more = f" (and {events - 1:,} more)" if events > 1 else ""
    raise UnusableInput(
        f"commit {landing}, record {position}{more}: {why}; {NOTHING}. "
        "--commit names the landings that the mapping is for"
    )


def _what_came(
    connection: duckdb.DuckDBPyConnection, landing: int, position: Any, written: Sequence[Written]
) -> str:
    files = {str(each.file): each.segment.type for each in written if each.segment.made_from == landing}
    if files and position is not None:
        types = " ".join(f"WHEN {literal(file)} THEN {literal(kind)}" for file, kind in files.items())
        came = connection.execute(
            f"SELECT event_id, source, CASE filename {types} END FROM "
            f"read_parquet({sql_list(files)}, filename = true, union_by_name = true) "
            "WHERE position = ? ORDER BY element LIMIT 1",
            [position],
        ).fetchall()
        for event_id, source, event_type in came:
            return f"{event_type} with id {event_id!r} of source {source!r} came"
    return "no event came"
