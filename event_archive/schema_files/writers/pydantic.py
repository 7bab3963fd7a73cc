"""A contract as a Python module of pydantic 2 models: the whole event, and its data.

Belongs here: what each part is in Python. Not here: the tree of parts (`parts`). Everything that comes from
the contract is written as an ASCII literal, or as a comment of one line: nothing of it can become code.
"""

import keyword
import re
from typing import Any

from event_archive.envelope import ATTRIBUTES, OPTIONAL_COLUMNS, SPEC_VERSION
from event_archive.registry.contract import Contract
from event_archive.registry.contract_text import one_line
from event_archive.registry.exact_values import LARGEST_BIGINT
from event_archive.schema_files.parts import Part, class_name, data_of, demands, identifier, unique

HEAD = '''"""Models of the event {type}, revision {revision}.

Write an event with `Event(...).model_dump_json()`, read one with `Event.model_validate_json(text)`.
Not expressed here, and asked for where it lands: what the comments say, and times to the microsecond at most.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic import model_serializer, model_validator


class Model(BaseModel):
    """What is absent is left out, and is never written as null."""

    model_config = ConfigDict(
        strict=True, extra="allow", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: Any) -> dict[str, Any]:
        absent = set()
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) is None:
                absent |= {{name, field.alias}}
        return {{name: value for name, value in handler(self).items() if name not in absent}}


def present(value: Any) -> Any:
    """Refuse null where a field may be absent: leave it out."""
    if value is None:
        raise ValueError("is null; leave it out")
    return value


def matches(pattern: str) -> AfterValidator:
    """Ask for a text in which a regular expression is found."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str | None) -> str | None:
        if text is not None and not compiled.search(text):
            raise ValueError(f"does not match {{pattern}}")
        return text

    return AfterValidator(check)
'''
TYPES = {
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "date": "date",
    "moment": "AwareDatetime",
    "uuid": "UUID",
    "any": "Any",
}
ATTRIBUTE_TYPES = {
    "string": "Annotated[str, Field(min_length=1)]",
    "integer": f"Annotated[int, Field(ge=1, le={LARGEST_BIGINT})]",
}
NUMBERS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
LENGTHS = {
    "text": {"minLength": "min_length", "maxLength": "max_length"},
    "list": {"minItems": "min_length", "maxItems": "max_length"},
    "map": {"minProperties": "min_length", "maxProperties": "max_length"},
}
# Names that would stand for something else in a class of pydantic, or in the module.
TAKEN = frozenset(
    {"date", "decimal", "annotated", "any", "literal", "uuid", "field", "present", "matches", "re"}
    | {"model", "event", "int", "str", "float", "bool", "list", "dict", "data", "self", "schema", "json"}
    | {"copy", "construct", "validate", "register", "dict", "fields", "parse_obj", "parse_raw", "parse_file"}
)


def to_pydantic(contract: Contract) -> str:
    """Return the Python module of an event type, as text."""
    writer = _PydanticWriter()
    writer.model("Data", data_of(contract), f"The data of {contract.type}.")
    actors = "|".join(contract.actor_types)
    envelope = [
        "class Event(Model):",
        f"    {_docstring(contract.description)}",
        "",
        f'    specversion: Literal["{SPEC_VERSION}"] = "{SPEC_VERSION}"',
        f"    id: {ATTRIBUTE_TYPES['string']}",
        f"    source: {ATTRIBUTE_TYPES['string']}",
        f"    type: Literal[{contract.type!a}] = {contract.type!a}",
        "    time: AwareDatetime",
        f"    actor: Annotated[str, matches({f'^({actors})/.+'!a})]",
        f"    verb: Literal[{contract.verb!a}] = {contract.verb!a}",
        f"    object: Annotated[str, matches({f'^{contract.object_type}/.+'!a})]",
        *(
            f"    {attribute.name}: {ATTRIBUTE_TYPES[attribute.kind]} | None = None"
            for attribute in ATTRIBUTES
            if attribute.name in OPTIONAL_COLUMNS
        ),
        "    data: Data",
        "",
        '    @model_validator(mode="after")',
        '    def _mends_one_earlier_event(self) -> "Event":',
        "        if self.corrects is not None and self.voids is not None:",
        '            raise ValueError("corrects and voids are both given")',
        "        if self.id in (self.corrects, self.voids):",
        '            raise ValueError("corrects or voids is the event\'s own id")',
        "        return self",
    ]
    head = HEAD.format(type=contract.type, revision=contract.revision)
    classes = ["\n".join(lines) for lines in [*writer.classes, envelope]]
    return "\n\n\n".join([head.rstrip("\n"), *classes]) + "\n"


