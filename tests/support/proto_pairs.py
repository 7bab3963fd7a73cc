"""Pairs of Protobuf files and messages by chance, and a plain judgement of what a reader makes of them.

Belongs here: what the hunt of `test_compatible_protobuf` draws and goes by, written apart from the
product's own, so that neither hides a fault of the other. Not here: tests.
"""

import copy
import math
import random
from dataclasses import dataclass, field
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
    enum: dict[str, int] = field(default_factory=dict)


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
        one = fields.get(number)
        match chance.randrange(13):
            case 0:
                fields.pop(number, None)
            case 1:
                free = chance.choice([number for number in range(1, 7) if number not in fields])
                fields[free] = some_field(
                    chance, new.syntax, f"{NAMES[free - 1]}{chance.choice(['', '_new'])}"
                )
            case 2 | 3 | 4 if one:
                one.type, one.default = chance.choice(TYPES), None
                one.label = "optional" if one.label == "required" and one.type == MESSAGE else one.label
            case 5 if one and one.type != MESSAGE:
                one.label, one.in_oneof, one.default = chance.choice(LABELS[new.syntax]), False, None
            case 6 if one and one.label in ("plain", "optional"):
                one.in_oneof = not one.in_oneof
            case 7 if one:
                one.name = f"{one.name}_renamed"
            case 8 if one:
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
            case 10 if one:
                one.part = chance.choice(["Line", "Other"])
            case 11 if one and new.syntax == "proto2" and one.label == "optional" and one.type in TYPES[:6]:
                one.default = chance.choice([None, "1", "2"])
            case 12 if one:
                one.key = FieldDescriptor.TYPE_INT64
                one.packed = (
                    chance.choice([True, False])
                    if one.label == "repeated" and one.type in TYPES[:13]
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
        if any(one.in_oneof for one in fields.values()):
            message.oneof_decl.add(name="choice")
        for number, one in fields.items():
            _add(message, number, one)
        for part in message.field:
            if part.proto3_optional:
                part.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{part.name}")
    return made


def _add(message: DescriptorProto, number: int, one: Field) -> None:
    target = message.field.add(name=one.name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if one.label == "map":
        entry = message.nested_type.add(name=f"{one.name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=target.label, type=one.key)
        value = entry.field.add(name="value", number=2, label=target.label)
        _typed(value, one)
        target.label, target.type = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.TYPE_MESSAGE
        target.type_name = f".shop.{message.name}.{entry.name}"
        return
    _typed(target, one)
    if one.label == "repeated":
        target.label = FieldDescriptorProto.LABEL_REPEATED
        if one.packed is not None:
            target.options.packed = one.packed
    elif one.label == "required":
        target.label = FieldDescriptorProto.LABEL_REQUIRED
    elif one.in_oneof:
        target.oneof_index = 0
    elif one.label == "optional" and one.default is None:
        target.proto3_optional = True
    if one.default is not None:
        target.default_value = one.default


def _typed(target: FieldDescriptorProto, one: Field) -> None:
    target.type = one.type  # type: ignore[assignment]
    if one.type == MESSAGE:
        target.type_name = f".shop.{one.part}"
    elif one.type == ENUM:
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
    for one in message.DESCRIPTOR.fields:
        if not one.is_required and (chance.random() < 0.3 or depth > 2):
            continue
        if one.message_type is not None and one.message_type.GetOptions().map_entry:
            key, value = one.message_type.fields
            for _ in range(chance.randint(0, 2)):
                name = some_value(key, chance)
                if value.type == MESSAGE:
                    fill(getattr(message, one.name)[name], chance, depth + 1)
                else:
                    getattr(message, one.name)[name] = some_value(value, chance)
        elif one.type == MESSAGE:
            for _ in range(chance.randint(0, 2) if one.is_repeated else 1):
                part = getattr(message, one.name)
                part = part.add() if one.is_repeated else part
                part.SetInParent()
                fill(part, chance, depth + 1)
        elif one.is_repeated:
            getattr(message, one.name).extend(some_value(one, chance) for _ in range(chance.randint(0, 2)))
        else:
            setattr(message, one.name, some_value(one, chance))
    return message


def some_value(one: Any, chance: random.Random) -> Any:
    if one.enum_type is not None:
        return chance.choice([value.number for value in one.enum_type.values])
    if one.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(TEXTS)
    if one.type == FieldDescriptor.TYPE_BYTES:
        return chance.choice([*(text.encode() for text in TEXTS), b"\xff"])
    if one.type == FieldDescriptor.TYPE_BOOL:
        return chance.choice([True, False])
    if one.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return chance.choice([0.0, 1.0, -0.0, 0.5, math.inf])
    return chance.choice([number for number in NUMBERS if _fits(one, number)])


def _fits(one: Any, number: int) -> bool:
    probe = message_factory.GetMessageClass(one.containing_type)()
    try:
        if one.is_repeated:
            getattr(probe, one.name).append(number)
        else:
            setattr(probe, one.name, number)
    except ValueError:
        return False
    return True


def as_read(written: Message, by: Descriptor) -> str | None:
    """What is wrong with what the reader makes of a message; None if nothing is."""
    read = message_factory.GetMessageClass(by)()
    try:
        read.ParseFromString(written.SerializeToString())
    except Exception as refused:
        return f"refused: {refused}"
    return _difference(written, read) if read.IsInitialized() else "refused: a required field is missing"


def _difference(written: Message, read: Message) -> str | None:
    mine, theirs = written.DESCRIPTOR, read.DESCRIPTOR
    for one in mine.fields:
        others = {theirs.fields_by_number.get(one.number)}
        if one.name in theirs.fields_by_name and any(set_ == one for set_, _ in written.ListFields()):
            others.add(theirs.fields_by_name[one.name])
        for other in others - {None}:
            assert other is not None
            mine_, theirs_ = _values(written, one), _values(read, other)
            if one.is_repeated or other.is_repeated:
                if one.default_value and not one.is_repeated and one.has_default_value and not mine_:
                    mine_ = [one.default_value]
                mine_, theirs_ = (
                    _present(written, one) if not one.is_repeated else mine_,
                    _present(read, other) if not other.is_repeated else theirs_,
                )
            if one.type == MESSAGE and other.type == FieldDescriptor.TYPE_BYTES and theirs_ == [b""]:
                theirs_ = mine_ and theirs_  # bytes without presence are empty where the message is absent
            same = len(mine_) == len(theirs_) and all(
                _same(one, other, *two) for two in zip(mine_, theirs_, strict=True)
            )
            if not same:
                return f"{mine.name}.{one.name}: {mine_} reads as {theirs_}"
    return None


def _values(message: Message, one: Any) -> list[Any]:
    value = getattr(message, one.name)
    if one.message_type is not None and one.message_type.GetOptions().map_entry:
        return sorted(((key, value[key]) for key in value), key=lambda entry: entry[0])
    if one.is_repeated:
        return list(value)
    return [value] if one.type != MESSAGE or message.HasField(one.name) else []


def _present(message: Message, one: Any) -> list[Any]:
    return [value for set_, value in message.ListFields() if set_ == one]


def _same(one: Any, other: Any, mine: Any, theirs: Any) -> bool:
    if isinstance(mine, tuple) and isinstance(theirs, tuple):
        keys, values = (
            [entry.fields_by_name[name] for entry in (one.message_type, other.message_type) if entry]
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
    if one.enum_type is not None and other.enum_type is not None:
        named = one.enum_type.values_by_number.get(mine)  # an open enum keeps a number that has no name
        moved = other.enum_type.values_by_name.get(named.name) if named else None
        return bool(mine == theirs) and (moved is None or moved.number == theirs)
    return bool(mine == theirs)
