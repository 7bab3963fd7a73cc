"""Reading one JSON Schema of any draft into one form, that of draft 2020-12.

Belongs here: whether a schema is one at all, and what each keyword means in its draft. Not here: which draft
it is of (`schema_files.json_schema_drafts`), the form itself (`document`), and comparing two (`proof`).
"""

import json
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import jsonschema_rs

from event_archive.errors import UnusableInput
from event_archive.evolution.compatibility.json_schema.document import (
    LISTS,
    NAMED,
    SINGLE,
    VARYING,
    Document,
    Node,
    NotComparable,
    parts_of,
    validator,
)
from event_archive.evolution.compatibility.json_schema.limits import check_json
from event_archive.schema_files.json_schema_drafts import Draft, draft_of

BOUNDS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
PLAIN = (*BOUNDS, "enum", "pattern", "multipleOf", "minimum", "maximum")
SINCE = {  # the first draft that knows a keyword
    **dict.fromkeys(("const", "contains", "propertyNames", "exclusiveMinimum", "exclusiveMaximum"), 6),
    **dict.fromkeys(("if", "then", "else"), 7),
    **dict.fromkeys(("minContains", "maxContains", "dependentRequired", "dependentSchemas"), 2019),
    **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems", "$anchor", "$dynamicAnchor"), 2019),
    "prefixItems": 2020,
}
VARYING_FORMATS = ("hostname", "idn-hostname", "idn-email")  # drafts differ in what they are
LEADING = ("$ref", "$dynamicRef", "$recursiveRef")  # from where they stand, by the nearest identifier
NO_FORMAT_CAN_BE_THIS = ("x", "(", "%", "é^", "a b", "\\", "{", "-", "")


def read(schema: Any, draft: Draft | None = None) -> Document:
    """Read a schema; `draft` is what `draft_of` says of it, where that was asked before.

    Raises UnusableInput where it is none, and NotComparable where it can't be judged.
    """
    if not isinstance(schema, (dict, bool)):
        raise UnusableInput("the schema is neither an object nor a boolean; give a JSON Schema")
    check_json(schema)
    draft = draft or draft_of(schema)
    if isinstance(schema, dict) and "$schema" in schema:
        schema = {**schema, "$schema": draft.address}  # validators refuse a dialect that they don't know
    document = Document(schema, draft.number)
    try:
        _ = document.validator
    except (ValueError, TypeError) as error:
        _explain(error)
    _DocumentReader(document).run()
    return document


def _explain(error: Exception) -> None:
    reason = str(error).splitlines()[0]
    if "not present in a registry" in reason or "retrieving it failed" in reason:
        raise NotComparable(
            "remote_reference", f"a reference leaves the file and is never fetched: {reason[:100]}"
        )
    if isinstance(error, jsonschema_rs.ValidationError) and error.instance_path:
        reason = f"{'/'.join(map(str, error.instance_path))}: {reason}"
    raise UnusableInput(f"{reason[:240]}; correct the schema") from error


@lru_cache(maxsize=1000)
def asserts_format(name: str, draft: int) -> bool:
    """Whether validators of a draft look at a format at all."""
    asserting = validator({"format": name}, draft)
    return not all(map(asserting.is_valid, NO_FORMAT_CAN_BE_THIS))


