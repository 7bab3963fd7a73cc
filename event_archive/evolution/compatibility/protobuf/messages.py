"""What becomes of a message as a whole: which fields there are, and what they are to each other.

Belongs here: one message of the writer against one of the reader: required fields, numbers that moved,
oneofs, reserved numbers, extension ranges; extensions of messages that come with Protobuf. Not here: a field
that both know (`fields`).
"""

import itertools
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from event_archive.evolution.compatibility.findings import Verdict
from event_archive.evolution.compatibility.protobuf.enums import ELSEWHERE, reserved_value
from event_archive.evolution.compatibility.protobuf.fields import field_findings
from event_archive.evolution.compatibility.protobuf.reading import sample, whole
from event_archive.evolution.compatibility.protobuf.reasons import Reason, SchemaPair, label_of
from event_archive.evolution.compatibility.protobuf.schema import (
    declaration,
    is_entry,
    is_own,
    name_of,
    owner_of,
    unknown_options,
)

Place = str | None
WRAPPERS = "google/protobuf/wrappers.proto"
MESSAGE_SET = "message_set_wire_format"


def message_findings(schemas: SchemaPair, of: Descriptor, by: Descriptor) -> Iterator[tuple[Place, Reason]]:
    """What speaks against reading the writer's message `of` as the reader's `by`, and at which field."""
    if is_entry(of) or is_entry(by):
        yield from _required(schemas, of, by)
        return
    if of.GetOptions().message_set_wire_format or by.GetOptions().message_set_wire_format:
        yield (
            None,
            Reason(Verdict.UNKNOWN, MESSAGE_SET, f"message {of.name} uses {MESSAGE_SET}: not judged here"),
        )
    if unknown_options(of.GetOptions()) != unknown_options(by.GetOptions()):
        why = f"message {of.name} has other custom options: what they ask of it, only their readers know"
        yield None, Reason(Verdict.UNKNOWN, "option_changed", why)
    yield from _required(schemas, of, by)
    yield from _moved(schemas, of, by)
    yield from _oneofs(schemas, of, by)
    yield from _reserved(schemas, of, by)
    yield from _extensions(schemas, of, by)


def _required(schemas: SchemaPair, of: Descriptor, by: Descriptor) -> Iterator[tuple[Place, Reason]]:
    mine = schemas.writer.fields(of)
    rule = schemas.named("required_added", "required_removed")
    for number, field in schemas.reader.fields(by).items():
        written = mine.get(number)
        if not field.is_required or (written is not None and written.is_required):
            continue
        if is_entry(of) and written is not None:
            why = (
                f"{label_of(field)} is required, and whether a map writes it where it is a default is its "
                "writer's choice"
            )
            yield name_of(field), Reason(Verdict.UNKNOWN, rule, why)
            continue
        has = "may leave it out" if written is not None else "does not know it"
        why = (
            f"{label_of(field)} is required under {schemas.reader.called}, and {schemas.writer.called} {has}"
        )
        yield (
            name_of(field),
            Reason(Verdict.INCOMPATIBLE, rule, f"{why}: a message without it is refused", {}),
        )


def _moved(schemas: SchemaPair, of: Descriptor, by: Descriptor) -> Iterator[tuple[Place, Reason]]:
    mine, theirs = schemas.writer.fields(of), schemas.reader.fields(by)
    named = {name_of(field): field for field in theirs.values()}
    own_names = {name_of(field) for field in mine.values()}
    for number, field in mine.items():
        other = named.get(name_of(field))
        if other is None or other.number == number:
            continue
        there = theirs.get(number)
        change = f"`{name_of(field)}` {schemas.change(f'number {number}', f'number {other.number}')}"
        if there is not None and name_of(there) not in own_names:
            why = (
                f"{change}, and {number} reads as `{name_of(there)}`: whether that means the same can't "
                "be told"
            )
            yield name_of(field), Reason(Verdict.UNKNOWN, "field_renumbered", why)
            continue
        reads = "is not found" if there is None else f"reads as `{name_of(there)}`"
        why = f"{change}: what was written as {number} {reads} under {schemas.reader.called}"
        element = sample(field)
        values = None if element is None else {name_of(field): whole(field, [element])}
        yield name_of(field), Reason(Verdict.INCOMPATIBLE, "field_renumbered", why, values)


def _oneofs(schemas: SchemaPair, of: Descriptor, by: Descriptor) -> Iterator[tuple[Place, Reason]]:
    mine = schemas.writer.fields(of)
    for oneof in by.oneofs:
        known = [mine[field.number] for field in oneof.fields if field.number in mine]
        pair = next((two for two in itertools.combinations(known, 2) if not _exclude(*two)), None)
        if pair is None:
            continue
        first, second = pair
        rule = schemas.named("oneof_joined", "oneof_split")
        why = (
            f"{label_of(first)} and {label_of(second)} can both be written under {schemas.writer.called}, "
            f"and {schemas.reader.called} has them in oneof `{oneof.name}`: only the last is kept"
        )
        elements = [sample(field) for field in pair]
        values = {
            name_of(field): whole(field, [element]) for field, element in zip(pair, elements, strict=True)
        }
        yield name_of(first), Reason(Verdict.INCOMPATIBLE, rule, why, None if None in elements else values)


