"""JSON Schema compatibility: given pairs of schemas and values, expect no wrong answer from any of them.

A wrong "compatible" is the worst that may happen, so it is hunted for: thousands of pairs of schemas, most of
them one and a small change of it, and for each pair that is proven compatible, hundreds of values.
"""

import time
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.evolution.compatibility.findings import Direction, Mode, Verdict
from event_archive.evolution.compatibility.json_schema.compare import compare_json_schemas, find_gaps
from event_archive.evolution.compatibility.json_schema.document import Document
from event_archive.evolution.compatibility.json_schema.example import JsonExamples
from event_archive.evolution.compatibility.json_schema.normal import read
from event_archive.evolution.compatibility.json_schema.proof import TooLarge
from support.hunting import examples

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
NUMBERS: list[float] = [0, 1, 2, 3, -1, 4, 6, 1.0, 2.0, 0.5, 1.5, 2.5, 0.1, 0.3, 100, 2**60, 2**60 + 1, 1e30]
LIMITS = [0, 1, 2, 3, 1.5, -1, 0.5, 2**60, 2.0**63, 2**63 + 2]
KEYWORDS = {
    "number": ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    "string": ["minLength", "maxLength", "pattern", "format"],
    "array": ["minItems", "maxItems", "uniqueItems", "items", "items", "prefixItems", "contains", "contains"],
    "object": [
        *("required", "required", "minProperties", "maxProperties", "dependentRequired", "propertyNames"),
        *("properties", "properties", "patternProperties", "patternProperties"),
        *("additionalProperties", "additionalProperties"),
        *("dependentSchemas", "dependencies"),
    ],
    "any": ["enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "$ref", "$ref", "type", "default"],
    "rare": ["unevaluatedProperties", "unevaluatedItems", "additionalItems"],
}
ONE = ["additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", *KEYWORDS["rare"]]
LISTS = ["anyOf", "oneOf", "allOf", "prefixItems", "items"]
NAMED = ["properties", "patternProperties", "dependentSchemas", "dependencies"]


def a_value(random: Random, depth: int = 2) -> Any:
    kind = random.randrange(6 if depth else 4)
    if kind == 4:
        return [a_value(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 5:
        names = random.sample([*NAMES, "x", "2", "zz"], random.randrange(4))
        return {name: a_value(random, depth - 1) for name in names}
    return random.choice([random.choice([None, True, False]), random.choice(NUMBERS), random.choice(TEXTS)])


def a_schema(random: Random, depth: int = 2) -> Any:
    """A schema that is mostly about values of one kind."""
    if random.random() < 0.05:
        return random.random() < 0.5
    kind = random.choice(["number", "string", "array", "object", "object"] if depth else ["number", "string"])
    schema: dict[str, Any] = {}
    if random.random() < 0.5:
        schema["type"] = random.choice([kind, [kind, "null"], "integer" if kind == "number" else kind])
    for _ in range(random.randrange(4)):
        add_keyword(random, schema, depth, kind)
    return schema


def add_keyword(random: Random, schema: dict[str, Any], depth: int, kind: str) -> None:
    about = random.choices([kind, "any", "rare"], [8, 4, 0.5])[0]
    keyword = random.choice(KEYWORDS[about])
    if depth or keyword not in (*ONE, *LISTS, *NAMED):
        schema[keyword] = content(random, keyword, depth)
    if keyword == "contains" and random.random() < 0.5:
        schema[random.choice(["minContains", "maxContains"])] = random.randrange(3)
    if keyword == "if" and depth:
        schema["then"], schema["else"] = a_schema(random, depth - 1), a_schema(random, depth - 1)


def content(random: Random, keyword: str, depth: int) -> Any:
    """What stands under a keyword."""
    if keyword in NAMED:
        names = PATTERNS if keyword == "patternProperties" else NAMES
        return {name: a_schema(random, depth - 1) for name in random.sample(names, random.randrange(1, 3))}
    if keyword in LISTS and (keyword != "items" or random.random() < 0.3):
        return [a_schema(random, depth - 1) for _ in range(random.randrange(1, 4))]
    if keyword in ONE or keyword == "items":
        return random.choice([False, a_schema(random, depth - 1), a_schema(random, depth - 1)])
    choices: dict[str, Any] = {
        "type": random.choice([random.choice(TYPES), random.sample(TYPES, random.randrange(1, 4))]),
        "enum": [a_value(random, 1) for _ in range(random.randrange(1, 4))],
        "multipleOf": random.choice([1, 2, 3, 4, 6, 0.5, 1.5, 0.1]),
        "pattern": random.choice(PATTERNS),
        "format": random.choice(["date", "uuid", "ipv4", "email", "hostname", "nothing"]),
        "required": random.sample(NAMES, random.randrange(1, 3)),
        "uniqueItems": True,
        "dependentRequired": {random.choice(NAMES): [random.choice(NAMES)]},
        "$ref": random.choice(["#", "#/definitions/a", "#/definitions/b"]),
    }
    if keyword in ("const", "default"):
        return a_value(random, 1)
    return choices.get(
        keyword, random.choice(LIMITS) if keyword in KEYWORDS["number"] else random.randrange(4)
    )


def changed(random: Random, schema: Any, depth: int = 2) -> Any:
    """A schema with a small change somewhere inside."""
    if not isinstance(schema, dict) or random.random() < 0.08:
        return a_schema(random, max(depth, 0))
    schema = deepcopy(schema)
    if not schema or random.random() < 0.2:
        add_keyword(random, schema, max(depth, 0), random.choice(["number", "string", "array", "object"]))
        return schema
    keyword = random.choice(sorted(schema))
    value = schema[keyword]
    if random.random() < 0.2:
        del schema[keyword]
    elif keyword in NAMED:
        name = random.choice(sorted(value))
        value[name] = changed(random, value[name], depth - 1)
        if random.random() < 0.2:
            del value[name]
    elif isinstance(value, list) and keyword in LISTS:
        index = random.randrange(len(value))
        value[index] = changed(random, value[index], depth - 1)
        if random.random() < 0.3:
            value.append(a_schema(random, max(depth - 1, 0)))
    elif keyword in (*ONE, "items"):
        schema[keyword] = changed(random, value, depth - 1)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and keyword != "const":
        schema[keyword] = max(value + random.choice([-1, 1, 1]), 1 if keyword == "multipleOf" else 0)
    else:
        schema[keyword] = content(random, keyword, max(depth, 1))
    return schema


def a_pair(random: Random) -> tuple[Any, Any]:
    """Two schemas with definitions, each in its draft; most often one and a change of it."""
    old = a_schema(random)
    new = changed(random, old) if random.random() < 0.85 else a_schema(random)
    draft = random.choice([*DRAFTS, 4, 2020, 2020])
    other = draft if random.random() < 0.7 else random.choice([*DRAFTS, 4, 2020])
    before = {name: a_schema(random) for name in ("a", "b")}
    after = {**before, "b": changed(random, before["b"])}
    return in_draft(old, draft, before), in_draft(new, other, after)


def in_draft(schema: Any, draft: int, definitions: dict[str, Any]) -> Any:
    schema = spelled(schema, draft)
    if isinstance(schema, bool):
        schema = {} if schema else {"not": {}}
    named = {name: spelled(part, draft) for name, part in definitions.items()}
    return {"$schema": DRAFTS[draft], "definitions": named, **schema}


def spelled(schema: Any, draft: int) -> Any:
    """A schema as its draft spells it: no booleans in draft 4, no lists of `items` from 2020-12 on."""
    if isinstance(schema, bool):
        return schema if draft > 4 else ({} if schema else {"not": {}})
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in NAMED:
            made[keyword] = {name: spelled(part, draft) for name, part in value.items()}
        elif keyword in LISTS and isinstance(value, list):
            name = "prefixItems" if keyword == "items" and draft == 2020 else keyword
            name = "items" if keyword == "prefixItems" and draft < 2020 else name
            made[name] = [spelled(part, draft) for part in value]
        elif keyword in (*ONE, "items"):
            made[keyword] = spelled(value, draft)
        elif draft == 4 and keyword in ("exclusiveMinimum", "exclusiveMaximum"):
            made[keyword], made[keyword.replace("exclusiveM", "m")] = True, value
        else:
            made[keyword] = value
    return made


def documents_of(pair: tuple[Any, Any]) -> tuple[Document, Document] | None:
    try:
        return read(pair[0]), read(pair[1])
    except UnusableInput:
        return None  # a random schema that is none in its draft


def is_proven(writer: Document, reader: Document) -> bool:
    try:
        return not find_gaps(writer, reader)
    except TooLarge:
        return False


RANDOMS = st.randoms(use_true_random=True)


@settings(max_examples=examples(1500), suppress_health_check=list(HealthCheck))
@given(random=RANDOMS)
def test_no_value_is_refused_that_was_proven_compatible(random: Random) -> None:
    pair = a_pair(random)
    documents = documents_of(pair)
    if documents is None:
        return
    for writer, reader in (documents, documents[::-1]):
        if is_proven(writer, reader):
            examples = JsonExamples(writer, reader)
            values = [*examples.anywhere(), *(a_value(random, 3) for _ in range(100))]
            refused = [value for value in values if examples.tells_apart(value)]
            assert refused == [], (writer.source, reader.source)


@settings(max_examples=examples(120), suppress_health_check=list(HealthCheck))
@given(random=RANDOMS)
def test_an_example_tells_the_schemas_apart_and_its_absence_is_no_incompatibility(random: Random) -> None:
    pair = a_pair(random)
    documents = documents_of(pair)
    if documents is None:
        return
    report = compare_json_schemas(*pair, Mode.FULL)
    assert len(
        {(finding.direction, finding.path, finding.rule, finding.sentence) for finding in report.findings}
    ) == len(report.findings)
    for finding in report.findings:
        writer, reader = documents if finding.direction is Direction.BACKWARD else documents[::-1]
        assert (finding.verdict is Verdict.INCOMPATIBLE) == (finding.example is not None)
        if finding.example:
            assert writer.validator.is_valid(finding.example.value)
            assert not reader.validator.is_valid(finding.example.value)
        assert "\n" not in finding.sentence and "READER" not in finding.sentence


@settings(max_examples=examples(300), suppress_health_check=list(HealthCheck))
@given(random=RANDOMS)
def test_a_schema_is_compatible_with_itself(random: Random) -> None:
    schema, _ = a_pair(random)
    if documents_of((schema, schema)):
        assert compare_json_schemas(schema, deepcopy(schema), Mode.FULL).findings == ()


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"type": "text"}}}, "properties/a/type: "),
        ({"pattern": "("}, "pattern: "),
        ({"$ref": "#/$defs/a"}, "/$defs/a"),
        ({"minimum": float("inf")}, "minimum: "),
        ({"const": {1: 2}}, "const: "),
        ([], "the schema is neither"),
    ],
)
def test_what_is_no_schema_is_refused_in_one_line(schema: Any, place: str) -> None:
    with pytest.raises(UnusableInput) as refused:
        compare_json_schemas({}, schema, Mode.FULL)
    assert place in str(refused.value) and "\n" not in str(refused.value)


