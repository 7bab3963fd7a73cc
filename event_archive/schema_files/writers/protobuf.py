"""A contract's data as a Protobuf file (proto3): one message, with those that it uses inside.

Belongs here: what each part is in Protobuf, so that its JSON mapping writes what the contract asks for.
Not here: the tree of parts (`parts`), and what Protobuf becomes in a contract (`readers.protobuf`).

Field numbers go by the order of the contract's properties, so a field that a revision adds at the end gets
the next number. An enum stands in a message of its own: only there may its values be called as in JSON.
"""

import re

from event_archive.registry.contract import Contract
from event_archive.registry.contract_text import one_line
from event_archive.schema_files.parts import Part, class_name, data_of, demands, identifier

SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
# What an enum's body takes for a statement, and the names that stand in its scope already.
NOT_SYMBOLS = frozenset({"option", "reserved", "unspecified"})
SCALARS = {
    "text": "string",
    "number": "double",
    "boolean": "bool",
    "date": "string",
    "uuid": "string",
    "decimal": "string",
    "moment": ".google.protobuf.Timestamp",
}
IMPORTS = {".google.protobuf.Timestamp": "timestamp"} | dict.fromkeys(
    (".google.protobuf.Value", ".google.protobuf.Struct", ".google.protobuf.ListValue"), "struct"
)
AS_TEXT = {
    "date": "a date, such as 2026-01-03",
    "uuid": "a UUID",
    "decimal": "a decimal number",
    "any": "any JSON",
}
# Numbers that Protobuf keeps for itself.
RESERVED = range(19_000, 20_000)


def to_protobuf(contract: Contract) -> str:
    """Return the Protobuf file of the data of an event type, as text."""
    part = data_of(contract)
    writer = _ProtobufWriter()
    body = writer.message(part, class_name(f"{contract.object_type} {contract.verb}"), 0)
    imports = sorted({IMPORTS[name] for name in writer.used if name in IMPORTS})
    head = [
        f"The data of {contract.type}, revision {contract.revision}. It lands as JSON, as Protobuf's JSON",
        "mapping prints it, but for int64: that is printed as text, and the contract wants a number.",
        "Numbers go by the order of the contract's properties: a revision adds a field at the end of them.",
        "What a comment asks for beyond the type is not checked by Protobuf: it is where the event lands.",
    ]
    lines = [f"// {line}" for line in head]
    lines += ['syntax = "proto3";', "", f"package {contract.type};", ""]
    if imports:
        lines += [*(f'import "google/protobuf/{name}.proto";' for name in imports), ""]
    about = [contract.description, *([] if part.is_open else ["No other fields."])]
    return "\n".join([*lines, *(f"// {one_line(line)}" for line in about), *body]) + "\n"


class _ProtobufWriter:
    def __init__(self) -> None:
        self.used: set[str] = set()

    def message(self, part: Part, name: str, depth: int) -> list[str]:
        """Return the lines of a message."""
        indent = "  " * (depth + 1)
        taken: set[str] = set()
        names = [_field_name(field.name, taken) for field in part.fields]
        scope = set(names)
        lines = []
        for index, (field, own_name) in enumerate(zip(part.fields, names, strict=True)):
            within = class_name(field.name)
            while within in scope:
                within += "_"
            kind, inner = self._field(field, within, depth + 1)
            if inner:
                scope.add(within)
                lines += inner
            number = index + 1 if index + 1 < RESERVED.start else index + 1 + len(RESERVED)
            lines += [f"{indent}// {one_line(words)}" for words in _comment(field, kind)]
            label = "" if kind.startswith(("repeated ", "map<")) else "optional "
            lines.append(f"{indent}{label}{kind} {own_name} = {number}{_json_name(field.name, own_name)};")
        return [f"{'  ' * depth}message {name} {{", *lines, f"{'  ' * depth}}}"]

    def _field(self, part: Part, name: str, depth: int) -> tuple[str, list[str]]:
        """Return the type of a field, and the lines of the message that it needs."""
        if part.kind == "list" and part.item is not None:
            if part.item.kind in ("list", "map", "any") or part.item.nullable or part.nullable:
                return self._use(".google.protobuf.ListValue"), []
            kind, inner = self._field(part.item, name, depth)
            return f"repeated {kind}", inner
        if part.kind == "map" and part.item is not None:
            if part.item.kind in ("list", "map", "any") or part.item.nullable or part.nullable:
                return self._use(".google.protobuf.Struct"), []
            kind, inner = self._field(part.item, name, depth)
            return f"map<string, {kind}>", inner
        if part.kind == "object":
            return name, self.message(part, name, depth)
        if part.kind == "text" and _is_enum(part):
            return f"{name}.Value", _enum(part, name, depth)
        if part.kind == "integer":
            return ("int32" if part.fits_32_bits else "int64"), []
        if part.kind == "any":
            types = {"object": ".google.protobuf.Struct", "array": ".google.protobuf.ListValue"}
            return self._use(types.get(str(part.schema.get("type")), ".google.protobuf.Value")), []
        return self._use(SCALARS[part.kind]), []

    def _use(self, kind: str) -> str:
        self.used.add(kind)
        return kind


def _comment(part: Part, kind: str) -> list[str]:
    asked = [AS_TEXT[part.kind]] if part.kind in AS_TEXT else []
    asked += [] if kind.endswith(".Value") and part.kind == "text" else demands(part)
    presence = "Required" if part.required else "May be absent"
    if part.nullable:
        presence += ", and null where this is not set: its JSON has to say so" if part.required else ""
    rest = f": {'; '.join(asked)}." if asked else "."
    return [*([part.description] if part.description else []), presence + rest]


def _field_name(name: str, taken: set[str]) -> str:
    """Return a name that no other field has, as Protobuf compares them: without `_` and case."""
    plain = identifier(name)
    free, number = plain, 1
    while free.replace("_", "").lower() in taken:
        number += 1
        free = f"{plain}_{number}"
    taken.add(free.replace("_", "").lower())
    return free


def _json_name(name: str, field: str) -> str:
    """Return the option for what JSON calls a field, where Protobuf would call it something else."""
    if re.fullmatch("[a-z0-9]+", field) and name == field:
        return ""
    if name.startswith("[") and name.endswith("]"):  # such a name is that of an extension
        return ""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f' [json_name = "{quoted}"]'


def _is_enum(part: Part) -> bool:
    """Return whether Protobuf can have the allowed values as names."""
    choices = part.choices
    if not choices or not all(isinstance(choice, str) and SYMBOL.fullmatch(choice) for choice in choices):
        return False
    names = [choice.replace("_", "").lower() for choice in choices]
    clashes = [name for name in names if name in NOT_SYMBOLS or name.startswith("value")]
    return not clashes and len(set(names)) == len(names)


def _enum(part: Part, name: str, depth: int) -> list[str]:
    indent = "  " * depth
    values = [f"{indent}    {value} = {number};" for number, value in enumerate(part.choices or (), start=1)]
    return [
        f"{indent}message {name} {{",
        f"{indent}  enum Value {{",
        f"{indent}    UNSPECIFIED = 0;",
        *values,
        f"{indent}  }}",
        f"{indent}}}",
    ]
