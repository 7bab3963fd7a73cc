"""A contract's data schema from a message of a Protobuf file (.proto).

Belongs here: what each Protobuf type is in JSON under a contract, and what can't be carried over. Not here:
the contract around it (`importing`) and reading the file (`proto_file`).

Fields are called as in the file, or by their `json_name`. Protobuf leaves out what has its default value, so
only a `required` of proto2 is required. Messages are written out where they are used.
"""

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from event_archive.errors import UnusableInput
from event_archive.schema_files.proto_file import read_proto_files
from event_archive.schema_files.reading import Budget, Choices, DataSchema, Loss

INT32 = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
INT64 = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
UINT32 = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
UINT64 = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
NUMBER = {"type": "number"}
TEXT = {"type": "string"}
BASE64 = {"type": "string", "contentEncoding": "base64"}
SCALARS: dict[int, dict[str, Any]] = {
    FieldDescriptorProto.TYPE_DOUBLE: NUMBER,
    FieldDescriptorProto.TYPE_FLOAT: NUMBER,
    FieldDescriptorProto.TYPE_INT32: INT32,
    FieldDescriptorProto.TYPE_SINT32: INT32,
    FieldDescriptorProto.TYPE_SFIXED32: INT32,
    FieldDescriptorProto.TYPE_INT64: INT64,
    FieldDescriptorProto.TYPE_SINT64: INT64,
    FieldDescriptorProto.TYPE_SFIXED64: INT64,
    FieldDescriptorProto.TYPE_UINT32: UINT32,
    FieldDescriptorProto.TYPE_FIXED32: UINT32,
    FieldDescriptorProto.TYPE_UINT64: UINT64,
    FieldDescriptorProto.TYPE_FIXED64: UINT64,
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_STRING: TEXT,
    FieldDescriptorProto.TYPE_BYTES: BASE64,
}
SCALAR_LOSSES = {
    FieldDescriptorProto.TYPE_UINT64: "numbers beyond 9223372036854775807 are refused: columns hold 64 bits",
    FieldDescriptorProto.TYPE_FIXED64: "numbers beyond 9223372036854775807 are refused: columns hold 64 bits",
    FieldDescriptorProto.TYPE_BYTES: "bytes become a text in base64, which is not checked",
}
WELL_KNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "Timestamp": ({"type": "string", "format": "date-time"}, ""),
    "Duration": (
        {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$"},
        "a duration becomes a text, such as 1.5s: columns have no such type",
    ),
    "Struct": ({"type": "object"}, "has no schema: the column holds its JSON text"),
    "ListValue": ({"type": "array"}, "has no schema: the column holds its JSON text"),
    "Value": ({}, "has no schema: the column holds its JSON text"),
    "Any": (
        {"type": "object", "required": ["@type"]},
        "may be of any message: the column holds its JSON text",
    ),
    "Empty": ({"type": "object"}, ""),
    "FieldMask": (TEXT, "a field mask becomes its text, which is not checked"),
    "DoubleValue": (NUMBER, ""),
    "FloatValue": (NUMBER, ""),
    "Int64Value": (INT64, ""),
    "UInt64Value": (UINT64, SCALAR_LOSSES[FieldDescriptorProto.TYPE_UINT64]),
    "Int32Value": (INT32, ""),
    "UInt32Value": (UINT32, ""),
    "BoolValue": ({"type": "boolean"}, ""),
    "StringValue": (TEXT, ""),
    "BytesValue": (BASE64, SCALAR_LOSSES[FieldDescriptorProto.TYPE_BYTES]),
}
MAX_DEPTH = 20
Place = tuple[int, ...]


def from_protobuf(text: str, choices: Choices) -> DataSchema:
    """Return the data schema that a Protobuf message is.

    Raises UnusableInput with one line that names no file but an imported one.
    """
    folders = [*choices.folders, *([choices.beside] if choices.beside else [])]
    reader = _ProtobufReader(read_proto_files(text, folders))
    schema = reader.message(reader.chosen(choices.message), "")
    return DataSchema(schema, tuple(dict.fromkeys(reader.losses)))


