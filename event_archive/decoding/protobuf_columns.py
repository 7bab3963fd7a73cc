"""Many CloudEvents in Protobuf as JSON text at once, field after field over all of them.

Belongs here: the fields of the messages, and that an event's fields end where it ends. Not here: what else an
event may hold (`protobuf_event`, which reads what is left out here), and where the events are (`protobuf`).
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from event_archive.decoding.event_columns import (
    ABSENT,
    BARE,
    DATA,
    DOUBTFUL,
    MOST_MEMBERS,
    TEXT,
    Bytes,
    EventLines,
    Kinds,
    Mask,
    Members,
    event_lines,
    number_texts,
    padded,
    varints,
)
from event_archive.decoding.record_chunk import Numbers

ATTRIBUTE, KEY, VALUE = 0x2A, 0x0A, 0x12  # the tags of an entry of the map, and of what is in it
TRUTH, INTEGER, MOMENT = 0x08, 0x10, 0x3A  # the tags of values
STRING, URI, URI_REFERENCE = 0x1A, 0x2A, 0x32
SECONDS, NANOS = 0x08, 0x10
NAMES = {b"\x0a": b"id", b"\x12": b"source", b"\x1a": b"specversion", b"\x22": b"type"}
"""The attributes that have a field of their own, by its tag, which stands for the name."""
WIDTH = 30  # of a moment with all its digits
LAST_SECOND = 253_402_300_799  # of the year 9999
KINDS: Kinds = np.full(256, DOUBTFUL, np.uint8)
KINDS[[*b"".join(NAMES), ATTRIBUTE]] = TEXT
KINDS[[0x32, 0x3A]] = DATA
KINDS[0] = ABSENT


def columns_of_events(data: bytes, starts: Numbers, ends: Numbers, record_bytes: int) -> EventLines:
    """Return the text of the events at these places."""
    buffer = padded(data)
    members = _members(buffer, starts, ends)
    return event_lines(buffer, members, NAMES, record_bytes)


def _members(buffer: Bytes, starts: Numbers, ends: Numbers) -> Members:
    at, is_good = starts, np.ones(len(starts), bool)
    fields: list[tuple[Numbers, ...]] = []
    while len(fields) < MOST_MEMBERS and (is_open := at < ends).any():
        tag = np.where(is_open, buffer[at], 0)
        size, value_at = varints(buffer, at + 1)
        is_good &= ~is_open | ((value_at + size <= ends) & (tag != 0))
        value_at = np.where(is_open, np.minimum(value_at, ends), at)
        end = np.where(is_open, np.minimum(value_at + size, ends), at)
        fields.append((tag, at, value_at, end))
        at = end
    is_good &= at == ends
    tag, at, value_at, end = (np.stack(columns, axis=1) for columns in zip(*fields, strict=True))
    kind, name_end = KINDS[tag], np.minimum(at + 1, value_at)
    is_empty = (tag != ATTRIBUTE) & (kind == TEXT) & (value_at == end)
    is_good &= ~((kind == DOUBTFUL) | is_empty).any(1)
    made = np.full(tag.shape, -1, np.int64)
    members = Members(is_good, kind, at, name_end, value_at, end, made, pa.array([], pa.binary()))
    return _with_attributes(buffer, members, tag == ATTRIBUTE)


def _with_attributes(buffer: Bytes, members: Members, is_entry: Mask) -> Members:
    """Return the members with the names and values of the map's entries, which are members, too."""
    at, end = members.at[is_entry], members.end[is_entry]
    size, name_at = varints(buffer, at + 1)
    name_end = name_at + size
    is_read = (buffer[at] == KEY) & (size > 0) & (name_end < end)
    name_at, name_end = np.minimum(name_at, end), np.minimum(name_end, end)
    is_read &= buffer[name_at] > 0x20  # else it is a tag, or would be taken for one
    size, value = varints(buffer, name_end + 1)
    is_read &= (buffer[name_end] == VALUE) & (value + size == end) & (size > 0)
    value = np.minimum(value, end)
    tag = buffer[value]
    number, at = varints(buffer, value + 1)
    is_text = (tag == STRING) | (tag == URI) | (tag == URI_REFERENCE)
    is_moment = tag == MOMENT
    is_number = ((tag == INTEGER) | ((tag == TRUTH) & (number <= 1))) & (at == end)
    is_read &= is_number | ((is_text | is_moment) & (at + number == end))
    at = np.where(is_read, at, end)
    numbers = np.flatnonzero(is_number & is_read)
    moments = np.flatnonzero(is_moment & is_read)
    moment_texts, is_moment_read = _moment_texts(buffer, at[moments], end[moments])
    is_read[moments] &= is_moment_read
    texts = pa.concat_arrays([pa.array([b"false", b"true"]), number_texts(number[numbers]), moment_texts])
    made = np.full(len(at), -1, np.int64)
    made[numbers] = np.where(tag[numbers] == TRUTH, number[numbers], 2 + np.arange(len(numbers)))
    made[moments] = 2 + len(numbers) + 2 * np.arange(len(moments))
    for column, values in (
        (members.kind, np.where(is_number, BARE, TEXT)),
        (members.name_at, name_at),
        (members.name_end, name_end),
        (members.at, at),
        (members.made, made),
    ):
        column[is_entry] = values
    members.is_good[np.nonzero(is_entry)[0][~is_read]] = False
    return replace(members, texts=texts)


def _moment_texts(buffer: Bytes, at: Numbers, end: Numbers) -> tuple[pa.BinaryArray, Mask]:
    """Return what `Timestamp`s at these places say, each followed by what is none, and which are read."""
    is_open = at < end
    seconds, after = varints(buffer, at + 1, 6)
    is_read = ~is_open | ((buffer[at] == SECONDS) & (after <= end) & (seconds <= LAST_SECOND))
    seconds, at = np.where(is_open & is_read, seconds, 0), np.where(is_open, np.minimum(after, end), at)
    is_open = at < end
    nanos, after = varints(buffer, at + 1, 5)
    is_read &= ~is_open | ((buffer[at] == NANOS) & (after == end) & (nanos < 1_000_000_000))
    nanos = np.where(is_open & is_read, nanos, 0)
    digits = np.select([nanos == 0, nanos % 1_000_000 == 0, nanos % 1000 == 0], [0, 3, 6], 9)
    sizes = 20 + digits + (digits > 0)
    text = np.zeros((len(at), WIDTH), np.uint8)
    whole = np.datetime_as_string(seconds.astype("M8[s]")).astype("S19")
    text[:, :19] = np.frombuffer(whole.tobytes(), np.uint8).reshape(-1, 19)
    text[:, 19] = ord(".")
    text[:, 20:29] = nanos[:, None] // 10 ** np.arange(8, -1, -1) % 10 + ord("0")
    text[np.arange(len(text)), sizes - 1] = ord("Z")
    starts = WIDTH * np.arange(len(text) + 1)
    bounds = np.stack([starts, starts + np.append(sizes, 0)], axis=1).ravel()[:-1].astype(np.int32)
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(text.tobytes())]
    return pa.BinaryArray.from_buffers(pa.binary(), len(bounds) - 1, buffers), is_read
