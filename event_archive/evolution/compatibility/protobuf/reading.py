"""What a reader makes of a writer's message: examples for findings, proven by Protobuf itself.

Belongs here: writing a message under one schema, reading its bytes under another, and whether that is the
same. Not here: which message is worth a try.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message

from event_archive.evolution.compatibility.protobuf.schema import (
    MESSAGES,
    Schema,
    is_map,
    message_of,
    name_of,
    owner_of,
)

Json = dict[str, Any]
TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
MAX_PARTS = 200
Known = Mapping[int, tuple[FieldDescriptor, Any]]


def is_example(value: Json, writer: Schema, reader: Schema, of: Descriptor, by: Descriptor) -> bool:
    """Whether a message `of` the writer, in JSON, is refused or read differently as the reader's `by`."""
    written: Message = message_factory.GetMessageClass(of)()
    read: Message = message_factory.GetMessageClass(by)()
    try:
        json_format.ParseDict(value, written, descriptor_pool=writer.pool)
        content = written.SerializeToString()
    except (json_format.ParseError, EncodeError, ValueError, TypeError, RecursionError):
        return False  # the writer can't write it: no example
    try:
        read.ParseFromString(content)
        if not read.IsInitialized():
            return True
        return not _Comparison(writer, reader).same_message(_known(written), _known(read), of, by)
    except (DecodeError, UnicodeDecodeError):
        return True


def no_utf8(field: FieldDescriptor) -> bytes:
    """A message that holds a text which is not UTF-8 in this field, as bytes."""
    tag, content = field.number << 3 | 2, bytearray()
    while tag > 0x7F:
        content.append(tag & 0x7F | 0x80)
        tag >>= 7
    return bytes([*content, tag, 1, 0xFF])


def refuses_no_utf8(field: FieldDescriptor) -> bool:
    """Whether Protobuf refuses a text that is not UTF-8 in this field."""
    message: Message = message_factory.GetMessageClass(owner_of(field))()
    try:
        message.MergeFromString(no_utf8(field))
        return False
    except (DecodeError, UnicodeDecodeError):
        return True


def smallest(message: Descriptor, budget: Iterator[int] | None = None) -> Json | None:
    """A message with what is required and nothing else; None where that has no end, or is too much."""
    budget = iter(range(MAX_PARTS)) if budget is None else budget
    if next(budget, None) is None:
        return None
    value: Json = {}
    for field in message.fields:
        if field.is_required:
            part = sample(field, budget)
            if part is None:
                return None
            value[name_of(field)] = part
    return value


def sample(field: FieldDescriptor, budget: Iterator[int] | None = None) -> Any:
    """Some value of a field (one element where it is repeated), if possible not its default."""
    if field.type in MESSAGES:
        return smallest(message_of(field), budget)
    if field.enum_type is not None:
        values = field.enum_type.values
        return next((value.name for value in values if value.number), values[0].name)
    if field.type in TEXTS:
        return "a" if field.type == FieldDescriptor.TYPE_STRING else "YQ=="
    return True if field.type == FieldDescriptor.TYPE_BOOL else 1


def whole(field: FieldDescriptor, elements: Sequence[Any]) -> Any:
    """The JSON form of a field that has these elements (of a map: entries with key or value left out)."""
    if not is_map(field):
        return list(elements) if field.is_repeated else elements[-1]
    key, value = (message_of(field).fields_by_name[name] for name in ("key", "value"))
    entries = {}
    for entry in elements:
        name = entry.get("key", sample(key))
        entries[json.dumps(name) if isinstance(name, bool) else str(name)] = entry.get("value", sample(value))
    return entries


def _known(message: Message) -> Known:
    return {field.number: (field, value) for field, value in message.ListFields()}


class _Comparison:
    def __init__(self, writer: Schema, reader: Schema) -> None:
        self.writer, self.reader = writer, reader

    def same_message(self, written: Known, read: Known, of: Descriptor, by: Descriptor) -> bool:
        """Field by field, where both know the number, or the name under another number."""
        mine, theirs = self.writer.fields(of), self.reader.fields(by)
        named = {name_of(field): number for number, field in theirs.items()}
        for number, field in mine.items():
            moved = named.get(name_of(field), number)
            if (
                moved != number
                and number in written
                and not self._same_field(field, theirs[moved], written, read)
            ):
                return False
            if number in theirs and not self._same_field(field, theirs[number], written, read):
                return False
        return True

    def _same_field(
        self, writer: FieldDescriptor, reader: FieldDescriptor, written: Known, read: Known
    ) -> bool:
        value = written[writer.number][1] if writer.number in written else None
        read_value = read[reader.number][1] if reader.number in read else None
        if writer.is_repeated or reader.is_repeated:
            mine, theirs = _elements(writer, value), _elements(reader, read_value)
            if value is None and not writer.is_repeated and writer.has_default_value:
                mine = [writer.default_value]
            if not reader.is_repeated and not reader.has_presence and not theirs and len(mine) == 1:
                theirs = [reader.default_value]
            return len(mine) == len(theirs) and all(
                self._same_value(writer, reader, *pair) for pair in zip(mine, theirs, strict=True)
            )
        if writer.type in MESSAGES or reader.type in MESSAGES:
            if value is None or read_value is None:
                return value is read_value
        else:
            value = writer.default_value if value is None else value
            read_value = reader.default_value if read_value is None else read_value
        return self._same_value(writer, reader, value, read_value)

    def _same_value(
        self, writer: FieldDescriptor, reader: FieldDescriptor, value: Any, read_value: Any
    ) -> bool:
        if writer.type in MESSAGES and reader.type in MESSAGES:
            parts = _parts(writer, value), _parts(reader, read_value)
            return self.same_message(*parts, message_of(writer), message_of(reader))
        if writer.type in MESSAGES or reader.type in MESSAGES:
            if isinstance(value, tuple):
                return isinstance(read_value, bytes)  # an entry of a map, as the bytes it came in
            return isinstance(read_value, bytes) and value.SerializeToString(deterministic=True) == read_value
        return _same_scalar(writer, reader, value, read_value)


def same_default(writer: FieldDescriptor, reader: FieldDescriptor) -> bool:
    """Whether a singular field that was not written reads the same on both sides, whose types agree."""
    if reader.is_repeated:
        return not writer.has_default_value
    if writer.type in MESSAGES:
        return not reader.default_value
    return _same_scalar(writer, reader, writer.default_value, reader.default_value)


def _same_scalar(writer: FieldDescriptor, reader: FieldDescriptor, value: Any, read_value: Any) -> bool:
    if writer.type in TEXTS and reader.type in TEXTS:
        return _bytes(value) == _bytes(read_value)
    if writer.type in TEXTS or reader.type in TEXTS:
        return False
    if writer.enum_type is not None and reader.enum_type is not None:
        names = {mine.name for mine in writer.enum_type.values if mine.number == value}
        theirs = {
            name: reader.enum_type.values_by_name[name] for name in names & {*reader.enum_type.values_by_name}
        }
        return value == read_value and all(their.number == value for their in theirs.values())
    return bool(value == read_value and math.copysign(1, value) == math.copysign(1, read_value)) or (
        value != value and read_value != read_value  # noqa: PLR0124  # NaN is NaN
    )


def _elements(field: FieldDescriptor, value: Any) -> list[Any]:
    if value is None:
        return []
    if is_map(field):
        return list(value.items())
    return list(value) if field.is_repeated else [value]


def _parts(field: FieldDescriptor, value: Any) -> Known:
    if not is_map(field):
        return _known(value)
    return {part.number: (part, value[part.number - 1]) for part in message_of(field).fields}


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
