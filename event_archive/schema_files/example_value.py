"""An example of the data that a schema describes, built from the schema and checked by its own validator.

Belongs here: candidates per type, format, enum, pattern and bound. Not here: the event around the data
(`importing`). The schema is written out: it holds no `$ref`.
"""

from collections.abc import Iterator
from typing import Any

from event_archive.errors import UnusableInput
from event_archive.registry.data_schema import validator
from event_archive.schema_files.sample_texts import example_of_format, texts_for_pattern

MAX_ITEMS = 50
MAX_TEXT = 2_000
APPLICATORS = ("allOf", "anyOf", "oneOf")


class _NoExample(Exception):
    """None of the candidates is accepted."""


def example_data(schema: Any) -> dict[str, Any]:
    """Return data that the schema accepts, with all fields where that is possible; raises UnusableInput."""
    for everything in (True, False):
        try:
            value = _build(schema, "data", everything)
        except _NoExample as problem:
            place = str(problem)
        else:
            return dict(value)
    raise UnusableInput(
        f"{place}: no example could be built that the schema accepts; give it `examples` there, "
        "with a value that is right"
    )


def _build(schema: Any, place: str, everything: bool) -> Any:
    if not isinstance(schema, dict):
        if schema is False:
            raise _NoExample(place)
        return "example"
    try:
        accepts = validator(schema).is_valid
    except ValueError as error:
        raise UnusableInput(f"{place}: {str(error).splitlines()[0][:300]}") from error
    deepest = place
    try:
        for candidate in _candidates(schema, place, everything):
            if accepts(candidate):
                return candidate
    except _NoExample as inner:
        deepest = str(inner)
    raise _NoExample(deepest)


def _candidates(schema: dict[str, Any], place: str, everything: bool) -> Iterator[Any]:
    yield from schema.get("examples", ())
    if "const" in schema:
        yield schema["const"]
    if "default" in schema:
        yield schema["default"]
    yield from (value for value in schema.get("enum", ()) if value is not None)
    for keyword in APPLICATORS:
        yield from _combined(schema, keyword, place, everything)
    types = schema.get("type", ())
    names = [types] if isinstance(types, str) else list(types)
    for name in sorted(names or ["object", "string", "integer"], key=lambda name: name == "null"):
        yield from _candidates_of_type(name, schema, place, everything)


def _candidates_of_type(name: str, schema: dict[str, Any], place: str, everything: bool) -> Iterator[Any]:
    match name:
        case "object":
            yield _object(schema, place, everything)
        case "array":
            yield _array(schema, place, everything)
        case "string":
            yield from _strings(schema)
        case "integer" | "number":
            yield from _numbers(schema)
        case "boolean":
            yield from (True, False)
        case "null":
            yield None


def _combined(schema: dict[str, Any], keyword: str, place: str, everything: bool) -> Iterator[Any]:
    """Yield candidates of the schema with its branches merged in: each by itself, or all of `allOf`."""
    branches = [branch for branch in schema.get(keyword, ()) if isinstance(branch, dict)]
    rest = {name: value for name, value in schema.items() if name != keyword}
    merged = [_merged(rest, branch) for branch in branches]
    if keyword == "allOf" and branches:
        whole = rest
        for branch in branches:
            whole = _merged(whole, branch)
        merged = [whole]
    for variant in merged[:20]:
        try:
            yield from _candidates(variant, place, everything)
        except _NoExample:
            continue


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    merged = {**first, **second}
    if "properties" in first and "properties" in second:
        merged["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        merged["required"] = [*first["required"], *second["required"]]
    return merged


def _object(schema: dict[str, Any], place: str, everything: bool) -> dict[str, Any]:
    required = list(schema.get("required", ()))
    properties = schema.get("properties", {})
    value: dict[str, Any] = {}
    for name, part in properties.items():
        if name not in required and not everything:
            continue
        try:
            value[name] = _build(part, f"{place}/properties/{name}", everything)
        except _NoExample:
            if name in required:
                raise
    others = schema.get("additionalProperties", True)
    missing = [name for name in required if name not in properties]
    missing += [f"key{n}" for n in range(1, min(schema.get("minProperties", 0), MAX_ITEMS) + 1)]
    if not properties and isinstance(others, dict):
        missing.append("key")
    for name in missing:
        if name in required or len(value) < max(schema.get("minProperties", 0), 1):
            value[name] = _build(others, f"{place}/additionalProperties", everything)
    return value


def _array(schema: dict[str, Any], place: str, everything: bool) -> list[Any]:
    items = [
        _build(part, f"{place}/prefixItems/{at}", everything)
        for at, part in enumerate(schema.get("prefixItems", ()))
    ]
    least = min(int(schema.get("minItems", 0)), MAX_ITEMS)
    others = schema.get("items", True)
    wanted = least if everything is False or others is False else max(least, 1)
    if wanted > len(items) and wanted <= schema.get("maxItems", wanted):
        item = _build(others, f"{place}/items", everything)
        options = others.get("enum", []) if isinstance(others, dict) else []
        for at in range(wanted - len(items)):
            items.append(options[at] if schema.get("uniqueItems") and at < len(options) else item)
    if "contains" in schema:
        items.append(_build(schema["contains"], f"{place}/contains", everything))
    return items


def _strings(schema: dict[str, Any]) -> Iterator[str]:
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", MAX_TEXT))
    if (example := example_of_format(str(schema.get("format")))) is not None:
        yield example
        yield "0"
    if isinstance(schema.get("pattern"), str):
        for sample in texts_for_pattern(schema["pattern"])[:1]:
            yield sample
            yield sample + sample[-1:] * min(max(least - len(sample), 0), MAX_TEXT)
    if schema.get("contentEncoding") == "base64":
        yield "AAAA" * -(-min(least, MAX_TEXT) // 4) or "AAAA"
    yield "example"
    if least <= MAX_TEXT:
        yield "example".ljust(least, "x")[:most]
        yield "1" * max(least, 1)
    yield "A"
    yield ""


def _numbers(schema: dict[str, Any]) -> Iterator[int | float]:
    steps = schema.get("multipleOf")
    least = _bounds(schema, ("minimum", 0), ("exclusiveMinimum", 1))
    for bound, nudge in least:
        if bound > 0 and steps:
            yield -(-(bound + nudge) // steps) * steps
        if bound >= 0:
            yield bound + nudge
            yield bound + nudge / 10
    yield 1
    yield 0
    for bound, nudge in _bounds(schema, ("maximum", 0), ("exclusiveMaximum", 1)):
        if steps:
            yield (bound - nudge) // steps * steps
        yield bound - nudge
        yield bound - nudge / 10
    for bound, _ in least:
        yield bound + 1
    if steps:
        yield steps


def _bounds(schema: dict[str, Any], *keywords: tuple[str, int]) -> list[tuple[int | float, int]]:
    """The bounds that a schema has by these keywords, each with how far inside of it a value has to be."""
    named = [(schema.get(keyword), nudge) for keyword, nudge in keywords]
    return [(bound, nudge) for bound, nudge in named if isinstance(bound, int | float)]
