"""What becomes of the values of an enum, in a field or by itself.

Belongs here: two enums of one name or of one field; those that no message of the file uses, which other files
may. Not here: a field's number that is no value of an enum (`fields`).
"""

from collections.abc import Iterator

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import EnumDescriptorProto

from event_archive.evolution.compatibility.findings import Verdict
from event_archive.evolution.compatibility.protobuf.reading import whole
from event_archive.evolution.compatibility.protobuf.reasons import Reason, SchemaPair, label_of
from event_archive.evolution.compatibility.protobuf.schema import enum_of, name_of

ELSEWHERE = "no message that was compared uses it, and whether other files do can't be told"


def numbers_of(enum: EnumDescriptor) -> set[int]:
    """The numbers that have a name."""
    return {value.number for value in enum.values}


def enum_reasons(schemas: SchemaPair, writer: FieldDescriptor, reader: FieldDescriptor) -> Iterator[Reason]:
    """What speaks against reading the values of one field's enum as those of another's."""
    mine, theirs = enum_of(writer), enum_of(reader)
    moved = _renumbered(schemas, mine, theirs)
    if moved is not None:
        name, why = moved
        sentence = f"`{name}` of {label_of(writer)} {why}"
        values = {name_of(writer): whole(writer, [name])}
        yield Reason(Verdict.INCOMPATIBLE, "enum_value_renumbered", sentence, values)
    names = {(value.name, value.number) for value in theirs.values}
    if schemas.writer.name_of(mine) != schemas.reader.name_of(theirs) and any(
        (value.name, value.number) not in names for value in mine.values
    ):
        change = schemas.change(f"enum {mine.name}", f"enum {theirs.name}")
        sentence = (
            f"{label_of(writer)} {change}, whose numbers have other names: whether they mean the same "
            "can't be told"
        )
        yield Reason(Verdict.UNKNOWN, "enum_type_changed", sentence)


def _renumbered(schemas: SchemaPair, mine: EnumDescriptor, theirs: EnumDescriptor) -> tuple[str, str] | None:
    """The first value whose name has another number under the reader, and what is read for it."""
    for value in mine.values:
        moved = theirs.values_by_name.get(value.name)
        if moved is not None and moved.number != value.number:
            change = schemas.change(str(value.number), str(moved.number))
            reading = theirs.values_by_number.get(value.number)
            reads = f"`{reading.name}`" if reading is not None else "a number without a name"
            why = f"{change}: {value.number} reads as {reads} under {schemas.reader.called}"
            return str(value.name), why
    return None


def reserved_value(old: EnumDescriptor, new: EnumDescriptor) -> str | None:
    """A value of the new enum whose number the old one keeps out of use."""
    declared = EnumDescriptorProto()
    old.CopyToProto(declared)
    ranges = [range(part.start, part.end + 1) for part in declared.reserved_range]
    return next(
        (str(value.name) for value in new.values if any(value.number in part for part in ranges)), None
    )


def unused_enums(schemas: SchemaPair, compared: set[str]) -> Iterator[tuple[str, Reason]]:
    """What may go wrong with enums that were not `compared` in any field, and their names."""
    old, new = schemas.writer.enums, schemas.reader.enums
    gone = schemas.writer.messages.keys() - schemas.reader.messages.keys()
    for name, mine in old.items():
        if name in compared:
            continue
        if name in new:
            for rule, why in _unused(schemas, mine, new[name]):
                yield name, Reason(Verdict.UNKNOWN, rule, f"enum {name}: {why}; {ELSEWHERE}")
        elif schemas.is_backward and name.rpartition(".")[0] not in gone:
            yield name, Reason(Verdict.UNKNOWN, "enum_removed", f"enum {name} is gone; {ELSEWHERE}")


def _unused(schemas: SchemaPair, mine: EnumDescriptor, theirs: EnumDescriptor) -> Iterator[tuple[str, str]]:
    moved = _renumbered(schemas, mine, theirs)
    if moved is not None:
        yield "enum_value_renumbered", f"`{moved[0]}` {moved[1]}"
    lost = sorted(numbers_of(mine) - numbers_of(theirs))
    if lost and theirs.is_closed:
        name = mine.values_by_number[lost[0]].name
        why = f"`{name}` = {lost[0]} has no name under {schemas.reader.called}, which sets it aside"
        yield schemas.named("enum_value_removed", "enum_value_added"), why
    if theirs.is_closed and not mine.is_closed:
        yield "enum_closed", f"{schemas.reader.called} sets numbers aside that it does not declare"
    used = reserved_value(mine, theirs) if schemas.is_backward else None
    if used:
        yield "reserved_number_used", f"`{used}` has a number that the old schema reserves"
    if moved is None and mine.values[0].number != theirs.values[0].number:
        yield "default_changed", "its first value, that an absent field reads as, is another"