class _PydanticWriter:
    def __init__(self) -> None:
        self.classes: list[list[str]] = []
        self._taken = {"data", "event", "model", "basemodel", *TAKEN}

    def model(self, name: str, part: Part, description: str) -> None:
        """Write the class of an object, after those that it uses."""
        taken: set[str] = set(TAKEN)
        lines = [f"class {name}(Model):", f"    {_docstring(part.description or description)}", ""]
        if not part.is_open:
            lines += ['    model_config = ConfigDict(extra="forbid")', ""]
        for field in part.fields:
            lines += self._field(field, _attribute(field.name, taken), name)
        self.classes.append(lines)

    def _field(self, part: Part, attribute: str, owner: str) -> list[str]:
        checks = [f"alias={part.name!a}"] if attribute != part.name else []
        if part.description:
            checks.append(f"description={part.description!a}")
        kind = self.type(part, f"{owner}{class_name(part.name)}")
        default = ""
        if not part.required:
            kind = f"Annotated[{kind} | None, AfterValidator(present)]"
            default = " = None" if not checks else f" = Field(default=None, {', '.join(checks)})"
        elif checks:
            default = f" = Field({', '.join(checks)})"
        unchecked = _not_checked(part)
        comment = [f"    # {one_line('; '.join(unchecked))}"] if unchecked else []
        return [*comment, f"    {attribute}: {kind}{default}"]

    def type(self, part: Part, name: str) -> str:
        """Return the type of a value, with its bounds, as Python spells it."""
        kind = self._bare(part, name)
        checks = [
            f"{argument}={part.schema[word]!r}"
            for word, argument in (NUMBERS if part.kind in ("integer", "number") else {}).items()
            if isinstance(part.schema.get(word), int | float)
        ]
        checks += [
            f"{argument}={int(part.schema[word])}"
            for word, argument in LENGTHS.get(part.kind, {}).items()
            if word in part.schema
        ]
        if part.kind == "decimal":
            digits, scale = part.decimal
            checks += [f"max_digits={digits}", f"decimal_places={scale}"]
        annotations = [f"Field({', '.join(checks)})"] if checks and not kind.startswith("Literal[") else []
        pattern = _pattern(part)
        if pattern is not None and not kind.startswith("Literal["):
            annotations.append(f"matches({pattern!a})")
        if annotations:
            kind = f"Annotated[{kind}, {', '.join(annotations)}]"
        return f"{kind} | None" if part.nullable and part.kind != "any" else kind

    def _bare(self, part: Part, name: str) -> str:
        if part.kind in ("text", "integer", "boolean") and _is_literal(part):
            return f"Literal[{', '.join(ascii(choice) for choice in part.choices or ())}]"
        if part.kind == "object":
            own = unique(name, self._taken)
            self.model(own, part, f"{own}.")
            return own
        if part.kind == "list" and part.item is not None:
            return f"list[{self.type(part.item, f'{name}Item')}]"
        if part.kind == "map" and part.item is not None:
            return f"dict[str, {self.type(part.item, f'{name}Value')}]"
        return "Decimal" if part.kind == "decimal" else TYPES[part.kind]


def _is_literal(part: Part) -> bool:
    return bool(part.choices) and all(isinstance(choice, str | int) for choice in part.choices or ())


def _pattern(part: Part) -> str | None:
    """Return the pattern as Python has it: there, `$` would match before a last line feed too."""
    pattern = part.schema.get("pattern")
    if part.kind != "text" or not isinstance(pattern, str):
        return None
    converted = re.sub(
        r"\\.|\[(?:\\.|[^\]\\])*\]|\$",
        lambda match: "\\Z" if match[0] == "$" else match[0],
        pattern,
        flags=re.DOTALL,
    )
    try:
        re.compile(converted, re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return None
    return converted


def _not_checked(part: Part) -> list[str]:
    """Return in words what is asked of a part and not checked by its type."""
    checked: set[str] = {*NUMBERS, *LENGTHS.get(part.kind, {})}
    if _pattern(part) is not None:
        checked.add("pattern")
    rest: dict[str, Any] = {word: value for word, value in part.schema.items() if word not in checked}
    if _is_literal(part) or part.kind == "object":
        rest = {word: value for word, value in rest.items() if word not in ("enum", "const")}
    words = demands(Part(part.name, part.path, part.kind, rest, part.required, part.nullable))
    return [word for word in words if word != "no other fields" and not word.startswith("up to ")]


def _attribute(name: str, taken: set[str]) -> str:
    """Return a name that Python and pydantic leave free."""
    plain = identifier(name)
    if keyword.iskeyword(plain) or plain.startswith("model_") or plain.lower() in TAKEN:
        plain = f"{plain}_"
    return unique(plain, taken)


def _docstring(words: str) -> str:
    plain = one_line(words).replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{plain}"""'
