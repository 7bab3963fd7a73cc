"""Rejected records as people ask for them: grouped, filtered, and one by one with what became of it.

Belongs here: the questions about rejected records and their state. Not here: how the state comes about
(`recovery_outcomes`), changing it (`recover`), and the records' bytes (`quarantine_file`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from event_archive.archive import Archive
from event_archive.quarantine.recovery_outcomes import RejectedRecords
from event_archive.quarantine.states import REJECTED
from event_archive.store.commit import Commit, segments_of

FIELDS = 'sequence, "row", position, "offset", origin, day, type, source, event_id, state, reason, detail'
ROWS_OF_A_COMMIT = 1 << 40  # more than any commit has
NUMBER = f'(sequence * {ROWS_OF_A_COMMIT} + "row")'


@dataclass(frozen=True)
class Filter:
    """Which rejected records are asked for; None: whatever it is. `state` None: those of every state."""

    sequence: int | None = None
    reason: str | None = None
    type: str | None = None
    source: str | None = None
    day: date | None = None
    state: str | None = REJECTED


@dataclass(frozen=True)
class RejectedRecord:
    """A record that a landing rejected, with its state and the latest reason.

    `judged_in`: the recovery that gave the state, or the latest reason. `is_foreign`: it landed by a mapping,
    and is validated again only by one. `element`: the number of what was rejected among the elements that the
    mapping found in the record, None where that is the record itself. `position`: its place in the commit;
    `position_in_input`: that in the input `origin`, another one where the commit landed several.
    """

    sequence: int
    row: int
    position: int
    offset: int
    origin: str
    day: date
    type: str | None
    source: str | None
    event_id: str | None
    state: str
    reason: str
    detail: str
    judged_in: int | None
    is_foreign: bool
    element: int | None
    position_in_input: int


@dataclass(frozen=True)
class Group:
    """Records that share reason (the latest), claimed type, producer, day of landing and state."""

    reason: str
    type: str | None
    source: str | None
    day: date
    state: str
    records: int
    samples: tuple[RejectedRecord, ...]


@dataclass(frozen=True)
class Step:
    """What one commit said of a record: that it was rejected, and why, or what else became of it."""

    sequence: int
    state: str
    reason: str | None
    detail: str | None


def grouped(archive: Archive, wanted: Filter, *, limit: int = 20, samples: int = 1) -> list[Group]:
    """The groups of the records that are asked for, largest first, the first ones with some records each."""
    where, values = _where(wanted)
    with RejectedRecords(archive) as rejected_records:
        groups = rejected_records.execute(
            f"SELECT reason, type, source, day, state, count(*), min({NUMBER}, ?) "
            f"FROM records {where} GROUP BY ALL ORDER BY count(*) DESC, reason, type, source, day, state",
            [max(samples, 1), *values],
        ).fetchall()
        shown = [number for *_, first in groups[:limit] for number in first[:samples]]
        by_number = _find_records(rejected_records, shown)
    return [
        Group(
            reason,
            claimed,
            source,
            day,
            state,
            records,
            tuple(by_number[number] for number in first if number in by_number),
        )
        for reason, claimed, source, day, state, records, first in groups
    ]


def rejected_share(archive: Archive) -> dict[str, tuple[int, int]]:
    """Per claimed type with a contract: how many records are still rejected, and how many events it has."""
    events = dict.fromkeys(archive.contracts, 0)
    for segment in segments_of(archive.log.commits()):
        if segment.type in events:
            events[segment.type] += segment.rows
    with RejectedRecords(archive) as rejected_records:
        rejected = dict(
            rejected_records.execute(
                "SELECT type, count(*) FROM records WHERE state = 'refused' GROUP BY type"
            ).fetchall()
        )
    return {event_type: (rejected.get(event_type, 0), rows) for event_type, rows in events.items()}


def history(
    archive: Archive, sequence: int, position: int | None = None, element: int | None = None
) -> tuple[RejectedRecord, list[Step]] | None:
    """One record that a commit rejected, the first or that of a place, and what became of it, in order."""
    place = {"position": position, "element": element}
    asked = {name: value for name, value in place.items() if value is not None}
    with RejectedRecords(archive, _until(archive, sequence)) as rejected_records:
        at = "".join(f" AND {name} = ?" for name in asked)
        first = rejected_records.execute(
            f'SELECT "row", first_reason, first_detail FROM records WHERE sequence = ?{at} '
            'ORDER BY "row" LIMIT 1',
            [sequence, *asked.values()],
        ).fetchone()
        if first is None:
            return None
        row, reason, detail = first
        later = rejected_records.execute(
            'SELECT judged_in, outcome, reason, detail FROM outcomes WHERE sequence = ? AND "row" = ? '
            "ORDER BY judged_in",
            [sequence, row],
        ).fetchall()
        steps = [Step(sequence, REJECTED, reason, detail), *(Step(*outcome) for outcome in later)]
        (record,) = _find_records(rejected_records, [sequence * ROWS_OF_A_COMMIT + row]).values()
        return record, steps


def _until(archive: Archive, sequence: int) -> Sequence[Commit]:
    """The commit and all recoveries: what is to be known of its records, and no other quarantine."""
    return [commit for commit in archive.log.commits() if commit.sequence == sequence or commit.outcomes]


def _where(wanted: Filter) -> tuple[str, list[object]]:
    given = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    asked = {name: value for name, value in given.items() if value is not None}
    return ("WHERE " + " AND ".join(f"{name} = ?" for name in asked) if asked else ""), list(asked.values())


def _find_records(rejected_records: RejectedRecords, numbers: Sequence[int]) -> dict[int, RejectedRecord]:
    listed = ", ".join(map(str, numbers)) or "NULL"
    rows = rejected_records.execute(
        f"SELECT {NUMBER}, {FIELDS}, judged_in, is_foreign, element, position_in_input FROM records "
        f"WHERE {NUMBER} IN ({listed})"
    ).fetchall()
    return {number: RejectedRecord(*record) for number, *record in rows}
