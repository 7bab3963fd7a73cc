"""Pairs of Protobuf files and messages by chance, and a plain judgement of what a reader makes of them.

Belongs here: what the hunt of `test_compatible_protobuf` draws and goes by, written apart from the
product's own, so that neither hides a fault of the other. Not here: tests.
"""

import copy
import dataclasses
import math
import random
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

TYPES = [
    *(FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32),
    *(FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64),
    *(FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32),
    *(FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64, FieldDescriptor.TYPE_FLOAT),
    *(FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES),
    *(FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_MESSAGE),
]
MESSAGE, ENUM = FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_ENUM
LABELS = {
    "proto2": ["optional", "repeated", "required", "map"],
    "proto3": ["plain", "optional", "repeated", "map"],
}
NAMES = ["a", "b", "c", "d", "e", "f"]
NUMBERS = [
    0,
    1,
    2,
    -1,
    127,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32 - 1,
    2**32,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64 - 1,
]
TEXTS = ["", "a", "é", "\x08\x01", "long text"]


@dataclass
class Field:
    name: str
    type: int
    label: str
    part: str = "Line"
    key: int = FieldDescriptor.TYPE_STRING
    default: str | None = None
    in_oneof: bool = False
    packed: bool | None = None


@dataclass
class File:
    syntax: str
    messages: dict[str, dict[int, Field]]
    enum: dict[str, int] = dataclasses.field(default_factory=dict)


def some_field(chance: random.Random, syntax: str, name: str) -> Field:
    made = Field(name, chance.choice(TYPES), chance.choice(LABELS[syntax]), chance.choice(["Line", "Other"]))
    made.in_oneof = made.label in ("plain", "optional") and chance.random() < 0.2
    made.key = chance.choice(
        [FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64]
    )
    if syntax == "proto2" and made.label == "optional" and made.type in TYPES[:6] and chance.random() < 0.3:
        made.default = chance.choice(["1", "2"])
    if made.label == "required" and made.type == MESSAGE:
        made.label = "optional"  # or a message could never end
    return made


def some_file(chance: random.Random) -> File:
    syntax = chance.choice(["proto2", "proto3"])
    messages = {
        name: {
            number: some_field(chance, syntax, NAMES[number - 1])
            for number in chance.sample(range(1, 5), chance.randint(1, 3))
        }
        for name in ("Order", "Line", "Other")
    }
    return File(syntax, messages, {"ZERO": 0, "ONE": 1, "MORE": 7})


def changed(file: File, chance: random.Random) -> File:
    """A copy with some changes of all kinds."""
    new = copy.deepcopy(file)
    for _ in range(chance.randint(1, 2)):
        fields = new.messages[chance.choice(["Order", "Line"])]
        number = chance.choice(list(fields)) if fields else 1
        field = fields.get(number)
        match chance.randrange(13):
            case 0:
                fields.pop(number, None)
            case 1:
                free = chance.choice([number for number in range(1, 7) if number not in fields])
                fields[free] = some_field(
                    chance, new.syntax, f"{NAMES[free - 1]}{chance.choice(['', '_new'])}"
                )
            case 2 | 3 | 4 if field:
                field.type, field.default = chance.choice(TYPES), None
                field.label = (
                    "optional" if field.label == "required" and field.type == MESSAGE else field.label
                )
            case 5 if field and field.type != MESSAGE:
                field.label, field.in_oneof, field.default = chance.choice(LABELS[new.syntax]), False, None
            case 6 if field and field.label in ("plain", "optional"):
                field.in_oneof = not field.in_oneof
            case 7 if field:
                field.name = f"{field.name}_renamed"
            case 8 if field:
                free = chance.choice([number for number in range(1, 7) if number not in fields])
                fields[free] = fields.pop(number)
            case 9:
                new.enum = chance.choice(
                    [
                        {"ZERO": 0, "ONE": 1},
                        {"ZERO": 0, "MORE": 1, "ONE": 7},
                        {"ZERO": 0, "ONE": 1, "MORE": 7, "EIGHT": 8},
                        {"ZERO": 0, "UNO": 1, "MORE": 7},
                    ]
                )
            case 10 if field:
                field.part = chance.choice(["Line", "Other"])
            case 11 if (
                field and new.syntax == "proto2" and field.label == "optional" and field.type in TYPES[:6]
            ):
                field.default = chance.choice([None, "1", "2"])
            case 12 if field:
                field.key = FieldDescriptor.TYPE_INT64
                field.packed = (
                    chance.choice([True, False])
                    if field.label == "repeated" and field.type in TYPES[:13]
                    else None
                )
            case _:
                pass
    if chance.random() < 0.1 and new.syntax == "proto3":
        new.syntax = "proto2"
        for made in (made for fields in new.messages.values() for made in fields.values()):
            made.label = "optional" if made.label == "plain" else made.label
    taken = [{made.name for made in fields.values()} for fields in new.messages.values()]
    return new if [len(fields) for fields in new.messages.values()] == [*map(len, taken)] else file


