"""Many events of Avro blocks as JSON text at once, field after field over all of them.

Belongs here: finding where the events of a block begin, and reading those of the usual form from there.
Not here: cutting a file into blocks (`avro`), and events in blocks that are left out here (`avro_record`).

Nothing in a block says where its second event begins. Events are looked for by how others began, and all are
read from where they seem to begin; it is proved that they do where each ends where the next one begins, the
first begins with the block, the last ends with it, and there are as many as the block says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from event_archive.decoding.event_columns import (
    ABSENT,
    BARE,
    BEYOND,
    DATA,
    DOUBTFUL,
    MOST_EVENTS,
    MOST_MEMBERS,
    NULL,
    TEXT,
    Bytes,
    Kinds,
    Mask,
    Members,
    event_lines,
    number_texts,
    padded,
    varints,
)
from event_archive.decoding.record_chunk import Numbers

TRUTH, NUMBER = 16, 17  # kinds of attributes, which become BARE
ATTRIBUTES = {"null": NULL, "boolean": TRUTH, "int": NUMBER, "long": NUMBER, "string": TEXT}
DATA_TYPES = {"bytes": DATA, "string": DATA}
LARGEST = 1 << 28  # size of a text, or number, that is read in columns
TOO_MANY = 2 * MOST_EVENTS  # events to be read at once
MOST_STARTS = 16  # ways in which an event may begin
MOST_BREAKS = 64  # places that are looked at for another one

Lines = tuple[bytes, Numbers]
"""The text of some events, each with its line feed, and their sizes."""


@dataclass(frozen=True)
class _Type:
    """A type of Avro: the kind of what follows each branch's number, or of all where it is no union."""

    kinds: Kinds
    is_union: bool

    @classmethod
    def of(cls, schema: Any, kinds: dict[str, int]) -> Self:
        """Return the type of this schema; `kinds`: those of the types that are read in columns."""
        branches = schema if isinstance(schema, list) else [schema]
        table: Kinds = np.full(256, DOUBTFUL, np.uint8)
        for number, branch in enumerate(branches[:64]):
            table[2 * number] = kinds.get(branch, DOUBTFUL) if isinstance(branch, str) else DOUBTFUL
        return cls(table, isinstance(schema, list))

    def read(self, buffer: Bytes, at: Numbers) -> tuple[Kinds, Numbers]:
        """Return the kinds of the values at these places, and where they begin behind the branch."""
        kind: Kinds = self.kinds[buffer[at] if self.is_union else np.zeros(len(at), np.uint8)]
        return kind, at + self.is_union