def doubling(last: dict[str, Any]) -> dict[str, Any]:
    """A schema of 25 definitions, each of which leads three times to the next one."""
    names = [f"#/$defs/d{number}" for number in range(26)]
    definitions: dict[str, Any] = {
        f"d{number}": {
            "allOf": [{"$ref": names[number + 1]}],
            "properties": {"x": {"$ref": names[number + 1]}, "y": {"$ref": names[number + 1]}},
        }
        for number in range(25)
    }
    return {"$ref": names[0], "$defs": {**definitions, "d25": last}}


def properties(count: int, more: int) -> dict[str, Any]:
    return {"properties": {f"p{at}": {"type": "string", "minLength": at + more} for at in range(count)}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (doubling({"type": "object"}), doubling({"type": "object", "minProperties": 1})),
        ({"enum": list(range(10_000))}, {"enum": list(range(1, 10_001))}),
        (properties(1000, 0), properties(1000, 1)),
        ({"pattern": "^(a+)+$"}, {"pattern": "^(a|aa)+$"}),
        ({"minItems": 10**9, "minLength": 10**9}, {"minItems": 10**10, "minProperties": 10**9}),
        ({"minimum": 10**400, "multipleOf": 1e-300}, {"exclusiveMaximum": 1e308}),
        ({"not": {"$ref": "#"}}, {"anyOf": [{"$ref": "#"}, {"type": "string"}]}),
    ],
    ids=["doubling", "enum", "properties", "patterns", "sizes", "numbers", "paradox"],
)
def test_a_hostile_schema_is_judged_in_bounded_time(old: Any, new: Any) -> None:
    started = time.process_time()
    assert compare_json_schemas(old, new, Mode.FULL).verdict is not Verdict.COMPATIBLE
    assert time.process_time() - started < 15


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$ref": "https://example.com/a.json"}, "remote_reference"),
        ({"enum": list(range(60_000))}, "too_large"),
        ({"$dynamicRef": "#a", "$defs": {"x": {"$dynamicAnchor": "a"}}}, "unsupported"),
    ],
    ids=["remote", "large", "dynamic"],
)
def test_what_cannot_be_judged_is_unknown_but_to_itself(schema: Any, why: str) -> None:
    assert compare_json_schemas(schema, deepcopy(schema), Mode.FULL).findings == ()
    report = compare_json_schemas(schema, {**schema, "minLength": 1}, Mode.FULL)
    assert why in {finding.rule for finding in report.findings}
    assert report.verdict_for(Direction.BACKWARD) is not Verdict.COMPATIBLE


