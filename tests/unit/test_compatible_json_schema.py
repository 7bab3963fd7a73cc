"""JSON Schema compatibility: given pairs of schemas and values, expect no wrong answer from any of them."""

from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_archive.compatibility.findings import Direction, Mode, Verdict
from event_archive.compatibility.json_schema import compare_json_schemas
from event_archive.compatibility.json_schema_document import Document
from event_archive.compatibility.json_schema_normal import read
from event_archive.errors import UnusableInput

DRAFTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
NAMES = ["a", "b", "ab", "c"]
PATTERNS = ["^a", "b$", "^a+$", "^[a-c]*$", "x", "^.{2}$", r"\d"]
TEXTS = ["", "a", "b", "ab", "abc", "aa", "2", "zz", "xx", "2024-01-31", "127.0.0.1", "a@b.co"]
NUMBERS: list[float] = [0, 1, 2, 3, -1, 6, 1.0, 2.0, 0.5, 1.5, 2.5, 0.1, 0.3, 100, 2**60, 2**60 + 1, 1e30]
SMALL = st.integers(0, 3)
SCALARS = st.sampled_from([None, True, False, *NUMBERS, *TEXTS])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*NAMES, "x", "2"]), inner),
    max_leaves=8,
)
LIMITS = st.sampled_from([0, 1, 2, 3, 1.5, -1, 0.5, 2**60])
WORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
    "enum": st.lists(VALUES, min_size=1, max_size=3, unique_by=repr),
    "const": VALUES,
    "minimum": LIMITS,
    "maximum": LIMITS,
    "exclusiveMinimum": LIMITS,
    "exclusiveMaximum": LIMITS,
    "multipleOf": st.sampled_from([1, 2, 3, 4, 0.5, 1.5, 0.1]),
    "minLength": SMALL,
    "maxLength": SMALL,
    "pattern": st.sampled_from(PATTERNS),
    "format": st.sampled_from(["date", "uuid", "ipv4", "email", "hostname", "nothing"]),
    "required": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
    "minProperties": SMALL,
    "maxProperties": SMALL,
    "minItems": SMALL,
    "maxItems": SMALL,
    "uniqueItems": st.just(True),
    "dependentRequired": st.dictionaries(
        st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1, max_size=1), max_size=2
    ),
    "$ref": st.sampled_from(["#", "#/definitions/a", "#/definitions/b"]),
    "default": VALUES,
}
NESTED_ONE = ["additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else"]
NESTED_LIST = ["anyOf", "oneOf", "allOf", "prefixItems", "items"]
NESTED_NAMED = ["properties", "patternProperties", "dependentSchemas", "dependencies"]
RARE = ["unevaluatedProperties", "unevaluatedItems", "additionalItems"]


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> Any:
    if draw(st.integers(0, 19)) == 0:
        return draw(st.booleans())
    schema: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 3))):
        add_keyword(draw, schema, depth)
    return schema


def add_keyword(draw: st.DrawFn, schema: dict[str, Any], depth: int) -> None:
    nested = [*NESTED_ONE, *NESTED_LIST, *NESTED_NAMED, *NESTED_NAMED, *RARE] if depth else []
    keyword = draw(st.sampled_from([*WORDS, *nested]))
    inner = schemas(depth - 1)
    if keyword in WORDS:
        schema[keyword] = draw(WORDS[keyword])
    elif keyword in NESTED_NAMED:
        names = PATTERNS if keyword == "patternProperties" else NAMES
        schema[keyword] = draw(st.dictionaries(st.sampled_from(names), inner, min_size=1, max_size=2))
    elif keyword in NESTED_LIST and (keyword != "items" or draw(st.booleans())):
        schema[keyword] = draw(st.lists(inner, min_size=1, max_size=3))
    else:
        schema[keyword] = draw(inner)
    if keyword == "contains" and draw(st.booleans()):
        schema[draw(st.sampled_from(["minContains", "maxContains"]))] = draw(SMALL)
    if keyword == "if" and depth:
        schema["then"] = draw(inner)