def _exclude(first: FieldDescriptor, second: FieldDescriptor) -> bool:
    both = first.containing_oneof, second.containing_oneof
    return both[0] is not None and both[1] is not None and both[0].name == both[1].name


def _reserved(schemas: SchemaPair, of: Descriptor, by: Descriptor) -> Iterator[tuple[Place, Reason]]:
    """Numbers that the old schema keeps out of use: data from before it may carry them."""
    if not schemas.is_backward or is_own(of):
        return
    ranges = [range(part.start, part.end) for part in declaration(of).reserved_range]
    for number, field in schemas.reader.fields(by).items():
        if any(number in reserved for reserved in ranges):
            why = (
                f"{label_of(field)} has a number that the old schema reserves: what data from before it "
                "holds there can't be told"
            )
            yield name_of(field), Reason(Verdict.UNKNOWN, "reserved_number_used", why)
    mine = schemas.writer.fields(of)
    for number, field in schemas.reader.fields(by).items():
        written = mine.get(number)
        if written is not None and written.enum_type is not None and field.enum_type is not None:
            used = reserved_value(written.enum_type, field.enum_type)
            if used:
                why = (
                    f"{label_of(field)} has `{used}`, whose number the old schema reserves: what older data "
                    "means by it can't be told"
                )
                yield name_of(field), Reason(Verdict.UNKNOWN, "reserved_number_used", why)


def _extensions(schemas: SchemaPair, of: Descriptor, by: Descriptor) -> Iterator[tuple[Place, Reason]]:
    mine, theirs = schemas.writer.fields(of), schemas.reader.fields(by)
    for ranges, fields, others in ((of, theirs, mine), (by, mine, theirs)):
        for number, field in fields.items():
            if number in others or not any(start <= number < end for start, end in ranges.extension_ranges):
                continue
            why = (
                f"{label_of(field)} has a number that the other side leaves to extensions, and other files "
                "declare those"
            )
            yield name_of(field), Reason(Verdict.UNKNOWN, "extension_range_used", why)
    declared = [
        {
            part.number: part
            for reach in declaration(message).extension_range
            for part in reach.options.declaration
        }
        for message in (of, by)
    ]
    for number in declared[0].keys() & declared[1].keys():
        if declared[0][number] != declared[1][number]:
            why = f"extension {number} of message {of.name} is declared otherwise, and other files define it"
            yield None, Reason(Verdict.UNKNOWN, "extension_declaration_changed", why)


def foreign_extensions(schemas: SchemaPair) -> Iterator[tuple[str, Reason]]:
    """What may go wrong with extensions of messages that come with Protobuf: other files may hold them."""
    mine, theirs = schemas.writer.extensions, schemas.reader.extensions
    by_number = {(owner_of(field).full_name, field.number): field for field in theirs.values()}
    for name, field in mine.items():
        same_name = theirs.get(name)
        same_number = by_number.get((owner_of(field).full_name, field.number))
        if same_name is not None and same_name.number != field.number:
            change = schemas.change(f"number {field.number}", f"number {same_name.number}")
            yield name, _elsewhere("field_renumbered", f"extension {name} {change}")
        elif same_number is None and schemas.is_backward:
            yield name, _elsewhere("extension_removed", f"extension {name} is gone")
        elif same_number is not None:
            for reason in field_findings(schemas, field, same_number):
                yield name, _elsewhere(reason.rule, reason.sentence)


def _elsewhere(rule: str, why: str) -> Reason:
    return Reason(Verdict.UNKNOWN, rule, f"{why}; {ELSEWHERE}")


def unlike_messages(schemas: SchemaPair, writer: Descriptor, reader: Descriptor) -> Reason | None:
    """A field of another message: it may be the same, renamed, where all says so."""
    mine, theirs = schemas.writer.name_of(writer), schemas.reader.name_of(reader)
    if mine == theirs or is_entry(writer) or is_entry(reader):
        return None
    change = f"the message {schemas.change(mine, theirs)}"
    if is_own(writer) and is_own(reader):
        if writer.file.name == reader.file.name == WRAPPERS:
            return None  # their field tells
        why = f"{change}: both come with Protobuf, and mean different things"
        return Reason(Verdict.INCOMPATIBLE, "message_type_changed", why)
    doubt = _doubt(schemas, writer, reader)
    if doubt is None:
        return None
    why = f"{change}, {doubt}: whether they mean the same can't be told"
    return Reason(Verdict.UNKNOWN, "message_type_changed", why)


def _doubt(schemas: SchemaPair, writer: Descriptor, reader: Descriptor) -> str | None:
    """Why a message of another name may be another one; None where it looks renamed."""
    mine, theirs = schemas.writer.name_of(writer), schemas.reader.name_of(reader)
    if mine in schemas.reader.messages or theirs in schemas.writer.messages:
        both = mine if mine in schemas.reader.messages else theirs
        return f"though {both} is in both schemas"
    if is_own(writer) or is_own(reader):
        return "though one of them comes with Protobuf"
    fields, others = schemas.writer.fields(writer), schemas.reader.fields(reader)
    missing = fields.keys() - others.keys()
    if missing:
        return f"and field {min(missing)} of {mine} is not in {theirs}"
    renamed = [number for number, field in fields.items() if name_of(field) != name_of(others[number])]
    return f"and field {renamed[0]} of it has another name" if renamed else None