IGLU = "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"


def test_an_unknown_dialect_is_read_as_a_draft_that_is_told() -> None:
    old = {
        "$schema": IGLU,
        "self": {"vendor": "a"},
        "properties": {"a": {"minimum": 1, "exclusiveMinimum": True}},
    }
    new = {"$schema": IGLU, "self": {"vendor": "a"}, "properties": {"a": {"minimum": 1}}}
    report = compare_json_schemas(old, new, Mode.FULL)
    assert report.verdict_for(Direction.BACKWARD) is Verdict.COMPATIBLE
    assert [finding.rule for finding in report.findings] == ["bound_tightened"]
    assert [caution.rule for caution in report.cautions] == ["draft_assumed"] * 2
    assert "it is read as draft 4" in report.cautions[0].sentence


def test_older_syntax_without_a_name_is_read_as_an_older_draft_or_the_one_that_is_named() -> None:
    old, new = {"items": [{"type": "string"}]}, {"items": [{"type": "string"}, {"type": "string"}]}
    report = compare_json_schemas(old, new, Mode.FULL)
    assert report.verdict_for(Direction.FORWARD) is Verdict.COMPATIBLE
    assert report.verdict_for(Direction.BACKWARD) is Verdict.INCOMPATIBLE
    assert "a list of `items` is older syntax; it is read as draft 7" in report.cautions[0].sentence
    assert compare_json_schemas(old, new, Mode.FULL, (2019, 2019)).cautions == ()
    with pytest.raises(UnusableInput, match="items"):
        compare_json_schemas(old, new, Mode.FULL, (2020, 2020))


def test_every_reason_is_found_with_its_place_and_an_example() -> None:
    old = {"type": "object", "properties": {"to": {"type": "array", "items": {"type": "string"}}}}
    new = {
        "type": "object",
        "required": ["id"],
        "properties": {"to": {"type": "array", "items": {"type": "string", "minLength": 1}}},
        "additionalProperties": False,
    }
    report = compare_json_schemas(old, new, Mode.BACKWARD)
    assert [(finding.path, finding.rule) for finding in report.findings] == [
        ("*", "content_closed"),
        ("id", "required_property_added"),
        ("to/[]", "length_tightened"),
    ]
    examples = [finding.example.value for finding in report.findings if finding.example]
    assert examples == [{"extra": 0}, {}, {"to": [""]}]