@st.composite
def changed(draw: st.DrawFn, schema: Any, depth: int = 2) -> Any:
    """A schema with one or two small changes somewhere inside."""
    if not isinstance(schema, dict) or draw(st.integers(0, 9)) == 0:
        return draw(schemas(max(depth, 0)))
    schema = deepcopy(schema)
    kind = draw(st.sampled_from(["inside", "inside", "inside", "remove", "add"])) if schema else "add"
    if kind == "add":
        add_keyword(draw, schema, max(depth, 0))
        return schema
    keyword = draw(st.sampled_from(sorted(schema)))
    value = schema[keyword]
    if kind == "remove":
        del schema[keyword]
    elif keyword in NESTED_NAMED and value:
        name = draw(st.sampled_from(sorted(value)))
        value[name] = draw(changed(value[name], depth - 1))
    elif isinstance(value, list) and keyword in NESTED_LIST:
        index = draw(st.integers(0, len(value) - 1))
        value[index] = draw(changed(value[index], depth - 1))
    elif keyword in (*NESTED_ONE, *RARE):
        schema[keyword] = draw(changed(value, depth - 1))
    elif keyword in WORDS:
        schema[keyword] = draw(WORDS[keyword])
    return schema


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two schemas, most often one and a change of it, in drafts of their own."""
    old = draw(schemas())
    new = draw(changed(old)) if draw(st.integers(0, 3)) else draw(schemas())
    draft = draw(st.sampled_from([*DRAFTS, 2020, 2020]))
    other = draft if draw(st.integers(0, 3)) else draw(st.sampled_from([*DRAFTS]))
    definitions = {name: draw(schemas(1)) for name in ("a", "b")}
    later = {**definitions, "b": draw(changed(definitions["b"], 1))}
    return in_draft(old, draft, definitions), in_draft(new, other, later)


def in_draft(schema: Any, draft: int, definitions: dict[str, Any]) -> Any:
    schema = spelled(schema, draft)
    if isinstance(schema, bool):
        return {"$schema": DRAFTS[draft], **({} if schema else {"not": {}})}
    named = {name: spelled(part, draft) for name, part in definitions.items()}
    return {"$schema": DRAFTS[draft], "definitions": named, **schema}


def spelled(schema: Any, draft: int) -> Any:
    """A schema as its draft spells it: no booleans in draft 4, no lists of `items` from 2020-12 on."""
    if isinstance(schema, bool):
        return schema if draft > 4 else ({} if schema else {"not": {}})
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in NESTED_NAMED:
            made[keyword] = {name: spelled(part, draft) for name, part in value.items()}
        elif keyword in NESTED_LIST and isinstance(value, list):
            made["prefixItems" if keyword == "items" and draft == 2020 else keyword] = [
                spelled(part, draft) for part in value
            ]
        elif keyword in (*NESTED_ONE, *RARE):
            made[keyword] = spelled(value, draft)
        elif draft == 4 and keyword in ("exclusiveMinimum", "exclusiveMaximum"):
            made[keyword], made[keyword.replace("exclusiveM", "m")] = True, value
        else:
            made[keyword] = value
    return made


def tells_apart(writer: Document, reader: Document, value: Any) -> bool:
    return bool(writer.validator.is_valid(value) and not reader.validator.is_valid(value))


def mentioned(schema: Any) -> list[Any]:
    """Values that a schema speaks of, and their neighbours."""
    if isinstance(schema, list):
        return [value for part in schema for value in mentioned(part)]
    if isinstance(schema, bool) or not isinstance(schema, (dict, int, float)):
        return []
    if isinstance(schema, dict):
        listed = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
        return listed + [value for part in schema.values() for value in mentioned(part)]
    return [schema, schema + 1, schema - 1, schema + 0.5, float(schema), "a" * int(min(max(schema, 0), 9))]


@st.composite
def values_about(draw: st.DrawFn, old: Any, new: Any) -> list[Any]:
    """Values that have to do with two schemas: from their words, alone, as members, and at random."""
    words = [value for value in [*mentioned(old), *mentioned(new)] if not isinstance(value, dict)][:60] or [0]
    member = st.sampled_from(words) | SCALARS | VALUES
    lists = st.lists(member, max_size=4)
    objects = st.dictionaries(st.sampled_from([*NAMES, "x", "2"]), member | lists, max_size=4)
    return [*words, *draw(st.lists(member | lists | objects | st.lists(objects, max_size=2), max_size=25))]


HUNT = settings(max_examples=400, suppress_health_check=list(HealthCheck))


@HUNT
@given(data=st.data(), pair=pairs())
def test_no_value_is_refused_that_was_called_compatible(data: st.DataObject, pair: tuple[Any, Any]) -> None:
    old, new = pair
    try:
        documents = read(old), read(new)
    except UnusableInput:
        return  # a random schema that is none in its draft
    report = compare_json_schemas(old, new, Mode.FULL)
    values = data.draw(values_about(old, new))
    values += [finding.example.value for finding in report.findings if finding.example]
    for direction, (writer, reader) in (
        (Direction.BACKWARD, documents),
        (Direction.FORWARD, documents[::-1]),
    ):
        if report.verdict_for(direction) is Verdict.COMPATIBLE:
            assert [value for value in values if tells_apart(writer, reader, value)] == []
        for finding in report.findings:
            if finding.direction is direction:
                assert (finding.verdict is Verdict.INCOMPATIBLE) == (finding.example is not None)
                assert finding.example is None or tells_apart(writer, reader, finding.example.value)
                assert "\n" not in finding.sentence and "READER" not in finding.sentence


@HUNT
@given(pair=pairs())
def test_a_schema_is_compatible_with_itself(pair: tuple[Any, Any]) -> None:
    schema, _ = pair
    try:
        read(schema)
    except UnusableInput:
        return
    assert compare_json_schemas(schema, deepcopy(schema), Mode.FULL).findings == ()