@dataclass
class EventColumns:
    """Reads blocks of events by the schemas of an attribute and of the data.

    `beginnings`: how events were seen to begin: the number of attributes, and the name of the first.
    """

    attribute: _Type
    data: _Type
    beginnings: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, schema: Any) -> Self | None:
        """Return the reader of a file of events with this schema; None where it can't be read in columns."""
        first, last = schema["fields"]
        if first["name"] != "attribute":
            return None
        return cls(_Type.of(first["type"]["values"], ATTRIBUTES), _Type.of(last["type"], DATA_TYPES))

    def lines(self, blocks: Sequence[bytes], counts: Sequence[int], record_bytes: int) -> list[Lines | None]:
        """Return the lines of each block; None of one that is to be read record by record."""
        data = b"".join(blocks)
        buffer = padded(data)
        ends: Numbers = np.cumsum([len(block) for block in blocks])
        starts: Numbers = np.append(0, ends[:-1])
        while True:
            events = self._beginnings_in(data, buffer[: len(data)])
            if not len(events):
                if not self._learn(data, starts):
                    return [None] * len(blocks)
                continue
            members, event_ends = self._members(buffer, events, len(data))
            following = np.append(starts, event_ends[members.is_good])
            following = following[following < len(data)]
            nearest = events[np.minimum(np.searchsorted(events, following), len(events) - 1)]
            if not self._learn(data, following[nearest != following]):
                break
        first, last = np.searchsorted(events, starts), np.searchsorted(events, ends)
        is_proved = _is_chain(members.is_good, events, event_ends, first, last, ends)
        is_proved &= last - first == [min(count, TOO_MANY) for count in counts]
        is_proved &= events[np.minimum(first, len(events) - 1)] == starts
        members.is_good[:] &= is_proved[np.searchsorted(ends, events, "right")]  # elsewhere, they may overlap
        made = event_lines(buffer, members, {}, record_bytes)
        sizes = np.diff(made.bounds)
        return [
            (bytes(made.text[made.bounds[start] : made.bounds[end]]), sizes[start:end])
            if proved and made.is_good[start:end].all()
            else None
            for proved, start, end in zip(is_proved, first.tolist(), last.tolist(), strict=True)
        ]

    def _beginnings_in(self, data: bytes, buffer: Bytes) -> Numbers:
        """Return where events seem to begin; nowhere if that is at too many places."""
        places: set[int] = set()
        for beginning in self.beginnings:
            first, second, third = beginning[:3]
            likely = (buffer[:-2] == first) & (buffer[1:-1] == second) & (buffer[2:] == third)
            if np.count_nonzero(likely) >= TOO_MANY:
                return np.zeros(0, np.int64)
            places.update(at for at in np.flatnonzero(likely).tolist() if data.startswith(beginning, at))
        return np.array(sorted(places) if len(places) < TOO_MANY else [], np.int64)

    def _learn(self, data: bytes, places: Numbers) -> bool:
        """Whether at one of these places an event begins in a way that was not known; then it is."""
        for at in places[:MOST_BREAKS].tolist():
            count, size = data[at : at + 2].ljust(2)
            beginning = data[at : at + 2 + size // 2]
            is_likely = not count % 2 and not size % 2 and min(count, size) >= 2
            is_likely &= max(count, size) <= 2 * MOST_MEMBERS and len(beginning) == 2 + size // 2
            if is_likely and beginning not in self.beginnings and len(self.beginnings) < MOST_STARTS:
                self.beginnings.append(beginning)
                return True
        return False

    def _members(self, buffer: Bytes, at: Numbers, limit: int) -> tuple[Members, Numbers]:
        """Return the members of what begins at these places, and where it ends."""
        count = buffer[at] // 2
        is_good = (buffer[at] % 2 == 0) & (count > 0) & (count <= MOST_MEMBERS)
        at = at + 1
        columns: list[list[npt.NDArray[Any]]] = []
        for number in range(int(count[is_good].max(initial=0))):
            is_there = number < count
            size, name_at = _sizes(buffer, at)
            name_end = name_at + size
            is_read = (size > 0) & (name_end < limit)
            kind, value_at = self.attribute.read(buffer, np.minimum(name_end, limit))
            value, end = varints(buffer, value_at)
            is_null, is_truth = kind == NULL, kind == TRUTH
            after = np.where(is_null | is_truth, value_at + is_truth, end)
            value = np.where(is_truth, buffer[value_at], value >> 1 ^ -(value & 1))
            value[is_null] = 0
            end = after + np.where(kind == TEXT, value, 0)
            is_read &= (kind != DOUBTFUL) & (end < limit) & (after <= end)
            is_read &= np.abs(value) <= np.where(is_truth, 1, LARGEST)
            is_good &= is_read | ~is_there
            is_there &= is_good
            kind = np.where(is_there, kind, ABSENT)
            places = [np.where(is_there, place, at) for place in (name_at, name_end, after, end)]
            columns.append([kind, value, *places])
            at = places[-1]
        is_good &= buffer[at] == 0
        kind, value_at = self.data.read(buffer, at + 1)
        size, value_at = _sizes(buffer, value_at)
        end = value_at + size
        is_good &= (kind == DATA) & (end <= limit)
        columns.append([kind, size, at, at, value_at, end])
        stacked = [np.stack(column, axis=1) for column in zip(*columns, strict=True)]
        return _with_numbers(is_good, stacked), end


def _sizes(buffer: Bytes, at: Numbers) -> tuple[Numbers, Numbers]:
    """Return the sizes at some places, and where they end; BEYOND for one that is negative or too long."""
    size, end = varints(buffer, at)
    return np.where(size & 1, BEYOND, size >> 1), end


def _with_numbers(is_good: Mask, columns: Sequence[npt.NDArray[Any]]) -> Members:
    """Return the members, of which `columns` are the kind, the value as a number, and the places."""
    kind, value, name_at, name_end, at, end = columns
    is_number = (kind == NUMBER) & is_good[:, None]
    made: Numbers = np.where(kind == TRUTH, value, -1)
    made[is_number] = 2 + np.arange(int(is_number.sum()))
    texts = pa.concat_arrays([pa.array([b"false", b"true"]), number_texts(value[is_number])])
    kind = np.where((kind == TRUTH) | (kind == NUMBER), BARE, kind)
    return Members(is_good, kind, name_at, name_end, at, end, made, texts)


def _is_chain(
    is_good: Mask, at: Numbers, end: Numbers, first: Numbers, last: Numbers, block_ends: Numbers
) -> Mask:
    """Return in which blocks each event ends where the next one begins, and the last where the block does."""
    has_events = first < last
    following = np.append(at[1:], -1)
    following[last[has_events] - 1] = block_ends[has_events]
    broken = np.append(0, np.cumsum(~is_good | (end != following)))
    chain: Mask = has_events & (broken[first] == broken[last])
    return chain
