"""The schema of an event's data: JSON Schema draft 2020-12, and what a contract asks beyond it.

Belongs here: the validator, and whether a schema can be one of a contract. Not here: the file around it
(`contract_file`, `contract`), and the columns that follow from it (`column_types`).
"""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs

from event_archive.errors import UnusableInput
from event_archive.registry.column_types import DECIMAL_PRECISION, DECIMAL_SCALE, Schema, is_nullable, resolve
from event_archive.registry.contract_file import place_of
from event_archive.registry.schema_keywords import placed_children
from event_archive.registry.text_formats import DECIMAL

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def validator(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """Return a draft 2020-12 validator that asserts formats and fetches nothing; raises ValueError."""
    return jsonschema_rs.Draft202012Validator(
        dict(schema), validate_formats=True, formats={"decimal": _is_decimal}, retriever=_no_remote_schemas
    )


def _is_decimal(value: str) -> bool:
    return re.fullmatch(DECIMAL, value) is not None


def _no_remote_schemas(uri: str) -> Any:
    raise ValueError(f"{uri} is not in this file")


def check_schema(path: Path, schema: Any) -> None:
    """Raise UnusableInput, with one line, where a contract at `path` can't have this schema of its data."""
    try:
        _check_identifiers(path, schema, ["data"])
        jsonschema_rs.meta.validate(schema)
        validator(schema)
    except jsonschema_rs.ValidationError as error:
        place = place_of(["data", *error.instance_path])
        raise UnusableInput(f"{path}: {place}: {error.message}") from error
    except (ValueError, TypeError, jsonschema_rs.ReferencingError) as error:
        raise UnusableInput(f"{path}: data: {str(error).splitlines()[0]}") from error
    if schema.get("type") != "object":
        raise UnusableInput(f"{path}: data/type: the data of an event is an object; write `type: object`")
    _check_properties(path, schema, schema, "data")


def _check_identifiers(path: Path, schema: Any, place: list[str | int]) -> None:
    """Raise UnusableInput for a schema with a name of its own: its references would be looked up there."""
    if not isinstance(schema, dict):
        return
    for keyword in ("$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary"):
        name = schema.get(keyword)
        if isinstance(name, str) and (keyword, name) != ("$schema", DRAFT):
            raise UnusableInput(
                f"{path}: {place_of([*place, keyword])}: a contract's schema has no name of its own, "
                f"and is of {DRAFT}; leave this out"
            )
    for inner, part in placed_children(schema):
        _check_identifiers(path, part, [*place, *inner])


def _check_properties(path: Path, schema: Any, root: Schema, place: str, depth: int = 0) -> None:
    """Raise UnusableInput for what columns can't be: names that differ by case, null and absent as one."""
    schema = resolve(schema, root)
    if depth > 20:
        raise UnusableInput(
            f"{path}: {place}: nested deeper than 20 levels; a contract's columns can't recurse"
        )
    names: dict[str, str] = {}
    for name, part in schema.get("properties", {}).items():
        other = names.setdefault(name.lower(), name)
        if other != name or not name or not name.isprintable():
            raise UnusableInput(
                f"{path}: {place}/properties: {name!r} needs a printable name that no other field has"
            )
        if is_nullable(resolve(part, root)) and name not in schema.get("required", ()):
            raise UnusableInput(
                f"{path}: {place}/properties/{name}: may be null but is not required, so null and absent "
                "would be one; require it, or drop null"
            )
        _check_properties(path, part, root, f"{place}/properties/{name}", depth + 1)
    precision, scale = schema.get("x-precision", DECIMAL_PRECISION), schema.get("x-scale", DECIMAL_SCALE)
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in (precision, scale))
    if not (whole and 1 <= precision <= DECIMAL_PRECISION and 0 <= scale <= precision):
        raise UnusableInput(
            f"{path}: {place}: x-precision is 1 to {DECIMAL_PRECISION} digits, and x-scale 0 to "
            f"x-precision of them (left out: {DECIMAL_PRECISION} and {DECIMAL_SCALE})"
        )
    if isinstance(schema.get("items"), dict):
        _check_properties(path, schema["items"], root, f"{place}/items", depth + 1)
