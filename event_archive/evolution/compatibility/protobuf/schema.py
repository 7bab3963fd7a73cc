"""A Protobuf file with its features resolved by Protobuf itself, and what fields and messages are.

Belongs here: finding messages, fields and options of one file, whatever its syntax or edition. Not here:
comparing two files.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, MessageOptions
from google.protobuf.message import Message

from event_archive.errors import UnusableInput

OWN = "google/protobuf/"
TYPE_NAMES = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}
MESSAGES = (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_GROUP)


class Schema:
    """One file; `messages` and `enums` by their name without the package, in the order of the file.

    `extensions` are those of messages that come with Protobuf; the others count as fields.
    """

    def __init__(self, file: FileDescriptorProto, called: str) -> None:
        """`called`: how sentences name the file."""
        self.called = called
        self.package = file.package
        self.pool = descriptor_pool.DescriptorPool()
        file = FileDescriptorProto.FromString(file.SerializeToString())
        file.name = "schema.proto"
        file.ClearField("source_code_info")
        # Language features are extensions of options: bytes that are compared, and need no definition.
        imports = [name for name in file.dependency if not name.endswith("_features.proto")]
        file.ClearField("dependency")
        file.ClearField("public_dependency")
        file.ClearField("weak_dependency")
        file.ClearField("option_dependency")
        file.dependency.extend(imports)
        try:
            for name in imports:
                self._add_own(name)
            compiled = self.pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ImportError) as wrong:
            raise UnusableInput(f"Protobuf can't use it: {' '.join(str(wrong).split())[:200]}") from None
        self.options = file.options
        self.messages: dict[str, Descriptor] = {}
        self.enums = {self.name_of(enum): enum for enum in compiled.enum_types_by_name.values()}
        extensions = list(compiled.extensions_by_name.values())
        pending = list(reversed(list(compiled.message_types_by_name.values())))
        while pending:
            message = pending.pop()
            if not is_entry(message):
                self.messages[self.name_of(message)] = message
                pending.extend(reversed(message.nested_types))
                self.enums |= {self.name_of(enum): enum for enum in message.enum_types}
                extensions += message.extensions
        self.extensions = {str(field.full_name): field for field in extensions if is_own(owner_of(field))}
        self._fields: dict[str, Mapping[int, FieldDescriptor]] = {}

    def _add_own(self, name: str) -> None:
        if not name.startswith(OWN):
            raise ImportError(f"it imports {name}")
        module = importlib.import_module(
            f"google.protobuf.{name.removeprefix(OWN).removesuffix('.proto')}_pb2"
        )
        for needed in module.DESCRIPTOR.dependencies:
            self._add_own(needed.name)
        self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)

    def name_of(self, thing: Descriptor | EnumDescriptor) -> str:
        """A name to compare by: without the package of the file, in full where it comes with Protobuf."""
        name = str(thing.full_name)
        return name if is_own(thing) or not self.package else name.removeprefix(f"{self.package}.")

    def fields(self, message: Descriptor) -> Mapping[int, FieldDescriptor]:
        """The fields by number, with the extensions that the file itself declares."""
        known = self._fields.get(message.full_name)
        if known is None:
            fields = [*message.fields, *self.pool.FindAllExtensions(message)]
            known = self._fields[message.full_name] = {
                field.number: field for field in sorted(fields, key=_number)
            }
        return known

    def users(self) -> dict[str, str]:
        """The names of messages that are parts of others, each with one that has it."""
        users: dict[str, str] = {}
        for name, message in self.messages.items():
            for part in _parts(self.fields(message).values()):
                if self.name_of(part) != name:
                    users.setdefault(self.name_of(part), name)
        return users


def _number(field: FieldDescriptor) -> int:
    return int(field.number)


def _parts(fields: Any) -> Iterator[Descriptor]:
    for field in fields:
        if field.message_type is not None:
            if is_entry(field.message_type):
                yield from _parts(field.message_type.fields)
            else:
                yield field.message_type


def is_own(thing: Descriptor | EnumDescriptor) -> bool:
    """Whether a type comes with Protobuf."""
    return bool(thing.file.name.startswith(OWN))


def is_entry(message: Descriptor) -> bool:
    """Whether a message is what a map is made of."""
    options: MessageOptions = message.GetOptions()
    return options.map_entry


def message_of(field: FieldDescriptor) -> Descriptor:
    """The message that a field of such a type holds."""
    if field.message_type is None:
        raise TypeError(f"{field.full_name} holds no message")
    return field.message_type


def owner_of(field: FieldDescriptor) -> Descriptor:
    """The message that a field is of, or that it extends."""
    if field.containing_type is None:
        raise TypeError(f"{field.full_name} is of no message")
    return field.containing_type


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    """The enum of a field of such a type."""
    if field.enum_type is None:
        raise TypeError(f"{field.full_name} holds no enum")
    return field.enum_type


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map: a repeated entry on the wire."""
    return field.message_type is not None and is_entry(field.message_type)


def declaration(message: Descriptor) -> DescriptorProto:
    """A message as it was declared."""
    declared = DescriptorProto()
    message.CopyToProto(declared)
    return declared


def name_of(field: FieldDescriptor) -> str:
    """A field's name in the JSON form."""
    return f"[{field.full_name}]" if field.is_extension else str(field.name)


def type_name(field: FieldDescriptor) -> str:
    """A field's type for a person: `repeated int32`, `Line`, `map`."""
    if is_map(field):
        return "a map"
    named = field.message_type or field.enum_type
    name = str(named.name) if named is not None else TYPE_NAMES[field.type]
    return f"repeated {name}" if field.is_repeated else name


def unknown_options(options: Message) -> bytes:
    """The options that Protobuf itself does not define: what they mean, only their readers know."""
    left = type(options).FromString(options.SerializeToString())
    for field, _ in left.ListFields():
        if field.name == "features" and not field.is_extension:
            features = left.features  # type: ignore[attr-defined]  # of every message of options
            for feature, _ in features.ListFields():
                if not feature.is_extension:
                    features.ClearField(feature.name)
            if not features.ByteSize():
                left.ClearField("features")
        elif not field.is_extension:
            left.ClearField(field.name)
    return left.SerializeToString(deterministic=True)