class _ProtobufReader:
    def __init__(self, files: Sequence[FileDescriptorProto]) -> None:
        """`files`: the one to read is the last, what it imports comes before."""
        self._messages: dict[str, DescriptorProto] = {}
        self._enums: dict[str, EnumDescriptorProto] = {}
        self._words: dict[tuple[str, Place], str] = {}
        self._places: dict[str, tuple[FileDescriptorProto, Place]] = {}
        for file in files:
            self._read(file)
        self._top = [name for name, (file, at) in self._places.items() if file is files[-1] and len(at) == 2]
        self._budget = Budget()
        self._open: list[str] = []
        self.losses: list[Loss] = []

    def _read(self, file: FileDescriptorProto) -> None:
        for location in file.source_code_info.location:
            words = location.leading_comments.split() or location.trailing_comments.split()
            self._words[file.name, tuple(location.path)] = " ".join(words)
        unread: list[tuple[str, Place, Any]] = [(f".{file.package}" if file.package else "", (), file)]
        while unread:
            scope, place, holder = unread.pop()
            outer = holder is file
            for enum in holder.enum_type:
                self._enums[f"{scope}.{enum.name}"] = enum
            for index, message in enumerate(holder.message_type if outer else holder.nested_type):
                at = (*place, 4 if outer else 3, index)
                self._messages[f"{scope}.{message.name}"] = message
                self._places[f"{scope}.{message.name}"] = file, at
                unread.append((f"{scope}.{message.name}", at, message))

    def chosen(self, message: str | None) -> str:
        """Return the full name of the message to take; raises UnusableInput where it is not clear which."""
        if message is not None:
            for name in self._messages:
                if message in (name[1:], name.rpartition(".")[2]):
                    return name
        elif len(self._top) == 1:
            return self._top[0]
        names = [name[1:] for name in self._top]
        shown = ", ".join(names[:8]) or "none"
        raise UnusableInput(
            f"the data of an event is a message; choose one with --message: {shown}"
            if message is None and names
            else f"there is no message {message or ''}; there are: {shown}"
        )

    def message(self, name: str, place: str) -> dict[str, Any]:
        """Return the schema of a message as an object, with all messages that it uses written out."""
        if name in self._open or len(self._open) > MAX_DEPTH:
            raise UnusableInput(
                f"{place}: {name[1:]} holds itself or is nested deeper than {MAX_DEPTH} levels; a contract's "
                "columns can't recurse: end it at a depth"
            )
        self._open.append(name)
        message = self._messages[name]
        file, own_place = self._places[name]
        properties: dict[str, Any] = {}
        required = []
        for index, field in enumerate(message.field):
            at = f"{place}.{field.name}".lstrip(".")
            key = field.name if field.json_name == _lower_camel(field.name) else field.json_name
            words = self._words.get((file.name, (*own_place, 2, index)), "")
            properties[key] = _described(self._field(field, at, file), words)
            if field.label == FieldDescriptorProto.LABEL_REQUIRED:
                required.append(key)
        self._note_losses(message, place)
        self._open.pop()
        schema: dict[str, Any] = {"type": "object", **({"required": required} if required else {})}
        if properties:
            schema["properties"] = properties
        return _described(schema, self._words.get((file.name, own_place), ""))

    def _note_losses(self, message: DescriptorProto, place: str) -> None:
        for number, oneof in enumerate(message.oneof_decl):
            fields = [
                field.name
                for field in message.field
                if field.HasField("oneof_index") and field.oneof_index == number and not field.proto3_optional
            ]
            if fields:
                self._lose(
                    f"{place}.{oneof.name}".lstrip("."),
                    f"that at most one of {', '.join(fields)} is there: they are optional fields, each alone",
                )
        if message.extension_range:
            self._lose(place, "extensions: fields that others add are not named")
        numbers = [field.number for field in message.field]
        if numbers != list(range(1, len(numbers) + 1)) or message.reserved_range:
            self._lose(place, "the fields' numbers, and those that are reserved: a contract goes by names")

    def _field(self, field: FieldDescriptorProto, place: str, file: FileDescriptorProto) -> dict[str, Any]:
        self._budget.spend(place)
        if field.default_value:
            self._lose(place, f"defaults to {field.default_value[:60]}: nobody fills that in")
        entry = self._messages.get(field.type_name)
        if entry is not None and entry.options.map_entry:
            key, value = entry.field
            if key.type != FieldDescriptorProto.TYPE_STRING:
                self._lose(place, "the keys of a map become texts, as JSON has it")
            return {"type": "object", "additionalProperties": self._type(value, f"{place}{{}}")}
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            return {"type": "array", "items": self._type(field, f"{place}[]")}
        bare = not field.HasField("oneof_index") and field.type != FieldDescriptorProto.TYPE_MESSAGE
        if file.syntax == "proto3" and bare:
            self._lose("", 'that an absent field reads as 0, "" or false: here it says nothing')
        return self._type(field, place)

    def _type(self, field: FieldDescriptorProto, place: str) -> dict[str, Any]:
        if field.type in SCALARS:
            if field.type in SCALAR_LOSSES:
                self._lose(place, SCALAR_LOSSES[field.type])
            if SCALARS[field.type] in (INT64, UINT64):
                self._lose("", "64 bits as a text, as Protobuf's own JSON has it: here it is a number")
            return dict(SCALARS[field.type])
        package, _, name = field.type_name.rpartition(".")
        if package == ".google.protobuf" and name in WELL_KNOWN:
            schema, loss = WELL_KNOWN[name]
            if loss:
                self._lose(place, loss)
            return dict(schema)
        if field.type_name in self._enums:
            return self._enum(self._enums[field.type_name], place)
        return self.message(field.type_name, place)

    def _enum(self, enum: EnumDescriptorProto, place: str) -> dict[str, Any]:
        names = [value.name for value in enum.value]
        # By Protobuf's style guide, the first value says that there is none.
        absent = [value.name for value in enum.value if value.number == 0]
        if len(names) > 1 and absent and absent[0].endswith("UNSPECIFIED"):
            names.remove(absent[0])
            self._lose(place, f"{absent[0]}: the field is left out where there is nothing")
        return {"type": "string", "enum": names}

    def _lose(self, place: str, why: str) -> None:
        self.losses.append(Loss.of(place, why))


def _lower_camel(name: str) -> str:
    """Return the name that Protobuf's JSON mapping gives a field that has no other."""
    first, *others = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in others)


def _described(schema: dict[str, Any], words: str) -> dict[str, Any]:
    if not words:
        return schema
    about = {"type": schema["type"]} if "type" in schema else {}
    return {**about, "description": words, **schema}
