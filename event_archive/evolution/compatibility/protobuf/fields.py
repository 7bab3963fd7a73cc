"""What becomes of a field whose number both sides know: its type, label, enum and default.

Belongs here: one field of the writer against one of the reader. Not here: fields that only one side has, and
what fields are to each other (`messages`).
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from event_archive.evolution.compatibility.findings import Verdict
from event_archive.evolution.compatibility.protobuf.enums import enum_reasons, numbers_of
from event_archive.evolution.compatibility.protobuf.numbers import KINDS, Kind, Number, reads_as, samples
from event_archive.evolution.compatibility.protobuf.reading import (
    no_utf8,
    refuses_no_utf8,
    same_default,
    sample,
    whole,
)
from event_archive.evolution.compatibility.protobuf.reasons import Reason, SchemaPair, label_of
from event_archive.evolution.compatibility.protobuf.schema import (
    MESSAGES,
    is_entry,
    is_map,
    message_of,
    name_of,
    type_name,
    unknown_options,
)

STRING, BYTES = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES
MAX_NAMES = 3


def field_findings(schemas: SchemaPair, writer: FieldDescriptor, reader: FieldDescriptor) -> Iterator[Reason]:
    """What speaks against reading the writer's field as the reader's; messages are not entered."""
    yield from _label(schemas, writer, reader)
    changed = list(_type(schemas, writer, reader))
    yield from changed
    if not changed:
        yield from _default(schemas, writer, reader)
    if unknown_options(writer.GetOptions()) != unknown_options(reader.GetOptions()):
        yield Reason(
            Verdict.UNKNOWN,
            "option_changed",
            f"{label_of(writer)} has other custom options: what they ask of a value, only their readers know",
        )


def _label(schemas: SchemaPair, writer: FieldDescriptor, reader: FieldDescriptor) -> Iterator[Reason]:
    element = sample(writer)
    if writer.is_repeated and not reader.is_repeated:
        packed = writer.is_packed and reader.type in KINDS
        loss = (
            "its packed values are not found"
            if packed
            else "of several values only the last is kept, or a mix"
        )
        change = schemas.change(type_name(writer), type_name(reader))
        values = None if element is None else {name_of(writer): _two(writer, element)}
        yield Reason(Verdict.INCOMPATIBLE, "label_changed", f"{label_of(writer)} {change}: {loss}", values)
    elif writer.is_repeated and is_map(reader) and not is_map(writer) and writer.type in MESSAGES:
        change = schemas.change(type_name(writer), type_name(reader))
        values = None if element is None else {name_of(writer): _two(writer, element)}
        sentence = f"{label_of(writer)} {change}: of values with the same key only the last is kept"
        yield Reason(Verdict.INCOMPATIBLE, "label_changed", sentence, values)
    elif is_map(reader) and not is_map(writer) and writer.type in MESSAGES:
        change = schemas.change(type_name(writer), type_name(reader))
        sentence = f"{label_of(writer)} {change}: whether an entry of a map keeps all of it can't be told"
        yield Reason(Verdict.UNKNOWN, "label_changed", sentence)


def _two(field: FieldDescriptor, element: Any) -> Any:
    if not is_map(field):
        return [element, element]
    key = message_of(field).fields_by_name["key"]
    keys = (True, False) if key.type == FieldDescriptor.TYPE_BOOL else (1, 2)
    return whole(field, [{"key": name} for name in keys])


def _type(schemas: SchemaPair, writer: FieldDescriptor, reader: FieldDescriptor) -> Iterator[Reason]:
    if writer.type in KINDS and reader.type in KINDS:
        mine, theirs = KINDS[writer.type], KINDS[reader.type]
        if mine.wire == theirs.wire:
            yield from _number(schemas, writer, reader, mine, theirs)
            if writer.enum_type is not None and reader.enum_type is not None:
                yield from enum_reasons(schemas, writer, reader)
            return
    elif writer.type == reader.type == STRING:
        yield from _text(schemas, writer, reader)
        return
    elif writer.type == reader.type or (
        reader.type == BYTES and writer.type in (STRING, FieldDescriptor.TYPE_MESSAGE)
    ):
        return
    change = schemas.change(type_name(writer), type_name(reader))
    if writer.type == BYTES:
        element: Any = "/w=="  # 0xFF: neither UTF-8 nor a message
    else:
        element = sample(writer)
    if writer.type == BYTES and reader.type == STRING:
        why = "bytes that are not UTF-8 are refused or damaged"
    elif is_framed(writer) and is_framed(reader):
        why = "the bytes of one are read as the other: refused, or read as something else"
    else:
        why = "they are encoded differently, so the value is not found, or read as another"
    values = None if element is None else {name_of(writer): whole(writer, [element])}
    yield Reason(Verdict.INCOMPATIBLE, "field_type_changed", f"{label_of(writer)} {change}: {why}", values)


def _text(schemas: SchemaPair, writer: FieldDescriptor, reader: FieldDescriptor) -> Iterator[Reason]:
    """The language says that texts are UTF-8; of the parsers, those of proto2 take whatever comes."""
    if refuses_no_utf8(reader) and not refuses_no_utf8(writer):
        why = (
            f"{label_of(writer)} may hold a text that is not UTF-8, such as the bytes "
            f"{no_utf8(writer).hex(' ')}, and {schemas.reader.called} refuses the message"
        )
        yield Reason(Verdict.INCOMPATIBLE, "utf8_checked", why)


def is_framed(field: FieldDescriptor) -> bool:
    """Whether each value travels as a length and bytes."""
    return field.type in (STRING, BYTES, FieldDescriptor.TYPE_MESSAGE)


def _number(
    schemas: SchemaPair, writer: FieldDescriptor, reader: FieldDescriptor, mine: Kind, theirs: Kind
) -> Iterator[Reason]:
    if writer.type == reader.type and writer.enum_type is None:
        return
    known = (
        numbers_of(reader.enum_type) if reader.enum_type is not None and reader.enum_type.is_closed else None
    )
    for declared in (True, False):
        verdict = Verdict.INCOMPATIBLE if declared or writer.enum_type is None else Verdict.UNKNOWN
        lost = [
            (value, reading)
            for value in _candidates(writer, known, declared)
            if (reading := reads_as(writer.type, reader.type, value)) != value
            or (known is not None and reading not in known)
        ]
        if not lost:
            continue
        value, reading = lost[0]
        values = {name_of(writer): whole(writer, [_json(writer, mine, value)])}
        both = writer.enum_type is not None and reader.enum_type is not None
        if both and declared:
            names = ", ".join(
                dict.fromkeys(str(_json(writer, mine, number)) for number, _ in lost[:MAX_NAMES])
            )
            rule = schemas.named("enum_value_removed", "enum_value_added")
            more = f" and {len(lost) - MAX_NAMES} more" if len(lost) > MAX_NAMES else ""
            sentence = (
                f"{names}{more} of {label_of(writer)}: {schemas.reader.called} does not know this, and its "
                "enum is closed"
            )
        elif both or verdict is Verdict.UNKNOWN:
            rule = "enum_closed" if both else "number_narrowed"
            sentence = (
                f"{label_of(writer)} may hold numbers that its open enum does not declare, such as {value}, "
                f"and {schemas.reader.called} can't: whether any were written can't be told"
            )
        else:
            change = schemas.change(type_name(writer), type_name(reader))
            is_narrower = mine.is_plain and theirs.is_plain and known is None
            rule = "number_narrowed" if is_narrower else "field_type_changed"
            reads = f"{value} {_reading(known, reading)}"
            sentence = f"{label_of(writer)} {change}: {reads} under {schemas.reader.called}"
        yield Reason(verdict, rule, sentence, values)
        return


def _candidates(writer: FieldDescriptor, known: set[int] | None, declared: bool) -> Iterable[int]:
    if writer.enum_type is not None and declared:
        return [value.number for value in writer.enum_type.values]
    if writer.enum_type is not None and writer.enum_type.is_closed:
        return ()
    missing = [] if known is None else [next(number for number in itertools.count(1) if number not in known)]
    missing = [number for number in missing if number <= KINDS[writer.type].high]
    return itertools.chain(missing, samples(writer.type))


def _reading(known: set[int] | None, reading: Number) -> str:
    if known is not None and reading not in known:
        return "is set aside as unknown"
    return f"reads as {reading}"


def _json(field: FieldDescriptor, kind: Kind, value: int) -> Any:
    """A number in the JSON form, where 64 bits are text."""
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if field.type == FieldDescriptor.TYPE_BOOL:
        return bool(value)
    return str(value) if kind.high > 2**32 else value


def _default(schemas: SchemaPair, writer: FieldDescriptor, reader: FieldDescriptor) -> Iterator[Reason]:
    if (
        writer.is_required
        or reader.is_required
        or writer.is_repeated
        or (writer.containing_type is not None and is_entry(writer.containing_type))
    ):
        return  # it is always written, or spoken of already
    if same_default(writer, reader):
        return
    old, new = (_shown(field) for field in ((writer, reader) if schemas.is_backward else (reader, writer)))
    yield Reason(
        Verdict.INCOMPATIBLE,
        "default_changed",
        f"{label_of(writer)} reads as {old} under the old schema and as {new} under the new where it "
        "was not written",
        {},
    )


def _shown(field: FieldDescriptor) -> str:
    if field.is_repeated or field.type in MESSAGES:
        return "no value"
    if field.enum_type is not None:
        return f"`{field.enum_type.values_by_number[field.default_value].name}`"
    return repr(field.default_value)