class _DocumentReader:
    """Reads one document: the root first, then whatever references name, each once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.draft = document.draft
        self.names: dict[str, str] = {}
        self.waiting: list[tuple[str, Any]] = []
        source = document.source
        self.base = str(source.get("$id", source.get("id", ""))) if isinstance(source, dict) else ""

    def run(self) -> None:
        self.document.root = self.node(self.document.source, is_root=True)
        while self.waiting:
            name, source = self.waiting.pop()
            self.document.defs[name] = self.node(source, is_root=source is self.document.source)

    def knows(self, keyword: str) -> bool:
        return self.draft >= SINCE.get(keyword, 4)

    def node(self, source: Any, is_root: bool = False) -> Node:
        if not isinstance(source, dict):
            return source if isinstance(source, bool) else {"$opaque": "no schema"}
        if not is_root and (foreign := self.foreign(source)):
            return {"$opaque": foreign}
        if self.draft <= 7 and "$ref" in source:
            return self.reference(source["$ref"])
        made: dict[str, Any] = {}
        if "$ref" in source:
            made.update(self.reference(source["$ref"]))
        dynamic = {2019: "$recursiveRef", 2020: "$dynamicRef"}.get(self.draft)
        if dynamic in source:
            made["$opaque"] = "a dynamic reference"
        if varying := self.varying(source):
            made["$opaque"] = varying
        self.scalars(source, made)
        self.subschemas(source, made)
        self.arrays(source, made)
        return made

    def foreign(self, source: dict[str, Any]) -> str | None:
        """What makes an inner schema one that has to be read by itself."""
        identifier = source.get("id" if self.draft == 4 else "$id")
        is_named = isinstance(identifier, str) and not identifier.startswith("#")
        if is_named and (
            "$schema" in source or any(key in part for part in parts_of(source) for key in LEADING)
        ):
            return "a schema with an identifier of its own inside of another"
        dialect = self.document.source.get("$schema")
        if self.draft >= 2019 and "$schema" in source and source["$schema"] != dialect:
            return "another dialect inside of the schema"
        return None

    def subschemas(self, source: dict[str, Any], made: dict[str, Any]) -> None:
        for keyword in SINGLE:
            if keyword in source and self.knows(keyword):
                if keyword == "unevaluatedItems" and not self.document.has_agreed_meaning:
                    continue
                made[keyword] = self.node(source[keyword])
        for keyword in LISTS:
            if keyword in source:
                made[keyword] = [self.node(part) for part in source[keyword]]
        for keyword in NAMED:
            if keyword in source and self.knows(keyword):
                made[keyword] = {name: self.node(part) for name, part in source[keyword].items()}
        if self.knows("propertyNames") and "propertyNames" in source:
            made["propertyNames"] = self.node(source["propertyNames"])
        if "dependencies" not in VARYING.get(self.draft, ()):
            self.dependencies(source, made)

    def dependencies(self, source: dict[str, Any], made: dict[str, Any]) -> None:
        for name, needs in source.get("dependencies", {}).items():
            if isinstance(needs, list):
                made.setdefault("dependentRequired", {})[name] = needs
            else:
                made.setdefault("allOf", []).append({"dependentSchemas": {name: self.node(needs)}})

    def varying(self, source: dict[str, Any]) -> str | None:
        """What validators of the draft differ in, in words that are the same for the same."""
        told = {keyword: source[keyword] for keyword in VARYING.get(self.draft, ()) if source.get(keyword)}
        if told:
            words = json.dumps(told, sort_keys=True)
            # Where a reference leads, another schema may say something else.
            return f"{'a keyword' if '$ref' in words else 'the keyword'} that validators differ in, {words}"
        if not self.document.has_agreed_meaning and "unevaluatedItems" in source:
            return "`unevaluatedItems` beside `contains`, that validators of 2019-09 differ in"
        return None

    def scalars(self, source: dict[str, Any], made: dict[str, Any]) -> None:
        if "type" in source:
            types = source["type"] if isinstance(source["type"], list) else [source["type"]]
            made["type"] = sorted(
                {"integer4" if self.draft == 4 and name == "integer" else name for name in types}
            )
        for keyword in PLAIN:
            if keyword in source:
                made[keyword] = source[keyword]
        self.exclusive_bounds(source, made)
        if "const" in source and self.knows("const"):
            made["const"] = source["const"]
        if source.get("required"):
            made["required"] = sorted(source["required"])
        if source.get("uniqueItems"):
            made["uniqueItems"] = True
        if source.get("dependentRequired") and self.knows("dependentRequired"):
            made["dependentRequired"] = dict(source["dependentRequired"])
        if isinstance(source.get("format"), str) and asserts_format(source["format"], self.draft):
            name = source["format"]
            if name in VARYING_FORMATS and self.draft < 2019:
                made["$opaque"] = f"the format {name} as of draft {self.draft}"
            else:
                made["format"] = name

    def exclusive_bounds(self, source: dict[str, Any], made: dict[str, Any]) -> None:
        for lower, upper in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if self.draft > 4 and upper in source:
                made[upper] = source[upper]
            elif source.get(upper) is True and lower in source:
                made[upper] = made.pop(lower)

    def arrays(self, source: dict[str, Any], made: dict[str, Any]) -> None:
        items = source.get("items")
        if self.draft < 2020 and isinstance(items, list):
            made["prefixItems"] = [self.node(part) for part in items]
            if "additionalItems" in source:
                made["items"] = self.node(source["additionalItems"])
        elif items is not None:
            made["items"] = self.node(items)
        if self.draft == 2020 and "prefixItems" in source:
            made["prefixItems"] = [self.node(part) for part in source["prefixItems"]]
        if "contains" in source and self.knows("contains"):
            made["contains"] = self.node(source["contains"])
            for keyword in ("minContains", "maxContains"):
                if keyword in source and self.knows(keyword):
                    made[keyword] = source[keyword]

    def reference(self, text: Any) -> dict[str, Any]:
        place, fragment = urldefrag(urljoin(self.base, str(text)))
        if place != urldefrag(self.base)[0]:
            return {"$opaque": "a reference to a schema with an identifier of its own"}
        place_and_source = self.find(unquote(fragment))
        if place_and_source is None:
            return {"$opaque": "a reference that can't be followed"}
        pointer, source = place_and_source
        if pointer not in self.names:
            self.names[pointer] = f"n{len(self.names)}"
            self.waiting.append((self.names[pointer], source))
        return {"$ref": f"#/$defs/{self.names[pointer]}"}

    def find(self, fragment: str) -> tuple[str, Any] | None:
        """The place that a pointer or an anchor names; None where that is not plain to see."""
        if fragment and not fragment.startswith("/"):
            anchored = [part for part in parts_of(self.document.source) if part.get("$anchor") == fragment]
            return (fragment, anchored[0]) if len(anchored) == 1 and self.draft >= 2019 else None
        here = self.document.source
        for step in fragment.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict) and name in here:
                here = here[name]
            elif isinstance(here, list) and name.isdecimal() and int(name) < len(here):
                here = here[int(name)]
            else:
                return None
            if isinstance(here, dict) and isinstance(here.get("$id", here.get("id")), str):
                return None
        return fragment, here
