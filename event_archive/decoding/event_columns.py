"""Events in columns: the JSON text of many events at once, put together from places in their bytes.

Belongs here: what is known of many events' members, and one text of them all. Not here: finding the members
in an encoding (`avro_columns`, `protobuf_columns`), and what an event's text is (`event_json`: the rule).

It takes the common event alone: attributes that need no escapes, and data that is JSON text. An event about
which there is any doubt is left out, and is then read by itself, as each was before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.decoding.event_json import DATA_NAMES, is_json
from event_archive.decoding.record_chunk import Numbers

COLUMN_BYTES = 1 << 20  # of encoded events at a time: in columns they take up to 60 times their bytes
MOST_EVENTS = 4096  # at a time
MOST_MEMBERS = 40  # of an event
PADDING = 64  # after the bytes: numbers are read beyond the end of an event, before it is seen to be damaged
BEYOND = 1 << 48  # the value of a number that is too long to be read in columns
ABSENT, NULL, TEXT, BARE, DATA, DOUBTFUL = range(6)
"""Kinds of members: none, an attribute that is null, one in quotes, one without, the data, and any other."""

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Kinds = npt.NDArray[np.uint8]

HIGH, ESCAPED = 1, 2
_MARKS = np.zeros(256, np.uint8)  # of each byte of an attribute: needs more than to be copied
_MARKS[:0x20] = _MARKS[[0x22, 0x5C]] = ESCAPED
_MARKS[0x80:] = HIGH
_BLANK = np.isin(np.arange(256), list(b" \t\r\n"))
SPACES, QUOTES = (b"", b" "), (b"", b'"')
_SPACED = r'^\{"[^"\\]*": '  # as `spacing` tells it


@dataclass(frozen=True)
class Members:
    """The members of events, by their places: a row per event, a column per member in the order of the bytes.

    A member's name is at `[name_at, name_end)`, its value at `[at, end)`, unless it is the text `made` of
    `texts`, where that is not negative. `is_good`: which events could be read so.
    """

    is_good: Mask
    kind: Kinds
    name_at: Numbers
    name_end: Numbers
    at: Numbers
    end: Numbers
    made: Numbers
    texts: pa.BinaryArray


@dataclass(frozen=True)
class EventLines:
    """The text of events, each with its line feed: that of row `n` is at `[bounds[n], bounds[n + 1])`.

    `is_good`: which events have one; the others are to be read by themselves.
    """

    text: memoryview
    bounds: Numbers
    is_good: Mask


def padded(data: bytes) -> Bytes:
    """Return some bytes as an array, with enough after them to read numbers at any of their places."""
    return np.frombuffer(data + bytes(PADDING), np.uint8)


def varints(buffer: Bytes, at: Numbers, most: int = 4) -> tuple[Numbers, Numbers]:
    """Return the varints at some places, and where they end; BEYOND for one of more than `most` bytes."""
    byte = buffer[at]
    value: Numbers = (byte & 0x7F).astype(np.int64)
    end, more = at + 1, byte >= 0x80
    for shift in range(7, 7 * most, 7):
        if not more.any():
            return value, end
        byte = buffer[end]
        value |= np.where(more, byte & 0x7F, 0).astype(np.int64) << shift
        end, more = end + more, more & (byte >= 0x80)
    value[more] = BEYOND
    return value, end


def number_texts(numbers: Numbers) -> pa.BinaryArray:
    """Return integers as text."""
    return pa.array(numbers).cast(pa.string()).cast(pa.binary())


def event_lines(
    buffer: Bytes, members: Members, names: Mapping[bytes, bytes], record_bytes: int
) -> EventLines:
    """Return the text of the events, each of `record_bytes` at most.

    `names`: of what stands in the bytes for a name, without being it.
    """
    rows = np.flatnonzero(members.is_good & ((members.kind == DATA).sum(1) == 1))
    sizes: Numbers = np.zeros(len(members.is_good), np.int64)
    is_good = np.zeros(len(sizes), bool)
    text = pa.py_buffer(b"")
    if len(rows):
        text, sizes[rows], is_good[rows] = _Lines(buffer, members, rows).write(names)
    is_good &= sizes <= record_bytes + 1
    return EventLines(memoryview(text), np.append(0, np.cumsum(sizes)), is_good)


class _Lines:
    """The lines of some events while they are put together, piece by piece, each piece a number of a text.

    The numbers are first those of names and values in the bytes, with what is between them, then those of
    `texts`, then those of what JSON puts around them.
    """

    def __init__(self, buffer: Bytes, members: Members, rows: Numbers) -> None:
        self._kind = members.kind[rows]
        self._made = members.made[rows]
        self._texts = members.texts
        places = (members.name_at, members.name_end, members.at, members.end)
        ends = np.stack([place[rows] for place in places], axis=2).astype(np.int32).ravel()
        self._ends, self._buffer = ends, buffer
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(buffer)]
        self._bytes = pa.BinaryArray.from_buffers(pa.binary(), len(ends) - 1, buffers)
        self._name = np.arange(0, len(ends), 4).reshape(self._kind.shape)
        self._value = self._name + 2
        self._is_good = np.ones(len(rows), bool)

    def write(self, names: Mapping[bytes, bytes]) -> tuple[pa.Buffer, Numbers, Mask]:
        """Return the text, the size of each line, 0 where there is none, and which events have one."""
        is_named = (self._kind == NULL) | (self._kind == TEXT) | (self._kind == BARE)
        encoded = self._bytes.take(pa.array(self._name[is_named])).dictionary_encode()
        known = [names.get(name, name) for name in encoded.dictionary.to_pylist()]
        order = sorted({name for name in known[:MOST_MEMBERS] if _is_plain(name)})
        rank_of = np.array([order.index(name) if name in order else -1 for name in known], np.int64)
        rank: Numbers = np.full(self._kind.shape, -1, np.int64)
        rank[is_named] = rank_of[encoded.indices.to_numpy()]
        self._expect_each_once(rank, is_named, len(order))
        self._expect_plain_texts()
        if b"datacontenttype" in order:
            self._expect_json_media(rank == order.index(b"datacontenttype"))
        return self._joined(order, rank, self._spaced_data())

    def _expect_each_once(self, rank: Numbers, is_named: Mask, count: int) -> None:
        has: Mask = np.zeros((len(rank), count + 1), bool)
        has[np.nonzero(is_named)[0], rank[is_named]] = True  # the last is that of names that are not plain
        self._is_good &= ~has[:, -1] & (has.sum(1) == is_named.sum(1))

    def _expect_plain_texts(self) -> None:
        """Leave out events with attributes that are not UTF-8, or take escapes."""
        is_text = (self._kind == TEXT) & (self._made < 0)
        texts = self._bytes.take(pa.array(self._value[is_text]))
        _, ends, content = texts.buffers()
        marks = _MARKS[np.frombuffer(content, np.uint8)] if content else np.zeros(0, np.uint8)
        if not marks.any():
            return
        places = np.flatnonzero(marks)
        owners = np.searchsorted(np.frombuffer(ends, np.int32), places, "right") - 1
        event_of = np.nonzero(is_text)[0]
        self._is_good[event_of[owners[marks[places] == ESCAPED]]] = False
        for owner in np.unique(owners[marks[places] == HIGH]).tolist():
            try:
                texts[owner].as_py().decode()
            except UnicodeDecodeError:
                self._is_good[event_of[owner]] = False

    def _expect_json_media(self, is_media: Mask) -> None:
        self._is_good &= ~(is_media & (self._kind == BARE)).any(1)
        is_media &= self._kind == TEXT
        encoded = self._bytes.take(pa.array(self._value[is_media])).dictionary_encode()
        media = [is_json(text.decode("utf-8", "replace")) for text in encoded.dictionary.to_pylist()]
        is_other = ~np.array(media, bool)[encoded.indices.to_numpy()]
        self._is_good[np.nonzero(is_media)[0][is_other]] = False

    def _spaced_data(self) -> Mask:
        """Leave out events whose data is no JSON text, without blanks around; returns which are spaced."""
        value = self._value[self._kind == DATA]
        first, last = self._ends[value], self._ends[value + 1] - 1
        self._is_good &= ~(_BLANK[self._buffer[first]] | _BLANK[self._buffer[last]])
        data = self._bytes.take(pa.array(value))
        _, bounds, content = data.buffers()
        text, ends = content.to_pybytes(), np.frombuffer(bounds, np.int32)[: len(data) + 1].tolist()
        for row, (start, end) in enumerate(pairwise(ends)):
            try:
                orjson.loads(text[start:end])
            except orjson.JSONDecodeError:
                self._is_good[row] = False
        if b'": ' not in text:
            return np.zeros(len(data), bool)
        spaced: Mask = pc.match_substring_regex(data, _SPACED).to_numpy(zero_copy_only=False)
        return spaced

    def _joined(
        self, order: Sequence[bytes], rank: Numbers, is_spaced: Mask
    ) -> tuple[pa.Buffer, Numbers, Mask]:
        around = [b"", b"{", b"}\n", b'"data":', b'"data": ', b",", b'",', b", ", b'", ']
        keys = len(around)
        around += [
            b'"%b":%b%b' % (name, space, quote) for name in order for space in SPACES for quote in QUOTES
        ]
        first_text = len(self._bytes)
        first_around = first_text + len(self._texts)
        width = 4 + 3 * len(order)
        pieces: Numbers = np.full((len(rank), width), first_around, np.int64)
        row, column = np.nonzero(((self._kind == TEXT) | (self._kind == BARE)) & self._is_good[:, None])
        at = 1 + 3 * rank[row, column]
        is_text = self._kind[row, column] == TEXT
        style = 2 * is_spaced[row] + is_text
        made = self._made[row, column]
        pieces[row, at] = first_around + keys + 4 * rank[row, column] + style
        pieces[row, at + 1] = np.where(made < 0, self._value[row, column], first_text + made)
        pieces[row, at + 2] = first_around + 5 + style
        good = np.flatnonzero(self._is_good)
        pieces[good, 0] = first_around + 1
        pieces[good, -3] = first_around + 3 + is_spaced[good]
        pieces[good, -2] = self._value[self._kind == DATA][good]
        pieces[good, -1] = first_around + 2
        everything = pa.concat_arrays([self._bytes, self._texts, pa.array(around, pa.binary())])
        _, ends, text = everything.take(pa.array(pieces.ravel())).buffers()
        bounds = np.frombuffer(ends, np.int32)[: pieces.size + 1 : width]
        return text, np.diff(bounds).astype(np.int64), self._is_good


def _is_plain(name: bytes) -> bool:
    """Whether this is the name of an attribute, and needs no escapes."""
    text = name.decode("ascii", "replace")
    return text.isascii() and text.isalnum() and text not in DATA_NAMES
