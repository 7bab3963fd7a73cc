"""A contract's data schema from a JSON Schema file, of draft 4 to 2020-12.

Belongs here: older drafts as 2020-12, references written out, and the rules that a contract has beyond JSON
Schema. Not here: what a reference names (`json_schema_names`) and the contract around it (`importing`).

A field that may be null and may be absent becomes what the caller chooses (`absent_or_null`). A schema of a
whole CloudEvent gives that of its `data`.
"""

from typing import Any

import jsonschema_rs

from event_archive.errors import UnusableInput
from event_archive.registry.annotations import ANNOTATIONS
from event_archive.registry.column_types import DECIMAL_PRECISION, DECIMAL_SCALE
from event_archive.registry.data_schema import DRAFT, validator
from event_archive.registry.schema_keywords import (
    CHECKS,
    LISTS,
    MAPS,
    NAMING,
    SINGLE,
)
from event_archive.schema_files.json_schema_drafts import Draft, draft_of
from event_archive.schema_files.json_schema_names import Names
from event_archive.schema_files.readers.absent_or_null import decide_null_or_absent, without_null_branch
from event_archive.schema_files.reading import Budget, Choices, DataSchema, Loss, parse_json

MAX_DEPTH = 50
LAST_WITH_LONE_REFERENCES = 7  # up to this draft, what stands beside a `$ref` is not heeded
META = {"$ref": DRAFT}


def from_json_schema(text: str, choices: Choices) -> DataSchema:
    """Return the data schema that a JSON Schema is, or that of the definition which is chosen.

    Raises UnusableInput with one line that names no file.
    """
    root = parse_json(text)
    if not isinstance(root, dict):
        raise UnusableInput("a JSON Schema of an event's data is an object; this is not")
    reader = _JsonSchemaReader(root, draft_of(root, choices.draft))
    chosen = _chosen(root, choices.message)
    if choices.message is None and {"specversion", "data"} <= set(_mapping(chosen.get("properties"))):
        chosen = chosen["properties"]["data"]
        reader.lose("", "is of a whole CloudEvent: the contract has the schema of its data alone")
    schema = reader.convert(chosen, "")
    if not isinstance(schema, dict):
        raise UnusableInput("a JSON Schema of an event's data is an object; this is not")
    data_schema = _of_an_object(schema, reader)
    for place, why in decide_null_or_absent(data_schema, choices.null_or_absent):
        reader.lose(place, why)
    for fault in jsonschema_rs.validator_for(META).iter_errors(data_schema):
        place = "/".join(map(str, fault.instance_path)) or "the whole"
        raise UnusableInput(f"{place}: {' '.join(fault.message.split())[:300]}")
    return DataSchema(data_schema, tuple(dict.fromkeys(reader.losses)))


def _chosen(root: dict[str, Any], message: str | None) -> dict[str, Any]:
    if message is None:
        return root
    named = {**_mapping(root.get("definitions")), **_mapping(root.get("$defs"))}
    if not isinstance(named.get(message), dict):
        shown = ", ".join(list(named)[:8]) or "none"
        raise UnusableInput(f"there is no definition {message!r}; there are: {shown}")
    chosen: dict[str, Any] = named[message]
    return chosen


def _mapping(part: Any) -> dict[str, Any]:
    return part if isinstance(part, dict) else {}


def _of_an_object(schema: dict[str, Any], reader: "_JsonSchemaReader") -> dict[str, Any]:
    types = schema.get("type", "object")
    if types != "object" and not (isinstance(types, list) and "object" in types):
        raise UnusableInput(
            f"the data of an event is an object, and this is of type {str(types)[:60]}; wrap it in one"
        )
    if types != "object":
        reader.lose("", f"may be of other types than an object ({', '.join(map(str, types))[:60]})")
    rest = {name: part for name, part in schema.items() if name not in ("type", "description")}
    about = {"description": schema["description"]} if "description" in schema else {}
    return {"type": "object", **about, **rest}