def descriptor(file: File) -> FileDescriptorProto:
    made = FileDescriptorProto(name="schema.proto", package="shop", syntax=file.syntax)
    enum = made.enum_type.add(name="Kind")
    for name, number in file.enum.items():
        enum.value.add(name=name, number=number)
    for name, fields in file.messages.items():
        message = made.message_type.add(name=name)
        if any(field.in_oneof for field in fields.values()):
            message.oneof_decl.add(name="choice")
        for number, field in fields.items():
            _add(message, number, field)
        for part in message.field:
            if part.proto3_optional:
                part.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{part.name}")
    return made


def _add(message: DescriptorProto, number: int, field: Field) -> None:
    target = message.field.add(name=field.name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if field.label == "map":
        entry = message.nested_type.add(name=f"{field.name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=target.label, type=field.key)
        value = entry.field.add(name="value", number=2, label=target.label)
        _typed(value, field)
        target.label, target.type = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.TYPE_MESSAGE
        target.type_name = f".shop.{message.name}.{entry.name}"
        return
    _typed(target, field)
    if field.label == "repeated":
        target.label = FieldDescriptorProto.LABEL_REPEATED
        if field.packed is not None:
            target.options.packed = field.packed
    elif field.label == "required":
        target.label = FieldDescriptorProto.LABEL_REQUIRED
    elif field.in_oneof:
        target.oneof_index = 0
    elif field.label == "optional" and field.default is None:
        target.proto3_optional = True
    if field.default is not None:
        target.default_value = field.default


def _typed(target: FieldDescriptorProto, field: Field) -> None:
    target.type = field.type  # type: ignore[assignment]
    if field.type == MESSAGE:
        target.type_name = f".shop.{field.part}"
    elif field.type == ENUM:
        target.type_name = ".shop.Kind"


def built(file: FileDescriptorProto) -> dict[str, Descriptor]:
    file = FileDescriptorProto.FromString(file.SerializeToString())
    for message in file.message_type if file.syntax == "proto2" else ():
        for part in message.field:
            if part.proto3_optional:
                part.ClearField("proto3_optional")
    return dict(
        descriptor_pool.DescriptorPool().AddSerializedFile(file.SerializeToString()).message_types_by_name
    )


def fill(message: Message, chance: random.Random, depth: int = 0) -> Message:
    """Values by chance, borders of types among them."""
    for field in message.DESCRIPTOR.fields:
        if not field.is_required and (chance.random() < 0.3 or depth > 2):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            for _ in range(chance.randint(0, 2)):
                name = some_value(key, chance)
                if value.type == MESSAGE:
                    fill(getattr(message, field.name)[name], chance, depth + 1)
                else:
                    getattr(message, field.name)[name] = some_value(value, chance)
        elif field.type == MESSAGE:
            for _ in range(chance.randint(0, 2) if field.is_repeated else 1):
                part = getattr(message, field.name)
                part = part.add() if field.is_repeated else part
                part.SetInParent()
                fill(part, chance, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend(
                some_value(field, chance) for _ in range(chance.randint(0, 2))
            )
        else:
            setattr(message, field.name, some_value(field, chance))
    return message


def some_value(field: Any, chance: random.Random) -> Any:
    if field.enum_type is not None:
        return chance.choice([value.number for value in field.enum_type.values])
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.choice([*(text.encode() for text in TEXTS), b"\xff"])
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.choice([True, False])
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return chance.choice([0.0, 1.0, -0.0, 0.5, math.inf])
    return chance.choice([number for number in NUMBERS if _fits(field, number)])


def _fits(field: Any, number: int) -> bool:
    probe = message_factory.GetMessageClass(field.containing_type)()
    try:
        if field.is_repeated:
            getattr(probe, field.name).append(number)
        else:
            setattr(probe, field.name, number)
    except ValueError:
        return False
    return True


def as_read(written: Message, by: Descriptor) -> str | None:
    """What is wrong with what the reader makes of a message; None if nothing is."""
    read = message_factory.GetMessageClass(by)()
    try:
        read.ParseFromString(written.SerializeToString())
    except Exception as error:
        return f"refused: {error}"
    return _difference(written, read) if read.IsInitialized() else "refused: a required field is missing"


def _difference(written: Message, read: Message) -> str | None:
    mine, theirs = written.DESCRIPTOR, read.DESCRIPTOR
    for field in mine.fields:
        others = {theirs.fields_by_number.get(field.number)}
        if field.name in theirs.fields_by_name and any(set_ == field for set_, _ in written.ListFields()):
            others.add(theirs.fields_by_name[field.name])
        for other in others - {None}:
            assert other is not None
            mine_, theirs_ = _values(written, field), _values(read, other)
            if field.is_repeated or other.is_repeated:
                if field.default_value and not field.is_repeated and field.has_default_value and not mine_:
                    mine_ = [field.default_value]
                mine_, theirs_ = (
                    _present(written, field) if not field.is_repeated else mine_,
                    _present(read, other) if not other.is_repeated else theirs_,
                )
            if field.type == MESSAGE and other.type == FieldDescriptor.TYPE_BYTES and theirs_ == [b""]:
                theirs_ = mine_ and theirs_  # bytes without presence are empty where the message is absent
            same = len(mine_) == len(theirs_) and all(
                _same(field, other, *two) for two in zip(mine_, theirs_, strict=True)
            )
            if not same:
                return f"{mine.name}.{field.name}: {mine_} reads as {theirs_}"
    return None


def _values(message: Message, field: Any) -> list[Any]:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return sorted(((key, value[key]) for key in value), key=lambda entry: entry[0])
    if field.is_repeated:
        return list(value)
    return [value] if field.type != MESSAGE or message.HasField(field.name) else []


def _present(message: Message, field: Any) -> list[Any]:
    return [value for set_, value in message.ListFields() if set_ == field]


def _same(field: Any, other: Any, mine: Any, theirs: Any) -> bool:
    if isinstance(mine, tuple) and isinstance(theirs, tuple):
        keys, values = (
            [entry.fields_by_name[name] for entry in (field.message_type, other.message_type) if entry]
            for name in ("key", "value")
        )
        pairs = (*keys, mine[0], theirs[0]), (*values, mine[1], theirs[1])
        return all(_same(*pair) for pair in pairs)
    if isinstance(mine, tuple):
        return isinstance(theirs, bytes | Message)
    if isinstance(theirs, tuple):
        return isinstance(mine, Message)
    if isinstance(mine, Message) and isinstance(theirs, Message):
        return _difference(mine, theirs) is None
    if isinstance(mine, Message):
        return isinstance(theirs, bytes) and type(mine).FromString(theirs) == mine
    if isinstance(mine, str | bytes) or isinstance(theirs, str | bytes):
        raw = [value.encode() if isinstance(value, str) else value for value in (mine, theirs)]
        return bool(raw[0] == raw[1])
    if field.enum_type is not None and other.enum_type is not None:
        named = field.enum_type.values_by_number.get(mine)  # an open enum keeps a number that has no name
        moved = other.enum_type.values_by_name.get(named.name) if named else None
        return bool(mine == theirs) and (moved is None or moved.number == theirs)
    return bool(mine == theirs)