class _JsonSchemaReader:
    def __init__(self, root: dict[str, Any], draft: Draft) -> None:
        self._names = Names(root)
        self._budget = Budget()
        self._open: list[int] = []
        self.losses: list[Loss] = []
        self._is_old = draft.number <= LAST_WITH_LONE_REFERENCES
        if draft.assumption:
            self.lose("", f"{draft.assumption} (--draft names another)")

    def lose(self, place: str, why: str) -> None:
        self.losses.append(Loss.of(place, why))

    def convert(self, schema: Any, place: str, depth: int = 0) -> Any:
        """Return a schema as one of 2020-12, with what it refers to written out."""
        self._budget.spend(place or "the whole")
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise UnusableInput(f"{place or 'the whole'}: a schema is an object, true or false")
        if depth > MAX_DEPTH:
            raise UnusableInput(f"{place}: nested deeper than {MAX_DEPTH} levels")
        has_reference = isinstance(schema.get("$ref"), str)
        converted: dict[str, Any] = {}
        for keyword, part in schema.items():
            if has_reference and self._is_old and keyword not in ANNOTATIONS:
                continue
            self._keyword(converted, keyword, part, schema, f"{place}/{keyword}".lstrip("/"), depth + 1)
        _modern(converted, schema)
        if has_reference:
            referred = self._referred(schema, converted, place, depth)
            if not isinstance(referred, dict):  # a definition may be true or false
                return referred
            converted = referred
        converted = without_null_branch(converted)
        self._decimal(converted, place)
        return converted

    def _keyword(
        self, converted: dict[str, Any], name: str, part: Any, schema: dict[str, Any], at: str, depth: int
    ) -> None:
        if name in ("$dynamicRef", "$recursiveRef"):
            self.lose(at, "is not followed: any value is accepted there")
        elif name == "dependencies":
            self._dependencies(converted, part, at, depth)
        elif name == "items" and isinstance(part, list):
            converted["prefixItems"] = self._list(part, at, depth)
            if "additionalItems" in schema:
                converted["items"] = self.convert(schema["additionalItems"], f"{at}/…", depth)
        elif name == "additionalItems" or name in NAMING:
            pass  # `additionalItems` counts only beside a list of `items`
        elif name == "pattern":
            if self._is_pattern(part, at):
                converted[name] = part
        elif not self._subschemas(converted, name, part, at, depth):
            if name in CHECKS or name in ANNOTATIONS or name.startswith("x-"):
                converted[name] = part
            else:
                self.lose(at[:200], "is no keyword of JSON Schema 2020-12, and says nothing")

    def _subschemas(self, converted: dict[str, Any], name: str, part: Any, at: str, depth: int) -> bool:
        """Convert the schemas that a keyword holds; whether it holds some."""
        if name in SINGLE:
            converted[name] = self.convert(part, at, depth)
        elif name in LISTS and isinstance(part, list):
            converted[name] = self._list(part, at, depth)
        elif name in MAPS and isinstance(part, dict):
            converted[name] = {
                key: self.convert(item, f"{at}/{key}", depth)
                for key, item in part.items()
                if name != "patternProperties" or self._is_pattern(key, f"{at}/{key[:60]}")
            }
        else:
            return False
        return True

    def _list(self, schemas: list[Any], at: str, depth: int) -> list[Any]:
        return [self.convert(schema, f"{at}/{index}", depth) for index, schema in enumerate(schemas)]

    def _dependencies(self, converted: dict[str, Any], part: Any, at: str, depth: int) -> None:
        """Split `dependencies` of early drafts into the two keywords that stand for it since."""
        for key, needs in _mapping(part).items():
            if isinstance(needs, list):
                converted.setdefault("dependentRequired", {})[key] = needs
            else:
                schemas = converted.setdefault("dependentSchemas", {})
                schemas[key] = self.convert(needs, f"{at}/{key}", depth)

    def _is_pattern(self, pattern: Any, place: str) -> bool:
        try:
            validator({"pattern": pattern})
        except (ValueError, TypeError, jsonschema_rs.ValidationError):
            self.lose(place, "is no regular expression that can be checked here: any text is accepted")
            return False
        return True

    def _referred(self, schema: dict[str, Any], beside: dict[str, Any], place: str, depth: int) -> Any:
        reference = schema["$ref"]
        target = self._names.find(reference, schema)
        if target is None:
            self.lose(
                place, f"refers to {reference[:80]!r}, which is not in this file: any value is accepted there"
            )
            return beside
        if id(target) in self._open:
            raise UnusableInput(
                f"{place or 'the whole'}: {reference[:80]!r} holds itself; a contract's columns can't "
                "recurse: end it at a depth"
            )
        self._open.append(id(target))
        referred = self.convert(target, place, depth + 1)
        self._open.pop()
        if set(beside) - ANNOTATIONS:
            return {**beside, "allOf": [*beside.get("allOf", []), referred]}
        return {**referred, **beside} if isinstance(referred, dict) else referred

    def _decimal(self, schema: dict[str, Any], place: str) -> None:
        precision = schema.get("x-precision", DECIMAL_PRECISION)
        scale = schema.get("x-scale", DECIMAL_SCALE)
        whole = all(isinstance(size, int) and not isinstance(size, bool) for size in (precision, scale))
        if not (whole and 1 <= precision <= DECIMAL_PRECISION and 0 <= scale <= precision):
            self.lose(place, f"x-precision {str(precision)[:20]} and x-scale {str(scale)[:20]} fit no column")
            schema.pop("x-precision", None)
            schema.pop("x-scale", None)


def _modern(converted: dict[str, Any], schema: dict[str, Any]) -> None:
    """Turn the boolean bounds of draft 4 in `converted` into numbers."""
    for bound, exclusive in (("maximum", "exclusiveMaximum"), ("minimum", "exclusiveMinimum")):
        if isinstance(schema.get(exclusive), bool):
            converted.pop(exclusive, None)
            if schema[exclusive] and bound in converted:
                converted[exclusive] = converted.pop(bound)
